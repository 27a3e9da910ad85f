package schemas_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lineup/schemas"
)

func TestAlarms(t *testing.T) {
	if got := (schemas.RunSummary{}).Alarms(); len(got) != 0 {
		t.Errorf("nothing to look at: %q", got)
	}
	sum := schemas.RunSummary{Drift: []string{"photos moved"}, Leftovers: map[string]int{"detail: label Hat": 1, "detail: label Shoe": 44}}
	want := []string{"photos moved", `no rule reads "detail: label Shoe" (44 times): the site may have changed`,
		`no rule reads "detail: label Hat" (1 times): the site may have changed`}
	if diff := cmp.Diff(want, sum.Alarms()); diff != "" {
		t.Error(diff)
	}
	for i := range 9 {
		sum.Leftovers[fmt.Sprint("list: column ", i)] = 2
	}
	if got := sum.Alarms(); len(got) != 7 || got[6] != "6 more kinds of values that no rule reads" {
		t.Errorf("%q", got)
	}
}

func TestDoubt(t *testing.T) {
	for name, tc := range map[string]struct {
		tally  schemas.Tally
		sum    schemas.RunSummary
		doubts string // what it says, "" for nothing
	}{
		"as before":    {tally: schemas.Tally{Listed: 100, Before: 100, Compared: true}},
		"a tenth went": {tally: schemas.Tally{Listed: 100, Gone: 10, Before: 100, BeforeGone: 10, Compared: true}},
		"more than a tenth went": {tally: schemas.Tally{Listed: 100, Gone: 11, Before: 100, BeforeGone: 11, Compared: true},
			doubts: "11 of 100"},
		"they went while others came": {tally: schemas.Tally{Listed: 59, Gone: 5, Before: 40, BeforeGone: 5, Compared: true},
			doubts: "5 of 40"},
		"who came in a run before went": {tally: schemas.Tally{Listed: 40, Gone: 20, Before: 20, Compared: true},
			doubts: "20 of 20"},
		"three of five went": {tally: schemas.Tally{Listed: 5, Gone: 3, Before: 5, BeforeGone: 3, Compared: true}},
		"four of five went": {tally: schemas.Tally{Listed: 5, Gone: 4, Before: 5, BeforeGone: 4, Compared: true},
			doubts: "4 of 5"},
		"half as many came": {tally: schemas.Tally{Listed: 150, Before: 100, Compared: true}},
		"more than half as many came": {tally: schemas.Tally{Listed: 151, Before: 100, Compared: true},
			doubts: "51 registrants were added"},
		"a first run": {tally: schemas.Tally{Listed: 151, Before: 0}},
		"below the floor": {tally: schemas.Tally{Listed: 100, Gone: 2, Before: 100, BeforeGone: 2},
			sum: schemas.RunSummary{MinCount: 99}, doubts: "floor"},
		"below the floor, and a human said": {tally: schemas.Tally{Listed: 9},
			sum: schemas.RunSummary{MinCount: 10, AcceptDrop: "seen"}, doubts: "floor"},
		"all went, and a human said": {tally: schemas.Tally{Listed: 9, Gone: 9, Before: 9, BeforeGone: 9},
			sum: schemas.RunSummary{AcceptDrop: "seen"}},
		"a source's own maximum": {tally: schemas.Tally{Listed: 100, Gone: 30, Before: 100, BeforeGone: 30},
			sum: schemas.RunSummary{MaxDrop: 0.3}},
	} {
		if got := tc.sum.Doubt(tc.tally); (got == "") != (tc.doubts == "") || !strings.Contains(got, tc.doubts) {
			t.Errorf("%s: %q, want %q", name, got, tc.doubts)
		}
	}
}

func TestUnreadable(t *testing.T) {
	for registrants, want := range map[int]int{0: 3, 50: 3, 3000: 3, 3999: 3, 4000: 4, 30_000: 30} {
		if got := schemas.Unreadable(registrants); got != want {
			t.Errorf("%d of %d, want %d", got, registrants, want)
		}
	}
}
