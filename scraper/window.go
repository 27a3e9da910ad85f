package scraper

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrWindow says that the source's daily window is closed; the next run goes on.
var ErrWindow = errors.New("outside the source's daily window")

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
