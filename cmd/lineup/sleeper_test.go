package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lineup/internal/node"
	"lineup/schemas"
	"lineup/scraper/samplesite"
)

// TestASleepingScraperWritesNothing stops a crawling process in the middle. Another takes its
// lease over, as when it has run out, and tells of a delisting; then the first wakes up.
func TestASleepingScraperWritesNothing(t *testing.T) {
	a := newAllInOne(t)
	const page = "/SomsSUBDirectory/offenderDetails.jsp"
	left, _ := a.leave()
	must(t, a.site.Relist(left)) // whom the sleeper sees, and the other does not
	asked := a.site.Requests(page)
	sleeper := a.lineup("scrape", demoSource, "--once")
	var said bytes.Buffer
	sleeper.Stdout, sleeper.Stderr = &said, &said
	must(t, sleeper.Start())
	a.eventually("the crawl is under way", func() error {
		if a.site.Requests(page) < asked+5 {
			return errors.New("it has asked for too little")
		}
		return nil
	})
	must(t, sleeper.Process.Signal(stopped))
	must(t, a.site.Delist(left))
	must(t, a.site.Move(samplesite.FirstID))

	h, err := node.Open(t.Context(), testApp(t, a.data, "").Options)
	must(t, err)
	defer func() { must(t, h.Close()) }()
	if _, _, err := h.Ingest.Begin(t.Context(), demoSource, true); !errors.Is(err, schemas.ErrLeased) {
		t.Fatalf("a lease beside the sleeper's: %v", err)
	}
	must(t, h.Ledger.BreakLeases(t.Context()))
	a.crawled()
	a.crawled() // the first went on where the sleeper was; this one saw everything
	before := ledgerText(t, h)
	if !strings.Contains(before[sampleID(left)], `"listed":false`) {
		t.Fatalf("who left: %s", before[sampleID(left)])
	}

	must(t, sleeper.Process.Signal(goOn))
	if err := sleeper.Wait(); err == nil || !strings.Contains(said.String(), schemas.ErrLeased.Error()) {
		t.Errorf("the sleeper ended with %v, want it to say that the lease is another's: %s", err, said.String())
	}
	if diff := cmp.Diff(before, ledgerText(t, h)); diff != "" {
		t.Errorf("the sleeper wrote (-before +after):\n%s", diff)
	}
	a.right()
}

// ledgerText is every listing of the source, as stored, and its runs under the empty id.
func ledgerText(t *testing.T, h *node.Node) map[schemas.UUID]string {
	t.Helper()
	all := map[schemas.UUID]string{}
	for s, err := range h.Ledger.Each(t.Context(), demoSource) {
		must(t, err)
		s.Marks = nil // the indexer's
		text, err := json.Marshal(s)
		must(t, err)
		all[s.ID] = string(text)
	}
	runs, err := h.Ledger.Runs(t.Context(), demoSource)
	must(t, err)
	text, err := json.Marshal(runs)
	must(t, err)
	all[""] = string(text)
	return all
}
