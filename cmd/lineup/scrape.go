package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/robfig/cron/v3"
	"golang.org/x/sync/errgroup"

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
	crawl := func(ctx context.Context) error {
		s, err := app.crawlAs(ctx, h, c)
		if err != nil && s.Run == "" {
			return err
		}
		if c.JSON {
			err = errors.Join(err, app.printJSON(s))
		} else {
			app.printRun(s)
		}
		return err
	}
	if !h.Alone || app.Config.NATS.URL != "" {
		return crawl(ctx)
	}
	return app.withWorker(ctx, h, func(ctx context.Context) error {
		if err := crawl(ctx); err != nil {
			return err
		}
		shown := app.progress("indexing", 0)
		defer shown.end()
		return h.drained(ctx, shown)
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
func (a *App) crawl(ctx context.Context, h *House, id string, resume bool, acceptDrop string) (schemas.RunSummary, error) {
	s, permission, err := a.source(id)
	if err != nil {
		return schemas.RunSummary{}, err
	}
	return a.crawlSource(ctx, h, s, permission, nil, resume, acceptDrop)
}

// crawlSource crawls s once, through transport where its pages are files (nil: the network).
func (a *App) crawlSource(ctx context.Context, h *House, s scraper.Source, permission *scraper.Permission, transport http.RoundTripper, resume bool, acceptDrop string) (schemas.RunSummary, error) {
	id := s.Info().ID
	shown := a.progress("crawling", 0)
	defer shown.end()
	crawl := scraper.Crawl{
		Source: s, Sink: h.Ingest, Permission: permission, Resume: resume, AcceptDrop: acceptDrop, Logger: a.Log,
		Fetcher:  scraper.FetcherConfig{Version: version, Contact: a.contact(), Transport: transport},
		Progress: func(p scraper.Progress) { shown.set(int64(p.Registrants), int64(p.Claimed)) },
	}
	sum, err := crawl.Run(ctx)
	for _, alarm := range sum.Alarms() {
		a.Log.Warn("crawl wants a look", "source", id, "alarm", alarm)
	}
	if ctx.Err() != nil || errors.Is(err, schemas.ErrLeased) {
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

// crawlAs crawls as the command's flags say.
func (a *App) crawlAs(ctx context.Context, h *House, c *Scrape) (schemas.RunSummary, error) {
	if !c.DryRun && !c.FromArchive {
		return a.crawl(ctx, h, c.Source, c.Resume, c.AcceptDrop)
	}
	s, permission, err := a.source(c.Source)
	if err != nil {
		return schemas.RunSummary{}, err
	}
	var sink scraper.Sink = h.Ingest
	if c.DryRun {
		sink = scraper.NewDryRun(h.Ingest, h.Ingest)
	}
	if c.FromArchive {
		reread := scraper.Reread{Source: s, Sink: sink, Archive: h.Ingest, DryRun: c.DryRun, Logger: a.Log}
		return reread.Run(ctx)
	}
	crawl := scraper.Crawl{Source: s, Sink: sink, Permission: permission, DryRun: true, AcceptDrop: c.AcceptDrop, Logger: a.Log,
		Fetcher: scraper.FetcherConfig{Version: version, Contact: a.contact()}}
	return crawl.Run(ctx)
}

// contact is how a site's owner can reach the operator.
func (a *App) contact() string {
	if a.Config.Contact != "" {
		return a.Config.Contact
	}
	return "operator has set no contact"
}

// retryLeased is how long a scheduled crawl waits for another holder of the lease.
const retryLeased = 5 * time.Minute

// follow crawls every enabled source on its schedule until ctx ends.
func (a *App) follow(ctx context.Context, h *House) error {
	group, ctx := errgroup.WithContext(ctx)
	for id, configured := range a.Config.Sources {
		if !configured.Enabled {
			continue
		}
		s, _, err := a.source(id)
		if err != nil {
			return err
		}
		expression := configured.Schedule
		if expression == "" {
			expression = s.Info().Manners.Schedule
		}
		if expression == "" {
			expression = "0 3 * * *"
		}
		schedule, err := cron.ParseStandard(expression)
		if err != nil {
			return fmt.Errorf("sources.%s.schedule: %w (five fields, like \"0 3 * * *\", CRON_TZ=... before them allowed)", id, err)
		}
		group.Go(func() error { return a.followOne(ctx, h, id, schedule) })
	}
	<-ctx.Done()
	return group.Wait()
}

// jitter spreads crawls that are due at the same minute.
const jitter = 10 * time.Minute

func (a *App) followOne(ctx context.Context, h *House, id string, schedule cron.Schedule) error {
	due := time.Now()
	if runs, err := h.Ledger.Runs(ctx, id); err == nil && runs.Last != nil && runs.Open == nil {
		due = schedule.Next(runs.Last.Started).Add(rand.N(jitter))
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(due)):
		}
		summary, err := a.crawl(ctx, h, id, true, "")
		due = schedule.Next(time.Now()).Add(rand.N(jitter))
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, schemas.ErrLeased):
			due = time.Now().Add(retryLeased)
		case err != nil:
			a.Log.Error("crawl failed", "source", id, "error", err)
		default:
			a.Log.Info("crawl done", "source", id, "state", summary.State, "registrants", summary.Registrants, "delisted", summary.Delisted, "reason", summary.Reason)
		}
	}
}
