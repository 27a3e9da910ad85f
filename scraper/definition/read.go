package definition

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"lineup/schemas"
)

// dateLayouts are the ways a date is written, by the name definitions use.
var dateLayouts = map[string][]string{
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

// date reads text in one of the formats, as precise as it is written.
func date(text string, formats Texts) (schemas.Date, bool) {
	text = clean(text)
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
		for _, layout := range dateLayouts[format] {
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

// date reads a date; a text in no declared format is reported.
func (d *doc) date(n node, v *Value) (schemas.Date, error) {
	text, err := d.text(n, v)
	if err != nil || text == "" {
		return schemas.Date{}, err
	}
	got, ok := date(text, v.Format)
	if !ok {
		d.leave("date not understood", v.name())
	}
	return got, nil
}

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

func (d *doc) height(n node, v *Value) (schemas.Measure, error) {
	text, err := d.text(n, v)
	if err != nil || text == "" || strings.Trim(text, "0") == "" {
		return schemas.Measure{}, err
	}
	for _, format := range v.Format {
		if inches, ok := heights[format](text); ok && inches >= 24 && inches <= 107 {
			return schemas.Measure{Value: inches, Raw: text}, nil
		}
	}
	d.leave("height not understood", v.name())
	return schemas.Measure{Raw: text}, nil
}

var weightForm = regexp.MustCompile(`(?i)^0*(\d{1,4})\s*(?:lbs?\.?|pounds)?$`)

func (d *doc) weight(n node, v *Value) (schemas.Measure, error) {
	text, err := d.text(n, v)
	if err != nil || text == "" {
		return schemas.Measure{}, err
	}
	m := weightForm.FindStringSubmatch(text)
	if m == nil {
		d.leave("weight not understood", v.name())
		return schemas.Measure{Raw: text}, nil
	}
	pounds, _ := strconv.Atoi(m[1])
	if pounds <= 1 { // zero and one pound stand for unknown
		return schemas.Measure{}, nil
	}
	return schemas.Measure{Value: pounds, Raw: text}, nil
}

// coded maps text by the definition's map, else by the usual words; what neither knows is
// reported when the words are all there can be, else kept as the source prints it.
func (d *doc) coded(n node, v *Value, words map[string]string, closed bool) (schemas.Coded, error) {
	text, err := d.text(n, v)
	if err != nil || text == "" {
		return schemas.Coded{}, err
	}
	if len(v.Map) > 0 {
		return schemas.Coded{Value: d.mapped(text, v), Raw: text}, nil
	}
	if value, ok := words[fold(text)]; ok {
		return schemas.Coded{Value: value, Raw: text}, nil
	}
	if closed {
		d.leave("value not understood", v.name())
		return schemas.Coded{Raw: text}, nil
	}
	return schemas.Coded{Value: strings.ToLower(text), Raw: text}, nil
}

// flag reads a yes or no; nil when the source says neither.
func (d *doc) flag(n node, v *Value) (*bool, error) {
	text, err := d.text(n, v)
	if err != nil || text == "" && len(v.Map) == 0 {
		return nil, err
	}
	if len(v.Map) > 0 {
		text = d.mapped(text, v)
	}
	switch fold(text) {
	case "y", "yes", "true", "1", "x":
		yes := true
		return &yes, nil
	case "n", "no", "false", "0":
		no := false
		return &no, nil
	case "":
		return nil, nil
	}
	d.leave("neither yes nor no", v.name())
	return nil, nil
}

var suffixes = regexp.MustCompile(`(?i)^(jr|sr|ii|iii|iv|v)\.?$`)

// name takes a name apart by the order it is written in.
func name(text, order string) schemas.Name {
	text = clean(strings.ReplaceAll(text, "\n", " "))
	out := schemas.Name{Full: text}
	switch order {
	case "last_comma_first":
		last, rest, ok := strings.Cut(text, ",")
		if !ok {
			out.Last = last
			return out
		}
		if more, again, two := strings.Cut(rest, ","); two && suffixes.MatchString(clean(more)) {
			out.Suffix, rest = clean(more), again // "LAST, JR, FIRST"
		}
		out.Last, out.Suffix = takeSuffix(strings.Fields(last), out.Suffix)
		first := strings.Fields(strings.ReplaceAll(rest, ",", " "))
		if n := len(first); n > 1 && out.Suffix == "" && suffixes.MatchString(first[n-1]) && first[n-1] != "V" {
			first, out.Suffix = first[:n-1], first[n-1]
		}
		if len(first) > 0 {
			out.First, out.Middle = first[0], strings.Join(first[1:], " ")
		}
	case "first_last":
		parts := strings.Fields(strings.ReplaceAll(text, ",", " "))
		if n := len(parts); n > 2 && suffixes.MatchString(parts[n-1]) {
			out.Suffix, parts = parts[n-1], parts[:n-1]
		}
		if n := len(parts); n > 1 {
			out.First, out.Middle, out.Last = parts[0], strings.Join(parts[1:n-1], " "), parts[n-1]
		} else if n == 1 {
			out.Last = parts[0]
		}
	}
	return out
}

func takeSuffix(last []string, suffix string) (string, string) {
	if n := len(last); n > 1 && suffix == "" && suffixes.MatchString(last[n-1]) && !strings.EqualFold(last[n-1], "v") {
		return strings.Join(last[:n-1], " "), last[n-1]
	}
	return strings.Join(last, " "), suffix
}

var cityStateZip = regexp.MustCompile(`^(.*?),?\s+([A-Z]{2})\.?(?:\s+(\d{5})(?:-?\d{4})?)?$`)

// address takes a whole address apart: street lines, then CITY, ST ZIP. What has another form
// is kept as printed.
func address(text string) schemas.Address {
	all := strings.Split(lines(text), "\n")
	last := all[len(all)-1]
	m := cityStateZip.FindStringSubmatch(last)
	if m == nil {
		return schemas.Address{Raw: strings.Join(all, ", ")}
	}
	street, city := strings.Join(all[:len(all)-1], ", "), m[1]
	if street == "" {
		if i := strings.LastIndexByte(city, ','); i >= 0 { // all on one line: STREET, CITY, ST ZIP
			street, city = clean(city[:i]), clean(city[i+1:])
		}
	}
	return schemas.Address{Street: street, City: clean(city), State: m[2], Zip: m[3]}
}
