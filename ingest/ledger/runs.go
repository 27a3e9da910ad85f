package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest/broker"
	"lineup/schemas"
)

// RunsSchema is the version of Runs' stored form. History: 1, the first.
const RunsSchema = 1

// Runs is what is kept of the runs over one source: the one under way or interrupted, the last
// that ended, and the last complete one.
type Runs struct {
	Schema   int                 `json:"schema"`
	Source   string              `json:"source"`
	Open     *OpenRun            `json:"open,omitempty"`
	Last     *schemas.RunSummary `json:"last,omitempty"`
	Complete *schemas.RunSummary `json:"complete,omitempty"`
	Fence    uint64              `json:"fence,omitempty"` // of the last who held the lease

	History []schemas.RunSummary `json:"history,omitempty"` // the last KeepRuns that ended, the newest first
	Fills   []Fill               `json:"fills,omitempty"`   // of complete runs, one a day for a year, the newest first
	Changes []time.Time          `json:"changes,omitempty"` // ends of the last complete runs that changed anything, the newest first
	Years   []Year               `json:"years,omitempty"`   // what the runs of a year came to, the newest first
}

// Year is what the runs over a source came to that ended in one year (UTC), as counts.
type Year struct {
	Year  int       `json:"year"`
	Since time.Time `json:"since"` // the first run that is counted
	Runs  int       `json:"runs"`

	New      int `json:"new"`
	Changed  int `json:"changed"`
	Returned int `json:"returned"`
	Delisted int `json:"delisted"`
}

// keepYears bounds how many years are counted.
const keepYears = 10

// count adds a run to its year. One that was interrupted and went on tells all of itself again: known is what it told before.
func (r *Runs) count(s schemas.RunSummary, known *schemas.RunSummary) {
	before := schemas.RunSummary{}
	runs := 1
	if known != nil {
		before, runs = *known, 0
	}
	year := s.Ended.UTC().Year()
	at := slices.IndexFunc(r.Years, func(y Year) bool { return y.Year == year })
	if at < 0 {
		at = 0
		r.Years = slices.Insert(r.Years, 0, Year{Year: year, Since: s.Ended.UTC()})
	}
	y := &r.Years[at]
	y.Runs += runs
	y.New += max(s.New-before.New, 0)
	y.Changed += max(s.Changed-before.Changed, 0)
	y.Returned += max(s.Returned-before.Returned, 0)
	y.Delisted += max(s.Delisted-before.Delisted, 0)
	slices.SortFunc(r.Years, func(a, b Year) int { return b.Year - a.Year })
	r.Years = r.Years[:min(len(r.Years), keepYears)]
}

// KeepRuns is how many reports of runs are kept of each source. A ledger entry holds 1 MiB, and half of it is the checkpoint's.
const KeepRuns = 50

const keepNames = 20 // leftovers and drift notes of a run in History

// Remember puts a run that ended at the head of the history; a run that was interrupted and went on stands
// there once.
func (r *Runs) Remember(s schemas.RunSummary) {
	r.observe(s)
	var known *schemas.RunSummary
	if at := slices.IndexFunc(r.History, func(old schemas.RunSummary) bool { return old.Run == s.Run }); at >= 0 {
		known = &r.History[at]
	}
	r.count(s, known)
	if len(s.Leftovers) > keepNames {
		few := map[string]int{}
		for _, name := range slices.Sorted(maps.Keys(s.Leftovers))[:keepNames] {
			few[name] = s.Leftovers[name]
		}
		s.Leftovers = few
	}
	s.Drift, s.Asked = s.Drift[:min(len(s.Drift), keepNames)], nil
	history := slices.DeleteFunc(r.History, func(old schemas.RunSummary) bool { return old.Run == s.Run })
	r.History = append([]schemas.RunSummary{s}, history[:min(len(history), KeepRuns-1)]...)
}

// NextFence numbers a new holder of the lease, above all before. The clock matters only when
// the runs were lost while the listings were not.
func (r *Runs) NextFence(now time.Time) uint64 {
	r.Fence = max(r.Fence+1, uint64(now.Unix()))
	return r.Fence
}

// OpenRun is a run that has not ended; Checkpoint is the crawl's own note of where it was.
type OpenRun struct {
	Run        string    `json:"run"`
	Started    time.Time `json:"started"`
	Checkpoint []byte    `json:"checkpoint,omitempty"`
	Noted      time.Time `json:"noted,omitzero"` // when the checkpoint was kept
}

// At is when the run was last known to be under way.
func (r OpenRun) At() time.Time {
	if r.Noted.IsZero() {
		return r.Started
	}
	return r.Noted
}

// Runs returns what is kept of the runs over source. Errors: fs.ErrNotExist, schemas.ErrNewerSchema.
func (l *Ledger) Runs(ctx context.Context, source string) (Runs, error) {
	r, _, err := l.readRuns(ctx, source)
	return r, err
}

func (l *Ledger) readRuns(ctx context.Context, source string) (Runs, uint64, error) {
	entry, err := l.runs.Get(ctx, broker.Token(source))
	if errors.Is(err, broker.ErrNoEntry) {
		return Runs{Source: source}, 0, schemas.NotFound("%s was never crawled here", source)
	}
	if err != nil {
		return Runs{}, 0, fmt.Errorf("read the runs of %s: %w", source, err)
	}
	var r Runs
	if err := json.Unmarshal(entry.Value, &r); err != nil {
		return Runs{}, 0, fmt.Errorf("decode the runs of %s: %w", source, err)
	}
	if r.Schema > RunsSchema {
		return Runs{}, 0, fmt.Errorf("runs of %s: %w", source, schemas.ErrNewerSchema)
	}
	return r, entry.Revision, nil
}

// UpdateRuns changes what is kept of source's runs by compare-and-set, as Update does.
func (l *Ledger) UpdateRuns(ctx context.Context, source string, change func(*Runs) error) (Runs, error) {
	for range tries {
		r, at, err := l.readRuns(ctx, source)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Runs{}, err
		}
		if err := change(&r); err != nil {
			return Runs{}, err
		}
		r.Schema = RunsSchema
		data, err := json.Marshal(r)
		if err != nil {
			return Runs{}, fmt.Errorf("encode the runs of %s: %w", source, err)
		}
		if at == 0 {
			_, err = l.runs.Create(ctx, broker.Token(source), data)
		} else {
			_, err = l.runs.Update(ctx, broker.Token(source), data, at)
		}
		if err == nil {
			return r, nil
		}
		if !errors.Is(err, broker.ErrRaced) {
			return Runs{}, fmt.Errorf("write the runs of %s: %w", source, err)
		}
	}
	return Runs{}, fmt.Errorf("runs of %s: others changed them %d times in a row", source, tries)
}

// Sources lists the sources that had a run, in order.
func (l *Ledger) Sources(ctx context.Context) ([]string, error) {
	sources, err := l.runs.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the sources: %w", err)
	}
	for i, key := range sources {
		sources[i] = broker.Named(key)
	}
	slices.Sort(sources)
	return sources, nil
}

// Lease is the right to crawl one source. It ends with its holder: it must be renewed within
// LeaseTime. A Lease is used by one goroutine at a time.
type Lease struct {
	kv       *broker.Bucket
	source   string
	revision uint64
	holder   []byte
}

// Lease takes the lease of source. Errors: schemas.ErrLeased.
func (l *Ledger) Lease(ctx context.Context, source, holder string) (*Lease, error) {
	return take(ctx, l.leases, source, holder)
}

// SweepLease takes the lease of a sweep that one process does for all. Errors: schemas.ErrLeased.
func (l *Ledger) SweepLease(ctx context.Context, sweep, holder string) (*Lease, error) {
	return take(ctx, l.sweeps, sweep, holder)
}

func take(ctx context.Context, kv *broker.Bucket, source, holder string) (*Lease, error) {
	lease := &Lease{kv: kv, source: source, holder: []byte(holder)}
	revision, err := kv.Create(ctx, broker.Token(source), lease.holder)
	if errors.Is(err, broker.ErrRaced) {
		return nil, fmt.Errorf("lease of %s: %w", source, schemas.ErrLeased)
	}
	if err != nil {
		return nil, fmt.Errorf("take the lease of %s: %w", source, err)
	}
	lease.revision = revision
	return lease, nil
}

// Renew holds the lease for another LeaseTime. Errors: schemas.ErrLeased when it was lost.
func (le *Lease) Renew(ctx context.Context) error {
	revision, err := le.kv.Update(ctx, broker.Token(le.source), le.holder, le.revision)
	if errors.Is(err, broker.ErrRaced) {
		return fmt.Errorf("renew the lease of %s: %w", le.source, schemas.ErrLeased)
	}
	if err != nil {
		return fmt.Errorf("renew the lease of %s: %w", le.source, err)
	}
	le.revision = revision
	return nil
}

// Release gives the lease back. A lease that was lost already is not an error.
func (le *Lease) Release(ctx context.Context) error {
	err := le.kv.Delete(ctx, broker.Token(le.source), le.revision)
	if err == nil || errors.Is(err, broker.ErrRaced) {
		return nil
	}
	return fmt.Errorf("release the lease of %s: %w", le.source, err)
}

// BreakLeases ends all leases. It is for a process that knows that it is the only one: those
// who held them are dead.
func (l *Ledger) BreakLeases(ctx context.Context) error {
	sweeps := l.sweeps.Purge(ctx)
	if errors.Is(sweeps, jetstream.ErrStreamNotFound) { // not prepared yet
		sweeps = nil
	}
	if err := errors.Join(l.leases.Purge(ctx), sweeps); err != nil {
		return fmt.Errorf("break the leases of the dead: %w", err)
	}
	return nil
}
