package notation

import (
	"regexp"
	"strconv"
	"strings"
)

var feetInches = regexp.MustCompile(`(?i)^(\d)\s*(?:'|ft\.?|feet|foot)\s*(?:(\d{1,2})\s*(?:"|''|in\.?|inch(?:es)?)?)?$`)

// heights read a height into inches, by the name definitions use.
var heights = map[string]func(string) (int, bool){
	"feet_inches": func(text string) (int, bool) {
		m := feetInches.FindStringSubmatch(strings.NewReplacer("’", "'", "”", `"`, "′", "'", "″", `"`).Replace(text))
		if m == nil {
			return 0, false
		}
		feet, _ := strconv.Atoi(m[1])
		inches, _ := strconv.Atoi("0" + m[2])
		return feet*12 + inches, inches < 12
	},
	"feet100": func(text string) (int, bool) {
		n, err := strconv.Atoi(text)
		return n/100*12 + n%100, err == nil && n%100 < 12
	},
	"inches": func(text string) (int, bool) {
		n, err := strconv.Atoi(text)
		return n, err == nil
	},
}

var weightForm = regexp.MustCompile(`(?i)^0*(\d{1,4})\s*(?:lbs?\.?|pounds)?$`)

// Height reads a height in one of the formats into inches; false for a text that is no grown person's.
func Height(text string, formats []string) (int, bool) {
	for _, format := range formats {
		if inches, ok := heights[format](text); ok && inches >= 24 && inches <= 107 {
			return inches, true
		}
	}
	return 0, false
}

// IsHeightFormat reports whether there is such a way of writing a height.
func IsHeightFormat(name string) bool { return heights[name] != nil }

// Weight reads a weight into pounds: 0 for what stands for unknown, false for a text that is none.
func Weight(text string) (int, bool) {
	m := weightForm.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	pounds, _ := strconv.Atoi(m[1])
	if pounds <= 1 { // zero and one pound stand for unknown
		return 0, true
	}
	return pounds, true
}
