package queryd

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// wireCoverage is the answer of GET /v1/coverage.
type wireCoverage struct {
	Sources []wireCovered `json:"sources"`
	AsOf    *string       `json:"asOf"`
}

// wireCovered is how one source stands. A fact that is not known is null.
type wireCovered struct {
	ID           string   `json:"id"`
	Name         string   `json:"name"`
	Jurisdiction string   `json:"jurisdiction"`
	URL          string   `json:"url"`
	Mode         string   `json:"mode"`
	LastRun      *string  `json:"lastRun"`
	LastState    *string  `json:"lastRunState"`
	LastComplete *string  `json:"lastCompleteRun"`
	AgeHours     *float64 `json:"ageHours"`
	MaxAgeHours  *float64 `json:"maxAgeHours"`
	Freshness    string   `json:"freshness"` // "fresh", "stale", "never" (read), "unknown"
	Registrants  *int     `json:"registrants"`
	WithPhoto    *int     `json:"withPhoto"`
	Photos       bool     `json:"publishesPhotos"`
	Attribution  string   `json:"attribution"`
	Terms        string   `json:"terms"`
	Notices      []string `json:"notices"`

	Permission *Permission `json:"permission,omitempty"` // only where the operator recorded one
}

// freshness remembers the states of the sources for a moment: every answer looks at them.
type freshness struct {
	mu     sync.Mutex
	at     time.Time
	states map[string]SourceState
}

const freshnessKept = 5 * time.Second

// states returns how every source stands. Sources without a run are missing.
func (s *Server) states(ctx context.Context) (map[string]SourceState, error) {
	if s.deps.State == nil {
		return nil, nil
	}
	f := &s.fresh
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := s.deps.Now(); f.states != nil && now.Sub(f.at) < freshnessKept {
		return f.states, nil
	}
	var mu sync.Mutex
	states := make(map[string]SourceState, len(s.deps.Sources))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(ledgerCalls)
	for _, source := range s.deps.Sources {
		group.Go(func() error {
			state, err := s.deps.State(ctx, source.ID)
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
	f.states, f.at = states, s.deps.Now()
	return states, nil
}

// stale reports whether a source that should be read has not been read completely for longer
// than its bound, or never: answers then may miss somebody.
func (s *Server) stale(source Source, state SourceState) bool {
	return source.MaxAge > 0 && s.deps.State != nil &&
		(state.Complete.Ended.IsZero() || s.deps.Now().Sub(state.Complete.Ended) > source.MaxAge)
}

// incomplete reports whether an answer about these states may miss somebody because a source
// that serves them is stale.
func (s *Server) incomplete(ctx context.Context, states []string) (bool, error) {
	all, err := s.states(ctx)
	if err != nil {
		return false, err
	}
	for _, source := range s.deps.Sources {
		if len(states) > 0 && len(source.Jurisdiction) == 2 && !slices.Contains(states, source.Jurisdiction) {
			continue
		}
		if s.stale(source, all[source.ID]) {
			return true, nil
		}
	}
	return false, nil
}

// coverage is how every source stands, in the order of their ids.
func (s *Server) coverage(ctx context.Context) (wireCoverage, error) {
	states, err := s.states(ctx)
	if err != nil {
		return wireCoverage{}, err
	}
	out := wireCoverage{Sources: []wireCovered{}, AsOf: wireTime(s.deps.Now())}
	for _, source := range s.deps.Sources {
		state, known := states[source.ID]
		c := wireCovered{ID: source.ID, Name: source.Name, Jurisdiction: source.Jurisdiction, URL: source.Home, Mode: source.Mode,
			Photos: source.HasPhotos, Attribution: source.Attribution, Terms: source.Terms,
			Notices: append([]string{}, source.Notices...), Freshness: "never", Permission: source.Permission}
		if s.deps.State == nil {
			c.Freshness = "unknown"
		}
		if source.MaxAge > 0 {
			hours := source.MaxAge.Hours()
			c.MaxAgeHours = &hours
		}
		if known && !state.Last.Started.IsZero() {
			c.LastRun, c.LastState = wireTime(state.Last.Started), orNull(string(state.Last.State))
		}
		if known && !state.Complete.Ended.IsZero() {
			age := s.deps.Now().Sub(state.Complete.Ended).Hours()
			c.LastComplete, c.AgeHours = wireTime(state.Complete.Ended), &age
			c.Registrants, c.WithPhoto = &state.Complete.Registrants, &state.Complete.WithPhoto
			c.Freshness = "fresh"
		}
		if known && !state.Last.Started.IsZero() && s.stale(source, state) {
			c.Freshness = "stale"
		}
		out.Sources = append(out.Sources, c)
	}
	slices.SortFunc(out.Sources, func(a, b wireCovered) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return out, nil
}

// serveCoverage answers GET /v1/coverage; it needs no key.
func (s *Server) serveCoverage(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), s.config.SearchTimeout)
	defer cancel()
	all, err := s.coverage(ctx)
	if err != nil {
		return err
	}
	exchangeOf(r.Context()).count = len(all.Sources)
	writeJSON(w, http.StatusOK, all)
	return nil
}

// serveEvidence answers GET /v1/matches/{id}/evidence. Evidence about somebody who has left
// the registry is gone at once.
func (s *Server) serveEvidence(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.authorize(w, r, givenKey(r), true); err != nil {
		return err
	}
	if s.deps.Evidence == nil {
		return fs.ErrNotExist
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.config.SearchTimeout)
	defer cancel()
	signed, err := s.deps.Evidence.Get(ctx, r.PathValue("id"))
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err != nil {
		return unavailable("evidence_store", err)
	}
	listing, err := s.deps.Ledger.Listing(ctx, signed.Evidence.Source, signed.Evidence.Registrant)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unavailable("ledger", err)
	}
	if err != nil || !listing.Listed {
		return gone()
	}
	exchangeOf(r.Context()).count = 1
	s.writeSourceNotices(w.Header(), []string{signed.Evidence.Source})
	writeJSON(w, http.StatusOK, signed)
	return nil
}
