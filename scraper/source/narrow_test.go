package source_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lineup/internal/testkit/scrapertest"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/fetch"
	"lineup/scraper/source"
)

// capped is a registry like Wisconsin's: it looks people up by how their names begin, and gives nobody where there are
// more than 240, or where somebody is whom no narrower question finds: stuck.
type capped struct {
	people []string // LAST, FIRST
	stuck  string
	asked  int
}

func (c *capped) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fail := func(status int, what string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"errorInfo": {"errorStatus": %q}}`, what)
	}
	const tooMany = "Search generated more than 240 results. Enter additional criteria to narrow the search."
	var id int
	switch _, err := fmt.Sscanf(r.URL.Path, "/api/offenderdetails/%d", &id); {
	case err == nil:
		json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"offenderId": id, "fullName": c.people[id], "age": "50",
			"gender": "Male"}})
		return
	case r.URL.Path != "/api/name-search":
		fail(http.StatusNotFound, "no such page")
		return
	}
	c.asked++
	var ask struct{ Last, First string }
	json.NewDecoder(r.Body).Decode(&ask)
	var data []any
	for id, name := range c.people {
		last, first, _ := strings.Cut(name, ", ")
		if strings.HasPrefix(last, ask.Last) && strings.HasPrefix(first, ask.First) {
			data = append(data, map[string]any{"id": id, "fullName": name})
		}
	}
	switch {
	case len(data) > 240, c.isStuck(ask.Last, ask.First):
		fail(http.StatusBadRequest, tooMany)
	case len(data) == 0:
		fail(http.StatusNotFound, "Data not found.")
	default:
		json.NewEncoder(w).Encode(map[string]any{"data": data})
	}
}

func (c *capped) isStuck(last, first string) bool {
	stuckLast, stuckFirst, ok := strings.Cut(c.stuck, ", ")
	return ok && strings.HasPrefix(stuckLast, last) && strings.HasPrefix(stuckFirst, first)
}

func TestListThatGivesSoManyAtMost(t *testing.T) {
	src, err := source.Get("us-wi")
	if err != nil {
		t.Fatal(err)
	}
	if src, err = src.Sample(insideURL); err != nil {
		t.Fatal(err)
	}
	site := &capped{}
	for i := range 900 { // of S: many of each first letter, and more than 240 of one
		first := string(rune('A'+i%3)) + fmt.Sprintf("DO%d", i)
		last := []string{"SAMPLETON", "SIMULA", "SYNTHE", "S'AMPLE"}[i/3%4]
		site.people = append(site.people, last+", "+first)
	}
	for i := range 240 { // of T: exactly as many as it gives
		site.people = append(site.people, fmt.Sprintf("TESTCASE, %cDO%d", 'A'+i%2, i))
	}
	site.people = append(site.people, "MADEUP, ODETTE", "O'SAMPLE, EZRA", "Z, Z")
	sink := scrapertest.NewSink()
	run := func() schemas.RunSummary {
		t.Helper()
		c := scraper.Crawl{Source: src, Sink: sink, Fetcher: fetch.Config{Version: "test", Tries: 1, Transport: inside{site}}}
		sum, err := c.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	if sum := run(); sum.State != schemas.RunComplete || sum.Registrants != len(site.people) || sink.Listed("us-wi") != len(site.people) {
		t.Fatalf("%s (%s), %d registrants, %d listed, want %d", sum.State, sum.Reason, sum.Registrants, sink.Listed("us-wi"), len(site.people))
	}
	if site.asked > 26+2*26+3*28 {
		t.Errorf("asked %d times", site.asked)
	}
	site.people = site.people[:len(site.people)-1] // Z, Z is gone
	// Where narrower questions do not give as many as there are, or cannot be put, somebody is not listed: nobody may be delisted.
	for _, site.stuck = range []string{"MADEUP, ODETTE", "MADEUPERSON, ODETTE"} {
		if sum := run(); sum.State != schemas.RunPartial || sum.Delisted != 0 || sink.Listed("us-wi") != len(site.people)+1 {
			t.Errorf("%s (%s), unlisted %v, %d delisted", sum.State, sum.Reason, sum.Unlisted, sum.Delisted)
		}
	}
	site.stuck = ""
	if sum := run(); sum.State != schemas.RunComplete || sum.Delisted != 1 {
		t.Errorf("%s (%s), %d delisted, want Z", sum.State, sum.Reason, sum.Delisted)
	}
}
