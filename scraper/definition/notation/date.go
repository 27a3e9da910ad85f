package notation

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lineup/schemas"
)

// DateLayouts are the ways a date is written, by the name definitions use. A format with a
// four-digit year also takes two digits; a time of day behind a date is left away.
var DateLayouts = map[string][]string{
	"m/d/Y":      {"1/2/2006", "1/2/06"},
	"m-d-Y":      {"1-2-2006", "1-2-06"},
	"d/m/Y":      {"2/1/2006", "2/1/06"},
	"Y-m-d":      {"2006-1-2"},
	"Ymd":        {"20060102"},
	"Month d, Y": {"January 2, 2006", "Jan 2, 2006"},
	"d Month Y":  {"2 January 2006", "2 Jan 2006", "2 January 06", "2 Jan 06"},
	"iso":        {"2006-01-02"},
	"m/Y":        {"1/2006"},
	"Y":          {"2006"},
	"ms":         nil, // milliseconds since 1970, bare or as /Date(ms)/
}

var (
	milliseconds = regexp.MustCompile(`^(?:/Date\()?(-?\d+)(?:[+-]\d+)?(?:\)/)?$`)
	timeOfDay    = regexp.MustCompile(`(?i)[T ]\s*\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(?:[AP]\.?M\.?)?\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?$`)
	monthName    = regexp.MustCompile(`(?i)^(\d{1,2})[\s-]+([a-z]{3,9})\.?[\s,-]+(\d{2,4})$`)
	shortYear    = regexp.MustCompile(`^\d{1,2}[/-]\d{1,2}[/-]\d{2}$|[a-z] \d{2}$`)
	serialDay    = regexp.MustCompile(`^(\d{5})(?:\.\d+)?$`)

	// noDay are what databases and spreadsheets put where they have no date: the first day that
	// SQL Server, Access, Excel, Java or .NET can name, or the last.
	noDay = regexp.MustCompile(`^(0{4}-00-00|0{1,2}/0{1,2}/0{2,4}|0?1/0?1/(1900|1753|0?001|1)|(1900|1753|0001|9999)-01-01|` +
		`12/30/1899|1899-12-30|12/31/(9999|1899)|(9999|1899)-12-31|(1900|0000|0001|9999)-?0[01]-?0[01]|19000101|00000000|99991231)$`)
)

// Day is what a text says of a day.
type Day struct {
	schemas.Date
	TwoDigitYear bool // the century is a guess
}

// ParseDay reads text in one of the formats, as precise as it is written. A text that means "no
// date" is the zero day. ok is false for a text in none of the formats.
func ParseDay(text string, formats []string) (day Day, ok bool) {
	text = Clean(text)
	if half := len(text) / 2; len(text)%2 == 1 && text[half] == ' ' && text[:half] == text[half+1:] {
		text = text[:half] // printed twice, by two elements that overlap
	}
	text = Clean(timeOfDay.ReplaceAllString(text, ""))
	if noDay.MatchString(text) {
		return Day{}, true
	}
	if m := monthName.FindStringSubmatch(text); m != nil {
		month := m[2]
		if strings.EqualFold(month, "sept") {
			month = "Sep"
		}
		text = m[1] + " " + month + " " + m[3]
	}
	for _, format := range formats {
		if format == "ms" {
			if m := milliseconds.FindStringSubmatch(text); m != nil {
				if ms, err := strconv.ParseInt(m[1], 10, 64); err == nil {
					d := schemas.DateOf(time.UnixMilli(ms))
					return Day{Date: d}, plausible(d)
				}
			}
			continue
		}
		for _, layout := range DateLayouts[format] {
			t, err := time.Parse(layout, text)
			if err != nil {
				continue
			}
			d := Day{Date: schemas.Date{Year: t.Year(), Month: int(t.Month()), Day: t.Day()}, TwoDigitYear: shortYear.MatchString(text)}
			switch format {
			case "Y":
				d.Month, d.Day = 0, 0
			case "m/Y":
				d.Day = 0
			}
			return d, plausible(d.Date)
		}
	}
	if m := serialDay.FindStringSubmatch(text); m != nil && len(formats) > 0 {
		days, _ := strconv.Atoi(m[1]) // five digits always are a number
		d := schemas.DateOf(time.Date(1899, time.December, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, days))
		return Day{Date: d}, plausible(d) // a spreadsheet's own count of days
	}
	return Day{}, false
}

func plausible(d schemas.Date) bool { return d.Year >= 1880 && d.Year <= 2200 }

// keyDay are the forms of a day that a hashed key makes one.
var keyDay = []string{"m/d/Y", "m-d-Y", "Y-m-d", "iso", "d Month Y", "Month d, Y"}

var trailingZeros = regexp.MustCompile(`^(\d+)\.0+$`)

// KeyPart is text as a hashed key takes it: a site that one day prints 3/9/1971 for 03/09/1971, or
// 511.0 for 511, still names the same registrant.
func KeyPart(text string) string {
	text = Fold(text)
	if strings.ContainsAny(text, "/- ") {
		if d, ok := ParseDay(text, keyDay); ok && !d.TwoDigitYear {
			if d.IsZero() {
				return ""
			}
			return d.Start().Format("01/02/2006")
		}
	}
	if m := trailingZeros.FindStringSubmatch(text); m != nil {
		return cmp.Or(strings.TrimLeft(m[1], "0"), "0")
	}
	return text
}
