// Package ledger keeps who is listed, and which index generations agree with it: one entry a
// registrant in a JetStream key-value bucket, changed by compare-and-set. It is the truth
// about who may answer.
//
// Keys are <source>.<registrant uuid>, with the source as broker.Token writes it; values are schemas.Listing as JSON. A delisted or
// removed registrant keeps an entry without content: the revision, so that late writers can be
// told, and the removal mark.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest/broker"
	"lineup/schemas"
)

// LeaseTime is how long a lease holds without being renewed.
const LeaseTime = broker.LeaseTime

// tries bounds the attempts of one compare-and-set; each failure means somebody else won.
const tries = 50

var (
	// ErrMoved is returned by Mark when the listing is no longer at the revision marked.
	ErrMoved = errors.New("listing has moved on")
	// ErrUnchanged is returned by the function given to Update to leave the listing as it is.
	ErrUnchanged = errors.New("nothing to change")
)

// Ledger is the ledger. Its methods may be called from many goroutines.
type Ledger struct {
	listings *broker.Bucket
	runs     *broker.Bucket
	leases   *broker.Bucket
	sweeps   *broker.Bucket
	swept    *broker.Bucket
	changes  *broker.Log

	tell func(ctx context.Context, source string, id schemas.UUID) error
	now  func() time.Time

	atOnce int // eachAtOnce
}

// Open opens the ledger's buckets, making those that are missing with so many replicas.
func Open(ctx context.Context, js jetstream.JetStream, replicas int) (*Ledger, error) {
	l := &Ledger{}
	for _, b := range []struct {
		into **broker.Bucket
		name string
	}{{&l.listings, broker.Listings}, {&l.runs, broker.Runs}, {&l.leases, broker.Leases}} {
		var err error
		if *b.into, err = broker.OpenBucket(ctx, js, b.name, replicas); err != nil {
			return nil, fmt.Errorf("open the ledger: %w", err)
		}
	}
	var err error
	if l.changes, err = broker.OpenLog(ctx, js, broker.Changes, replicas); err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	for name, into := range map[string]**broker.Bucket{broker.Sweeps: &l.sweeps, broker.Swept: &l.swept} {
		if *into, err = broker.UseBucket(js, name); err != nil { // prepare makes them; roles that never sweep need none
			return nil, err
		}
	}
	l.now, l.atOnce = time.Now, eachAtOnce
	l.tell = func(ctx context.Context, source string, id schemas.UUID) error {
		return l.changes.Append(ctx, key(source, id))
	}
	return l, nil
}

func key(source string, id schemas.UUID) string { return broker.Token(source) + "." + string(id) }

// Listing returns the listing of a registrant. Errors: fs.ErrNotExist, schemas.ErrNewerSchema.
func (l *Ledger) Listing(ctx context.Context, source string, id schemas.UUID) (schemas.Listing, error) {
	s, _, err := l.read(ctx, source, id)
	return s, err
}

// Find returns the listing of a registrant whose source is not known. Errors: fs.ErrNotExist.
func (l *Ledger) Find(ctx context.Context, id schemas.UUID) (schemas.Listing, error) {
	entry, err := l.listings.Get(ctx, "*."+string(id))
	if errors.Is(err, broker.ErrNoEntry) {
		return schemas.Listing{}, schemas.NotFound("there is no registrant %s", id)
	}
	if err != nil {
		return schemas.Listing{}, fmt.Errorf("find %s: %w", id, err)
	}
	return schemas.DecodeListing(entry.Value)
}

func (l *Ledger) read(ctx context.Context, source string, id schemas.UUID) (schemas.Listing, uint64, error) {
	entry, err := l.listings.Get(ctx, key(source, id))
	if errors.Is(err, broker.ErrNoEntry) {
		return schemas.Listing{}, 0, schemas.NotFound("there is no registrant %s of %s", id, source)
	}
	if err != nil {
		return schemas.Listing{}, 0, fmt.Errorf("read the listing of %s: %w", id, err)
	}
	s, err := schemas.DecodeListing(entry.Value)
	return s, entry.Revision, err
}

// Update changes one listing by compare-and-set: change gets it as it is now (only ID and
// Source set when there is none) and may be called again when somebody else was faster. The
// result is what stands afterwards; it is durable when Update returns. When change returns
// ErrUnchanged nothing is written and the error is nil; any other error is handed on.
// Errors: schemas.ErrNewerSchema.
func (l *Ledger) Update(ctx context.Context, source string, id schemas.UUID, change func(*schemas.Listing) error) (schemas.Listing, error) {
	for range tries {
		s, at, err := l.read(ctx, source, id)
		if errors.Is(err, fs.ErrNotExist) {
			s, at, err = schemas.Listing{ID: id, Source: source}, 0, nil
		}
		if err != nil {
			return schemas.Listing{}, err
		}
		before := s
		if err := change(&s); errors.Is(err, ErrUnchanged) && !before.Untold {
			return before, nil
		} else if errors.Is(err, ErrUnchanged) {
			s = before
		} else if err != nil {
			return before, err
		}
		changed := s.Revision != before.Revision
		if before.Untold && !changed {
			if err := l.tell(ctx, source, id); err != nil {
				return before, fmt.Errorf("tell of the change of %s: %w", id, err)
			}
		}
		s.Untold = changed
		data, err := s.Encode()
		if err != nil {
			return before, err
		}
		if at == 0 {
			_, err = l.listings.Create(ctx, key(source, id), data)
		} else {
			_, err = l.listings.Update(ctx, key(source, id), data, at)
		}
		if err == nil && changed {
			// Who reads what is told looks here again. If this process dies in between, whoever writes next tells it.
			if err := l.tell(ctx, source, id); err != nil {
				return s, fmt.Errorf("tell of the change of %s: %w", id, err)
			}
		}
		if err == nil {
			return s, nil
		}
		if !errors.Is(err, broker.ErrRaced) {
			return before, fmt.Errorf("write the listing of %s: %w", id, err)
		}
	}
	return schemas.Listing{}, fmt.Errorf("listing of %s: others changed it %d times in a row", id, tries)
}

// Mark notes that a generation holds revision m.Revision of a registrant, and forgets the marks
// of generations that keep does not want. Errors: ErrMoved, fs.ErrNotExist.
func (l *Ledger) Mark(ctx context.Context, source string, id schemas.UUID, generation string, m schemas.Mark,
	keep func(generation string) bool) error {
	_, err := l.Update(ctx, source, id, func(s *schemas.Listing) error {
		if s.Revision == 0 {
			return schemas.NotFound("mark %s: there is no such registrant", id)
		}
		if s.Revision != m.Revision {
			return fmt.Errorf("mark %s at revision %d, it is at %d: %w", id, m.Revision, s.Revision, ErrMoved)
		}
		marks := map[string]schemas.Mark{generation: m}
		for name, other := range s.Marks {
			if name != generation && keep(name) {
				marks[name] = other
			}
		}
		s.Marks, s.Failed = marks, nil
		return nil
	})
	return err
}

// Fail notes that an attempt to index a registrant failed, and returns how many have since its content changed
// or a human asked to try again. Errors: fs.ErrNotExist.
func (l *Ledger) Fail(ctx context.Context, source string, id schemas.UUID, class string, at time.Time) (attempts int, err error) {
	s, err := l.Update(ctx, source, id, func(s *schemas.Listing) error {
		if s.Revision == 0 {
			return fmt.Errorf("note a failure of %s: %w", id, fs.ErrNotExist)
		}
		failed := schemas.Failure{Revision: s.Revision, Attempts: 1, Class: class, At: at.UTC()}
		if s.Failing() != "" {
			failed.Attempts = s.Failed.Attempts + 1
		}
		s.Failed = &failed
		return nil
	})
	if err != nil {
		return 0, err
	}
	return s.Failed.Attempts, nil
}

// Retry forgets that attempts to index a registrant failed, and that photos of it could not be read.
func (l *Ledger) Retry(ctx context.Context, source string, id schemas.UUID) error {
	_, err := l.Update(ctx, source, id, func(s *schemas.Listing) error {
		before := len(s.Marks)
		if s.Reread(); s.Failed == nil && len(s.Marks) == before {
			return ErrUnchanged
		}
		s.Failed = nil
		return nil
	})
	return err
}

// Unmark forgets that any generation agrees with a registrant, so that it is due again.
func (l *Ledger) Unmark(ctx context.Context, source string, id schemas.UUID) error {
	_, err := l.Update(ctx, source, id, func(s *schemas.Listing) error {
		if s.Revision == 0 || len(s.Marks) == 0 {
			return ErrUnchanged
		}
		s.Marks = nil
		return nil
	})
	return err
}
