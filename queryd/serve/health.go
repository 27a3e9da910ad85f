package serve

import (
	"context"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"lineup/queryd/keys"
)

// readyTimeout bounds one check of readiness.
const readyTimeout = 3 * time.Second

// Health says that the process answers at all.
func (s *Server) Health(w http.ResponseWriter, _ *http.Request) error {
	WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

// Ready says which parts are ready, with 503 when one is not. Why it is not stands in the
// log: an error's text may tell strangers too much.
func (s *Server) Ready(w http.ResponseWriter, r *http.Request) error {
	checks := s.deps.Ready
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
	WriteJSON(w, status, map[string]any{"status": word, "parts": parts})
	return nil
}

// Terms answers GET /v1/terms: what a key holder accepts.
func (s *Server) Terms(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, keys.Terms)
	return nil
}
