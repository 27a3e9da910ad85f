package ledger_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"lineup/ingest/ledger"
	"lineup/schemas"
)

// days remembers one complete run a day, as each says, and gives the time a day after the last.
func days(r *ledger.Runs, n int, each func(day int, s *schemas.RunSummary)) time.Time {
	start := time.Date(2026, 1, 1, 4, 0, 0, 0, time.UTC)
	for day := range n {
		s := schemas.RunSummary{Run: time.Duration(day).String(), State: schemas.RunComplete, Ended: start.AddDate(0, 0, day),
			Registrants: 1000, WithPhoto: 900, WithBirth: 1000, WithOffense: 800}
		each(day, &s)
		r.Remember(s)
	}
	return start.AddDate(0, 0, n)
}

func TestAlarmsOfASourceWhoseRunsEndWell(t *testing.T) {
	for _, test := range []struct {
		name string
		each func(day int, s *schemas.RunSummary)
		want string // what the alarms say; "" for none
	}{
		{"changes daily", func(_ int, s *schemas.RunSummary) { s.Changed = 1 }, ""},
		{"changes weekly", func(day int, s *schemas.RunSummary) { s.Delisted = map[bool]int{true: 1}[day%7 == 0] }, ""},
		{"silent for three weeks and more", func(day int, s *schemas.RunSummary) { s.New = map[bool]int{true: 1}[day%7 == 0 && day < 70] },
			"nothing has changed for 37 days, usual are 7"},
		{"silent for two days", func(day int, s *schemas.RunSummary) { s.New = map[bool]int{true: 1}[day < 98] }, ""},
		{"never changed", func(int, *schemas.RunSummary) {}, ""},
		{"photos go a little each day", func(day int, s *schemas.RunSummary) {
			s.Changed = 1
			s.WithPhoto = 900 - 5*max(day-60, 0)
		}, "records with a photo: 70 % now, the median of 99 days is 90 %"},
		{"offenses appear", func(day int, s *schemas.RunSummary) {
			s.Changed = 1
			s.WithOffense = 800 + 150*(day/99)
		}, "records with an offense: 95 % now"},
		{"heights go at once, which nobody counted before", func(day int, s *schemas.RunSummary) {
			s.Changed = 1
			if day >= 50 {
				s.Filled = map[string]int{"photo": 900, "birth": 1000, "offense": 800, "height": 950}
			}
			if day == 99 {
				delete(s.Filled, "height")
			}
		}, "records with a height: 0 % now, the median of 49 days is 95 %"},
		{"a field that was never counted before", func(day int, s *schemas.RunSummary) {
			if s.Changed = 1; day >= 97 {
				s.Filled = map[string]int{"photo": 900, "birth": 1000, "offense": 800, "sex": 1000}
			}
		}, ""},
		{"a refused run is no measure", func(day int, s *schemas.RunSummary) {
			if s.Changed = 1; day == 99 {
				s.State, s.WithPhoto = schemas.RunRefused, 0
			}
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var r ledger.Runs
			got := strings.Join(r.Alarms(days(&r, 100, test.each)), "; ")
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("alarms %q, want %q", got, test.want)
			}
		})
	}
}

// What is remembered of a source for a year stays small beside what an entry of the ledger holds.
func TestAYearOfFillsIsBounded(t *testing.T) {
	var r ledger.Runs
	now := days(&r, 1000, func(_ int, s *schemas.RunSummary) {
		s.Changed, s.Filled = 1, map[string]int{}
		for _, field := range []string{"photo", "birth", "offense", "address", "alias", "sex", "race", "height", "weight", "eyes", "hair",
			"marks", "level", "status"} {
			s.Filled[field] = 100_000
		}
	})
	if len(r.Fills) < 365 || len(r.Fills) > 367 || len(r.Changes) > 30 || now.Sub(r.LastChange()) != 24*time.Hour {
		t.Errorf("%d fills, %d changes, last %s", len(r.Fills), len(r.Changes), r.LastChange())
	}
	data, err := json.Marshal(r.Fills)
	if err != nil || len(data) > 160<<10 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	runs := len(r.Fills)
	r.Remember(schemas.RunSummary{Run: "again", State: schemas.RunComplete, Ended: r.LastChange().Add(time.Hour), Registrants: 1})
	if len(r.Fills) != runs || r.Fills[0].Registrants != 1 {
		t.Errorf("a second run of a day: %d fills, the newest %+v", len(r.Fills), r.Fills[0])
	}
}
