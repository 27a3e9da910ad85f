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

// born reports whether a record can be of somebody born on day: as precise as it is, it says so.
// Aliases' birth dates count.
func born(r schemas.Record, day schemas.Date) bool {
	all := []schemas.Date{r.Birth}
	for _, a := range r.Aliases {
		all = append(all, a.Birth)
	}
	for _, b := range all {
		if b.Year == day.Year && (b.Month == 0 || b.Month == day.Month) && (b.Day == 0 || b.Day == day.Day) {
			return true
		}
	}
	return false
}

// aged reports whether a record can be of somebody of that age today.
func aged(r schemas.Record, age int, today schemas.Date) bool {
	switch {
	case r.Birth.Day != 0:
		return r.Birth.YearsBetween(today) == age
	case r.Birth.Year != 0:
		return today.Year-r.Birth.Year == age || today.Year-r.Birth.Year == age+1
	case r.Age.Years > 0:
		now := r.Age.Years
		if !r.Age.On.IsZero() {
			now += today.Year - r.Age.On.Year
		}
		return age == now || age == now-1 || age == now+1
	}
	return false
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
