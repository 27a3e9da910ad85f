package similarity

// Facts are what filters can ask of a neighbour; a zero value is not known.
type Facts struct {
	State string
	Sex   string
	Born  int // year
}

// Advice names the filter that would make an inconclusive search most certain.
type Advice struct {
	Filter   string  // "sex", "age_range", "state" or "birth_year"
	Share    float64 // share of the neighbours that is expected to pass it
	Expected float64 // the best candidate's expected false matches under it
}

// ageSlack is the width to either side that a guessed age is given.
const ageSlack = 5

// Advise says which filter would help an inconclusive search most: of those after which the
// best candidate would be expected to stand alone (E below 1) the one that asks least of the
// searcher, else the one that leaves fewest neighbours. ok is false when the search is not
// inconclusive, or when no filter would remove at least a tenth of the neighbours.
//
// The person searched for is taken to be drawn from among the neighbours, so a filter is
// expected to leave the mean, over the neighbours, of the share that shares their value.
// Neighbours of whom the fact is not known pass every filter.
func Advise(s Scored, neighbours []Facts) (advice Advice, ok bool) {
	if s.Outcome != Inconclusive || len(neighbours) == 0 {
		return Advice{}, false
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
	for _, f := range filters {
		passed := 0
		for _, asked := range neighbours {
			for _, other := range neighbours {
				if f.pass(asked, other) {
					passed++
				}
			}
		}
		share := float64(passed) / float64(len(neighbours)*len(neighbours))
		if share > 0.9 {
			continue
		}
		this := Advice{Filter: f.name, Share: share, Expected: best * share}
		if this.Expected < 1 {
			return this, true
		}
		if !ok || share < advice.Share {
			advice, ok = this, true
		}
	}
	return advice, ok
}

func near(a, b, slack int) bool {
	return a == 0 || b == 0 || a-b <= slack && b-a <= slack
}
