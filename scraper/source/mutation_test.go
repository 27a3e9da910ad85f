package source_test

import (
	"testing"

	"lineup/scraper/definition/read"
	"lineup/scraper/source"
)

func TestBrokenSelectorsAreNoticed(t *testing.T) {
	pages := map[string][]source.Saved{}
	sources := map[string]*read.Source{}
	for _, s := range savedPages(t) {
		id := s.src.Info().ID
		sources[id] = s.src
		pages[id] = append(pages[id], source.Saved{Path: s.path, Page: s.page})
	}
	for id, saves := range pages {
		t.Run(id, func(t *testing.T) {
			text, err := source.YAML(id)
			if err != nil {
				t.Fatal(err)
			}
			n, unseen, err := source.BreakSelectors(sources[id], text, saves)
			if err != nil || n == 0 {
				t.Fatalf("%d selectors broken: %v", n, err)
			}
			for _, one := range unseen {
				t.Error(one)
			}
		})
	}
}
