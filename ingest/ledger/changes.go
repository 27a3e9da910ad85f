package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"lineup/ingest/broker"
	"lineup/schemas"
)

// MaxChanges bounds one page of changes.
const MaxChanges = 1000

// ErrCursor is returned by Changes for a cursor that cannot be gone on from: of another stream, or older than what is kept.
var ErrCursor = errors.New("the cursor has expired: start over without one")

// ChangeKind says what a registrant is now.
type ChangeKind string

// The kinds of a change. Whether a registry delists somebody or the operator removes them is told to nobody.
const (
	Listed   ChangeKind = "listed"   // listed, for the first time or again
	Changed  ChangeKind = "changed"  // listed, with another content
	Delisted ChangeKind = "delisted" // not to be shown any more
)

// Change says that a listing changed. It holds nothing personal.
type Change struct {
	Seq    uint64
	At     time.Time
	Kind   ChangeKind
	ID     schemas.UUID
	Source string
}

// ChangesPage is a page of changes, the oldest first.
type ChangesPage struct {
	Changes []Change
	Cursor  string // to go on from
	More    bool   // there are more now
}

// cursor is where somebody who follows the changes stands.
type cursor struct {
	made    int64     // when the stream was made: another stream knows nothing of this one's sequences
	seq     uint64    // of the change read last
	at      time.Time // everything up to then was read
	listing string    // while all who are listed are read first: start, or who was read last; "" afterwards
}

// slack is how much sooner than its messages a cursor expires.
const slack = time.Hour

func (c cursor) String() string {
	parts := []string{strconv.FormatInt(c.made, 36), strconv.FormatUint(c.seq, 36), strconv.FormatInt(c.at.Unix(), 36)}
	if c.listing != "" {
		parts = append(parts, c.listing)
	}
	return strings.Join(parts, "-")
}

func parseCursor(text string) (c cursor, err error) {
	parts := strings.SplitN(text, "-", 4)
	if len(parts) < 3 {
		return c, fmt.Errorf("cursor %.40q: %w", text, ErrCursor)
	}
	var numbers [3]uint64
	for i, p := range parts[:3] {
		if numbers[i], err = strconv.ParseUint(p, 36, 63); err != nil {
			return c, fmt.Errorf("cursor %.40q: %w", text, ErrCursor)
		}
	}
	c = cursor{made: int64(numbers[0]), seq: numbers[1], at: time.Unix(int64(numbers[2]), 0)}
	if len(parts) == 4 {
		c.listing = parts[3]
		if _, err := schemas.ParseUUID(c.listing); err != nil && c.listing != start {
			return c, fmt.Errorf("cursor %.40q: %w", text, ErrCursor)
		}
	}
	return c, nil
}

// start is the place of nobody in a cursor: before all who are listed.
const start = "0"

// AllListed gives the next registrants behind after, "" for the first, in the order of their ids; those of them that
// are listed, and the last it looked at, "" when there are no more. What the stream tells of need not be in it.
type AllListed func(ctx context.Context, after schemas.UUID, limit int) (listed []schemas.Listing, last schemas.UUID, err error)

// Changes gives what changed since a cursor was given, limit changes at most; without a cursor everybody
// who is listed, by all, then what the stream holds, and then what changes. The roles that answer may not read many listings
// at once, removals among them, so all comes from what they hold. Who leaves is told of for broker.ChangesTime. Of several
// changes of one registrant the last is told. Errors: ErrCursor.
func (l *Ledger) Changes(ctx context.Context, from string, limit int, all AllListed) (ChangesPage, error) {
	limit = min(max(limit, 1), MaxChanges)
	now := l.now()
	state, err := l.changes.State(ctx)
	if err != nil {
		return ChangesPage{}, err
	}
	c := cursor{made: state.Made.UnixNano(), at: now, listing: start}
	if from != "" {
		if c, err = parseCursor(from); err != nil {
			return ChangesPage{}, err
		}
		if c.made != state.Made.UnixNano() || c.seq > state.Last || now.Sub(c.at) > broker.ChangesTime-slack || c.at.Sub(now) > slack {
			return ChangesPage{}, fmt.Errorf("cursor of %s: %w", c.at.UTC().Format(time.RFC3339), ErrCursor)
		}
	}
	if c.listing != "" {
		return allListed(ctx, c, limit, all)
	}
	return l.changesAfter(ctx, c, state, now, limit)
}

// Moved is the sequence of the newest change: as long as that stays, nothing became of anybody.
func (l *Ledger) Moved(ctx context.Context) (uint64, error) {
	state, err := l.changes.State(ctx)
	return state.Last, err
}

// allListed gives everybody who is listed, a page at a time. Who is on the way to where all comes from is in the stream, which
// is read from its beginning afterwards.
func allListed(ctx context.Context, c cursor, limit int, all AllListed) (page ChangesPage, err error) {
	after := schemas.UUID(c.listing)
	if c.listing == start {
		after = ""
	}
	listed, last, err := all(ctx, after, limit)
	if err != nil {
		return page, err
	}
	for _, s := range listed {
		page.Changes = append(page.Changes, Change{Seq: c.seq, At: s.Changed, Kind: Listed, ID: s.ID, Source: s.Source})
	}
	c.listing = string(last)
	page.Cursor, page.More = c.String(), true // the stream comes next
	return page, nil
}

// lookups is how many listings are looked at at once.
const lookups = 8

// changesAfter gives what was told of behind a cursor, and looks at each listing: what is told says only that
// there is something to look at.
func (l *Ledger) changesAfter(ctx context.Context, c cursor, state broker.LogState, now time.Time, limit int) (ChangesPage, error) {
	entries, err := l.changes.After(ctx, c.seq, limit)
	if err != nil {
		return ChangesPage{}, err
	}
	page := ChangesPage{Changes: make([]Change, len(entries))}
	group, looking := errgroup.WithContext(ctx)
	group.SetLimit(lookups)
	for i, e := range entries {
		group.Go(func() (err error) {
			page.Changes[i], err = l.changeOf(looking, e)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return ChangesPage{}, err
	}
	if n := len(entries); n > 0 {
		c.seq, c.at = entries[n-1].Revision, entries[n-1].Written
	}
	if page.More = c.seq < state.Last && len(entries) > 0; !page.More && c.seq >= state.Last {
		c.at = now
	}
	page.Cursor = c.String()
	return page, nil
}

func (l *Ledger) changeOf(ctx context.Context, e broker.Entry) (Change, error) {
	source, id, _ := strings.Cut(e.Key, ".")
	c := Change{Seq: e.Revision, At: e.Written, Kind: Delisted, ID: schemas.UUID(id), Source: source}
	s, err := l.Listing(ctx, source, c.ID)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return c, err
	case s.Listed && s.FirstSeen.Equal(s.Changed):
		c.Kind = Listed
	case s.Listed:
		c.Kind = Changed
	}
	return c, nil
}
