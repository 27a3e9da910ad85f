package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lineup/internal/node"
	"lineup/schemas"
	"lineup/scraper"
)

// Scrape crawls.
type Scrape struct {
	Source      string `arg:"" optional:"" help:"Id of the source to crawl (lineup sources list)."`
	Once        bool   `help:"Crawl now, once."`
	Follow      bool   `help:"Crawl every enabled source on its schedule, until stopped."`
	Resume      bool   `help:"Go on with an interrupted run." default:"true" negatable:""`
	DryRun      bool   `help:"Say what a crawl would change, and write nothing."`
	FromArchive bool   `help:"Read the stored pages again, with the definition as it is now, without asking the site."`
	AcceptDrop  reason `placeholder:"REASON" help:"Believe a run in which more registrants vanished than the source allows, and say why."`
	Unblock     reason `placeholder:"REASON" help:"Ask a site again that refused the last run, and say why it may be asked. Only after you have looked at it or heard from the agency."`
	JSON        bool   `name:"json" help:"Print the run's summary as JSON."`
}

// Run crawls once and prints what the run did, or follows the schedules until it is told to stop. A run that
// is not complete makes it exit with 1.
func (c *Scrape) Run(ctx context.Context, app *App) error {
	if c.Follow == (c.Source != "") || c.Follow && c.Once {
		return exitError{exitMisuse, errors.New("name a source to crawl once (lineup scrape us-ny --once), or --follow all on their schedules")}
	}
	if c.Follow {
		return app.role(ctx, node.Roles{Scrape: true})
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
	a.printRun(s)
	a.printChanges(changes)
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

func (a *App) printRun(s schemas.RunSummary) {
	fmt.Fprintf(a.Stdout, "%s: %s, %d registrants: %d new, %d changed, %d unchanged, %d returned, %d delisted, in %s\n",
		s.Source, s.State, s.Registrants, s.New, s.Changed, s.Unchanged, s.Returned, s.Delisted, s.Ended.Sub(s.Started).Round(time.Millisecond))
	if s.Reason != "" {
		fmt.Fprintf(a.Stdout, "  %s\n", s.Reason)
	}
	for _, alarm := range s.Alarms() {
		fmt.Fprintf(a.Stdout, "  look: %s\n", alarm)
	}
}

// handOver says who does the rest where this command does not.
func (a *App) handOver(n *node.Node, s schemas.RunSummary) {
	if !n.Single() && !s.DryRun && s.New+s.Changed+s.Returned+s.Delisted > 0 {
		fmt.Fprintln(a.Stderr, "the running indexers bring this into the index (lineup status shows how far they are)")
	}
}

// shownChanges is how many changes of a dry run are printed; --json gives all it has.
const shownChanges = 20

func (a *App) printChanges(changes []scraper.Change) {
	for i, c := range changes {
		if i == shownChanges {
			fmt.Fprintf(a.Stdout, "  ... and %d more (--json names them)\n", len(changes)-i)
			return
		}
		fmt.Fprintf(a.Stdout, "  would be %-9s %s  %s\n", c.Does, c.ID, c.Key)
	}
}
