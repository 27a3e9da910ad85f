package source_test

import (
	"testing"

	"lineup/internal/testkit/scrapertest"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/fetch"
	"lineup/scraper/samplesite"
	"lineup/scraper/source"
)

func newSite(t *testing.T) *samplesite.Site {
	t.Helper()
	site, err := samplesite.New(samplesite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return site
}

func TestUnchangedFileIsNotReadTwice(t *testing.T) {
	for id, want := range map[string]schemas.RunState{"us-ga": schemas.RunSame, "us-mo": schemas.RunSame, "us-tn": schemas.RunComplete} {
		t.Run(id, func(t *testing.T) {
			site := newSite(t)
			server, err := samplesite.Start(t.Context(), site, "127.0.0.1:0", "")
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			src, err := source.Get(id)
			if err != nil {
				t.Fatal(err)
			}
			if src, err = src.Sample(server.URL); err != nil {
				t.Fatal(err)
			}
			sink := scrapertest.NewSink()
			run := func() schemas.RunSummary {
				c := scraper.Crawl{Source: src, Sink: sink, Fetcher: fetch.Config{Version: "test"}}
				sum, err := c.Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return sum
			}
			run()
			if sum := run(); sum.State != want || sink.Listed(id) != samplesite.DefaultPeople {
				t.Errorf("second run: %s, %d listed", sum.State, sink.Listed(id))
			}
			if err := site.Delist(samplesite.FirstID); err != nil {
				t.Fatal(err)
			}
			if sum := run(); sum.State != schemas.RunComplete || sum.Delisted != 1 {
				t.Errorf("after a change: %s, %d delisted", sum.State, sum.Delisted)
			}
		})
	}
}
