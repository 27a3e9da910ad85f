package main

import (
	"context"
	"errors"
	"fmt"

	"lineup/internal/commands"
	"lineup/internal/node"
	"lineup/internal/operate/text"
	"lineup/schemas"
	"lineup/scraper"
)

// Scrape crawls.
type Scrape struct {
	Source      string          `arg:"" optional:"" complete:"source" help:"Id of the source to crawl (lineup sources list)."`
	Once        bool            `help:"Crawl now, once."`
	Follow      bool            `help:"Crawl every enabled source on its schedule, until stopped."`
	Resume      bool            `help:"Continue an interrupted run." default:"true" negatable:""`
	DryRun      bool            `help:"Show what a crawl would change, without writing anything."`
	FromArchive bool            `help:"Read the stored pages again with the current definition, without contacting the site."`
	AcceptDrop  commands.Reason `placeholder:"REASON" help:"Accept a run in which more registrants are missing than the source allows. Give the reason."`
	Unblock     commands.Reason `placeholder:"REASON" help:"Crawl a site that refused the last run. Give the reason. Use it only after you have looked at the site or heard from the agency."`
	JSON        bool            `name:"json" help:"Print the run's summary as JSON."`
}

// Run crawls once and prints what the run did, or follows the schedules until it is told to stop. A run that
// is not complete makes it exit with 1.
func (c *Scrape) Run(ctx context.Context, app *App) error {
	if c.Follow == (c.Source != "") || c.Follow && c.Once {
		return schemas.Misuse("name a source to crawl once (lineup scrape us-ny --once), or --follow all on their schedules")
	}
	if c.Follow {
		return app.role(ctx, node.Roles{Scrape: true})
	}
	if err := app.MayCrawl(c.Source, c.FromArchive); err != nil {
		return err // before anything is made or loaded for it
	}
	app.Make = true
	return app.withNode(ctx, func(n *node.Node) error {
		return n.Indexed(ctx, func(ctx context.Context) error {
			sum, changes, err := c.crawl(ctx, n)
			return app.printCrawl(n, sum, changes, c.JSON, err)
		})
	})
}

// crawl crawls as the flags say. A dry run gives what would change too.
func (c *Scrape) crawl(ctx context.Context, n *node.Node) (sum schemas.RunSummary, changes []scraper.Change, err error) {
	if c.FromArchive {
		return n.Reread(ctx, c.Source, c.DryRun)
	}
	crawl := &scraper.Crawl{Resume: c.Resume, AcceptDrop: string(c.AcceptDrop), Unblock: string(c.Unblock)}
	if c.DryRun {
		return n.DryCrawl(ctx, c.Source, crawl)
	}
	sum, err = n.CrawlSite(ctx, c.Source, crawl)
	return sum, nil, err
}

// printCrawl prints what a run did; err is how it ended.
func (a *App) printCrawl(n *node.Node, s schemas.RunSummary, changes []scraper.Change, asJSON bool, err error) error {
	if err != nil && s.Run == "" {
		return err
	}
	if asJSON {
		return errors.Join(err, a.printJSON(dryReport{s, changes}), unbelieved(s, err))
	}
	err = errors.Join(err, text.Run(a.Stdout, s, changes))
	a.handOver(n, s)
	return errors.Join(err, unbelieved(s, err))
}

// dryReport is a run's summary, and what a dry one would have changed.
type dryReport struct {
	schemas.RunSummary
	Changes []scraper.Change `json:"changes,omitempty"`
}

// unbelieved makes the program end with a code of its own after a run that is not complete.
func unbelieved(s schemas.RunSummary, err error) error {
	if err != nil || s.State == schemas.RunComplete || s.State == schemas.RunSame {
		return nil
	}
	return exitError{exitFailed, nil}
}

// handOver says who does the rest where this command does not.
func (a *App) handOver(n *node.Node, s schemas.RunSummary) {
	if !n.Single() && !s.DryRun && s.New+s.Changed+s.Returned+s.Delisted > 0 {
		fmt.Fprintln(a.Stderr, "the running indexers bring this into the index (lineup status shows how far they are)")
	}
}
