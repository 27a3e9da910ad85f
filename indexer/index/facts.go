package index

import (
	"math"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"lineup/schemas"
	"lineup/schemas/namekey"
	"lineup/schemas/zips"
)

// Facts are what Filter and Query compare, taken from a record in one way for all engines.
type Facts struct {
	State   string // folded home state, else the jurisdiction; "" for not known
	Sex     string // "male", "female" or "" for not known
	BornMin int    // first and last year of birth the record allows, 0 for not known
	BornMax int
	Places  []Place
}

// Place is where a registrant lives or is held, folded. City, State and Zip may be "".
type Place struct {
	City, State, Zip string
	Lat, Lon         float64
	Located          bool // Lat and Lon are known
	Middle           bool // they are those of the ZIP code's middle: nothing more precise is known
}

// FactsOf takes the facts from a record.
func FactsOf(r schemas.Record) Facts {
	f := Facts{State: FoldPlace(r.State())}
	switch r.Sex.Value {
	case "male", "female":
		f.Sex = r.Sex.Value
	}
	f.BornMin, f.BornMax = r.BirthYears()
	for _, a := range r.Addresses {
		if p, ok := placeOf(a, r.Jurisdiction); ok {
			f.Places = append(f.Places, p)
		}
	}
	if len(f.Places) == 0 && f.State != "" { // a search for the state must find who is shown under it
		f.Places = []Place{{State: f.State}}
	}
	return f
}

// placeOf folds an address; where somebody works, learns or gets post is not a place to find
// them by.
func placeOf(a schemas.Address, jurisdiction string) (Place, bool) {
	if !a.Lived() {
		return Place{}, false
	}
	p := Place{City: FoldPlace(a.City), State: FoldPlace(a.State), Zip: FoldZip(a.Zip)}
	if p.State == "" && (p.City != "" || p.Zip != "") {
		p.State = FoldPlace(jurisdiction)
	}
	if a.Lat != nil && a.Lon != nil && located(*a.Lat, *a.Lon) {
		p.Lat, p.Lon, p.Located = *a.Lat, *a.Lon, true
	} else if zip, ok := zips.Find(p.Zip); ok && (p.State == "" || p.State == FoldPlace(zip.State)) {
		p.Lat, p.Lon, p.Located, p.Middle = zip.Lat, zip.Lon, true, true
	}
	return p, p.City != "" || p.State != "" || p.Zip != "" || p.Located
}

// located tells coordinates from the fillers sources print where they know none (0/0, -1/-1).
func located(lat, lon float64) bool {
	if lat == 0 && lon == 0 || lat == -1 && lon == -1 {
		return false
	}
	return math.Abs(lat) <= 90 && math.Abs(lon) <= 180 // false for NaN too
}

// FoldPlace folds the name of a place for comparison: lower case, no accents, everything but letters
// and digits one space, and Saint, Mount and Fort abbreviated: "Saint Élme" and "ST. ELME" are the
// same place.
func FoldPlace(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(name) {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			gap = false
			b.WriteRune(unicode.ToLower(r))
		case unicode.Is(unicode.Mn, r) || r == '\'' || r == '’':
		default:
			gap = true
		}
	}
	return strings.Join(namekey.Abbreviate(strings.Fields(b.String())), " ")
}

// FoldZip is the five-digit form of a ZIP or ZIP+4 code.
func FoldZip(zip string) string {
	folded := FoldPlace(zip)
	if len(folded) > 5 && len(strings.TrimRight(folded[:5], "0123456789")) == 0 {
		return folded[:5]
	}
	return folded
}

// Passes reports whether a registrant of source with these facts passes f.
func (f Filter) Passes(source string, facts Facts) bool {
	return (len(f.Sources) == 0 || slices.Contains(f.Sources, source)) &&
		(len(f.States) == 0 || slices.ContainsFunc(f.States, func(s string) bool { return facts.State != "" && FoldPlace(s) == facts.State })) &&
		(len(f.Sexes) == 0 || facts.Sex == "" || slices.Contains(f.Sexes, facts.Sex)) &&
		(facts.BornMax == 0 || (f.BornMin == 0 || facts.BornMax >= f.BornMin) && (f.BornMax == 0 || facts.BornMin <= f.BornMax))
}

// earthMiles is the mean radius of the earth (IUGG), in miles.
const earthMiles = 3958.7613

// Distance is the great-circle distance in miles of a place from the circle's centre, by the haversine
// formula: infinite for a place without coordinates.
func (c Circle) Distance(p Place) float64 {
	if !p.Located {
		return math.Inf(1)
	}
	rad := math.Pi / 180
	dLat, dLon := (p.Lat-c.Lat)*rad, (p.Lon-c.Lon)*rad
	h := math.Pow(math.Sin(dLat/2), 2) + math.Cos(c.Lat*rad)*math.Cos(p.Lat*rad)*math.Pow(math.Sin(dLon/2), 2)
	return 2 * earthMiles * math.Asin(math.Min(1, math.Sqrt(h)))
}

// Nearest is the distance of the nearest of several places: infinite where none has coordinates.
func (c Circle) Nearest(places []Place) float64 {
	place, ok := c.NearestOf(places)
	if !ok {
		return math.Inf(1)
	}
	return c.Distance(place)
}

// NearestOf is the nearest of several places; ok is false where none has coordinates.
func (c Circle) NearestOf(places []Place) (nearest Place, ok bool) {
	best := math.Inf(1)
	for _, p := range places {
		if away := c.Distance(p); away < best {
			nearest, best, ok = p, away, true
		}
	}
	return nearest, ok
}

// Boxes are the rectangles of degrees that contain the circle: two where it crosses the
// antimeridian. Order: lat min, lat max, lon min, lon max.
func (c Circle) Boxes() [][4]float64 {
	deg := 180 / math.Pi
	dLat := c.Miles/earthMiles*deg*1.0001 + 1e-6
	south, north := c.Lat-dLat, c.Lat+dLat
	if south <= -90 || north >= 90 {
		return [][4]float64{{max(south, -90), min(north, 90), -180, 180}}
	}
	// The circle is widest in longitude nearer the pole than its centre.
	reach := math.Sin(math.Min(c.Miles/earthMiles, math.Pi/2)) / math.Cos(c.Lat/deg)
	if reach >= 1 {
		return [][4]float64{{south, north, -180, 180}}
	}
	dLon := math.Asin(reach)*deg*1.0001 + 1e-6
	west, east := c.Lon-dLon, c.Lon+dLon
	switch {
	case west < -180:
		return [][4]float64{{south, north, west + 360, 180}, {south, north, -180, east}}
	case east > 180:
		return [][4]float64{{south, north, west, 180}, {south, north, -180, east - 360}}
	}
	return [][4]float64{{south, north, west, east}}
}
