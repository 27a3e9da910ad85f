package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"time"

	"github.com/robfig/cron/v3"
	"golang.org/x/sync/errgroup"

	"lineup/ingest/ledger"
	"lineup/schemas"
	"lineup/scraper"
)

// defaultSchedule is for sources whose definition names none.
const defaultSchedule = "0 3 * * *"

// follow crawls every enabled source on its schedule until ctx ends.
func (a *App) follow(ctx context.Context, h *Node) error {
	group, ctx := errgroup.WithContext(ctx)
	for id, configured := range a.Config.Sources {
		if !configured.Enabled {
			continue
		}
		s, _, err := a.site(id)
		if err != nil {
			return err
		}
		expression := configured.Schedule
		if expression == "" {
			expression = s.Info().Manners.Schedule
		}
		if expression == "" {
			expression = defaultSchedule
		}
		schedule, err := cron.ParseStandard(expression)
		if err != nil {
			return fmt.Errorf("sources.%s.schedule: %w (five fields, like %q, CRON_TZ=... before them allowed)", id, err, defaultSchedule)
		}
		group.Go(func() error { return a.followOne(ctx, h, timetable{id, schedule, s.Info().Manners.Every}) })
	}
	<-ctx.Done()
	return group.Wait()
}

// jitter spreads crawls that are due at the same minute.
const jitter = 10 * time.Minute

// recheck is how often the ledger is asked what other scrapers, or a human, have done meanwhile.
const recheck = 5 * time.Minute

// timetable says when a source is due.
type timetable struct {
	id       string
	schedule cron.Schedule
	every    time.Duration // not oftener
}

// after is the next time after t, the jitter in it. The same for every scraper: the lease decides who crawls.
func (w timetable) after(t time.Time) time.Time {
	next := w.schedule.Next(t)
	h := fnv.New64a()
	fmt.Fprint(h, w.id, next.Unix())
	return next.Add(time.Duration(h.Sum64() % uint64(jitter)))
}

// due is when the source is to be crawled next by what the ledger knows of its runs; blocked
// says that it is not, until a human has looked.
func (w timetable) due(runs ledger.Runs, now time.Time) (at time.Time, blocked bool) {
	last := runs.Last
	switch {
	case last != nil && last.State == schemas.RunBlocked:
		return time.Time{}, true
	case last == nil, runs.Open != nil && runs.Open.Run != last.Run:
		return now, false // never crawled, or killed in a run: it goes on
	}
	at = w.after(last.Ended)
	if soonest := last.Started.Add(w.every); soonest.After(at) {
		at = soonest
	}
	return at, false
}

// followOne crawls one source whenever it is due. That is read from the ledger each time, so any
// number of scrapers crawl a source once.
func (a *App) followOne(ctx context.Context, h *Node, w timetable) error {
	var notBefore time.Time // after a crawl that left no trace in the ledger
	said := false
	for {
		runs, err := h.Ledger.Runs(ctx, w.id)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			if ctx.Err() == nil {
				a.Log.Warn("ledger does not say when a source is due, asking again", "source", w.id, "error", err)
			}
			notBefore = time.Now().Add(time.Minute)
		}
		due, blocked := w.due(runs, time.Now())
		if blocked && !said {
			a.Log.Error("source is blocked and is not crawled until a human says so", "source", w.id, "reason", runs.Last.Reason,
				"hint", "look at the site; then lineup scrape "+w.id+" --once --unblock REASON")
		}
		said = blocked
		if due.Before(notBefore) {
			due = notBefore
		}
		wait := min(time.Until(due), recheck)
		if blocked {
			wait = recheck
		}
		if wait > 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(wait):
			}
			continue
		}
		notBefore = a.crawlOnSchedule(ctx, h, w)
		if ctx.Err() != nil {
			return nil
		}
	}
}

// crawlOnSchedule crawls once and logs how it went; it returns before when it must not be tried again.
func (a *App) crawlOnSchedule(ctx context.Context, h *Node, w timetable) time.Time {
	shown := a.logged("crawling", w.id)
	sum, err := a.crawlSite(ctx, h, w.id, &scraper.Crawl{Resume: true, Progress: shown.crawl})
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, schemas.ErrLeased):
		return time.Now().Add(recheck)
	case errors.Is(err, scraper.ErrWindow):
		a.Log.Info("crawl waits for its daily window", "source", w.id, "registrants", sum.Registrants)
	case err != nil:
		a.Log.Error("crawl failed", "source", w.id, "state", sum.State, "error", err)
	default:
		a.Log.Info("crawl done", "source", w.id, "state", sum.State, "registrants", sum.Registrants, "new", sum.New, "changed", sum.Changed,
			"delisted", sum.Delisted, "reason", sum.Reason)
	}
	return w.after(time.Now())
}
