package scraper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"lineup/schemas"
	"lineup/scraper/fetch"
)

// Permitted checks the source's mode against what the operator recorded. Run calls it first. Errors: ErrPermission.
func (c *Crawl) Permitted() error {
	c.info = c.Source.Info()
	id := c.info.ID
	switch c.info.Mode {
	case Enabled, Unverified:
		if c.info.Mode == Unverified && !c.Checked.Valid() {
			return fmt.Errorf("%s was never held against a real page: %w; try saved pages with lineup sources try, "+
				"then set sources.%s.checked (who, when)", id, ErrPermission, id)
		}
		if c.info.TermsUnread && !c.TermsRead.Valid() {
			return fmt.Errorf("nobody has read the terms of %s: %w; look for what they say of automated reading, copying and photos at %s, "+
				"then set sources.%s.terms_read (who, when)",
				id, ErrPermission, cmp.Or(c.info.Policy.Terms, c.info.Home), id)
		}
		return nil
	case PermissionRequired:
		if c.Permission.Valid() {
			return nil
		}
		return fmt.Errorf("%s: %w; set sources.%s.permission (who, when, reference, terms) once the agency has given it, or look at %s",
			c.info.ID, ErrPermission, c.info.ID, c.info.Home)
	case Import:
		return fmt.Errorf("%s is read from files: %w; use lineup import", c.info.ID, ErrPermission)
	}
	return fmt.Errorf("%s is link-only: %w; look at %s", c.info.ID, ErrPermission, c.info.Home)
}

// window is a part of the day.
type window struct {
	from, to time.Duration // since midnight; to may lie before from: over midnight
	zone     *time.Location
}

// parseWindow reads "01:00-05:00", in the zone of a schedule ("CRON_TZ=America/New_York 0 1 * * *"),
// UTC when it names none. The zero window never closes.
func parseWindow(text, schedule string) (window, error) {
	if text == "" {
		return window{}, nil
	}
	w := window{zone: time.UTC}
	for _, prefix := range []string{"CRON_TZ=", "TZ="} {
		if rest, ok := strings.CutPrefix(schedule, prefix); ok {
			name, _, _ := strings.Cut(rest, " ")
			zone, err := time.LoadLocation(name)
			if err != nil {
				return w, fmt.Errorf("time zone of the schedule: %w", err)
			}
			w.zone = zone
			break
		}
	}
	from, to, ok := strings.Cut(text, "-")
	for _, end := range []struct {
		text string
		into *time.Duration
	}{{from, &w.from}, {to, &w.to}} {
		t, err := time.Parse("15:04", strings.TrimSpace(end.text))
		if err != nil || !ok {
			return w, fmt.Errorf("window %q: want HH:MM-HH:MM", text)
		}
		*end.into = time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	}
	return w, nil
}

func (w window) open(now time.Time) bool {
	if w.zone == nil || w.from == w.to {
		return true
	}
	now = now.In(w.zone)
	at := time.Duration(now.Hour())*time.Hour + time.Duration(now.Minute())*time.Minute
	if w.from < w.to {
		return at >= w.from && at < w.to
	}
	return at >= w.from || at < w.to
}

// inWindow says whether the source may be asked now. Errors: ErrWindow, a window that cannot be
// read.
func (c *Crawl) inWindow() error {
	w, err := parseWindow(c.info.Manners.Window, c.info.Manners.Schedule)
	if err != nil {
		return fmt.Errorf("%s: %w", c.info.ID, err)
	}
	if !w.open(c.Now()) {
		return fmt.Errorf("%s may be asked %s only: %w", c.info.ID, c.info.Manners.Window, ErrWindow)
	}
	return nil
}

// lastRun is the summary of a source's run before, however it ended; none for a first run.
func (c *Crawl) lastRun(ctx context.Context, source string) (schemas.RunSummary, error) {
	last, err := c.Sink.LastRun(ctx, source)
	if errors.Is(err, fs.ErrNotExist) {
		return schemas.RunSummary{}, nil
	}
	if err != nil {
		return last, fmt.Errorf("look at the last run of %s: %w: %w", source, errSink, err)
	}
	return last, nil
}

// lastComplete is the summary of the last complete run; none for a source that never had one.
func (c *Crawl) lastComplete(ctx context.Context) (schemas.RunSummary, error) {
	last, err := c.Sink.LastComplete(ctx, c.info.ID)
	if errors.Is(err, fs.ErrNotExist) {
		return schemas.RunSummary{}, nil
	}
	if err != nil {
		return last, fmt.Errorf("look at the last complete run of %s: %w", c.info.ID, err)
	}
	return last, nil
}

// stillBlocked returns an error if the site refused the last run, or its host asked to be left alone: a program does
// not ask again by itself. Errors: fetch.ErrBlocked, *fetch.WaitError.
func (c *Crawl) stillBlocked(ctx context.Context) error {
	last, err := c.lastRun(ctx, c.info.ID)
	if err == nil {
		err = c.leftAlone(ctx, last.NotBefore)
	}
	if err != nil || last.State != schemas.RunBlocked || c.Unblock != "" {
		return err
	}
	return fmt.Errorf("%s refused the run of %s (%s): %w; look at %s, and once it may be asked again: lineup scrape %s --once --unblock "+
		"REASON",
		c.info.ID, last.Started.Format("2006-01-02 15:04"), last.Reason, fetch.ErrBlocked, c.info.Home, c.info.ID)
}

// leftAlone returns an error while the host wants to be left alone, as it said in the last run of this source or of
// another one at the same host, unless a human has a reason to ask. Errors: *fetch.WaitError.
func (c *Crawl) leftAlone(ctx context.Context, until time.Time) error {
	if c.Unblock != "" {
		return nil
	}
	for _, other := range c.Beside {
		last, err := c.lastRun(ctx, other)
		if err != nil {
			return err
		}
		if last.NotBefore.After(until) {
			until = last.NotBefore
		}
	}
	if c.Now().Before(until) {
		return fmt.Errorf("%s: %w", c.info.ID, &fetch.WaitError{Until: until})
	}
	return nil
}

// quota takes over the requests of the last hour, whichever process made them.
func (c *Crawl) quota(ctx context.Context) error {
	if c.info.Manners.PerHour == 0 || len(c.Fetcher.Asked) > 0 {
		return nil // no quota, or the checkpoint knows
	}
	last, err := c.lastRun(ctx, c.info.ID)
	c.Fetcher.Asked = last.Asked
	return err
}
