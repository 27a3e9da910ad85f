package score_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/schemas"
)

func TestAdvise(t *testing.T) {
	mixed := []score.Facts{ // half of each sex, four states, one young and three old pairs
		{State: "NY", Sex: "male", Born: 1960}, {State: "NY", Sex: "female", Born: 1961},
		{State: "TX", Sex: "male", Born: 1962}, {State: "TX", Sex: "female", Born: 1963},
		{State: "CA", Sex: "male", Born: 1964}, {State: "CA", Sex: "female", Born: 1964},
		{State: "WA", Sex: "male", Born: 1990}, {State: "WA", Sex: "female", Born: 1990},
	}
	inconclusive := func(expected float64) score.Scored {
		return score.Scored{Outcome: score.Inconclusive,
			Candidates: []score.Candidate{{Neighbour: index.Neighbour{Distance: 0.5}, ExpectedFalseMatches: expected}}}
	}
	same := []score.Facts{{"NY", "male", 1960}, {"NY", "male", 1960}}
	// sex leaves 4 of 8; age within five years the six old ones 6/8 and the two young 2/8: (36+4)/64;
	// a state 2 of 8; a birth year: 1,1,1,1,2,2,2,2 of 8: 12/64
	all := func(e float64) []score.Advice {
		return []score.Advice{{"birth_year", 0.1875, 0.1875 * e}, {"state", 0.25, 0.25 * e}, {"sex", 0.5, 0.5 * e},
			{"age_range", 0.625, 0.625 * e}}
	}
	for _, c := range []struct {
		name       string
		scored     score.Scored
		neighbours []score.Facts
		want       []score.Advice
	}{
		{"the one that helps most first", inconclusive(1.5), mixed, all(1.5)},
		{"also if none is enough", inconclusive(16), mixed, all(16)},
		{"of equals the one likelier to be known", inconclusive(2), []score.Facts{{"NY", "male", 0}, {"TX", "female", 0}},
			[]score.Advice{{"sex", 0.5, 1}, {"state", 0.5, 1}}},
		{"none where all are alike", inconclusive(3), same, nil},
		{"none where nothing is known", inconclusive(3), make([]score.Facts, 8), nil},
		{"none without neighbours", inconclusive(3), nil, nil},
		{"none without candidates", score.Scored{Outcome: score.Inconclusive}, mixed, nil},
		{"none for a match", score.Scored{Outcome: score.Match, Candidates: inconclusive(0.5).Candidates}, mixed, nil},
		{"none for no match", score.Scored{Outcome: score.NoMatch}, mixed, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, score.Advise(c.scored, c.neighbours), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhoLeftIsNoCandidate(t *testing.T) {
	scored := score.Of([]index.Neighbour{neighbour("a", 0.35), neighbour("b", 0.36), neighbour("c", 0.45)}, model,
		score.Gallery{Registrants: 1000})
	for _, c := range []struct {
		name string
		left []schemas.UUID
		want score.Outcome
		kept []schemas.UUID
	}{ // at 1000 people a and b have E below 1, c above
		{"nobody", nil, score.Match, []schemas.UUID{"a", "b", "c"}},
		{"the best", []schemas.UUID{"a"}, score.Match, []schemas.UUID{"b", "c"}},
		{"all matches", []schemas.UUID{"a", "b"}, score.Inconclusive, []schemas.UUID{"c"}},
		{"everybody", []schemas.UUID{"a", "b", "c"}, score.Inconclusive, nil},
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
	empty := score.Of(nil, model, score.Gallery{})
	if got := empty.Without(func(schemas.UUID) bool { return true }); got.Outcome != score.NoMatch {
		t.Errorf("nobody within reach: %s, want no_match", got.Outcome)
	}
}
