package web

import (
	"math"
	"strconv"
	"strings"

	"lineup/indexer/index"
	"lineup/queryd/gazetteer"
	"lineup/queryd/search"
)

// mapView is a small map of a circle and who lives in it: north is up, and the circle's radius is 100.
type mapView struct {
	Miles, Half float64 // from the middle to the outer and the inner ring
	Spots       []spot  // where records are, with their numbers on the page
	Towns       []spot
}

// spot is a place on the map.
type spot struct {
	X, Y float64
	Name string
}

// Bounds of what the map says besides.
const (
	mapTowns   = 5
	townsApart = 30 // of names, in the map's units
)

// onMap is where a place lies on the map of a circle, in the plane that touches the earth there.
func onMap(circle index.Circle, lat, lon float64) (x, y float64) {
	north, east := circle, circle
	dLon := math.Remainder(lon-circle.Lon, 360)
	x = east.Distance(index.Place{Lat: circle.Lat, Lon: circle.Lon + dLon, Located: true}) / circle.Miles * 100
	y = north.Distance(index.Place{Lat: lat, Lon: circle.Lon, Located: true}) / circle.Miles * 100
	round := func(v float64) float64 { return math.Round(v*10) / 10 }
	return round(math.Copysign(x, dLon)), round(-math.Copysign(y, lat-circle.Lat))
}

// nearestPlace is the place of a record that is nearest to the middle of a circle; ok is false for a record
// without a place on the map.
func nearestPlace(circle index.Circle, h search.Hit) (best index.Place, ok bool) {
	return circle.NearestOf(index.FactsOf(h.Document.Record).Places)
}

// mapOf draws where the hits of a page are, numbered from first. Those at one spot share it.
func mapOf(circle index.Circle, hits []search.Hit, first int) *mapView {
	m := &mapView{Miles: circle.Miles, Half: circle.Miles / 2}
	for i, h := range hits {
		at, ok := nearestPlace(circle, h)
		if !ok {
			continue
		}
		x, y := onMap(circle, at.Lat, at.Lon)
		number := strconv.Itoa(first + i)
		shared := false
		for j := range m.Spots {
			if s := &m.Spots[j]; math.Hypot(s.X-x, s.Y-y) < 1 {
				if strings.Count(s.Name, ",") < 3 {
					s.Name += ", " + number
				} else if !strings.HasSuffix(s.Name, "…") {
					s.Name += " …"
				}
				shared = true
			}
		}
		if !shared {
			m.Spots = append(m.Spots, spot{x, y, number})
		}
	}
	for _, zip := range gazetteer.Near(circle) {
		x, y := onMap(circle, zip.Lat, zip.Lon)
		free := zip.City != "" && math.Abs(x) < 75 && math.Abs(y) < 85 && math.Abs(y)+math.Abs(x) > 12
		for _, t := range m.Towns {
			free = free && t.Name != zip.City && (math.Abs(t.Y-y) > townsApart/2 || math.Abs(t.X-x) > 2*townsApart)
		}
		if free && len(m.Towns) < mapTowns {
			m.Towns = append(m.Towns, spot{x, y, zip.City})
		}
	}
	return m
}
