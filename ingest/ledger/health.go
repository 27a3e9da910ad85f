package ledger

import (
	"fmt"
	"slices"
	"time"

	"lineup/schemas"
)

// What is remembered of how a source changes, and when it is judged.
const (
	keepFills   = 366            // days, one entry of a few hundred bytes each
	keepChanges = 30             // the last runs that found something new
	enough      = 5              // fewer runs say nothing of what is usual
	quietFactor = 3              // times the usual time without a change
	fillBand    = 0.10           // how far a field's share may be from its median
	leastUsual  = 24 * time.Hour // no source is asked to change more often than this
	fillYear    = 366            // days that a band is measured over
	dayLength   = 24 * time.Hour
)

// Fill is how many of a complete run's registrants had each field. A day keeps its last run.
type Fill struct {
	Day         time.Time `json:"day"` // midnight, UTC
	Registrants int       `json:"registrants"`
	WithPhoto   int       `json:"withPhoto"`
	WithBirth   int       `json:"withBirth"`
	WithOffense int       `json:"withOffense"`

	Fields map[string]int `json:"fields,omitempty"` // by field, as RunSummary.Filled; nil as versions before wrote it
}

// fillFields are the fields whose shares are followed, and what an alarm calls them.
var fillFields = []struct{ name, called string }{
	{"photo", "a photo"}, {"birth", "a birth date"}, {"offense", "an offense"}, {"address", "an address"}, {"alias", "another name"},
	{"sex", "a sex"}, {"race", "a race"}, {"height", "a height"}, {"weight", "a weight"}, {"eyes", "an eye color"}, {"hair", "a hair color"},
	{"marks", "marks"}, {"level", "a level"}, {"status", "a status"},
}

// share is the part of the registrants who had a field; ok is false where that was not counted.
func (f Fill) share(field string) (share float64, ok bool) {
	n := f.Fields[field]
	if f.Fields == nil {
		if n, ok = map[string]int{"photo": f.WithPhoto, "birth": f.WithBirth, "offense": f.WithOffense}[field]; !ok {
			return 0, false
		}
	}
	return float64(n) / float64(f.Registrants), true
}

// observe notes what a complete run found: what share of the records had each field, and when anything changed.
func (r *Runs) observe(s schemas.RunSummary) {
	if s.State != schemas.RunComplete || s.Registrants == 0 {
		return
	}
	day := s.Ended.UTC().Truncate(dayLength)
	fills := slices.DeleteFunc(slices.Clone(r.Fills), func(f Fill) bool { return f.Day.Equal(day) || day.Sub(f.Day) > fillYear*dayLength })
	fills = append([]Fill{{day, s.Registrants, s.WithPhoto, s.WithBirth, s.WithOffense, s.Filled}}, fills...)
	r.Fills = fills[:min(len(fills), keepFills)]
	if s.New+s.Changed+s.Returned+s.Delisted > 0 && !slices.Contains(r.Changes, s.Ended) {
		changes := append([]time.Time{s.Ended}, r.Changes...)
		r.Changes = changes[:min(len(changes), keepChanges)]
	}
}

// LastChange is when a run last found anybody new, changed, returned or gone; zero for never.
func (r Runs) LastChange() time.Time {
	if len(r.Changes) == 0 {
		return time.Time{}
	}
	return r.Changes[0]
}

// Alarms say what is wrong with a source whose runs end well: nothing has changed for three times as long as is
// usual between two changes, or the share of records with a field has left its band, a tenth around the median of
// the year. A page that changed a little each time, and a site that serves the same page for ever, show only here.
func (r Runs) Alarms(now time.Time) (alarms []string) {
	if usual := r.usual(); usual > 0 {
		if quiet := now.Sub(r.Changes[0]); quiet > quietFactor*usual {
			alarms = append(alarms, fmt.Sprintf("nothing has changed for %d days, usual are %d: does the site still give its list of today?",
				int(quiet/dayLength), int(usual.Round(dayLength)/dayLength)))
		}
	}
	if len(r.Fills) <= enough {
		return alarms
	}
	newest, before := r.Fills[0], r.Fills[1:]
	for _, field := range fillFields {
		share, ok := newest.share(field.name)
		var shares []float64
		for _, f := range before {
			if share, ok := f.share(field.name); ok {
				shares = append(shares, share)
			}
		}
		if !ok || len(shares) < enough {
			continue
		}
		slices.Sort(shares)
		median := shares[len(shares)/2]
		if share < median-fillBand || share > median+fillBand {
			alarms = append(alarms, fmt.Sprintf("records with %s: %.0f %% now, the median of %d days is %.0f %%: the site's pages may have changed",
				field.called, 100*share, len(shares), 100*median))
		}
	}
	return alarms
}

// usual is the median time between two changes, a day at least; 0 while too few are known.
func (r Runs) usual() time.Duration {
	if len(r.Changes) <= enough {
		return 0
	}
	gaps := make([]time.Duration, len(r.Changes)-1)
	for i := range gaps {
		gaps[i] = r.Changes[i].Sub(r.Changes[i+1])
	}
	slices.Sort(gaps)
	return max(gaps[len(gaps)/2], leastUsual)
}
