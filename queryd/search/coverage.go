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

// incomplete reports whether an answer about these states may miss somebody because a source
// that serves them is stale.
func (e *Engine) incomplete(ctx context.Context, states []string) (bool, error) {
	all, err := e.states(ctx)
	if err != nil {
		return false, err
	}
	for _, source := range e.deps.Sources {
		if len(states) > 0 && len(source.Jurisdiction) == 2 && !slices.Contains(states, source.Jurisdiction) {
			continue
		}
		if e.stale(source, all[source.ID]) {
			return true, nil
		}
	}
	return false, nil
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
