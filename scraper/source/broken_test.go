package source_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"lineup/internal/testkit/scrapertest"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/definition/read"
	"lineup/scraper/fetch"
	"lineup/scraper/samplesite"
	"lineup/scraper/source"
)

// inside answers requests by a handler, without a connection.
type inside struct{ http.Handler }

func (in inside) RoundTrip(q *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	in.ServeHTTP(w, q)
	answer := w.Result()
	answer.Request = q
	return answer, nil
}

// insideURL is where the site is taken to be.
const insideURL = "http://127.0.0.1:1"

// ran is what is left of a source's first run: nothing is known from before, so no share and no
// number can be compared with the last run's.
type ran struct {
	sum     schemas.RunSummary
	err     error
	records map[string]schemas.Record
}

// heard reports whether the run itself tells the operator that something is wrong.
func (r ran) heard() bool {
	return r.err != nil || r.sum.State != schemas.RunComplete || len(r.sum.Alarms()) > 0
}

func firstRun(t *testing.T, src *read.Source, shape string, site *samplesite.Site) ran {
	t.Helper()
	src, err := src.Sample(insideURL)
	if err != nil {
		t.Fatal(err)
	}
	sink := scrapertest.NewSink()
	c := scraper.Crawl{Source: src, Sink: sink, Fetcher: fetch.Config{Version: "test", Tries: 1, Transport: inside{site}}}
	if start := shapes[shape].start; start != nil {
		c.Source = started{src, start(insideURL, slices.Collect(site.People()))}
	}
	sum, err := c.Run(t.Context())
	return ran{sum, err, sink.Records}
}

// needless are steps of a definition that a shape's run does not come to, by shape.
var needless = map[string][]string{
	"us-ca":       {"steps.popup."},
	"us-wi":       {"steps.firsts.", "steps.lasts.pages."}, // narrow_test.go comes to it
	"us-ca popup": {"steps.search.", "steps.list.", "steps.detail."},
}

// laterWords are alternatives behind the first: names a site had before, which the sample site does not print.
var laterWords = regexp.MustCompile(`\.(label|column|empty)\[[1-9]\d*\]$`)

// TestRunsNoticeBrokenDefinitions breaks each selector and column of every definition in turn and
// crawls the sample site with what is left: the run stops or has an alarm, or it reads everybody
// whole nonetheless.
func TestRunsNoticeBrokenDefinitions(t *testing.T) {
	for shape := range shapes {
		if strings.HasPrefix(shape, "import") {
			continue // its steps are checked page by page
		}
		t.Run(shape, func(t *testing.T) {
			breakRuns(t, shape, few, func(path string) bool { return !strings.Contains(path, ".pages.") })
			people := few
			if shape == "us-id" {
				people = 3*50 + few // fifty of a county on a page, so that there is a next one to lose
			}
			breakRuns(t, shape, people, func(path string) bool { return strings.Contains(path, ".pages.") })
		})
	}
}

func breakRuns(t *testing.T, shape string, people int, which func(path string) bool) {
	t.Helper()
	id, _, _ := strings.Cut(shape, " ")
	text, err := source.YAML(id)
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	site, err := samplesite.New(samplesite.Options{People: people})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := source.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	want := firstRun(t, whole, shape, site)
	if want.heard() || len(want.records) != people {
		t.Fatalf("whole: %+v, %v", want.sum, want.err)
	}
	heard, same := 0, 0
	source.BreakOne(tree["steps"], "", "steps", func(path, _ string) {
		if !which(path) || slices.ContainsFunc(needless[shape], func(step string) bool { return strings.HasPrefix(path, step) }) {
			return
		}
		mutant, err := yaml.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		src, err := read.Load("mutant", mutant)
		if err != nil {
			return // lint stops it
		}
		switch got := firstRun(t, src, shape, site); {
		case got.heard():
			heard++
		case cmp.Equal(want.records, got.records):
			if !laterWords.MatchString(path) {
				same++
			}
			t.Logf("%s broken: everybody is read as before", path)
		case strings.Contains(path, ".has."):
			same++ // it decides by what may be missing
		default:
			t.Errorf("%s broken: the run is complete and silent, and read less:\n%s", path, cmp.Diff(want.records, got.records))
		}
	})
	if heard < 4*same {
		t.Errorf("%d broken selectors heard of, %d of no account: the test does not test", heard, same)
	}
}
