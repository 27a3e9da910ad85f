package source_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/definition/read"
	"lineup/scraper/source"
)

var update = flag.Bool("update", false, "write the golden files")

// golden is what a saved page must give.
type golden struct {
	Records  []schemas.Record   `json:"records,omitempty"`
	Photos   []string           `json:"photos,omitempty"`
	Listed   []string           `json:"listed,omitempty"`
	Next     []string           `json:"next,omitempty"`
	Total    int                `json:"total,omitempty"`
	Dropped  map[string]int     `json:"dropped,omitempty"`
	Leftover []scraper.Leftover `json:"leftover,omitempty"`
	Error    string             `json:"error,omitempty"`
}

// saved is a page in a source's testdata: step.ext or step-what.ext.
type saved struct {
	path string
	src  *read.Source
	page scraper.Page
}

func savedPages(t testing.TB) []saved {
	t.Helper()
	all, err := source.All()
	if err != nil {
		t.Fatal(err)
	}
	var out []saved
	for _, src := range all {
		files, err := filepath.Glob(filepath.Join(src.Info().ID, "testdata", "*"))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, file := range files {
			if strings.HasSuffix(file, ".golden.json") {
				continue
			}
			info, err := os.Stat(file)
			if err != nil || info.IsDir() {
				continue
			}
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			n++
			out = append(out, saved{file, src, pageOf(src, file, body)})
		}
		if len(src.Definition().Steps) > 0 && n == 0 {
			t.Errorf("%s has no saved page", src.Info().ID)
		}
	}
	return out
}

func pageOf(src *read.Source, file string, body []byte) scraper.Page {
	rule, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), "-")
	address := src.Definition().Base
	if address == "" {
		address = "file://import/"
	}
	return scraper.Page{
		Request: scraper.Request{Rule: rule, URL: address, Carry: map[string]string{"key": "KEY", "page": "1", "offset": "0"}},
		URL:     address, Status: http.StatusOK, Header: http.Header{}, Body: body, Read: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC),
	}
}

func result(src *read.Source, page scraper.Page) golden {
	parsed, err := src.Parse(page)
	if err != nil {
		return golden{Error: err.Error()}
	}
	out := golden{Listed: parsed.Listed, Total: parsed.Total, Leftover: parsed.Leftover}
	if len(parsed.Dropped) > 0 {
		out.Dropped = parsed.Dropped
	}
	for _, d := range parsed.Drafts {
		out.Records = append(out.Records, d.Record)
		for _, p := range d.Photos {
			out.Photos = append(out.Photos, p.URL)
		}
	}
	for _, r := range parsed.Next {
		text := strings.TrimSpace(r.Rule + " " + r.Method + " " + r.URL + " " + string(r.Body))
		for _, name := range slices.Sorted(maps.Keys(src.Definition().Steps[page.Request.Rule].Carry)) {
			text += " " + name + "=" + r.Carry[name]
		}
		out.Next = append(out.Next, text)
	}
	return out
}

func TestSavedPagesGiveTheirRecords(t *testing.T) {
	for _, s := range savedPages(t) {
		t.Run(s.path, func(t *testing.T) {
			var got bytes.Buffer
			enc := json.NewEncoder(&got)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			if err := enc.Encode(result(s.src, s.page)); err != nil {
				t.Fatal(err)
			}
			file := strings.TrimSuffix(s.path, filepath.Ext(s.path)) + ".golden.json"
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v (go test -update writes it; then read it)", err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// FuzzParse throws damaged pages at every step of every source: an error or an answer, never a panic.
func FuzzParse(f *testing.F) {
	pages := savedPages(f)
	for i, s := range pages {
		f.Add(i, s.page.Body)
	}
	f.Fuzz(func(t *testing.T, i int, body []byte) {
		if i < 0 || i >= len(pages) {
			return
		}
		page := pages[i].page
		page.Body = body
		parsed, err := pages[i].src.Parse(page)
		if err != nil {
			return
		}
		for _, d := range parsed.Drafts {
			if d.Record.Key == "" || d.Record.Name.Full == "" {
				t.Error("record without key or name")
			}
			if len(d.Photos) != len(d.Record.Photos) {
				t.Error("photos and their requests differ in number")
			}
			if _, err := d.Record.Canonical(); err != nil {
				t.Error(err)
			}
		}
	})
}
