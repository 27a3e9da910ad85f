package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"lineup/indexer/index"
	"lineup/internal/testkit/loopback"
)

// downIndex is an index that does not answer.
type downIndex struct{ index.Index }

func (downIndex) Check(context.Context) error { return errors.New("secret host is down") }

// TestThePrivateAddressTellsWhatIsNotReady takes the index away from under a running house.
func TestThePrivateAddressTellsWhatIsNotReady(t *testing.T) {
	r := newRoad(t, func(a *App) { a.Config.Private = loopback.Address(t) })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	house := *r.h
	go func() { ended <- house.Private(ctx, true) }()
	defer func() {
		stop()
		must(t, <-ended)
	}()
	get := func(path string) (int, string) {
		t.Helper()
		for {
			response, err := http.Get("http://" + r.app.Config.Private + path)
			if err != nil {
				time.Sleep(10 * time.Millisecond) // it does not listen yet
				continue
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			must(t, err)
			return response.StatusCode, string(body)
		}
	}
	if code, body := get("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "generation") {
		t.Errorf("with nothing to search: %d %s", code, body)
	}
	r.crawl("")
	if code, body := get("/readyz"); code != http.StatusOK {
		t.Errorf("ready: %d %s", code, body)
	}
	if code, body := get("/metrics"); code != http.StatusOK || !strings.Contains(body, "lineup_query_stage_seconds") &&
		!strings.Contains(body, "# HELP") {
		t.Errorf("metrics: %d %.100s", code, body)
	}
	if code, _ := get("/debug/pprof/cmdline"); code != http.StatusOK {
		t.Errorf("pprof: %d", code)
	}
	if code, _ := r.get("/debug/pprof/cmdline"); code != http.StatusNotFound {
		t.Errorf("pprof on the public address: %d", code)
	}
	house.Index = downIndex{house.Index}
	if code, body := get("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "index") ||
		strings.Contains(body, "queue") || strings.Contains(body, "secret") {
		t.Errorf("index down: %d %s", code, body)
	}
}
