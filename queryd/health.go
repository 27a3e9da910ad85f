package queryd

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"lineup/indexer/index"
	"lineup/queryd/keys"
	"lineup/schemas"
)

// readyTimeout bounds one check of readiness.
const readyTimeout = 3 * time.Second

// serveHealth says that the process answers at all.
func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

// serveReady says which parts are ready, with 503 when one is not. Why it is not stands in the
// log: an error's text may tell strangers too much.
func (s *Server) serveReady(w http.ResponseWriter, r *http.Request) error {
	checks := map[string]func(context.Context) error{
		"index": s.indexReady,
		"keys": func(ctx context.Context) error {
			if _, err := s.deps.Keys.Check(ctx, "readiness"); !errors.Is(err, keys.ErrUnknown) {
				return err
			}
			return nil
		},
		"ledger": func(ctx context.Context) error {
			if _, err := s.deps.Ledger.Find(ctx, nobody); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		},
	}
	for name, check := range s.deps.Ready {
		if checks[name] == nil {
			checks[name] = check
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	var mu sync.Mutex
	var wait sync.WaitGroup
	status, parts := http.StatusOK, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		wait.Go(func() {
			err := checks[name](ctx)
			mu.Lock()
			defer mu.Unlock()
			parts[name] = "ready"
			if err != nil {
				parts[name], status = "not ready", http.StatusServiceUnavailable
				s.deps.Log.WarnContext(ctx, "part not ready", "part", name, "error", err)
			}
		})
	}
	wait.Wait()
	word := "ready"
	if status != http.StatusOK {
		word = "not ready"
	}
	writeJSON(w, status, map[string]any{"status": word, "parts": parts})
	return nil
}

// nobody is an id that no registrant has.
const nobody schemas.UUID = "00000000-0000-0000-0000-000000000000"

var errNoGeneration = errors.New("no generation serves yet: run lineup index")

func (s *Server) indexReady(ctx context.Context) error {
	all, err := s.deps.Index.Generations(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(g index.Generation) bool { return g.State == index.Serving }) {
		return errNoGeneration
	}
	return nil
}

// serveTerms answers GET /v1/terms: what a key holder accepts.
func (s *Server) serveTerms(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, keys.Terms)
	return nil
}
