package notation

import (
	"lineup/schemas"
	"regexp"
	"strconv"
	"time"
)

// DateLayouts are the ways a date is written, by the name definitions use.
var DateLayouts = map[string][]string{
	"m/d/Y":      {"1/2/2006"},
	"m-d-Y":      {"1-2-2006"},
	"Y-m-d":      {"2006-1-2"},
	"Ymd":        {"20060102"},
	"Month d, Y": {"January 2, 2006", "Jan 2, 2006"},
	"iso":        {time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04:05.000", "2006-01-02"},
	"m/Y":        {"1/2006"},
	"Y":          {"2006"},
	"ms":         nil, // milliseconds since 1970, bare or as /Date(ms)/
}

var milliseconds = regexp.MustCompile(`^(?:/Date\()?(-?\d+)(?:[+-]\d+)?(?:\)/)?$`)

// Date reads text in one of the formats, as precise as it is written.
func Date(text string, formats []string) (schemas.Date, bool) {
	text = Clean(text)
	if half := len(text) / 2; len(text)%2 == 1 && text[half] == ' ' && text[:half] == text[half+1:] {
		text = text[:half] // printed twice, by two elements that overlap
	}
	for _, format := range formats {
		if format == "ms" {
			if m := milliseconds.FindStringSubmatch(text); m != nil {
				if ms, err := strconv.ParseInt(m[1], 10, 64); err == nil {
					return sane(schemas.DateOf(time.UnixMilli(ms)))
				}
			}
			continue
		}
		for _, layout := range DateLayouts[format] {
			t, err := time.Parse(layout, text)
			if err != nil {
				continue
			}
			d := schemas.Date{Year: t.Year(), Month: int(t.Month()), Day: t.Day()}
			switch format {
			case "Y":
				d.Month, d.Day = 0, 0
			case "m/Y":
				d.Day = 0
			}
			return sane(d)
		}
	}
	return schemas.Date{}, false
}

func sane(d schemas.Date) (schemas.Date, bool) {
	return d, d.Year >= 1880 && d.Year <= 2200
}
