package notation

import (
	"regexp"
	"strconv"
	"strings"

	"lineup/schemas"
)

var (
	cityStateZip = regexp.MustCompile(`^(.*?),?\s+([A-Z]{2})[.,]?(?:\s+(\d{5})(?:-?\d{4})?)?$`)
	cityNameZip  = regexp.MustCompile(`^(.*),\s*([A-Za-z .]+?)[.,]?\s+(\d{5})(?:-?\d{4})?$`) // the state written out
)

// SplitAddress takes a whole address apart: street lines, then CITY, ST ZIP. What has another form
// is kept as printed.
func SplitAddress(text string) schemas.Address {
	all := strings.Split(Lines(text), "\n")
	last := all[len(all)-1]
	m := cityStateZip.FindStringSubmatch(last)
	if m == nil {
		if m = cityNameZip.FindStringSubmatch(last); m != nil {
			code, ok := schemas.StateCode(m[2])
			if m[2] = code; !ok {
				m = nil
			}
		}
	}
	if m == nil {
		return schemas.Address{Raw: strings.Join(all, ", ")}
	}
	street, city := strings.Join(all[:len(all)-1], ", "), m[1]
	if street == "" {
		if i := strings.LastIndexByte(city, ','); i >= 0 { // all on one line: STREET, CITY, ST ZIP
			street, city = Clean(city[:i]), Clean(city[i+1:])
		}
	}
	return schemas.Address{Street: street, City: Clean(city), State: m[2], Zip: m[3]}
}

var zipDigits = regexp.MustCompile(`^(\d{3,5})(?:-?\d{4}|\.0)?$|^(\d{5})[-\s]\d{0,4}$`)

// ZipCode reads a ZIP code, with the zeros in front that a spreadsheet took for nothing.
func ZipCode(text string) string {
	m := zipDigits.FindStringSubmatch(text)
	if m == nil || strings.Trim(m[1]+m[2], "0") == "" {
		return ""
	}
	return strings.Repeat("0", 5-len(m[1]+m[2])) + m[1] + m[2]
}

var points = strings.NewReplacer("N ", "NORTH ", "S ", "SOUTH ", "W ", "WEST ")

// State is the code of a state that is written out, in whole or with points, or what is printed in capitals; nothing for a
// word that stands for nothing.
func State(text string) string {
	text = Clean(text)
	if IsNothing(text) {
		return ""
	}
	short := strings.TrimPrefix(strings.ToUpper(strings.ReplaceAll(text, ".", "")), "US-")
	for _, form := range []string{text, short, points.Replace(short)} {
		if code, ok := schemas.StateCode(form); ok {
			return code
		}
	}
	return strings.ToUpper(text)
}

// Coordinates reads a place on the map; 0/0 and what lies outside the world is none.
func Coordinates(lat, lon string) (*float64, *float64) {
	y, err1 := strconv.ParseFloat(lat, 64)
	x, err2 := strconv.ParseFloat(lon, 64)
	if err1 != nil || err2 != nil || y == 0 && x == 0 || !(y >= -90 && y <= 90 && x >= -180 && x <= 180) {
		return nil, nil
	}
	return &y, &x
}
