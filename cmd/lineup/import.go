package main

import (
	"context"

	"lineup/internal/node"
	"lineup/scraper"
	"lineup/scraper/fetch"
)

// Import reads a source from files.
type Import struct {
	Path       string `arg:"" type:"path" help:"A file the source's definition reads (CSV, JSON, ZIP ...), or a folder of files and photos."`
	Source     string `required:"" placeholder:"ID" help:"The source whose records these are."`
	AcceptDrop reason `placeholder:"REASON" help:"Believe an import in which more registrants are missing than the source allows, and say why."`
	JSON       bool   `name:"json" help:"Print the run's summary as JSON."`
}

// Help says what is read, and who indexes it.
func (c *Import) Help() string {
	return "A crawl that reads the files in the place of the site, under the same guards: what is missing is delisted, unless too\n" +
		"much is. Photos lie beside the records under the names that the records give, or as KEY.jpg, KEY-2.jpg. Beside a running\n" +
		"Lineup its indexers bring the records into the index; otherwise this command does."
}

// Run imports: a crawl that reads the files in the place of the site, under the same guards.
func (c *Import) Run(ctx context.Context, app *App) error {
	s, err := app.Definitions().Get(c.Source)
	if err != nil {
		return err
	}
	files, transport, err := s.Import(c.Path)
	if err != nil {
		return err
	}
	app.Make = true
	return app.withNode(ctx, func(n *node.Node) error {
		return n.Indexed(ctx, func(ctx context.Context) error {
			sum, err := n.CrawlSource(ctx, files, &scraper.Crawl{AcceptDrop: string(c.AcceptDrop), Fetcher: fetch.Config{Transport: transport}})
			return app.printCrawl(n, sum, nil, c.JSON, err)
		})
	})
}
