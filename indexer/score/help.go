package score

import (
	"cmp"
	"slices"
)

// Facts are what filters can ask of a neighbour; a zero value is not known.
type Facts struct {
	State string
	Sex   string
	Born  int // year
}

// Advice is what one more filter would do for an inconclusive search.
type Advice struct {
	Filter   string  // "sex", "age_range", "state" or "birth_year"
	Share    float64 // share of the neighbours that is expected to pass it
	Expected float64 // the best candidate's expected false matches under it
}

// ageSlack is the width to either side that a guessed age is given.
const ageSlack = 5

// Advise says which filters would help an inconclusive search, the one that would help most
// first: under it the best candidate is expected to have the fewest false matches. Of equals the
// one comes first that a searcher is likeliest to know. None are named when the search is not
// inconclusive, and none that would remove less than a tenth of the neighbours.
//
// The person searched for is taken to be drawn from among the neighbours, so a filter is
// expected to leave the mean, over the neighbours, of the share that shares their value.
// Neighbours of whom the fact is not known pass every filter.
func Advise(s Scored, neighbours []Facts) []Advice {
	if s.Outcome != Inconclusive || len(s.Candidates) == 0 || len(neighbours) == 0 {
		return nil
	}
	filters := []struct {
		name string
		pass func(asked, other Facts) bool
	}{ // what a searcher is likeliest to know first
		{"sex", func(a, o Facts) bool { return a.Sex == "" || o.Sex == "" || a.Sex == o.Sex }},
		{"age_range", func(a, o Facts) bool { return near(a.Born, o.Born, ageSlack) }},
		{"state", func(a, o Facts) bool { return a.State == "" || o.State == "" || a.State == o.State }},
		{"birth_year", func(a, o Facts) bool { return near(a.Born, o.Born, 0) }},
	}
	best := s.Candidates[0].ExpectedFalseMatches
	var all []Advice
	for _, f := range filters {
		passed := 0
		for _, asked := range neighbours {
			for _, other := range neighbours {
				if f.pass(asked, other) {
					passed++
				}
			}
		}
		if share := float64(passed) / float64(len(neighbours)*len(neighbours)); share <= 0.9 {
			all = append(all, Advice{Filter: f.name, Share: share, Expected: best * share})
		}
	}
	slices.SortStableFunc(all, func(a, b Advice) int { return cmp.Compare(a.Expected, b.Expected) })
	return all
}

func near(a, b, slack int) bool {
	return a == 0 || b == 0 || a-b <= slack && b-a <= slack
}
