package operate

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"lineup/indexer/index"
	"lineup/schemas"
)

// overdue is how long after its time a source may not have been crawled before a human should look whether
// a scraper runs. Longer than a scraper needs to see what another has done.
const overdue = time.Hour

// Attend says in Attention what needs a human at a time, one line each.
func (r *StatusReport) Attend(now time.Time) {
	r.Attention = []string{}
	add := func(format string, args ...any) { r.Attention = append(r.Attention, fmt.Sprintf(format, args...)) }
	for _, name := range slices.Sorted(maps.Keys(r.Engines)) {
		if state := r.Engines[name]; state != "ok" {
			add("%s does not answer: %s (lineup doctor)", name, state)
		}
	}
	listed := 0
	for _, s := range r.Sources {
		listed += s.Listed
		r.attendSource(s, now, add)
	}
	serves := slices.ContainsFunc(r.Generations, func(g GenerationStatus) bool { return g.State == string(index.Serving) })
	if listed > 0 && !serves && r.Engines["index"] == "ok" {
		add("no generation serves, so searches are refused: an indexer fills one (lineup index, or lineup up)")
	}
}

func (r *StatusReport) attendSource(s SourceStatus, now time.Time, add func(format string, args ...any)) {
	switch s.LastState {
	case schemas.RunBlocked:
		add("%s refused to be crawled and is not asked again: look at the site, then lineup scrape %s --once --unblock REASON", s.Source,
			s.Source)
	case schemas.RunRefused:
		add("%s: more vanished than may be believed: look at the site, then lineup scrape %s --once --accept-drop REASON", s.Source, s.Source)
	case schemas.RunFailed:
		add("%s: the last run failed: %s", s.Source, s.LastReason)
	}
	switch {
	case !s.Enabled || s.LastState == schemas.RunBlocked:
	case s.Last == nil:
		add("%s is enabled and was never crawled: is a scraper running? (lineup up, or lineup scrape --follow)", s.Source)
	case !s.Next.IsZero() && now.Sub(s.Next) > overdue:
		add("%s should have been crawled at %s: is a scraper running?", s.Source, s.Next.UTC().Format("2006-01-02 15:04 MST"))
	}
	for _, alarm := range s.Alarms {
		add("%s: %s (lineup runs %s)", s.Source, alarm, s.Source)
	}
	if s.Dead > 0 {
		add("%s: %d registrants cannot be indexed (lineup jobs dead)", s.Source, s.Dead)
	}
}
