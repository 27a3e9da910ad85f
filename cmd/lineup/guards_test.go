package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"lineup/ingest"
	"lineup/ingest/blob"
	"lineup/internal/node"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/definition/read"
	"lineup/scraper/fetch"
)

// registry is a made-up file of n people, with or without their birth dates.
func registry(n int, born string) answers {
	var b strings.Builder
	b.WriteString("ID,NAME,BORN\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,Testcase Number%d,%s\n", i+1, i+1, born)
	}
	return answers(b.String())
}

func registrySource(t *testing.T, id string) scraper.Source {
	t.Helper()
	src, err := read.Load(id, []byte(`{id: `+id+`, name: t, jurisdiction: XX, home: "https://x.example", mode: enabled,
verified: {by: public_code, from: [a test]}, base: "http://x.invalid/",
 guards: {min_count: 4, max_drop: 0.10}, policy: {evidence: test, terms_read: "2026-11-27", keep_pages: 168h}, start: p,
 steps: {p: {request: {url: p}, as: csv, key: {column: ID}, record: {name: {column: NAME}, birth: {column: BORN, format: Y}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// keptPages counts the stored pages, each of which must be compressed.
func keptPages(t *testing.T, h *node.Node) int {
	t.Helper()
	n := 0
	for info, err := range h.Blobs.Walk(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if info.Ref.Kind != blob.Page {
			continue
		}
		n++
		stored, err := h.Blobs.Get(t.Context(), info.Ref)
		if err != nil {
			t.Fatal(err)
		}
		page, err := ingest.Unpack(stored)
		if err != nil || !bytes.Contains(page, []byte("Testcase")) || bytes.Equal(page, stored) {
			t.Errorf("page %q, %v", page, err)
		}
	}
	return n
}

// TestGuardsAtTheFrontDoor crawls a file that loses people or their birth dates, by the way of the
// command: who was listed stays so, until a run that can be believed does not list them.
func TestGuardsAtTheFrontDoor(t *testing.T) {
	app := testApp(t, t.TempDir(), "http://127.0.0.1")
	h, err := node.Open(t.Context(), app.Options)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	src := registrySource(t, "t-guards")
	for _, step := range []struct {
		file   answers
		accept string // a human's reason to believe a drop
		state  schemas.RunState
		reason string
		listed int
	}{
		{registry(40, "1970"), "", schemas.RunComplete, "", 40},
		{registry(30, "1970"), "", schemas.RunRefused, "10 of 40 registrants (25 %) are gone, at most 10 % may go", 40},
		{registry(3, "1970"), "looked at it", schemas.RunRefused, "3 registrants read, the source's floor is 4", 40},
		{registry(40, ""), "", schemas.RunRefused, "records with a birth date: 0 % now, 100 % in the last complete run (without: 1, 2, 3)", 40},
		{registry(39, "1970"), "", schemas.RunComplete, "", 39},
		{registry(30, "1970"), "looked at it", schemas.RunComplete, "", 30},
	} {
		sum, err := h.CrawlSource(t.Context(), src, &scraper.Crawl{AcceptDrop: step.accept, Fetcher: fetch.Config{Transport: step.file}})
		if err != nil || sum.State != step.state || !strings.Contains(sum.Reason, step.reason) {
			t.Errorf("%s (%s), %v; want %s (%s)", sum.State, sum.Reason, err, step.state, step.reason)
		}
		listed := 0
		for s, err := range h.Ingest.Listings(t.Context(), "t-guards") {
			if err != nil {
				t.Fatal(err)
			}
			if s.Listed {
				listed++
			}
		}
		if pages := keptPages(t, h); listed != step.listed || pages != step.listed {
			t.Errorf("%d listed, %d pages kept; want %d of each", listed, pages, step.listed)
		}
		time.Sleep(2 * time.Millisecond) // runs are named by the millisecond
	}
}

// TestPagesAreKeptForTheirTime crawls on days past: pages stay a week, those they are of longer.
func TestPagesAreKeptForTheirTime(t *testing.T) {
	app := testApp(t, t.TempDir(), "http://127.0.0.1")
	h, err := node.Open(t.Context(), app.Options)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for days, want := range map[int]int{6: 5, 8: 0} {
		id := fmt.Sprintf("t-days-%d", days)
		before := keptPages(t, h)
		crawl := &scraper.Crawl{Now: func() time.Time { return time.Now().AddDate(0, 0, -days) },
			Fetcher: fetch.Config{Transport: registry(5, "1970")}}
		if sum, err := h.CrawlSource(t.Context(), registrySource(t, id), crawl); err != nil || sum.New != 5 {
			t.Fatalf("%+v, %v", sum, err)
		}
		if pages := keptPages(t, h) - before; pages != want {
			t.Errorf("%d pages of %d days ago, want %d", pages, days, want)
		}
		for s, err := range h.Ingest.Listings(t.Context(), id) {
			if err != nil || !s.Listed || len(s.Pages) != want/5 {
				t.Errorf("%d days: %+v, %v", days, s, err)
			}
		}
	}
}
