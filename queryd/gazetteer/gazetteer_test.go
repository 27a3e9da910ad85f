package gazetteer

import (
	"slices"
	"testing"

	"lineup/indexer/index"
)

func TestStatesOfCitiesAndPlaces(t *testing.T) {
	for name, want := range map[string][]string{"Sacramento": {"CA", "KY", "NM", "PA"}, "los  ANGELES": {"CA"},
		"Nosuchplaceton": nil, "": nil} {
		if got := StatesOfCity(name); !slices.Equal(got, want) {
			t.Errorf("%q is in %v, want %v", name, got, want)
		}
	}
	if got := StatesOfCity("St Louis"); !slices.Contains(got, "MO") || !slices.Equal(got, StatesOfCity("Saint Louis")) {
		t.Errorf("St Louis is in %v, Saint Louis in %v", got, StatesOfCity("Saint Louis"))
	}
	for _, c := range []struct {
		name string
		at   index.Circle
		want []string
	}{
		{"Chicago", index.Circle{Lat: 41.88, Lon: -87.63, Miles: 1}, []string{"IL"}},
		{"Kansas City, on the border", index.Circle{Lat: 39.1, Lon: -94.6, Miles: 3}, []string{"KS", "MO"}},
		{"the north of Alaska", index.Circle{Lat: 68.5, Lon: -155, Miles: 1}, []string{"AK"}},
		{"San Juan", index.Circle{Lat: 18.4, Lon: -66.06, Miles: 1}, []string{"PR"}},
		{"the Atlantic", index.Circle{Lat: 35, Lon: -50, Miles: 10}, nil},
	} {
		if got := StatesNear(c.at); !slices.Equal(got, c.want) {
			t.Errorf("%s is in %v, want %v", c.name, got, c.want)
		}
	}
}
