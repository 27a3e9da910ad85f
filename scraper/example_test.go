package scraper_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"lineup/internal/testkit/scrapertest"
	"lineup/scraper"
	"lineup/scraper/samplesite"
)

// A sink takes what a crawl reads. The dry run is one: it asks the sink it stands before what it knows, counts what
// would change, and keeps nothing.
func Example() {
	site, err := samplesite.New(samplesite.Options{People: 12})
	if err != nil {
		panic(err)
	}
	server := httptest.NewServer(site)
	defer server.Close()
	var sink scraper.Sink = scrapertest.NewSink() // the ingester stands here
	source := scrapertest.NewSource(server.URL)

	crawl := scraper.Crawl{Source: source, Sink: scraper.NewDryRun(sink), DryRun: true}
	sum, err := crawl.Run(context.Background())
	if err != nil {
		panic(err)
	}
	fmt.Println(sum.State, "would bring", sum.New, "people")

	crawl = scraper.Crawl{Source: source, Sink: sink}
	if sum, err = crawl.Run(context.Background()); err != nil {
		panic(err)
	}
	fmt.Println(sum.State, "brought", sum.New)
	// Output:
	// complete would bring 12 people
	// complete brought 12
}
