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

	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/schemas"
	"lineup/scraper/samplesite"
)

// killed are the sources whose crawl is killed: one of lists and pages, one that is a file with photos
// beside it. counted is what may not be asked for again and again.
var killed = []struct {
	source, counted string
	kills           int
}{
	{demoSource, "/SomsSUBDirectory/offenderDetails.jsp", 6},
	{"us-fl", "/offender/CallImage", 4},
}

// underWay is how many requests a killed process may have had answers to that it had not brought to
// the ledger yet: it accepts sixteen at once.
const underWay = 16

// TestKilledCrawlsConverge kills the process that crawls and indexes, at random moments, until
// one run gets through; the index must then be that of an undisturbed run, nothing may differ
// between ledger, index and blobs, nobody was ever delisted, and little was asked for twice.
func TestKilledCrawlsConverge(t *testing.T) {
	for _, tc := range killed {
		t.Run(tc.source, func(t *testing.T) {
			site, err := samplesite.New(samplesite.Options{})
			must(t, err)
			server, err := samplesite.Start(t.Context(), site, "127.0.0.1:0", "")
			must(t, err)
			t.Cleanup(func() { must(t, server.Close()) })
			settings := filepath.Join(t.TempDir(), "lineup.yml")
			must(t, os.WriteFile(settings, []byte(fmt.Sprintf("sources: {%s: {base_url: %q}}\nlog: {level: error}\n", tc.source, server.URL)),
				0o600))

			calm := t.TempDir()
			started := time.Now()
			must(t, crawlProcess(t.Context(), t, tc.source, settings, calm).Run())
			undisturbed := time.Since(started)
			asked := site.Requests(tc.counted)

			seed := rand.Uint64()
			t.Logf("seed %d, an undisturbed run takes %s", seed, undisturbed)
			random := rand.New(rand.NewPCG(seed, 0))
			rough := t.TempDir()
			for i := range tc.kills {
				child := crawlProcess(t.Context(), t, tc.source, settings, rough)
				must(t, child.Start())
				time.Sleep(time.Duration(random.Int64N(int64(undisturbed))))
				if err := child.Process.Kill(); err == nil {
					t.Logf("kill %d", i)
				}
				_ = child.Wait() // killed, or done already
			}
			finish(t, tc.source, settings, rough)
			again := site.Requests(tc.counted) - asked
			want, got := contents(t, calm, server.URL), contents(t, rough, server.URL)
			if len(want) != site.Size() || !maps.Equal(want, got) {
				t.Errorf("after %d kills the index holds %d registrants, the undisturbed one %d of %d; or not the same of them", tc.kills, len(got),
					len(want), site.Size())
			}
			runs := ended(t, rough, server.URL, tc.source)
			if most := asked*len(runs) + underWay*tc.kills; again > most {
				t.Errorf("%d requests for %s in %d runs with %d kills, want at most %d (one run: %d)", again, tc.counted, len(runs), tc.kills, most,
					asked)
			}
			for _, r := range runs {
				if r.Delisted > 0 {
					t.Errorf("run %s delisted %d", r.Run, r.Delisted)
				}
			}
		})
	}
}

// ended are the reports of the runs over source in data; a run that was killed and went on is one.
func ended(t *testing.T, data, site, source string) []schemas.RunSummary {
	t.Helper()
	h, err := node.Open(t.Context(), testApp(t, data, site).Options)
	must(t, err)
	defer func() { must(t, h.Close()) }()
	runs, err := h.Ledger.Runs(t.Context(), source)
	must(t, err)
	return runs.History
}

// crawlProcess is a process that crawls the site into data and indexes it.
func crawlProcess(ctx context.Context, t *testing.T, source, settings, data string) *exec.Cmd {
	exe, err := os.Executable()
	must(t, err)
	child := exec.CommandContext(ctx, exe)
	child.Args = []string{"lineup", "scrape", source, "--once", "--config", settings, "--data", data}
	child.Env = append(os.Environ(), "LINEUP_MODELS="+modelsForTests(t))
	return child
}

// finish crawls until a run gets through.
func finish(t *testing.T, source, settings, data string) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(time.Second) {
		ctx, cancel := context.WithDeadline(t.Context(), end)
		out, err := crawlProcess(ctx, t, source, settings, data).CombinedOutput()
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
	h, err := node.Open(ctx, app.Options)
	must(t, err)
	defer func() { must(t, h.Close()) }()
	// What a killed worker had in its hands comes back after a minute; Reconcile enqueues at once.
	must(t, h.ReconcileOnce(ctx))
	must(t, h.Settle(ctx))
	report, err := h.Audit(ctx, operate.Share(1), false, nil)
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
