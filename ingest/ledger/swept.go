package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest/broker"
	"lineup/schemas"
)

// CountsSchema is the version of Counts' stored form. History: 1, the first.
const CountsSchema = 1

// Counts are what one sweep of the ledger counted.
type Counts struct {
	Schema  int                      `json:"schema"`
	Swept   time.Time                `json:"swept"`   // when the sweep began
	Exact   time.Time                `json:"exact"`   // when they were last known to be exact
	Made    time.Time                `json:"made"`    // when the ledger was
	Written uint64                   `json:"written"` // revision of the listing that was written last when the sweep began
	Targets []schemas.Target         `json:"targets"` // the generations that Due is about
	Sources map[string]*SourceCounts `json:"sources"`
}

// SourceCounts are the counts of one source.
type SourceCounts struct {
	Listed    int                 `json:"listed"`
	WithPhoto int                 `json:"withPhoto"`
	WithFace  map[string]int      `json:"withFace,omitempty"` // by index generation
	Due       map[schemas.Due]int `json:"due,omitempty"`      // by why
	Removed   int                 `json:"removed"`
}

// State says how many listings there are, of the delisted too, and the revision of the one written last.
func (l *Ledger) State(ctx context.Context) (broker.State, error) { return l.listings.State(ctx) }

// NewCounts begins to count for these generations. Call Add with every listing of a sweep that begins afterwards.
func (l *Ledger) NewCounts(ctx context.Context, targets []schemas.Target) (*Counts, error) {
	state, err := l.State(ctx)
	if err != nil {
		return nil, err
	}
	now := l.now().UTC()
	return &Counts{Schema: CountsSchema, Swept: now, Exact: now, Made: state.Made, Written: state.Last, Targets: targets,
		Sources: map[string]*SourceCounts{}}, nil
}

// About reports whether the counts are about these generations.
func (c *Counts) About(targets []schemas.Target) bool {
	return slices.EqualFunc(c.Targets, targets, func(a, b schemas.Target) bool {
		return a.Generation == b.Generation && a.Model == b.Model && a.Features == b.Features && a.Built.Equal(b.Built)
	})
}

// Since is how often listings of a ledger in that state were written since the counts; ok is false where the ledger was made anew.
func (c *Counts) Since(state broker.State) (written uint64, ok bool) {
	return state.Last - c.Written, c.Made.Equal(state.Made) && c.Written <= state.Last
}

// Agree reports whether nobody was due.
func (c *Counts) Agree() bool {
	for _, row := range c.Sources {
		if len(row.Due) > 0 {
			return false
		}
	}
	return true
}

// Add counts a listing.
func (c *Counts) Add(s schemas.Listing) {
	row := c.Sources[s.Source]
	if row == nil {
		row = &SourceCounts{WithFace: map[string]int{}, Due: map[schemas.Due]int{}}
		c.Sources[s.Source] = row
	}
	if s.Removal != nil {
		row.Removed++
	}
	if why := s.DueIn(c.Targets); why != schemas.DueNot {
		row.Due[why]++
	}
	if !s.Listed {
		return
	}
	row.Listed++
	for _, p := range s.Photos {
		if p.Digest != "" {
			row.WithPhoto++
			break
		}
	}
	for generation, mark := range s.Marks {
		if mark.Faces > 0 {
			row.WithFace[generation]++
		}
	}
}

// Keys of what is kept.
const (
	countsKey  = "counts"
	orphansKey = "orphans"
)

// OrphanSweep is how far the sweep for orphaned blobs is that goes on for all processes.
type OrphanSweep struct {
	Next  int       `json:"next"`           // the shard it goes on with; 0: none is under way
	Ended time.Time `json:"ended,omitzero"` // when one last went over all shards
}

// OrphanSweep returns how far the sweep for orphaned blobs is; zero where none ever began.
func (l *Ledger) OrphanSweep(ctx context.Context) (OrphanSweep, error) {
	var s OrphanSweep
	_, err := l.readSwept(ctx, orphansKey, &s)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return s, err
}

// KeepOrphanSweep keeps how far the sweep for orphaned blobs is.
func (l *Ledger) KeepOrphanSweep(ctx context.Context, s OrphanSweep) error {
	return l.keepSwept(ctx, orphansKey, s)
}

// Counts returns what the last sweep counted that kept its counts. Errors: fs.ErrNotExist, schemas.ErrNewerSchema.
func (l *Ledger) Counts(ctx context.Context) (Counts, error) {
	var c Counts
	if _, err := l.readSwept(ctx, countsKey, &c); err != nil {
		return Counts{}, err
	}
	if c.Schema > CountsSchema {
		return Counts{}, fmt.Errorf("counts of the ledger: %w", schemas.ErrNewerSchema)
	}
	return c, nil
}

// KeepCounts keeps what a sweep counted. If another keeps its own at the same moment, that is as good.
func (l *Ledger) KeepCounts(ctx context.Context, c *Counts) error {
	return l.keepSwept(ctx, countsKey, c)
}

// readSwept reads what is kept under a key, and returns its revision. Errors: fs.ErrNotExist, also where lineup prepare has not
// made the place yet.
func (l *Ledger) readSwept(ctx context.Context, key string, into any) (revision uint64, err error) {
	entry, err := l.swept.Get(ctx, key)
	if errors.Is(err, broker.ErrNoEntry) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, schemas.NotFound("no sweep has kept its %s", key)
	}
	if err == nil {
		err = json.Unmarshal(entry.Value, into)
	}
	if err != nil {
		return 0, fmt.Errorf("read the %s that sweeps keep: %w", key, err)
	}
	return entry.Revision, nil
}

func (l *Ledger) keepSwept(ctx context.Context, key string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode the %s that sweeps keep: %w", key, err)
	}
	var before json.RawMessage
	at, err := l.readSwept(ctx, key, &before)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		_, err = l.swept.Create(ctx, key, data)
	case err == nil:
		_, err = l.swept.Update(ctx, key, data, at)
	}
	if err != nil && !errors.Is(err, broker.ErrRaced) {
		return fmt.Errorf("keep the %s of a sweep: %w", key, err)
	}
	return nil
}
