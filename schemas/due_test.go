package schemas

import (
	"encoding/json"
	"testing"
	"time"
)

func TestDueSaysWhy(t *testing.T) {
	first, again := time.Unix(1e9, 0), time.Unix(2e9, 0)
	target := Target{Generation: "g2", Model: "m1", Features: 2, Built: first}
	for name, c := range map[string]struct {
		marks map[string]Mark
		want  Due
	}{
		"it agrees":                        {map[string]Mark{"g2": {Revision: 7, Model: "m1", Features: 2, Built: first}}, DueNot},
		"made with newer features":         {map[string]Mark{"g2": {Revision: 7, Model: "m1", Features: 3, Built: first}}, DueNot},
		"nobody holds it":                  {nil, DueMissing},
		"it holds an older one":            {map[string]Mark{"g2": {Revision: 6, Model: "m1", Features: 2, Built: first}}, DueRevision},
		"it was lost and made again":       {map[string]Mark{"g2": {Revision: 7, Model: "m1", Features: 2, Built: again}}, DueMissing},
		"its model is another":             {map[string]Mark{"g2": {Revision: 7, Model: "m0", Features: 2, Built: first}}, DueModel},
		"an older program wrote into it":   {map[string]Mark{"g2": {Revision: 7, Model: "m1", Built: first}}, DueFeatures},
		"the one before has old features":  {map[string]Mark{"g1": {Revision: 7, Model: "m1", Features: 1, Built: first}}, DueFeatures},
		"the one before has none written":  {map[string]Mark{"g1": {Revision: 7, Model: "m1", Built: first}}, DueFeatures},
		"the one before has another model": {map[string]Mark{"g1": {Revision: 7, Model: "m0", Features: 2, Built: first}}, DueModel},
		"the one before is behind too":     {map[string]Mark{"g1": {Revision: 6, Model: "m1", Built: first}}, DueMissing},
	} {
		t.Run(name, func(t *testing.T) {
			s := Listing{Revision: 7, Listed: true, Marks: c.marks}
			if got := s.Due(target); got != c.want {
				t.Errorf("due because of %q, want %q", got, c.want)
			}
			other := Target{Generation: "g9", Model: "m1", Built: first}
			if got := s.DueIn([]Target{target, other}); (got == DueNot) == (c.want == DueNot && s.Due(other) == DueNot) {
				return
			}
			t.Errorf("of two generations: %q", s.DueIn([]Target{target, other}))
		})
	}
}

// A mark that an older version stored is of the first version of the features, so that an upgrade which
// changes none makes nothing due.
func TestOlderMarksAgreeWithTheFirstFeatures(t *testing.T) {
	var m Mark
	if err := json.Unmarshal([]byte(`{"revision":7,"model":"m1","faces":1,"at":"2026-11-24T00:00:00Z"}`), &m); err != nil {
		t.Fatal(err)
	}
	s := Listing{Revision: 7, Listed: true, Marks: map[string]Mark{"g1": m}}
	if got := s.Due(Target{Generation: "g1", Model: "m1", Features: 1}); got != DueNot {
		t.Errorf("due because of %q", got)
	}
	if got := s.Due(Target{Generation: "g1", Model: "m1", Features: 2}); got != DueFeatures {
		t.Errorf("with newer features due because of %q", got)
	}
}
