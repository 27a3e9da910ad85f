package source_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lineup/internal/testkit/scrapertest"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/fetch"
	"lineup/scraper/source"
)

// layer answers as the service of a map does: two rows at a time, whatever was asked for.
type layer struct {
	fields []string
	rows   [][]string
}

func (l layer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/robots.txt" {
		http.NotFound(w, r)
		return
	}
	if r.URL.Query().Get("returnCountOnly") == "true" {
		fmt.Fprintf(w, `{"count": %d}`, len(l.rows))
		return
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("resultOffset")) // without one, from the first
	answer := map[string]any{}
	var fields, features []any
	for _, name := range l.fields {
		fields = append(fields, map[string]any{"name": name})
	}
	for _, row := range l.rows[min(from, len(l.rows)):min(from+2, len(l.rows))] {
		attributes := map[string]any{}
		for i, name := range l.fields {
			attributes[name] = row[i]
		}
		features = append(features, map[string]any{"attributes": attributes, "geometry": map[string]any{"x": -92, "y": 38}})
	}
	answer["fields"], answer["features"] = fields, features
	if from+2 < len(l.rows) {
		answer["exceededTransferLimit"] = true
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

// TestRowsOfOnePersonAcrossPages has one person's rows on both sides of a border between pages,
// and another's first on two pages running.
func TestRowsOfOnePersonAcrossPages(t *testing.T) {
	site := layer{
		fields: []string{"objectid", "sid", "seq_nbr", "name", "type", "address", "city", "state", "zip", "county"},
		rows: [][]string{
			{"1", "601", "1", "FABRICATED, WENDELL Q", "H", "1 UNREAL ST", "NOTOWN", "MO", "00001", "SAMPLE"},
			{"2", "602", "1", "MADEUP, ODETTE", "H", "2 UNREAL ST", "NOTOWN", "MO", "00001", "SAMPLE"},
			{"3", "601", "2", "FABRICATED, WENDELL Q", "W", "3 UNREAL ST", "NOTOWN", "MO", "00001", "SAMPLE"},
			{"4", "603", "1", "MIRAGE, EZRA", "H", "4 UNREAL ST", "NOTOWN", "MO", "00001", "SAMPLE"},
			{"5", "603", "2", "MIRAGE, EZRA", "S", "5 UNREAL ST", "NOTOWN", "MO", "00001", "SAMPLE"},
		},
	}
	src, err := source.Get("us-mo-map")
	if err != nil {
		t.Fatal(err)
	}
	if src, err = src.Sample(insideURL); err != nil {
		t.Fatal(err)
	}
	sink := scrapertest.NewSink()
	for _, want := range []schemas.RunSummary{{New: 3}, {Unchanged: 3}} {
		c := scraper.Crawl{Source: src, Sink: sink, Fetcher: fetch.Config{Version: "test", Tries: 1, Transport: inside{site}}}
		sum, err := c.Run(t.Context())
		if err != nil || sum.State != schemas.RunComplete || sum.Registrants != 3 || sum.New != want.New || sum.Unchanged != want.Unchanged ||
			sum.Pages != 4 || len(sum.Alarms()) > 0 {
			t.Errorf("%+v, %v; want %d new, %d unchanged of 3 pages and the number of rows", sum, err, want.New, want.Unchanged)
		}
	}
	got := map[string][]string{}
	for key, r := range sink.Records {
		for _, a := range r.Addresses {
			got[key] = append(got[key], a.Kind+" "+a.Street)
		}
	}
	want := map[string][]string{"601": {"home 1 UNREAL ST", "work 3 UNREAL ST"}, "602": {"home 2 UNREAL ST"},
		"603": {"home 4 UNREAL ST", "school 5 UNREAL ST"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
