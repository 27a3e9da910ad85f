package node

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"golang.org/x/sync/errgroup"

	"lineup/internal/operate"
	"lineup/internal/progress"
	"lineup/schemas"
	"lineup/scraper"
)

// follow crawls every enabled source on its schedule until ctx ends.
func (n *Node) follow(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for id, configured := range n.Config.Sources {
		if !configured.Enabled {
			continue
		}
		if _, _, err := n.site(id); err != nil {
			return err
		}
		when, err := n.timetable(id)
		if err != nil {
			return err
		}
		group.Go(func() error { return n.followOne(ctx, when) })
	}
	<-ctx.Done()
	return group.Wait()
}

// timetable is when a source is crawled: on the operator's schedule, else the definition's.
func (o Options) timetable(id string) (operate.Timetable, error) {
	s, _, err := o.Source(id)
	if err != nil {
		return operate.Timetable{}, err
	}
	manners := s.Info().Manners
	return operate.NewTimetable(id, manners.Every, o.Config.Sources[id].Schedule, manners.Schedule)
}

// recheck is how often the ledger is asked what other scrapers, or a human, have done meanwhile.
const recheck = 5 * time.Minute

// followOne crawls one source whenever it is due. That is read from the ledger each time, so any
// number of scrapers crawl a source once.
func (n *Node) followOne(ctx context.Context, w operate.Timetable) error {
	var notBefore time.Time // after a crawl that left no trace in the ledger
	said := false
	for {
		runs, err := n.Ledger.Runs(ctx, w.Source)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			if ctx.Err() == nil {
				n.Log.Warn("ledger does not say when a source is due, asking again", "source", w.Source, "error", err)
			}
			notBefore = time.Now().Add(time.Minute)
		}
		due, blocked := w.Due(runs, time.Now())
		if blocked && !said {
			n.Log.Error("source is blocked and is not crawled until a human says so", "source", w.Source, "reason", runs.Last.Reason,
				"hint", "look at the site; then lineup scrape "+w.Source+" --once --unblock REASON")
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
		notBefore = n.crawlOnSchedule(ctx, w)
		if ctx.Err() != nil {
			return nil
		}
	}
}

// crawlOnSchedule crawls once and logs how it went; it returns before when it must not be tried again.
func (n *Node) crawlOnSchedule(ctx context.Context, w operate.Timetable) time.Time {
	shown := progress.Log(n.Log, "crawling", w.Source)
	sum, err := n.CrawlSite(ctx, w.Source, &scraper.Crawl{Resume: true, Progress: crawled(shown)})
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, schemas.ErrLeased):
		return time.Now().Add(recheck)
	case errors.Is(err, scraper.ErrWindow):
		n.Log.Info("crawl waits for its daily window", "source", w.Source, "registrants", sum.Registrants)
	case err != nil:
		n.Log.Error("crawl failed", "source", w.Source, "state", sum.State, "error", err)
	default:
		n.Log.Info("crawl done", "source", w.Source, "state", sum.State, "registrants", sum.Registrants, "new", sum.New, "changed", sum.Changed,
			"delisted", sum.Delisted, "reason", sum.Reason)
	}
	return w.After(time.Now())
}
