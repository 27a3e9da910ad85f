package source_test

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lineup/scraper"
	"lineup/scraper/definition/read"
	"lineup/scraper/source"
)

var update = flag.Bool("update", false, "write the golden files")

type golden = source.Answer

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
		pages, err := source.SavedPages(src, src.Info().ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pages {
			out = append(out, saved{p.Path, src, p.Page})
		}
		if len(src.Definition().Steps) > 0 && len(pages) == 0 && src.Definition().Like == "" {
			t.Errorf("%s has no saved page", src.Info().ID)
		}
	}
	return out
}

func result(src *read.Source, page scraper.Page) golden { return source.ReadPage(src, page) }

func TestSavedPagesGiveTheirRecords(t *testing.T) {
	for _, s := range savedPages(t) {
		t.Run(s.path, func(t *testing.T) {
			got, err := result(s.src, s.page).JSON()
			if err != nil {
				t.Fatal(err)
			}
			file := source.Saved{Path: s.path}.Golden()
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v (go test -update writes it; then read it)", err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
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
