package timetable

import (
	"strings"
	"testing"
	"time"

	"lineup/ingest/ledger"
	"lineup/schemas"
)

func TestTimetable(t *testing.T) {
	const expression = "CRON_TZ=America/New_York 30 1 * * *"
	w, err := New("us-xx", 24*time.Hour, "", expression)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	night := time.Date(2026, 11, 27, 6, 30, 0, 0, time.UTC) // 1:30 in New York
	ended := func(state schemas.RunState, started time.Time, took time.Duration) *schemas.RunSummary {
		return &schemas.RunSummary{Run: "r1", State: state, Started: started, Ended: started.Add(took)}
	}
	for _, tc := range []struct {
		name     string
		runs     ledger.Runs
		from, to time.Time // due not before, not after; zero is blocked
	}{
		{"never crawled", ledger.Runs{}, now, now},
		{"crawled this morning", ledger.Runs{Last: ended(schemas.RunComplete, now.Add(-5*time.Hour), time.Hour)}, night.Add(30 * time.Minute),
			night.Add(time.Hour)},
		{"crawled by hand long ago", ledger.Runs{Last: ended(schemas.RunComplete, now.Add(-80*time.Hour), time.Hour)}, now.Add(-72 * time.Hour),
			now},
		{"ran for days and ended now", ledger.Runs{Last: ended(schemas.RunComplete, now.Add(-50*time.Hour), 50*time.Hour)}, night,
			night.Add(jitter)},
		{"killed in a run", ledger.Runs{Last: ended(schemas.RunComplete, now.Add(-5*time.Hour), time.Hour), Open: &ledger.OpenRun{Run: "r2"}},
			now, now},
		{"asked to wait", ledger.Runs{Last: &schemas.RunSummary{Run: "r1", State: schemas.RunPartial, Started: now.Add(-time.Hour),
			Ended:       now.Add(-time.Minute),
			Interrupted: true, NotBefore: now.Add(time.Hour)}, Open: &ledger.OpenRun{Run: "r1"}}, now.Add(time.Hour), now.Add(time.Hour)},
		{"stopped by its window", ledger.Runs{Last: ended(schemas.RunPartial, now.Add(-30*time.Hour), 29*time.Hour),
			Open: &ledger.OpenRun{Run: "r1"}}, night, night.Add(jitter)},
		{"blocked", ledger.Runs{Last: ended(schemas.RunBlocked, now.Add(-80*time.Hour), time.Hour)}, time.Time{}, time.Time{}},
	} {
		due, blocked := w.Due(tc.runs, now)
		if blocked != tc.from.IsZero() || due.Before(tc.from) || due.After(tc.to) {
			t.Errorf("%s: due %s, blocked %t; want %s to %s", tc.name, due, blocked, tc.from, tc.to)
		}
		if again, _ := w.Due(tc.runs, now); again != due {
			t.Errorf("%s: another scraper finds it due at %s, not %s", tc.name, again, due)
		}
	}
	other, err := New("us-yy", 0, expression)
	if err != nil {
		t.Fatal(err)
	}
	if w.After(now) == other.After(now) {
		t.Error("two sources with one schedule start at the same moment")
	}
}

// TestSchedulesThatCannotBeFollowedAreRefused, and none ends the program.
func TestSchedulesThatCannotBeFollowedAreRefused(t *testing.T) {
	for _, expression := range []string{"TZ=0", "CRON_TZ=", "", "0 3 * *", "0 3 30 2 *", "61 * * * *", "every day",
		"CRON_TZ=Nowhere/Land 0 3 * * *", "TZ= 0 3 * * *"} {
		if Check(expression) == nil {
			t.Errorf("%q is taken", expression)
		}
	}
	if err := Check("CRON_TZ=Nowhere/Land 0 3 * * *"); strings.Count(err.Error(), "Nowhere/Land") != 1 {
		t.Errorf("a zone that is none: %v", err)
	}
	for _, expression := range []string{"0 3 * * *", "CRON_TZ=America/New_York 30 1 * * *", "*/15 * * * 1-5", "@daily"} {
		if err := Check(expression); err != nil {
			t.Errorf("%q: %v", expression, err)
		}
	}
}
