package schemas_test

import (
	"fmt"
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
