// Package report sums up one year of an installation, as counts: nobody's name, and of keys the names that the operator gave them.
package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"lineup/ingest/broker"
	"lineup/internal/notify"
	"lineup/internal/operate"
	"lineup/schemas"
)

// Report sums up a year (UTC). What was not counted from the beginning of the year says since when.
type Report struct {
	Year        int         `json:"year"`
	Made        time.Time   `json:"made"`
	Searches    Searches    `json:"searches"`
	Removals    Removals    `json:"removals"`
	Corrections Corrections `json:"corrections"`
	Alarms      notify.Year `json:"alarms"`
}

// Searches counts the requests made with keys.
type Searches struct {
	Since string   `json:"since"` // the first day of which use is still kept
	Keys  []KeyUse `json:"keys"`
}

// KeyUse is how one key was used in the year.
type KeyUse struct {
	Key     string         `json:"key"`
	Name    string         `json:"name"`
	Faces   int            `json:"faces"`
	Records int            `json:"records"`
	Refused int            `json:"refused"`
	Kinds   map[string]int `json:"kinds"` // all of it, by endpoint
}

// Removals are registrants removed for ever and keys revoked in the year. The ledger knows all of them.
type Removals struct {
	Registrants int            `json:"registrants"`
	Reasons     map[string]int `json:"reasons"` // by code
	Keys        int            `json:"keysRevoked"`
}

// Corrections counts what the registries corrected and Lineup took over.
type Corrections struct {
	Sources []SourceYear `json:"sources"`
}

// SourceYear sums up the runs over one source.
type SourceYear struct {
	Source   string    `json:"source"`
	Since    time.Time `json:"since"` // the first run that is counted
	Runs     int       `json:"runs"`
	New      int       `json:"new"`
	Changed  int       `json:"changed"`
	Returned int       `json:"returned"`
	Delisted int       `json:"delisted"`
}

// Of sums up a year. 0 is the current year, counted so far. A future year is an error.
func Of(ctx context.Context, s *operate.Stores, year int, now time.Time) (Report, error) {
	now = now.UTC()
	r := Report{Year: cmp.Or(year, now.Year()), Made: now.Truncate(time.Second)}
	if r.Year < 2000 || r.Year > now.Year() {
		return r, schemas.Misuse("--year %d: want a year that has begun, like %d", year, now.Year())
	}
	for _, part := range []func(context.Context, *operate.Stores) error{r.searches, r.removals, r.corrections, r.alarms} {
		if err := part(ctx, s); err != nil {
			return r, fmt.Errorf("report of %d: %w", r.Year, err)
		}
	}
	return r, nil
}

// within reports whether a time lies in the year.
func (r *Report) within(t time.Time) bool { return t.UTC().Year() == r.Year }

func (r *Report) searches(ctx context.Context, s *operate.Stores) error {
	first := time.Date(r.Year, time.January, 1, 0, 0, 0, 0, time.UTC)
	if kept := r.Made.Add(-broker.UsageTime); kept.After(first) {
		first = kept
	}
	r.Searches.Since = first.Format(time.DateOnly)
	used, err := s.KeyUsage(ctx, "")
	if err != nil {
		return err
	}
	by := map[string]*KeyUse{}
	for _, u := range used {
		day, err := time.Parse(time.DateOnly, string(u.Day))
		if err != nil || !r.within(day) {
			continue
		}
		if by[u.Key] == nil {
			by[u.Key] = &KeyUse{Key: u.Key, Name: u.Name, Kinds: map[string]int{}}
		}
		for kind, n := range u.Kinds {
			by[u.Key].Kinds[kind] += n
		}
	}
	for _, u := range by {
		u.Faces, u.Records, u.Refused = u.Kinds["faces"], u.Kinds["sexoffender"], u.Kinds["refused"]
		r.Searches.Keys = append(r.Searches.Keys, *u)
	}
	slices.SortFunc(r.Searches.Keys, func(a, b KeyUse) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Key, b.Key)) })
	return nil
}

func (r *Report) removals(ctx context.Context, s *operate.Stores) error {
	r.Removals.Reasons = map[string]int{}
	codes := operate.Reasons()
	for listing, err := range s.Ledger.Each(ctx, "") {
		if errors.Is(err, schemas.ErrNewerSchema) {
			continue
		}
		if err != nil {
			return err
		}
		if listing.Removal == nil || listing.Source == schemas.CanarySource || !r.within(listing.Removal.At) {
			continue
		}
		code := listing.Removal.Reason
		if codes[code] == "" { // older versions stored free text
			code = "other"
		}
		r.Removals.Registrants++
		r.Removals.Reasons[code]++
	}
	all, err := s.Keys.List(ctx)
	for _, k := range all {
		if !k.Works(r.Made) && r.within(k.Revoked) {
			r.Removals.Keys++
		}
	}
	return err
}

func (r *Report) corrections(ctx context.Context, s *operate.Stores) error {
	sources, err := s.Ledger.Sources(ctx)
	if err != nil {
		return err
	}
	for _, source := range sources {
		if source == schemas.CanarySource {
			continue
		}
		runs, err := s.Ledger.Runs(ctx, source)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, y := range runs.Years {
			if y.Year == r.Year {
				r.Corrections.Sources = append(r.Corrections.Sources, SourceYear{source, y.Since, y.Runs, y.New, y.Changed, y.Returned, y.Delisted})
			}
		}
	}
	return nil
}

func (r *Report) alarms(ctx context.Context, s *operate.Stores) error {
	notices, err := notify.OpenNotices(ctx, s.JS, s.Replicas)
	if err == nil {
		r.Alarms, err = notices.Year(ctx, r.Year)
	}
	return err
}
