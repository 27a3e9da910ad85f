package operate

import (
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/netresearch/go-cron"

	"lineup/ingest/ledger"
	"lineup/schemas"
)

// defaultSchedule is for sources whose definition names none.
const defaultSchedule = "0 3 * * *"

// jitter spreads crawls that are due at the same minute.
const jitter = 10 * time.Minute

// Timetable says when a source is due.
type Timetable struct {
	Source   string
	schedule cron.Schedule
	every    time.Duration // not oftener
}

// NewTimetable is the timetable of a source that is crawled by the first of the cron expressions that is
// not "", and never oftener than every.
func NewTimetable(source string, every time.Duration, expressions ...string) (Timetable, error) {
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

// CheckSchedule says why a cron expression cannot be followed; nil for one that can.
func CheckSchedule(expression string) error {
	_, err := parseSchedule(expression)
	return err
}

func parseSchedule(expression string) (cron.Schedule, error) {
	schedule, err := cron.ParseStandard(expression)
	if err == nil && schedule.Next(time.Now()).IsZero() {
		err = errors.New("it names a time that never comes")
	}
	return schedule, err
}

// After is the next time after t, the jitter in it. It is the same for every scraper: the lease decides who crawls.
func (w Timetable) After(t time.Time) time.Time {
	next := w.schedule.Next(t)
	h := fnv.New64a()
	fmt.Fprint(h, w.Source, next.Unix())
	return next.Add(time.Duration(h.Sum64() % uint64(jitter)))
}

// Due is when the source is to be crawled next by what the ledger knows of its runs; blocked
// says that it is not, until a human has looked.
func (w Timetable) Due(runs ledger.Runs, now time.Time) (at time.Time, blocked bool) {
	last := runs.Last
	switch {
	case last != nil && last.State == schemas.RunBlocked:
		return time.Time{}, true
	case last != nil && !last.NotBefore.IsZero() && last.Interrupted:
		return last.NotBefore, false // the site asked to be left alone until then; the run goes on
	case last == nil, runs.Open != nil && runs.Open.Run != last.Run:
		return now, false // never crawled, or killed in a run: it goes on
	}
	at = w.After(last.Ended)
	if soonest := last.Started.Add(w.every); soonest.After(at) {
		at = soonest
	}
	return at, false
}
