package main

import (
	"context"

	"lineup/internal/commands"
	"lineup/internal/node"
	"lineup/scraper"
	"lineup/scraper/fetch"
)

// Import reads a source from files.
type Import struct {
	Path       string          `arg:"" type:"path" help:"A file the source's definition reads (CSV, JSON, ZIP ...), or a folder of files and photos."`
	Source     string          `required:"" placeholder:"ID" complete:"source" help:"Id of the source that the records belong to."`
	Agency     string          `placeholder:"NAME" help:"The agency that handed the files over, where several use one source: its people are kept under ID@NAME, apart from those of other agencies."`
	AcceptDrop commands.Reason `placeholder:"REASON" help:"Accept an import in which more registrants are missing than the source allows. Give the reason."`
	JSON       bool            `name:"json" help:"Print the run's summary as JSON."`
}

// Help says what is read, and who indexes it.
func (c *Import) Help() string {
	return "Works like a crawl that reads files instead of the site, with the same guards: whoever is missing is delisted, unless too\n" +
		"many are. Photos are looked for beside the records, under the names that the records give or as KEY.jpg, KEY-2.jpg. If lineup\n" +
		"is running, its indexers index the records; otherwise this command does."
}

// Run imports: a crawl that reads the files in the place of the site, under the same guards.
func (c *Import) Run(ctx context.Context, app *App) error {
	s, err := app.Definitions().Get(c.Source)
	if err == nil && c.Agency != "" {
		s, err = s.Of(c.Agency)
	}
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
