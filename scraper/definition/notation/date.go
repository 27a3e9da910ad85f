package notation

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lineup/schemas"
)

// DateFormats are examples of what a definition calls a way to write a date; DateLayouts takes any like them.
var DateFormats = []string{"m/d/Y", "m-d-Y", "d/m/Y", "d.m.Y", "Y-m-d", "Ymd", "Month d, Y", "d Month Y", "Month Y", "m/Y", "Y",
	"iso", "ms"}

// dateFormat is a way to write a date as a definition names it.
type dateFormat struct {
	layouts      []string // of package time, the likeliest first
	day, month   bool     // it says them
	milliseconds bool     // since 1970, bare or as /Date(ms)/
}

// DateLayouts reads a format that is made of d, m or Month, and Y in any order, with blanks, commas, dots, slashes and
// dashes between them or nothing. m and d take one digit or two, Month takes a month's name or its first three letters,
// and a year at the end of a whole date takes two digits too. ok is false for any other format.
func DateLayouts(format string) (f dateFormat, ok bool) {
	switch format {
	case "ms":
		return dateFormat{milliseconds: true, day: true, month: true}, true
	case "iso":
		format = "Y-m-d"
	}
	var parts []string
	order, marks := "", ""
	for rest := format; rest != ""; {
		part := rest[:1]
		if strings.HasPrefix(rest, "Month") {
			part = "Month"
		}
		rest = rest[len(part):]
		switch {
		case strings.Contains(" ,./-", part):
			marks += part
		case part == "d" || part == "m" || part == "Y" || part == "Month":
			order += part[:1]
		default:
			return f, false
		}
		parts = append(parts, part)
	}
	f.day, f.month = strings.Contains(order, "d"), strings.ContainsAny(order, "mM")
	if strings.Count(order, "Y") != 1 || f.day && !f.month || len(order) > 3 || len(order) == 3 && !f.day {
		return f, false
	}
	year, day, month := "2006", "2", []string{"1"}
	switch {
	case strings.Contains(order, "M"):
		month = []string{"January", "Jan"}
	case marks == "":
		day, month = "02", []string{"01"}
	}
	switch order { // ParseDay writes them so, however the page does
	case "dMY":
		parts = []string{"d", " ", "Month", " ", "Y"}
	case "MdY":
		parts = []string{"Month", " ", "d", ", ", "Y"}
	}
	short := len(order) == 3 && strings.HasSuffix(order, "Y") && marks != ""
	for _, year := range []string{year, "06"} {
		for _, month := range month {
			if year == "2006" || short {
				f.layouts = append(f.layouts, strings.NewReplacer("d", day, "Month", month, "m", month, "Y", year).Replace(strings.Join(parts, "")))
			}
		}
	}
	return f, true
}

var (
	milliseconds = regexp.MustCompile(`^(?:/Date\()?(-?\d+)(?:[+-]\d+)?(?:\)/)?$`)
	timeOfDay    = regexp.MustCompile(`(?i)[T ]\s*\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(?:[AP]\.?M\.?)?\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?$`)
	weekday      = regexp.MustCompile(`(?i)^(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?[.,]?\s+`)
	dayMonth     = regexp.MustCompile(`(?i)^(\d{1,2})(?:st|nd|rd|th)?[\s./-]+(?:of\s+)?([a-z]{3,9})\.?[\s,./-]+(\d{2,4})$`)
	monthDay     = regexp.MustCompile(`(?i)^([a-z]{3,9})\.?[\s./-]+(\d{1,2})(?:st|nd|rd|th)?[\s,./-]+(\d{2,4})$`)
	serialDay    = regexp.MustCompile(`^(\d{5})(?:\.\d+)?$`)

	// noDay are what databases write where they have no date and that is no date: zeros and nines.
	noDay = regexp.MustCompile(`^(0{1,4}[-/.]00?[-/.]0{1,4}|0{8}|0|(19|18|00)00[-/.]?0[01][-/.]?00|0{1,2}[-/.]0{1,2}[-/.]\d{4}|` +
		`99[-/.]99[-/.]9{2,4}|0001-?01-?01|0?1[-/.]0?1[-/.]0{0,3}1)$`)
)

// nothings are the first days that SQL Server, Access, Excel, Java or .NET can name, and the last: what databases and spreadsheets
// put where they have no date.
var nothings = map[schemas.Date]bool{
	{Year: 1, Month: 1, Day: 1}: true, {Year: 1753, Month: 1, Day: 1}: true, {Year: 1899, Month: 12, Day: 30}: true,
	{Year: 1899, Month: 12, Day: 31}: true, {Year: 1900, Month: 1, Day: 1}: true, {Year: 9999, Month: 12, Day: 31}: true,
}

// plainly are the forms that nobody writes in another order. A source that goes over to one of them says the same.
var plainly = []string{"Y-m-d", "Y/m/d", "d Month Y", "Month d, Y"}

// Day is what a text says of a day.
type Day struct {
	schemas.Date
	TwoDigitYear bool // the century is a guess
}

// ParseDay reads text in one of the formats, or one that can be read in one way only, as precise as it is written. A text that means "no
// date" is the zero day. ok is false for a text in none of the formats.
func ParseDay(text string, formats []string) (day Day, ok bool) {
	text = Clean(text)
	if half := len(text) / 2; len(text)%2 == 1 && text[half] == ' ' && text[:half] == text[half+1:] {
		text = text[:half] // printed twice, by two elements that overlap
	}
	text = Clean(timeOfDay.ReplaceAllString(text, ""))
	if noDay.MatchString(text) || IsNothing(text) {
		return Day{}, true
	}
	text = said(text)
	if len(formats) > 0 { // the year first, or a month's name, can be read in one way only
		formats = append(slices.Clone(formats), plainly...)
	}
	for _, name := range formats {
		format, _ := DateLayouts(name)
		if m := milliseconds.FindStringSubmatch(text); format.milliseconds && m != nil {
			if ms, err := strconv.ParseInt(m[1], 10, 64); err == nil {
				return known(Day{Date: schemas.DateOf(time.UnixMilli(ms))})
			}
		}
		for _, layout := range format.layouts {
			t, err := time.Parse(layout, text)
			if err != nil {
				continue
			}
			d := Day{Date: schemas.DateOf(t), TwoDigitYear: !strings.Contains(layout, "2006")}
			if !format.day {
				d.Day = 0
			}
			if !format.month {
				d.Month = 0
			}
			return known(d)
		}
	}
	if m := serialDay.FindStringSubmatch(text); m != nil && len(formats) > 0 {
		days, _ := strconv.Atoi(m[1]) // five digits always are a number
		d := schemas.DateOf(time.Date(1899, time.December, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, days))
		return known(Day{Date: d}) // a spreadsheet's own count of days
	}
	return Day{}, false
}

// said writes a date with a month's name as layouts have it: "9 March 1971", "March 9, 1971".
func said(text string) string {
	month := func(name string) string {
		if strings.EqualFold(name, "sept") {
			return "Sep"
		}
		return name
	}
	bare := weekday.ReplaceAllString(text, "")
	if m := dayMonth.FindStringSubmatch(bare); m != nil {
		return m[1] + " " + month(m[2]) + " " + m[3]
	}
	if m := monthDay.FindStringSubmatch(bare); m != nil {
		return month(m[1]) + " " + m[2] + ", " + m[3]
	}
	return text
}

// known is a day as it was read: none, where it is what databases put for none; ok is false for a day that nobody alive has to do with.
func known(d Day) (Day, bool) {
	if nothings[d.Date] && !d.TwoDigitYear {
		return Day{}, true
	}
	return d, d.Year >= 1880 && d.Year <= 2200
}

// keyDay are the forms of a day that a hashed key makes one.
var keyDay = []string{"m/d/Y", "Y/m/d", "m-d-Y", "Y-m-d", "iso", "d Month Y", "Month d, Y"}

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
