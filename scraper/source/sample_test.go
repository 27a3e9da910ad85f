package source_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/definition/read"
	"lineup/scraper/samplesite"
	"lineup/scraper/source"
)

// crawl reads a whole source from site without manners, as the crawl would.
func crawl(t *testing.T, src *read.Source) (map[string]schemas.Record, []scraper.Leftover) {
	t.Helper()
	queue, err := src.Start()
	if err != nil {
		t.Fatal(err)
	}
	got, seen := map[string]schemas.Record{}, map[string]bool{}
	var left []scraper.Leftover
	for len(queue) > 0 {
		ask := queue[0]
		queue = queue[1:]
		name := ask.Method + ask.URL + string(ask.Body)
		if seen[name] {
			continue
		}
		seen[name] = true
		if len(seen) > 2000 {
			t.Fatal("the crawl does not end")
		}
		parsed, err := src.Parse(get(t, ask))
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Drafts {
			got[d.Record.Key] = d.Record
		}
		left = append(left, parsed.Leftover...)
		queue = append(queue, parsed.Next...)
	}
	return got, left
}

func get(t *testing.T, ask scraper.Request) scraper.Page {
	t.Helper()
	method := ask.Method
	if method == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(t.Context(), method, ask.URL, strings.NewReader(string(ask.Body)))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range ask.Header {
		req.Header[name] = values
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return scraper.Page{Request: ask, URL: ask.URL, Status: resp.StatusCode, Header: resp.Header, Body: body,
		Read: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}
}

func sample(t *testing.T, id string) *read.Source {
	t.Helper()
	site, err := samplesite.New(samplesite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(site)
	t.Cleanup(server.Close)
	src, err := source.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	if src, err = src.Sample(server.URL); err != nil {
		t.Fatal(err)
	}
	return src
}

func TestSampleSiteIsReadWhole(t *testing.T) {
	src := sample(t, "us-ny")
	got, left := crawl(t, src)
	if len(got) != samplesite.DefaultPeople {
		t.Errorf("read %d people, the site has %d", len(got), samplesite.DefaultPeople)
	}
	if len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	for key, r := range got {
		if r.Birth.Precision() != "exact" || r.Height.Value == 0 || len(r.Addresses) == 0 || len(r.Offenses) == 0 ||
			len(r.Offenses[0].Charges) == 0 {
			data, _ := r.Canonical()
			t.Errorf("%s: %s", key, data)
		}
	}
}
