package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"lineup/internal/notify"
	"lineup/internal/testkit/loopback"
	"lineup/scraper/samplesite"
)

// TestNoticesOverARestart lets a crawl fail, restarts the all-in-one and lets the crawl succeed: whoever is to be told hears
// once that it began and once that it ended.
func TestNoticesOverARestart(t *testing.T) {
	heard := make(chan notify.Notice, 20)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var n notify.Notice
		if err == nil {
			err = json.Unmarshal(body, &n)
		}
		if err != nil || r.Header.Get(notify.SignatureHeader) == "" {
			t.Errorf("heard %s: %v", body, err)
		}
		heard <- n
	}))
	defer receiver.Close()
	site, err := samplesite.New(samplesite.Options{Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	address := loopback.Address(t) // where the site is away, and comes back
	server, err := samplesite.Start(t.Context(), site, address, "")
	must(t, err)
	dir := t.TempDir()
	settings := filepath.Join(dir, "lineup.yaml")
	must(t, os.WriteFile(settings, fmt.Appendf(nil, "sources: {us-ny: {base_url: %q}}\nprivate: \"\"\nlisten: 127.0.0.1:0\n"+
		"notify: {webhook: %q, secret: shared, inside: true, every: 1s}\n", server.URL, receiver.URL), 0o600))
	program := func(args ...string) *exec.Cmd {
		return ourself(t, "lineup-faked", append([]string{"--config", settings, "--data", filepath.Join(dir, "data")}, args...)...)
	}
	d := &deployment{t: t, dir: dir}
	ups := 0
	up := func() (stop func()) {
		ups++
		house := d.start(fmt.Sprint("up-", ups), program("up"))
		// A command that is faster opens the data directory itself, and the all-in-one cannot.
		d.eventually("the house is open", func() error {
			out, err := os.ReadFile(house.log)
			if err == nil && !bytes.Contains(out, []byte("msg=listening")) {
				err = errors.New("not yet")
			}
			return err
		})
		return func() { must(t, house.terminate(t)) }
	}
	hear := func(event notify.Event, kind, source string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		select {
		case n := <-heard:
			if n.Event != event || n.Kind != kind || n.Source != source {
				t.Errorf("heard %s %s %q: %s", n.Event, n.Kind, n.Source, n.Say)
			}
		case <-ctx.Done():
			t.Fatalf("heard nothing of %s %s %s", event, kind, source)
		}
	}
	out, err := program("notify", "test").CombinedOutput()
	if err != nil {
		t.Fatalf("notify test: %v: %s", err, out)
	}
	hear(notify.Test, "test", "")

	must(t, server.Close())
	if out, err := program("scrape", "us-ny", "--once").CombinedOutput(); err == nil {
		t.Fatalf("a crawl of a site that is away: %s", out)
	}
	stop := up()
	hear(notify.Begun, "run_failed", "us-ny")
	stop()
	stop = up()
	defer func() { stop() }()
	server, err = samplesite.Start(t.Context(), site, address, "")
	must(t, err)
	defer server.Close()
	for end := time.Now().Add(patience); ; {
		out, err := program("scrape", "us-ny", "--once").CombinedOutput()
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("scrape: %v: %s", err, out)
		}
	}
	hear(notify.Ended, "run_failed", "us-ny")
}

// TestNoticesNeedSomebody holds that a test of notices that nobody gets is a mistake.
func TestNoticesNeedSomebody(t *testing.T) {
	if code, _ := lineup(t, "notify", "test"); code != exitMisuse {
		t.Errorf("nobody to tell: exit %d", code)
	}
	if code, _ := lineup(t, "notify", "test", "--set", "notify.webhook=https://hooks.example.org/"); code != exitMisuse {
		t.Errorf("no secret: exit %d", code)
	}
}
