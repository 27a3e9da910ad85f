package notation

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	feetInches = regexp.MustCompile(`(?i)^(\d)(?:\s*(?:'|ft\.?|feet|foot)[\s,-]*|\s*-\s*|\s)` +
		`(?:(\d{1,2})(?:\.\d+|\s*1/2|\s*½)?\s*(?:"|''|in\.?|inch(?:es)?)?)?(?:\s*tall)?$`)
	inchesOnly = regexp.MustCompile(`(?i)^(\d{2,3})(?:\.\d+)?\s*(?:"|''|in\.?|inch(?:es)?)?$`)
	metric     = regexp.MustCompile(`(?i)^(\d(?:\.\d{1,2})|\d{3}(?:\.\d+)?)\s*(c?m)s?\.?$`)
	hundreds   = regexp.MustCompile(`^[4-7][01]\d$`)
	quotes     = strings.NewReplacer("’", "'", "”", `"`, "′", "'", "″", `"`, "`", "'", "´", "'")
)

// heights read a height into inches, by the name definitions use.
var heights = map[string]func(string) (int, bool){
	"feet_inches": func(text string) (int, bool) {
		m := feetInches.FindStringSubmatch(quotes.Replace(text))
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
		m := inchesOnly.FindStringSubmatch(quotes.Replace(text))
		if m == nil {
			return 0, false
		}
		n, err := strconv.Atoi(m[1])
		return n, err == nil
	},
	"metric": func(text string) (int, bool) {
		m := metric.FindStringSubmatch(text)
		if m == nil {
			return 0, false
		}
		length, _ := strconv.ParseFloat(m[1], 64)
		if strings.EqualFold(m[2], "m") {
			length *= 100
		}
		return int(math.Round(length / 2.54)), true
	},
}

// heightForms are tried after the declared ones: forms that cannot be taken for another.
var heightForms = []string{"feet_inches", "inches", "metric", "feet100"}

// Height reads a height in one of the formats, or in a form that can be no other, into inches;
// false for a text that is no grown person's.
func Height(text string, formats []string) (int, bool) {
	if m := trailingZeros.FindStringSubmatch(text); m != nil {
		text = m[1] // a spreadsheet's number
	}
	for _, format := range append(formats[:len(formats):len(formats)], heightForms...) {
		bare := strings.Trim(text, "0123456789") == "" && !slices.Contains(formats, format)
		if bare && (format != "feet100" || !hundreds.MatchString(text)) {
			continue // a bare number is what the definition says, unless it can be no other: nobody is 511 inches tall
		}
		if inches, ok := heights[format](text); ok && inches >= 24 && inches <= 107 {
			return inches, true
		}
	}
	return 0, false
}

// IsHeightFormat reports whether there is such a way of writing a height.
func IsHeightFormat(name string) bool { return heights[name] != nil }

var weightForm = regexp.MustCompile(`(?i)^0*(\d{1,4})(?:\.\d+)?\s*(?:(lbs?\.?|lb\(s\)|pounds?|pds?\.?|#)|(kgs?\.?|kilo(?:gram)?s?))?$`)

// Weight reads a weight into pounds: 0 for what stands for unknown, false for a text that is none.
func Weight(text string) (int, bool) {
	m := weightForm.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	pounds, _ := strconv.Atoi(m[1])
	if m[3] != "" {
		pounds = int(math.Round(float64(pounds) / 0.45359237))
	}
	if pounds <= 1 { // zero and one pound stand for unknown
		return 0, true
	}
	return pounds, true
}
