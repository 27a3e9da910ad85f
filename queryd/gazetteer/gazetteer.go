// Package gazetteer knows in which states cities and places are, and which ZIP codes are near.
package gazetteer

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"lineup/indexer/index"
	"lineup/schemas/zips"
)

// cities are the states, sorted, that have a place of a folded name. They are read at the first use.
var cities = sync.OnceValue(func() map[string][]string {
	all := map[string][]string{}
	for _, z := range zips.All() {
		if city := index.FoldPlace(z.City); city != "" && !slices.Contains(all[city], z.State) {
			all[city] = append(all[city], z.State)
		}
	}
	for _, states := range all {
		slices.Sort(states)
	}
	return all
})

// StatesOfCity are the states that have a place of this name, sorted; nil for a name not known.
func StatesOfCity(name string) []string { return slices.Clone(cities()[index.FoldPlace(name)]) }

// Near are the ZIP codes whose middle is in a circle, the nearest first.
func Near(circle index.Circle) []zips.ZIP {
	var near []zips.ZIP
	for _, z := range zips.All() {
		if within(circle, z, circle.Miles) && away(circle, z) <= circle.Miles {
			near = append(near, z)
		}
	}
	slices.SortStableFunc(near, func(a, b zips.ZIP) int { return cmp.Compare(away(circle, a), away(circle, b)) })
	return near
}

// away is how far the middle of a ZIP code is from that of a circle, in miles.
func away(from index.Circle, z zips.ZIP) float64 {
	return from.Distance(index.Place{Lat: z.Lat, Lon: z.Lon, Located: true})
}

// mileOfLatitude is less than a degree of latitude has miles, anywhere.
const mileOfLatitude = 68

// within is false for a ZIP code that lies too far north or south to be so many miles away: most do, and that is known
// without the distance.
func within(circle index.Circle, z zips.ZIP, miles float64) bool {
	return math.Abs(z.Lat-circle.Lat)*mileOfLatitude <= miles
}

// apart is how far the middle of a ZIP code may lie from a place within it, in miles, as a rule.
const apart = 5

// StatesNear are the states that a circle may reach into, sorted: those of the nearest ZIP code and of
// all whose middle is in the circle, widened by what such a middle may be off. nil for a place at sea
// or abroad.
func StatesNear(circle index.Circle) []string {
	var near []string
	nearest, best := "", float64(maxAway)
	for _, z := range zips.All() {
		if !within(circle, z, max(best, circle.Miles+apart)) {
			continue
		}
		away := away(circle, z)
		if away < best {
			nearest, best = z.State, away
		}
		if away <= circle.Miles+apart && !slices.Contains(near, z.State) {
			near = append(near, z.State)
		}
	}
	if nearest != "" && !slices.Contains(near, nearest) {
		near = append(near, nearest)
	}
	slices.Sort(near)
	return near
}

// maxAway is how far from any ZIP code a place is in no state, in miles: Alaska has few of them.
const maxAway = 150
