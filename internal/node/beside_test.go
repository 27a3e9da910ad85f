package node

import (
	"slices"
	"testing"

	"lineup/config"
	"lineup/scraper"
)

// TestSourcesOfOneHostKnowOfEachOther holds that a crawl of an office knows the other offices that the same company serves.
func TestSourcesOfOneHostKnowOfEachOther(t *testing.T) {
	c := config.Default()
	c.Contact = "operator@example.org"
	for id, want := range map[string][]string{"us-ut": {"us-al", "us-wy"}, "us-al": {"us-ut"}, "us-ia": nil} {
		var crawl scraper.Crawl
		if _, err := (Options{Config: c}).recorded(id, &crawl); err != nil {
			t.Fatal(err)
		}
		for _, other := range want {
			if !slices.Contains(crawl.Beside, other) {
				t.Errorf("%s is crawled without a look at %s: %v", id, other, crawl.Beside)
			}
		}
		if want == nil && len(crawl.Beside) > 0 || slices.Contains(crawl.Beside, id) {
			t.Errorf("%s has %v beside it", id, crawl.Beside)
		}
	}
}
