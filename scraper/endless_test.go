package scraper_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"lineup/internal/testkit/scrapertest"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/fetch"
)

// endless is a source over HTTP whose list has so many entries a page, and so many pages; its first people are
// on the first page.
type endless struct {
	site           string
	entries, pages int
	people, floor  int
}

// Info says that the source is a small registry.
func (e *endless) Info() scraper.Info {
	return scraper.Info{ID: "us-endless", Name: "Invented", Jurisdiction: "ZZ", Home: e.site, Mode: scraper.Enabled, Version: 1,
		Local:  e.site[len("http://"):],
		Guards: scraper.Guards{MinCount: e.floor}}
}

// Start asks for the first page.
func (e *endless) Start() ([]scraper.Request, error) { return []scraper.Request{e.page(1)}, nil }

func (e *endless) page(n int) scraper.Request {
	return scraper.Request{Rule: "list", URL: fmt.Sprintf("%s/list?page=%d", e.site, n), Carry: map[string]string{"page": strconv.Itoa(n)}}
}

// Parse gives a page's entries, and the next page.
func (e *endless) Parse(p scraper.Page) (scraper.Parsed, error) {
	out := scraper.Parsed{Entries: e.entries}
	n, err := strconv.Atoi(p.Request.Carry["page"])
	if err != nil {
		return out, err
	}
	for i := range e.people {
		if n == 1 {
			record := schemas.Record{Source: "us-endless", Key: strconv.Itoa(i), Name: schemas.Name{Full: "Testcase " + strconv.Itoa(i)}}
			out.Drafts = append(out.Drafts, scraper.Draft{Record: record, Evidence: p.Body})
		}
	}
	if n < e.pages {
		out.Next = []scraper.Request{e.page(n + 1)}
	}
	return out, nil
}

// TestListsWithoutAnEnd: a list that goes on for three times the last complete run, or in a first run for twenty times the
// floor and at least 200,000 entries, ends the run: partial, with an alarm. What is one file is as long as it is.
func TestListsWithoutAnEnd(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/list" {
			http.NotFound(w, r)
			return
		}
		asked++
		fmt.Fprint(w, "page")
	}))
	t.Cleanup(server.Close)
	const forever = 1000
	for _, tc := range []struct {
		name   string
		before int // people of the complete run before, none for a first
		source endless
		pages  int
		state  schemas.RunState
	}{
		{"a first run, small floor", 0, endless{entries: 50_000, pages: forever, people: 1, floor: 1}, 5, schemas.RunPartial},
		{"a first run, high floor", 0, endless{entries: 50_000, pages: forever, people: 1, floor: 20_000}, 9, schemas.RunPartial},
		{"a first run below the bound", 0, endless{entries: 50_000, pages: 4, people: 1, floor: 1}, 4, schemas.RunComplete},
		{"three times the last complete run", 200, endless{entries: 100, pages: forever, people: 200, floor: 1}, 7, schemas.RunPartial},
		{"less than that", 200, endless{entries: 100, pages: 6, people: 200, floor: 1}, 6, schemas.RunComplete},
		{"a small registry", 20, endless{entries: 100, pages: forever, people: 20, floor: 1}, 6, schemas.RunPartial},
		{"one file", 20, endless{entries: 1_000_000, pages: 1, people: 20, floor: 1}, 1, schemas.RunComplete},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sink := scrapertest.NewSink()
			crawl := func(source endless) schemas.RunSummary {
				t.Helper()
				asked, source.site = 0, server.URL
				c := scraper.Crawl{Source: &source, Sink: sink, Resume: true, Fetcher: fetch.Config{Version: "test", Tries: 1}}
				sum, err := c.Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return sum
			}
			if tc.before > 0 {
				if sum := crawl(endless{entries: 1, pages: 1, people: tc.before, floor: 1}); sum.State != schemas.RunComplete {
					t.Fatalf("%+v", sum)
				}
			}
			sum := crawl(tc.source)
			if sum.State != tc.state || asked != tc.pages || (len(sum.Drift) > 0) != (tc.state == schemas.RunPartial) || sum.Delisted > 0 {
				t.Errorf("%s (%s) after %d pages, alarms %q; want %s after %d", sum.State, sum.Reason, asked, sum.Drift, tc.state, tc.pages)
			}
		})
	}
}

// TestAPartOfTheListThatIsNotRead: a list without totals, of which one page fails: the run is partial and delists nobody.
func TestAPartOfTheListThatIsNotRead(t *testing.T) {
	fails := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch page := r.URL.Query().Get("page"); {
		case r.URL.Path != "/list":
			http.NotFound(w, r)
		case page != "" && page == fails:
			http.Error(w, "oops", http.StatusInternalServerError)
		default:
			fmt.Fprint(w, "page")
		}
	}))
	t.Cleanup(server.Close)
	sink := scrapertest.NewSink()
	crawl := func(people int) schemas.RunSummary {
		t.Helper()
		c := scraper.Crawl{Source: &endless{site: server.URL, pages: 3, people: people, floor: 1}, Sink: sink, Resume: true,
			Fetcher: fetch.Config{Version: "test", Tries: 1}}
		sum, err := c.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	if sum := crawl(20); sum.State != schemas.RunComplete || sum.New != 20 {
		t.Fatalf("%+v", sum)
	}
	fails = "3"
	if sum := crawl(19); sum.State != schemas.RunPartial || len(sum.Unlisted) != 1 || sum.Delisted != 0 || sink.Listed("us-endless") != 20 {
		t.Errorf("%s (%s), not read %v, %d delisted", sum.State, sum.Reason, sum.Unlisted, sum.Delisted)
	}
	fails = ""
	if sum := crawl(19); sum.State != schemas.RunComplete || sum.Delisted != 1 {
		t.Errorf("all well again: %s (%s), %d delisted", sum.State, sum.Reason, sum.Delisted)
	}
}
