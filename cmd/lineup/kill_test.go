package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"lineup/schemas"
	"lineup/scraper/samplesite"
)

// kills is how often the crawling process is killed before it may finish.
const kills = 6

// TestKilledCrawlsConverge kills the process that crawls and indexes, at random moments, until
// one run gets through; the index must then be that of an undisturbed run, and nothing may differ
// between ledger, index and blobs.
func TestKilledCrawlsConverge(t *testing.T) {
	site, err := samplesite.New(samplesite.Options{})
	must(t, err)
	server, err := samplesite.Start(t.Context(), site, "127.0.0.1:0", "")
	must(t, err)
	t.Cleanup(func() { must(t, server.Close()) })
	settings := filepath.Join(t.TempDir(), "lineup.yml")
	must(t, os.WriteFile(settings, []byte(fmt.Sprintf("sources: {%s: {base_url: %q}}\nlog: {level: error}\n", demoSource, server.URL)), 0o600))

	calm := t.TempDir()
	started := time.Now()
	must(t, crawlProcess(t.Context(), t, settings, calm).Run())
	undisturbed := time.Since(started)

	seed := rand.Uint64()
	t.Logf("seed %d, an undisturbed run takes %s", seed, undisturbed)
	random := rand.New(rand.NewPCG(seed, 0))
	rough := t.TempDir()
	for i := range kills {
		child := crawlProcess(t.Context(), t, settings, rough)
		must(t, child.Start())
		time.Sleep(time.Duration(random.Int64N(int64(undisturbed))))
		if err := child.Process.Kill(); err == nil {
			t.Logf("kill %d", i)
		}
		_ = child.Wait() // killed, or done already
	}
	finish(t, settings, rough)
	want, got := contents(t, calm, server.URL), contents(t, rough, server.URL)
	if len(want) != site.Size() || !maps.Equal(want, got) {
		t.Errorf("after %d kills the index holds %d registrants, the undisturbed one %d of %d; or not the same of them", kills, len(got), len(want), site.Size())
	}
}

// crawlProcess is a process that crawls the site into data and indexes it.
func crawlProcess(ctx context.Context, t *testing.T, settings, data string) *exec.Cmd {
	exe, err := os.Executable()
	must(t, err)
	child := exec.CommandContext(ctx, exe)
	child.Args = []string{"lineup", "scrape", demoSource, "--once", "--config", settings, "--data", data}
	child.Env = append(os.Environ(), "LINEUP_MODELS="+modelsForTests(t))
	return child
}

// finish crawls until a run gets through.
func finish(t *testing.T, settings, data string) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(time.Second) {
		ctx, cancel := context.WithDeadline(t.Context(), end)
		out, err := crawlProcess(ctx, t, settings, data).CombinedOutput()
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no run got through: %v\n%s", err, out)
		}
	}
}

// contents is what the index in data holds: a line for each registrant, of its record's
// digest and its faces. It fails when audit finds a difference or something is due.
func contents(t *testing.T, data, site string) map[schemas.UUID]string {
	t.Helper()
	ctx := t.Context()
	app := testApp(t, data, site)
	h, err := app.Open(ctx)
	must(t, err)
	defer func() { must(t, h.Close()) }()
	// What a killed worker had in its hands comes back after a minute; Reconcile rings at once.
	must(t, app.reconcileOnce(ctx, h))
	must(t, app.settle(ctx, h, nil))
	report, err := h.audit(ctx, 1, false)
	if err != nil || len(report.Differences) != 0 || report.Due != 0 {
		t.Errorf("audit of %s: %+v %v", filepath.Base(data), report, err)
	}
	all := make(map[schemas.UUID]string)
	for s, err := range h.Ledger.Each(ctx, "") {
		must(t, err)
		docs, err := h.Index.Lookup(ctx, s.ID)
		must(t, err)
		if len(docs) != 1 {
			t.Errorf("%s: %d documents", s.ID, len(docs))
			continue
		}
		line := string(s.Record)
		for _, photo := range docs[0].Photos {
			line += fmt.Sprintf(" %s %s", photo.Photo, photo.Problem)
			if photo.Face == "" {
				continue
			}
			f, err := h.Index.Face(ctx, photo.Face)
			must(t, err)
			line += fmt.Sprint(" ", f.ID, f.Embedding)
		}
		all[s.ID] = line
	}
	return all
}
