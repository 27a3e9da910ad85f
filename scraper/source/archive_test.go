package source_test

import (
	"testing"

	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/samplesite"
	"lineup/scraper/scrapertest"
	"lineup/scraper/source"
)

// What is kept of each shape gives the same records again without the site: nobody changes,
// nothing is left over, and a page read again is kept as it was.
func TestArchiveOfEveryShapeGivesTheSameRecords(t *testing.T) {
	for id := range shapes {
		t.Run(id, func(t *testing.T) {
			site := newSite(t)
			server, err := samplesite.Start(t.Context(), site, "127.0.0.1:0", "")
			if err != nil {
				t.Fatal(err)
			}
			src, err := source.Get(id)
			if err != nil {
				t.Fatal(err)
			}
			if src, err = src.Sample(server.URL); err != nil {
				t.Fatal(err)
			}
			sink := scrapertest.NewSink()
			run(t, src, sink, nil)
			if err := server.Close(); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time, of what the first has kept
				again := scraper.Reread{Source: src, Sink: sink, Archive: sink}
				sum, err := again.Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if sum.State != schemas.RunSame || sum.Unchanged != samplesite.DefaultPeople || sum.Changed != 0 || len(sum.Errors)+len(sum.Leftovers)+len(sum.Dropped) > 0 {
					t.Errorf("read again: %+v", sum)
				}
			}
		})
	}
}
