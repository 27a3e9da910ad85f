package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"lineup/indexer"
	"lineup/scraper/samplesite/faces"
)

// TestTooManyPhotosAreRefusedAtTheDoor sends many more photos at once than may be embedded and
// wait: those are answered, the others told at once to come again, and nothing piles up.
func TestTooManyPhotosAreRefusedAtTheDoor(t *testing.T) {
	r := newRoad(t)
	r.h.Config.Index.Workers = 1 // and so four may wait
	embedder, err := r.h.OpenFaces(t.Context())
	must(t, err)
	defer func() { must(t, embedder.Close()) }()
	must(t, indexer.Prepare(t.Context(), r.h.Index, embedder.Model()))
	r.renewMetrics()
	api, err := r.h.NewServer(t.Context(), embedder)
	must(t, err)
	server := httptest.NewServer(api)
	defer server.Close()
	photo, err := faces.Files.ReadFile("noface.jpg") // every step of the search is tried on it
	must(t, err)
	body, err := json.Marshal(map[string]string{"queryImageBase64": base64.StdEncoding.EncodeToString(photo)})
	must(t, err)

	const callers = 60
	var mu sync.Mutex
	statuses := map[int]int{}
	var problems []error
	var wait sync.WaitGroup
	for range callers {
		wait.Go(func() {
			response, err := http.Post(server.URL+"/faces?key="+r.key, "application/json", bytes.NewReader(body))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				problems = append(problems, err)
				return
			}
			defer response.Body.Close()
			_, err = io.Copy(io.Discard, response.Body)
			problems = append(problems, err)
			statuses[response.StatusCode]++
			if response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
		})
	}
	wait.Wait()
	must(t, errors.Join(problems...))
	found, refused := statuses[http.StatusBadRequest], statuses[http.StatusServiceUnavailable] // there is no face in it
	if found+refused != callers || found < 5 || refused < 1 {
		t.Errorf("statuses %v: want the one at work and the four that wait answered with 400, the rest with 503", statuses)
	}
}
