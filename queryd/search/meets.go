package search

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"lineup/indexer/index"
	"lineup/schemas"
	"lineup/schemas/namekey"
)

// facts counts what a question asks about the person that the record does not state. ok is false
// where the record says otherwise.
func (e *Engine) facts(r schemas.Record, asked Question) (unstated int, ok bool) {
	var said []schemas.Agreement
	if !asked.Birth.IsZero() {
		said = append(said, r.Born(asked.Birth))
	}
	if asked.Age >= 0 {
		said = append(said, r.Aged(asked.Age, schemas.DateOf(e.deps.Now())))
	}
	for _, s := range said {
		switch s {
		case schemas.Disagrees:
			return 0, false
		case schemas.NotStated:
			unstated++
		}
	}
	return unstated, true
}

// nearest is the distance in miles from a place to the nearest address where somebody lives or is held.
func nearest(r schemas.Record, from index.Circle) float64 {
	best := math.Inf(1)
	for _, p := range index.FactsOf(r).Places {
		best = min(best, from.Distance(p))
	}
	return best
}

// livesAt reports whether one address of a record has all the words asked for, abbreviations
// aside. The house number must be the first word of both when the searcher gave one.
func livesAt(r schemas.Record, asked string) bool {
	want := namekey.StreetWords(asked)
	if len(want) == 0 {
		return false
	}
	for _, a := range r.Addresses {
		have := namekey.StreetWords(strings.Join([]string{cmp.Or(a.Street, a.Raw), a.City, a.State, schemas.StateName(a.State), a.Zip}, " "))
		if len(have) > 0 && (want[0][0] < '0' || want[0][0] > '9' || want[0] == have[0]) &&
			!slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(have, w) }) {
			return true
		}
	}
	return false
}
