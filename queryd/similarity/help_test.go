package similarity_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lineup/indexer/index"
	"lineup/queryd/similarity"
	"lineup/schemas"
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
	// sex leaves 4 of 8; age within five years the six old ones 6/8 and the two young 2/8: (36+4)/64;
	// a state 2 of 8; a birth year: 1,1,1,1,2,2,2,2 of 8: 12/64
	all := func(e float64) []similarity.Advice {
		return []similarity.Advice{{"birth_year", 0.1875, 0.1875 * e}, {"state", 0.25, 0.25 * e}, {"sex", 0.5, 0.5 * e}, {"age_range", 0.625, 0.625 * e}}
	}
	for _, c := range []struct {
		name       string
		scored     similarity.Scored
		neighbours []similarity.Facts
		want       []similarity.Advice
	}{
		{"the one that helps most first", inconclusive(1.5), mixed, all(1.5)},
		{"also if none is enough", inconclusive(16), mixed, all(16)},
		{"of equals the one likelier to be known", inconclusive(2), []similarity.Facts{{"NY", "male", 0}, {"TX", "female", 0}},
			[]similarity.Advice{{"sex", 0.5, 1}, {"state", 0.5, 1}}},
		{"none where all are alike", inconclusive(3), same, nil},
		{"none where nothing is known", inconclusive(3), make([]similarity.Facts, 8), nil},
		{"none without neighbours", inconclusive(3), nil, nil},
		{"none without candidates", similarity.Scored{Outcome: similarity.Inconclusive}, mixed, nil},
		{"none for a match", similarity.Scored{Outcome: similarity.Match, Candidates: inconclusive(0.5).Candidates}, mixed, nil},
		{"none for no match", similarity.Scored{Outcome: similarity.NoMatch}, mixed, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, similarity.Advise(c.scored, c.neighbours), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhoLeftIsNoCandidate(t *testing.T) {
	scored := similarity.Score([]index.Neighbour{neighbour("a", 0.35), neighbour("b", 0.36), neighbour("c", 0.45)}, model, similarity.Gallery{Registrants: 1000})
	for _, c := range []struct {
		name string
		left []schemas.UUID
		want similarity.Outcome
		kept []schemas.UUID
	}{ // at 1000 people a and b have E below 1, c above
		{"nobody", nil, similarity.Match, []schemas.UUID{"a", "b", "c"}},
		{"the best", []schemas.UUID{"a"}, similarity.Match, []schemas.UUID{"b", "c"}},
		{"all matches", []schemas.UUID{"a", "b"}, similarity.Inconclusive, []schemas.UUID{"c"}},
		{"everybody", []schemas.UUID{"a", "b", "c"}, similarity.Inconclusive, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := scored.Without(func(id schemas.UUID) bool { return slices.Contains(c.left, id) })
			var kept []schemas.UUID
			for _, k := range got.Candidates {
				kept = append(kept, k.Face.Registrant)
			}
			if diff := cmp.Diff(c.kept, kept); diff != "" || got.Outcome != c.want {
				t.Errorf("outcome %s, want %s; (-want +got):\n%s", got.Outcome, c.want, diff)
			}
			if len(scored.Candidates) != 3 {
				t.Error("the scored search itself was changed")
			}
		})
	}
	empty := similarity.Score(nil, model, similarity.Gallery{})
	if got := empty.Without(func(schemas.UUID) bool { return true }); got.Outcome != similarity.NoMatch {
		t.Errorf("nobody within reach: %s, want no_match", got.Outcome)
	}
}
