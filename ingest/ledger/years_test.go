package ledger_test

import (
	"testing"
	"time"

	"lineup/ingest/ledger"
	"lineup/schemas"
)

// TestYearsCountRunsOnce holds that each run is counted in the year it ended in, one that was interrupted and went on once, and
// that old years go.
func TestYearsCountRunsOnce(t *testing.T) {
	var r ledger.Runs
	at := func(year, day int) time.Time { return time.Date(year, time.January, day, 0, 0, 0, 0, time.UTC) }
	r.Remember(schemas.RunSummary{Run: "a", State: schemas.RunPartial, Ended: at(2026, 1), New: 10, Changed: 1, Interrupted: true})
	r.Remember(schemas.RunSummary{Run: "a", State: schemas.RunComplete, Ended: at(2026, 2), New: 30, Changed: 2, Delisted: 1})
	r.Remember(schemas.RunSummary{Run: "b", State: schemas.RunComplete, Ended: at(2026, 3), Changed: 4, Returned: 1})
	r.Remember(schemas.RunSummary{Run: "c", State: schemas.RunComplete, Ended: at(2027, 1), Changed: 8})
	want := []ledger.Year{{Year: 2027, Since: at(2027, 1), Runs: 1, Changed: 8},
		{Year: 2026, Since: at(2026, 1), Runs: 2, New: 30, Changed: 6, Returned: 1, Delisted: 1}}
	if len(r.Years) != 2 || r.Years[0] != want[0] || r.Years[1] != want[1] {
		t.Errorf("years %+v, want %+v", r.Years, want)
	}
	for year := range 30 {
		r.Remember(schemas.RunSummary{Run: "y", Ended: at(2028+year, 1)})
	}
	if len(r.Years) != 10 || r.Years[0].Year != 2057 || r.Years[9].Year != 2048 {
		t.Errorf("%d years kept: %+v", len(r.Years), r.Years)
	}
}
