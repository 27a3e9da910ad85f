package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lineup/ingest"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/source"
)

// Scrape crawls.
type Scrape struct {
	Source      string `arg:"" optional:"" help:"Id of the source to crawl (lineup sources list)."`
	Once        bool   `help:"Crawl now, once."`
	Follow      bool   `help:"Crawl every enabled source on its schedule, until stopped."`
	Resume      bool   `help:"Go on with an interrupted run." default:"true" negatable:""`
	DryRun      bool   `help:"Say what a crawl would change, and write nothing."`
	FromArchive bool   `help:"Read the stored pages again, with the definition as it is now, without asking the site."`
	AcceptDrop  string `placeholder:"REASON" help:"Believe a run in which more registrants vanished than the source allows, and say why."`
	Unblock     string `placeholder:"REASON" help:"Ask a site again that refused the last run, and say why it may be asked. Only after you have looked at it or heard from the agency."`
	JSON        bool   `name:"json" help:"Print the run's summary as JSON."`
}

// Run does it.
func (c *Scrape) Run(ctx context.Context, app *App) (err error) {
	if c.Follow == (c.Source != "") || c.Follow && c.Once {
		return exitError{2, errors.New("name a source to crawl once (lineup scrape us-ny --once), or --follow all on their schedules")}
	}
	if c.Follow {
		return app.serve(ctx, roles{scrape: true}, nil)
	}
	h, err := app.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	return app.crawlThenIndex(ctx, h, func(ctx context.Context) error {
		s, changes, err := app.crawlAs(ctx, h, c)
		if err != nil && s.Run == "" {
			return err
		}
		if c.JSON {
			return errors.Join(err, app.printJSON(dryReport{s, changes}), unbelieved(s, err))
		}
		app.printRun(s)
		app.printChanges(changes)
		app.handOver(h, s)
		return errors.Join(err, unbelieved(s, err))
	})
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
	return exitError{1, nil}
}

// crawlThenIndex crawls, and where no other process indexes does so until nothing waits.
func (a *App) crawlThenIndex(ctx context.Context, h *Node, crawl func(context.Context) error) error {
	if !h.Alone || a.Config.NATS.URL != "" {
		return crawl(ctx)
	}
	return a.withWorker(ctx, h, func(ctx context.Context) error {
		err := crawl(ctx)
		if ctx.Err() != nil {
			return err
		}
		shown := a.progress("indexing", 0)
		defer shown.end()
		return errors.Join(err, h.drained(ctx, shown)) // also after a run that ended early
	})
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
func (a *App) handOver(h *Node, s schemas.RunSummary) {
	if (!h.Alone || a.Config.NATS.URL != "") && !s.DryRun && s.New+s.Changed+s.Returned+s.Delisted > 0 {
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

// source opens a source as the operator configured it.
func (a *App) source(id string) (scraper.Source, *scraper.Permission, error) {
	s, err := source.Get(id)
	if err != nil {
		return nil, nil, err
	}
	configured := a.Config.Sources[id]
	if configured.BaseURL != "" {
		if s, err = s.Sample(configured.BaseURL); err != nil {
			return nil, nil, fmt.Errorf("sources.%s.base_url: %w", id, err)
		}
	}
	if configured.Vehicles {
		s = s.WithVehicles()
	}
	if account := configured.Account; account != nil {
		s = s.WithAccount(account.User, account.Password)
	}
	var permission *scraper.Permission
	if p := configured.Permission; p != nil {
		when, err := schemas.ParseDate(p.When)
		if err != nil {
			return nil, nil, fmt.Errorf("sources.%s.permission: %w", id, err)
		}
		permission = &scraper.Permission{Who: p.Who, When: when, Reference: p.Reference, Terms: p.Terms}
	}
	return s, permission, nil
}

// crawl crawls one source once and shows how far it is.
func (a *App) crawl(ctx context.Context, h *Node, id string, resume bool, acceptDrop string) (schemas.RunSummary, error) {
	return a.crawlSite(ctx, h, id, &scraper.Crawl{Resume: resume, AcceptDrop: acceptDrop})
}

// crawlSite crawls the site of one source once, as c's settings say.
func (a *App) crawlSite(ctx context.Context, h *Node, id string, c *scraper.Crawl) (schemas.RunSummary, error) {
	s, permission, err := a.site(id)
	if err != nil {
		return schemas.RunSummary{}, err
	}
	c.Permission = permission
	return a.crawlSource(ctx, h, s, c)
}

// site opens a source whose site is going to be asked.
func (a *App) site(id string) (scraper.Source, *scraper.Permission, error) {
	s, permission, err := a.source(id)
	if err == nil && a.Config.Contact == "" && a.Config.Sources[id].BaseURL == "" && (s.Info().Mode == scraper.Enabled || permission.Valid()) {
		err = fmt.Errorf("%s is not asked by a nameless program: set contact in the configuration to an e-mail address or URL that the site's owner can complain to", id)
	}
	return s, permission, err
}

// crawlSource crawls s once, as c's settings say, through c.Fetcher.Transport where its pages are files.
func (a *App) crawlSource(ctx context.Context, h *Node, s scraper.Source, c *scraper.Crawl) (schemas.RunSummary, error) {
	id := s.Info().ID
	if c.Progress == nil {
		shown := a.progress("crawling", 0)
		defer shown.end()
		c.Progress = shown.crawl
	}
	c.Source, c.Logger = s, a.Log
	if c.Sink == nil {
		c.Sink = h.Ingest
	}
	c.Fetcher.Version, c.Fetcher.Contact = version, a.contact()
	sum, err := c.Run(ctx)
	for _, alarm := range sum.Alarms() {
		a.Log.Warn("crawl wants a look", "source", id, "alarm", alarm)
	}
	if ctx.Err() != nil || errors.Is(err, schemas.ErrLeased) || c.DryRun {
		return sum, err
	}
	// Whatever the crawl did: what may not be kept any longer goes.
	policy := s.Info().Policy
	gone, rerr := h.Ingest.Retain(ctx, id, ingest.Keep{Records: policy.KeepRecords, Pages: policy.KeepPages})
	if gone.Delisted+gone.Pages > 0 {
		a.Log.Info("retention time over", "source", id, "delisted", gone.Delisted, "pages", gone.Pages)
	}
	return sum, errors.Join(err, rerr)
}

// crawlAs crawls as the command's flags say. A dry run gives what would change too.
func (a *App) crawlAs(ctx context.Context, h *Node, c *Scrape) (schemas.RunSummary, []scraper.Change, error) {
	dry := scraper.NewDryRun(h.Ingest, h.Ingest)
	if c.FromArchive {
		s, _, err := a.source(c.Source)
		if err != nil {
			return schemas.RunSummary{}, nil, err
		}
		reread := scraper.Reread{Source: s, Sink: h.Ingest, Archive: h.Ingest, DryRun: c.DryRun, Logger: a.Log}
		if c.DryRun {
			reread.Sink = dry
		}
		sum, err := reread.Run(ctx)
		return sum, dry.Changes(), err
	}
	crawl := &scraper.Crawl{Resume: c.Resume, AcceptDrop: c.AcceptDrop, Unblock: c.Unblock, DryRun: c.DryRun}
	if c.DryRun {
		crawl.Sink = dry
	}
	sum, err := a.crawlSite(ctx, h, c.Source, crawl)
	return sum, dry.Changes(), err
}

// contact is how a site's owner can reach the operator.
func (a *App) contact() string {
	if a.Config.Contact != "" {
		return a.Config.Contact
	}
	return "sample site or files only"
}
