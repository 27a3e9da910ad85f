package similarity_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lineup/indexer/index"
	"lineup/queryd/similarity"
)

func TestAdvise(t *testing.T) {
	mixed := []similarity.Facts{ // half of each sex, four states, one young and three old pairs
		{State: "NY", Sex: "male", Born: 1960}, {State: "NY", Sex: "female", Born: 1961},
		{State: "TX", Sex: "male", Born: 1962}, {State: "TX", Sex: "female", Born: 1963},
		{State: "CA", Sex: "male", Born: 1964}, {State: "CA", Sex: "female", Born: 1964},
		{State: "WA", Sex: "male", Born: 1990}, {State: "WA", Sex: "female", Born: 1990},
	}
	inconclusive := func(expected float64) similarity.Scored {
		return similarity.Scored{Outcome: similarity.Inconclusive,
			Candidates: []similarity.Candidate{{Neighbour: index.Neighbour{Distance: 0.5}, ExpectedFalseMatches: expected}}}
	}
	same := []similarity.Facts{{"NY", "male", 1960}, {"NY", "male", 1960}}
	for _, c := range []struct {
		name       string
		scored     similarity.Scored
		neighbours []similarity.Facts
		want       similarity.Advice
		ok         bool
	}{
		// sex leaves 4 of 8; age within five years the six old ones 6/8 and the two young 2/8: (36+4)/64;
		// a state 2 of 8; a birth year: 1,1,1,1,2,2,2,2 of 8: 12/64
		{"the one that asks least, if it is enough", inconclusive(1.5), mixed, similarity.Advice{Filter: "sex", Share: 0.5, Expected: 0.75}, true},
		{"a stronger one, if it must be", inconclusive(3), mixed, similarity.Advice{Filter: "state", Share: 0.25, Expected: 0.75}, true},
		{"the strongest, if none is enough", inconclusive(16), mixed, similarity.Advice{Filter: "birth_year", Share: 0.1875, Expected: 3}, true},
		{"none where all are alike", inconclusive(3), same, similarity.Advice{}, false},
		{"none where nothing is known", inconclusive(3), make([]similarity.Facts, 8), similarity.Advice{}, false},
		{"none without neighbours", inconclusive(3), nil, similarity.Advice{}, false},
		{"none for a match", similarity.Scored{Outcome: similarity.Match}, mixed, similarity.Advice{}, false},
		{"none for no match", similarity.Scored{Outcome: similarity.NoMatch}, mixed, similarity.Advice{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := similarity.Advise(c.scored, c.neighbours)
			if diff := cmp.Diff(c.want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" || ok != c.ok {
				t.Errorf("ok = %v, want %v; (-want +got):\n%s", ok, c.ok, diff)
			}
		})
	}
}
