package search

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"lineup/indexer/index"
	"lineup/schemas"
)

const freshnessKept = 5 * time.Second

// states returns every source that is known, and how it stands. States of sources without a run are missing.
func (e *Engine) states(ctx context.Context) ([]Source, map[string]SourceState, error) {
	if e.deps.State == nil {
		return e.deps.Sources, nil, nil
	}
	f := &e.fresh
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := e.deps.Now(); f.states != nil && now.Sub(f.at) < freshnessKept {
		return f.told, f.states, nil
	}
	told := slices.Clone(e.deps.Sources)
	if e.deps.Agencies != nil {
		ids, err := e.deps.Agencies(ctx)
		if err != nil {
			return nil, nil, unavailable("ledger", err)
		}
		for _, id := range ids {
			if source, ok := e.Source(id); ok {
				told = append(told, source)
			}
		}
	}
	var mu sync.Mutex
	states := make(map[string]SourceState, len(told))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(ledgerCalls)
	for _, source := range told {
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
		return nil, nil, unavailable("ledger", err)
	}
	f.told, f.states, f.at = told, states, e.deps.Now()
	return told, states, nil
}

// stale reports whether a source that should be read has not been read completely for longer
// than its bound, or never: answers then may miss somebody.
func (e *Engine) stale(source Source, state SourceState) bool {
	return source.MaxAge > 0 && e.deps.State != nil &&
		(state.Complete.Ended.IsZero() || e.deps.Now().Sub(state.Complete.Ended) > source.MaxAge)
}

// Reach says which registries an answer comes from, and which were not asked. Without it an empty answer would read
// like a clearance.
type Reach struct {
	Read, Known int // registries of which records are here, of all that are known

	States   []string // the question is about these alone, by code
	NotAsked []Source // registries the question is about, and nothing of them is here
	NoPhotos []Source // registries a face search is about, and they publish no photos
	Unplaced int      // records of the registries of States that have no published address
	Middles  int      // records of this page that are near by the middle of their ZIP code alone
	Stale    bool     // one that is asked has not been read completely for too long
	Nobody   bool     // none of the registries the question is about could answer
	Cut      bool     // more records have such a name or street than can be judged: the rest was not looked at
}

// reach finds the registries that a question about some states (none: about all) or sources is
// answered from.
func (e *Engine) reach(ctx context.Context, states, ids []string, faces bool) (Reach, error) {
	told, all, err := e.states(ctx)
	if err != nil {
		return Reach{}, err
	}
	r := Reach{States: states, Known: len(told), Nobody: true}
	covered := map[string]bool{}
	for _, source := range told {
		state := all[source.ID]
		read := e.read(source, state)
		if read {
			r.Read++
		}
		if !about(source, states, ids) {
			continue
		}
		covered[source.State()] = covered[source.State()] || read
		switch {
		case read && faces && !source.HasPhotos:
			r.NoPhotos = append(r.NoPhotos, source)
		case read:
			r.Nobody = false
		case len(states) == 0 || source.State() != "": // a registry of no state cannot answer for one
			r.NotAsked = append(r.NotAsked, source)
		}
		r.Stale = r.Stale || e.stale(source, state)
		if len(states) > 0 {
			r.Unplaced += state.Complete.WithoutAddress
		}
	}
	for _, state := range states {
		if _, known := covered[state]; !known {
			r.NotAsked = append(r.NotAsked, Source{Name: schemas.StateName(state), Jurisdiction: state, Home: National})
		}
	}
	if len(states) > 0 { // a state was asked if one of its registries is read here
		r.NotAsked = slices.DeleteFunc(r.NotAsked, func(s Source) bool { return covered[s.State()] })
	}
	return r, nil
}

// National is the site on which a person can search the registries of all states at once.
const National = "https://www.nsopw.gov/"

func about(source Source, states, ids []string) bool {
	return (len(ids) == 0 || slices.Contains(ids, source.ID)) &&
		(len(states) == 0 || source.State() == "" || slices.Contains(states, source.State()))
}

// read reports whether records of a source are here: a run has ended completely, or at least brought
// some.
func (e *Engine) read(source Source, state SourceState) bool {
	if e.deps.State == nil {
		return source.MaxAge > 0
	}
	return !state.Complete.Ended.IsZero() || state.Last.Registrants > 0
}

// CoveredStates are the codes of the states of which a registry has been read here; true for those of
// which one publishes photos.
func (e *Engine) CoveredStates(ctx context.Context) (map[string]bool, error) {
	ctx, cancel := context.WithTimeout(ctx, e.config.SearchTimeout)
	defer cancel()
	told, all, err := e.states(ctx)
	if err != nil {
		return nil, err
	}
	covered := map[string]bool{}
	for _, source := range told {
		if e.read(source, all[source.ID]) {
			covered[source.State()] = covered[source.State()] || source.HasPhotos
		}
	}
	return covered, nil
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
	told, states, err := e.states(ctx)
	if err != nil {
		return nil, err
	}
	var all []Covered
	for _, source := range told {
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

// Stragglers says whom the serving generation lacks because they cannot be indexed, "" for nobody or while the index
// does not answer.
func (e *Engine) Stragglers(ctx context.Context) string {
	lacks, err := index.StragglersOf(ctx, e.deps.Index)
	if err != nil {
		return ""
	}
	return lacks.String()
}
