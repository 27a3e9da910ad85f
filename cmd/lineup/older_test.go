package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/internal/node"
	"lineup/scraper"
	"lineup/scraper/samplesite"
)

// TestNeverAgainSurvivesAnOlderBackup removes somebody and revokes a key after a backup, and restores that into an empty
// directory: once beside the log of removals, once with a receipt, once with neither.
func TestNeverAgainSurvivesAnOlderBackup(t *testing.T) {
	const id = samplesite.FirstID + 4
	log := filepath.Join(t.TempDir(), "elsewhere.jsonl")
	r := newRoad(t, func(a *App) { a.Config.RemovalLog = log })
	ctx := t.Context()
	var out bytes.Buffer
	r.app.Stdout = &out
	run := func(c interface {
		Run(context.Context, *App) error
	}) string {
		t.Helper()
		out.Reset()
		must(t, c.Run(ctx, r.app))
		return out.String()
	}
	r.crawl("")
	saved := filepath.Join(t.TempDir(), "backup")
	run(&Backup{Dir: saved})
	receipt := filepath.Join(t.TempDir(), "receipt.json")
	must(t, os.WriteFile(receipt, []byte(run(&Remove{UUID: string(sampleID(id)), Reason: "court_order"})), 0o600))
	run(&KeysRevoke{Key: "road"})

	for _, c := range []struct {
		name, log, given string
		stays, revoked   bool
		says             string
	}{
		{"the log", log, "", true, true, "1 registrants were removed again and 1 keys revoked again"},
		{"a copy of the log", "", log, true, true, "it holds them now"},
		{"a receipt", "", receipt, true, false, "1 registrants were removed again and 0 keys"},
		{"neither", "", "", false, false, "If there was any, restore again with --removals FILE"},
	} {
		app := *r.app
		app.Config.Data, app.Config.RemovalLog, app.Metrics = t.TempDir(), c.log, prometheus.NewRegistry()
		must(t, os.CopyFS(filepath.Join(app.Config.Data, "blobs"), os.DirFS(filepath.Join(r.app.Config.Data, "blobs"))))
		out.Reset()
		must(t, (&Restore{Dir: saved, Removals: c.given}).Run(ctx, &app))
		if !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: restore says %q, want %q", c.name, out.String(), c.says)
		}
		n, err := node.Open(ctx, app.Options)
		must(t, err)
		crawled, err := n.CrawlSite(ctx, demoSource, &scraper.Crawl{})
		must(t, err)
		s, err := n.Ledger.Find(ctx, sampleID(id))
		must(t, err)
		if stays := s.Removal != nil && !s.Listed; stays != c.stays || c.stays && crawled.Refused != 1 {
			t.Errorf("%s: after a crawl that refused %d: %+v", c.name, crawled.Refused, s)
		}
		for blob, err := range n.Blobs.Walk(ctx, sampleID(id)) {
			if must(t, err); c.stays {
				t.Errorf("%s: %s is there again", c.name, blob.Kind)
			}
		}
		if _, err := n.Keys.Check(ctx, r.key); (err != nil) != c.revoked {
			t.Errorf("%s: the key: %v", c.name, err)
		}
		must(t, n.Close())
	}

	// A line that nobody of this installation signed removes nobody, and is told.
	forged := filepath.Join(t.TempDir(), "forged.jsonl")
	data, err := os.ReadFile(log)
	must(t, err)
	var line map[string]any
	must(t, json.Unmarshal(data[:bytes.IndexByte(data, '\n')], &line))
	line["registrant"] = sampleID(samplesite.FirstID)
	data, err = json.Marshal(line)
	must(t, err, os.WriteFile(forged, data, 0o600))
	if err := (&Restore{Dir: saved, Removals: forged}).Run(ctx, r.app); err == nil ||
		!strings.Contains(err.Error(), "signed by nobody known") {
		t.Errorf("a forged line: %v", err)
	}
	key := strings.TrimSpace(run(&KeysAdd{Name: "another"}))
	if code, _ := r.get("/photos/" + string(sampleID(samplesite.FirstID)) + "?key=" + key); code != http.StatusOK {
		t.Errorf("a forged line removed somebody: %d", code)
	}
}
