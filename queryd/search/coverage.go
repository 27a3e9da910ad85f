package search

import (
	"context"
	"errors"
	"io/fs"
	"lineup/schemas"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// freshness remembers the states of the sources for a moment: every answer looks at them.
type freshness struct {
	mu     sync.Mutex
	at     time.Time
	states map[string]SourceState
}

const freshnessKept = 5 * time.Second

// states returns how every source stands. Sources without a run are missing.
func (e *Engine) states(ctx context.Context) (map[string]SourceState, error) {
	if e.deps.State == nil {
		return nil, nil
	}
	f := &e.fresh
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := e.deps.Now(); f.states != nil && now.Sub(f.at) < freshnessKept {
		return f.states, nil
	}
	var mu sync.Mutex
	states := make(map[string]SourceState, len(e.deps.Sources))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(ledgerCalls)
	for _, source := range e.deps.Sources {
		group.Go(func() error {
			state, err := e.deps.State(ctx, source.ID)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			mu.Lock()
			states[source.ID] = state
			mu.Unlock()
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, unavailable("ledger", err)
	}
	f.states, f.at = states, e.deps.Now()
	return states, nil
}

// stale reports whether a source that should be read has not been read completely for longer
// than its bound, or never: answers then may miss somebody.
func (e *Engine) stale(source Source, state SourceState) bool {
	return source.MaxAge > 0 && e.deps.State != nil &&
		(state.Complete.Ended.IsZero() || e.deps.Now().Sub(state.Complete.Ended) > source.MaxAge)
}

// Reach says which registries an answer comes from, and which ones nobody asked. Without it an empty
// answer reads like a clearance.
type Reach struct {
	Read, Known int // registries of which records are here, of all that are known

	States   []string // the question is about these alone, by code
	NotAsked []Source // registries the question is about, and nothing of them is here
	NoPhotos []Source // registries a face search is about, and they publish no photos
	Unplaced int      // records of the registries of States that have no published address
	Stale    bool     // one that is asked has not been read completely for too long
	Nobody   bool     // none of the registries the question is about could answer
}

// reach finds the registries that a question about some states (none: about all) or sources is
// answered from.
func (e *Engine) reach(ctx context.Context, states, ids []string, faces bool) (Reach, error) {
	all, err := e.states(ctx)
	if err != nil {
		return Reach{}, err
	}
	r := Reach{States: states, Known: len(e.deps.Sources), Nobody: true}
	covered := map[string]bool{}
	for _, source := range e.deps.Sources {
		state := all[source.ID]
		read := e.read(source, state)
		if read {
			r.Read++
		}
		if !about(source, states, ids) {
			continue
		}
		covered[source.Jurisdiction] = covered[source.Jurisdiction] || read
		switch {
		case read && faces && !source.HasPhotos:
			r.NoPhotos = append(r.NoPhotos, source)
		case read:
			r.Nobody = false
		default:
			r.NotAsked = append(r.NotAsked, source)
		}
		r.Stale = r.Stale || e.stale(source, state)
		if len(states) > 0 {
			r.Unplaced += state.Complete.WithoutAddress
		}
	}
	for _, state := range states {
		if _, known := covered[state]; !known {
			r.NotAsked = append(r.NotAsked, Source{Name: schemas.StateName(state), Jurisdiction: state, Home: national})
		}
	}
	if len(states) > 0 { // who has one registry here that is read, and another that is not, was asked
		r.NotAsked = slices.DeleteFunc(r.NotAsked, func(s Source) bool { return covered[s.Jurisdiction] })
	}
	return r, nil
}

// national is where a person searches the registries of states that we know nothing of.
const national = "https://www.nsopw.gov/"

func about(source Source, states, ids []string) bool {
	return (len(ids) == 0 || slices.Contains(ids, source.ID)) &&
		(len(states) == 0 || len(source.Jurisdiction) != 2 || slices.Contains(states, source.Jurisdiction))
}

// read reports whether records of a source are here: a run has ended completely, or at least brought
// some.
func (e *Engine) read(source Source, state SourceState) bool {
	if e.deps.State == nil {
		return source.MaxAge > 0
	}
	return !state.Complete.Ended.IsZero() || state.Last.Registrants > 0
}

// Covered is how one source stands.
type Covered struct {
	Source
	SourceState        // zero where nothing is known
	Freshness   string // "fresh", "stale", "never" (read), "unknown"
}

// Coverage is how every source stands, in the order of their ids.
func (e *Engine) Coverage(ctx context.Context) ([]Covered, error) {
	ctx, cancel := context.WithTimeout(ctx, e.config.SearchTimeout)
	defer cancel()
	states, err := e.states(ctx)
	if err != nil {
		return nil, err
	}
	var all []Covered
	for _, source := range e.deps.Sources {
		c := Covered{Source: source, SourceState: states[source.ID], Freshness: "never"}
		switch {
		case !c.Last.Started.IsZero() && e.stale(source, c.SourceState):
			c.Freshness = "stale"
		case !c.Complete.Ended.IsZero():
			c.Freshness = "fresh"
		case e.deps.State == nil:
			c.Freshness = "unknown"
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Covered) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}
