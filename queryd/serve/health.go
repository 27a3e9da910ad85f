package serve

import (
	"io"
	"net/http"

	"lineup/queryd/keys"
)

// Health says that the process answers at all.
func (s *Server) Health(w http.ResponseWriter, _ *http.Request) error {
	WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

// Ready says which parts are ready, with 503 when one is not. Why it is not stands in the
// log of whoever found out: an error's text may tell strangers too much.
func (s *Server) Ready(w http.ResponseWriter, r *http.Request) error {
	status, parts := http.StatusOK, map[string]string{}
	for part, err := range s.deps.Ready(r.Context()) {
		parts[part] = "ready"
		if err != nil {
			parts[part], status = "not ready", http.StatusServiceUnavailable
		}
	}
	word := "ready"
	if status != http.StatusOK {
		word = "not ready"
	}
	answer := map[string]any{"status": word, "parts": parts}
	if lacks := s.deps.Search.Stragglers(r.Context()); lacks != "" {
		answer["stragglers"] = lacks
	}
	WriteJSON(w, status, answer)
	return nil
}

// Terms answers GET /v1/terms: what a key holder accepts.
func (s *Server) Terms(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, keys.Terms)
	return nil
}
