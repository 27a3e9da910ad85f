// Package timetable says when a source is due for its next crawl.
package timetable

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/netresearch/go-cron"

	"lineup/ingest/ledger"
	"lineup/schemas"
)

// defaultSchedule is for sources whose definition names none.
const defaultSchedule = "0 3 * * *"

// jitter spreads crawls that are due at the same minute.
const jitter = 10 * time.Minute

// Timetable computes when a source is due.
type Timetable struct {
	Source   string
	schedule cron.Schedule
	every    time.Duration // shortest time between crawls
}

// New returns the timetable of a source. It uses the first cron expression that is not "", and never crawls more often
// than every.
func New(source string, every time.Duration, expressions ...string) (Timetable, error) {
	for _, expression := range append(expressions, defaultSchedule) {
		if expression == "" {
			continue
		}
		schedule, err := parseSchedule(expression)
		if err != nil {
			return Timetable{}, fmt.Errorf("sources.%s.schedule: %w (five fields, like %q, CRON_TZ=... before them allowed)", source, err,
				defaultSchedule)
		}
		return Timetable{source, schedule, every}, nil
	}
	return Timetable{}, fmt.Errorf("sources.%s.schedule: none", source)
}

// Check returns why a cron expression cannot be used; nil if it can.
func Check(expression string) error {
	_, err := parseSchedule(expression)
	return err
}

func parseSchedule(expression string) (cron.Schedule, error) {
	if zone, _, ok := strings.Cut(expression, " "); ok && strings.Contains(zone, "TZ=") {
		_, zone, _ = strings.Cut(zone, "=")
		if _, err := time.LoadLocation(zone); err != nil {
			return nil, fmt.Errorf("there is no time zone %q (America/Chicago is one)", zone)
		}
	}
	schedule, err := cron.ParseStandard(expression)
	if err == nil && schedule.Next(time.Now()).IsZero() {
		err = errors.New("it names a time that never comes")
	}
	return schedule, err
}

// After returns the next time after t, with the jitter. It is the same for every scraper: the lease decides which one
// crawls.
func (w Timetable) After(t time.Time) time.Time {
	next := w.schedule.Next(t)
	h := fnv.New64a()
	fmt.Fprint(h, w.Source, next.Unix())
	return next.Add(time.Duration(h.Sum64() % uint64(jitter)))
}

// Due returns when the source must be crawled next, judging by its runs in the ledger. blocked says that it must not
// be crawled until a human has looked at it.
func (w Timetable) Due(runs ledger.Runs, now time.Time) (at time.Time, blocked bool) {
	last := runs.Last
	switch {
	case last != nil && last.State == schemas.RunBlocked:
		return time.Time{}, true
	case last != nil && !last.NotBefore.IsZero() && last.Interrupted:
		return last.NotBefore, false // the site asked for no requests until then; the run is resumed
	case last == nil, runs.Open != nil && runs.Open.Run != last.Run:
		return now, false // never crawled, or killed during a run, which is resumed
	}
	at = w.After(last.Ended)
	if soonest := last.Started.Add(w.every); soonest.After(at) {
		at = soonest
	}
	return at, false
}
