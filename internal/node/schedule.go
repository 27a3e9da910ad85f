package node

import (
	"context"
	"errors"
	"io/fs"
	"reflect"
	"time"

	"lineup/config"
	"lineup/internal/operate/timetable"
	"lineup/internal/progress"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/fetch"
)

// followed is one source that is being followed.
type followed struct {
	set  config.Source
	stop context.CancelFunc
	done chan struct{}
}

// follow crawls every enabled source on its schedule until ctx ends. A new configuration replaces the old one:
// unchanged sources continue undisturbed, the crawl of a source that changed is stopped and resumed, and that of a
// disabled source is stopped.
func (n *Node) follow(ctx context.Context, changed <-chan config.Config) error {
	following := make(map[string]followed)
	defer func() {
		for _, f := range following {
			f.stop()
			<-f.done
		}
	}()
	if err := n.refollow(ctx, following, n.Config); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case c := <-changed:
			if err := n.refollow(ctx, following, c); err != nil {
				n.Log.Error("changed sources cannot be crawled", "error", err)
			}
		}
	}
}

// refollow adapts following to the configuration c.
func (n *Node) refollow(ctx context.Context, following map[string]followed, c config.Config) error {
	for id, f := range following {
		if set := c.Sources[id]; reflect.DeepEqual(set, f.set) {
			continue
		}
		f.stop()
		<-f.done
		delete(following, id)
	}
	own := *n // with a copy of the sources that nobody changes
	own.Config.Sources, own.Config.Contact = c.Sources, c.Contact
	var problems []error
	for id, set := range c.Sources {
		if _, ok := following[id]; ok || !set.Enabled {
			continue
		}
		if _, _, err := own.site(id); err != nil {
			problems = append(problems, err)
			continue
		}
		when, err := own.timetable(id)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		ctx, stop := context.WithCancel(ctx)
		f := followed{set, stop, make(chan struct{})}
		following[id] = f
		go func() {
			defer close(f.done)
			own.followOne(ctx, when)
		}()
	}
	return errors.Join(problems...)
}

// timetable returns when a source is crawled: on the operator's schedule, else on the definition's.
func (o Options) timetable(id string) (timetable.Timetable, error) {
	s, _, err := o.Source(id)
	if err != nil {
		return timetable.Timetable{}, err
	}
	manners := s.Info().Manners
	return timetable.New(id, manners.Every, o.Config.Sources[id].Schedule, manners.Schedule)
}

// recheck is how often to ask the ledger what other scrapers or a human have done.
const recheck = 5 * time.Minute

// followOne crawls one source whenever it is due. It asks the ledger each time, so any number of scrapers crawl a
// source only once.
func (n *Node) followOne(ctx context.Context, w timetable.Timetable) {
	var notBefore time.Time // wait after a crawl that left no trace in the ledger
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
				return
			case <-time.After(wait):
			}
			continue
		}
		notBefore = n.crawlOnSchedule(ctx, w)
		if ctx.Err() != nil {
			return
		}
	}
}

// crawlOnSchedule crawls once and logs the outcome. It returns the time before which the crawl must not be tried
// again.
func (n *Node) crawlOnSchedule(ctx context.Context, w timetable.Timetable) time.Time {
	shown := progress.Log(n.Log, "crawling", w.Source)
	sum, err := n.CrawlSite(ctx, w.Source, &scraper.Crawl{Resume: true, Progress: crawled(shown)})
	wait := (*fetch.WaitError)(nil)
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, schemas.ErrLeased):
		return time.Now().Add(recheck)
	case errors.As(err, &wait):
		n.Log.Info("the host asked to be left alone", "source", w.Source, "until", wait.Until)
		return wait.Until
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
