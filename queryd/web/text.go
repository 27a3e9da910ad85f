package web

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"math"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"lineup/queryd/api"
	"lineup/queryd/search"
	"lineup/schemas"
)

// texts are all texts of the page in one language, by key: one file in page/lang. Keys that
// begin with "js." go to the script.
type texts map[string]string

// blanks are what is filled into a text.
var blanks = regexp.MustCompile(`%(\[\d\])?s`)

// readTexts reads every language file; English is the first, and each must have its keys.
func readTexts(from fs.FS) ([]texts, error) {
	files, err := fs.ReadDir(from, "page/lang")
	if err != nil {
		return nil, fmt.Errorf("read the page's languages: %w", err)
	}
	var all []texts
	for _, f := range files {
		data, err := fs.ReadFile(from, "page/lang/"+f.Name())
		if err != nil {
			return nil, fmt.Errorf("read the page's languages: %w", err)
		}
		t := texts{}
		if err := json.Unmarshal(data, &t); err != nil {
			return nil, fmt.Errorf("read the language file %s: %w", f.Name(), err)
		}
		if t["lang"]+".json" != path.Base(f.Name()) {
			return nil, fmt.Errorf("the language file %s says that its language is %q", f.Name(), t["lang"])
		}
		if t["lang"] == "en" {
			all = append([]texts{t}, all...)
		} else {
			all = append(all, t)
		}
	}
	for _, t := range all {
		for key, text := range all[0] {
			if t[key] == "" {
				return nil, fmt.Errorf("the language file %s.json lacks %q", t["lang"], key)
			}
			if len(blanks.FindAllString(t[key], -1)) != len(blanks.FindAllString(text, -1)) {
				return nil, fmt.Errorf("the language file %s.json has other blanks to fill in under %q than English", t["lang"], key)
			}
		}
		for key := range t {
			if _, used := all[0][key]; !used {
				return nil, fmt.Errorf("the language file %s.json has %q, which nothing says", t["lang"], key)
			}
		}
	}
	return all, nil
}

// text is the text under a key, with its %s filled in.
func (t texts) text(key string, args ...any) (string, error) {
	text, ok := t[key]
	if !ok {
		return "", fmt.Errorf("no text %q in the language file", key)
	}
	for i, a := range args {
		if n, ok := a.(int); ok {
			args[i] = t.number(float64(n))
		}
	}
	if len(args) == 1 { // a template hands on a list
		if list, ok := args[0].([]any); ok {
			args = slices.Clone(list)
		}
	}
	if len(args) > 0 {
		text = fmt.Sprintf(text, args...)
	}
	return text, nil
}

// counted is the text under key for n things: key.one or key.other.
func (t texts) counted(key string, n int, args ...any) (string, error) {
	form := ".other"
	if n == 1 {
		form = ".one"
	}
	return t.text(key+form, append([]any{n}, args...)...)
}

// either is the text under key, or other where the file has none.
func (t texts) either(key, other string) string {
	if text, ok := t[key]; ok {
		return text
	}
	return other
}

// script is what the script says, by key without "js.".
func (t texts) script() map[string]string {
	out := map[string]string{}
	for key, text := range t {
		if name, ok := strings.CutPrefix(key, "js."); ok {
			out[name] = text
		}
	}
	return out
}

// number writes a whole number with its thousands apart.
func (t texts) number(n float64) string {
	digits := strconv.FormatFloat(n, 'f', 0, 64)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + t["thousands"] + digits[i:]
	}
	return digits
}

// date writes a date like 1971-03-09, 1971-03 or 1971 for people.
func (t texts) date(text string) string {
	d, err := schemas.ParseDate(text)
	month := t["month."+strconv.Itoa(d.Month)]
	switch {
	case err != nil || d.Month == 0:
		return text
	case d.Day == 0:
		return fmt.Sprintf(t["date.month"], month, strconv.Itoa(d.Year))
	}
	return fmt.Sprintf(t["date.day"], month, strconv.Itoa(d.Day), strconv.Itoa(d.Year))
}

// moment writes an RFC 3339 time in UTC for people, to the minute.
func (t texts) moment(text string) string {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return fmt.Sprintf(t["date.time"], t.date(at.UTC().Format(time.DateOnly)), at.UTC().Format("15:04"))
}

// miles writes a distance, as exactly as it makes sense.
func (t texts) miles(miles float64) (string, error) {
	exact := strconv.FormatFloat(miles, 'f', 1, 64)
	if miles >= 10 {
		exact = strconv.FormatFloat(miles, 'f', 0, 64)
	}
	exact = strings.TrimSuffix(exact, ".0")
	if exact == "1" {
		return t.text("miles.one")
	}
	return t.text("miles.other", strings.Replace(exact, ".", t["decimal"], 1))
}

// away says in words how far a record is from the place asked for, or the middle of its ZIP code is.
func (t texts) away(miles *float64, middle bool) (string, error) {
	here, there := "away.here", "away"
	if middle {
		here, there = "away.zip.here", "away.zip"
	}
	if *miles < 0.05 {
		return t.text(here)
	}
	far, err := t.miles(*miles)
	if err != nil {
		return "", err
	}
	return t.text(there, far)
}

// value is the word for a code of ours, as it stands in a record.
func (t texts) value(code string) string { return t.either("value."+code, api.Capital(code)) }

// written reads a date that is written out as this language writes it: "9 de marzo de 1971". ok is
// false for anything else.
func (t texts) written(text string) (iso string, ok bool) {
	var d schemas.Date
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		n, err := strconv.Atoi(word)
		switch {
		case err == nil && n > 31:
			d.Year = n
		case err == nil:
			d.Day = n
		default:
			for month := 1; month <= 12; month++ {
				if word == strings.ToLower(t["month."+strconv.Itoa(month)]) {
					d.Month = month
				}
			}
		}
	}
	if d.Month == 0 || d.Year == 0 {
		return "", false
	}
	return d.String(), true
}

// ago says in words how long ago something was.
func (t texts) ago(since time.Duration) (string, error) {
	switch hours := int(since.Hours()); {
	case hours < 1:
		return t.text("ago.hour")
	case hours < 24:
		return t.counted("ago.hours", hours)
	case hours < 48:
		return t.text("ago.yesterday")
	default:
		return t.counted("ago.days", hours/24)
	}
}

// scheme spells out the id of a level's scheme: "ny-risk-level" is New York's risk level.
func (t texts) scheme(id string) string {
	code, kind, _ := strings.Cut(id, "-")
	name := schemas.StateName(code)
	if text, ok := t["scheme."+kind]; ok && name != code {
		return fmt.Sprintf(text, name)
	}
	return strings.ReplaceAll(id, "-", " ")
}

// leading keeps the two leading digits of n.
func leading(n float64) float64 {
	scale := math.Pow(10, max(math.Floor(math.Log10(n))-1, 0))
	return math.Round(n/scale) * scale
}

// chance says an expected number of false matches a search in words.
func (t texts) chance(expected float64) string {
	switch {
	case expected < 1e-6:
		return t["chance.million"]
	case expected < 0.22:
		return fmt.Sprintf(t["chance.in"], t.number(leading(1/expected)))
	case expected < 0.95:
		return fmt.Sprintf(t["chance.ten"], t.number(math.Round(expected*10)))
	case expected < 1.5:
		return t["chance.one"]
	}
	return fmt.Sprintf(t["chance.many"], t.number(leading(expected)))
}

// likeness is the word for a similarity: the key of a text. The steps are those of the scale:
// one stranger in 10 searches, in 100, in 1,000.
func likeness(similarity float64) string {
	switch {
	case similarity < 90:
		return "likeness.weak"
	case similarity < 95:
		return "likeness.fair"
	case similarity < 97.5:
		return "likeness.strong"
	}
	return "likeness.verystrong"
}

// functions are what the templates call.
// places are the sources, the first of each place: a state may have several registries.
func places(all []search.Source) []search.Source {
	told := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(all), func(s search.Source) bool {
		again := told[s.Place()]
		told[s.Place()] = true
		return again
	})
}

func (t texts) functions() template.FuncMap {
	return template.FuncMap{
		"t": t.text, "tn": t.counted, "either": t.either, "script": t.script, "chance": t.chance, "likeness": likeness,
		"percent": func(x float64) string { return strconv.FormatFloat(math.Floor(x*10)/10, 'f', 1, 64) },
		"along":   func(similarity float64) string { return share(similarity-80, 20) }, // of the scale from 80 to 100
		"round":   func(x float64) string { return strconv.FormatFloat(x, 'g', 3, 64) },
		"lines":   func(text string) []string { return strings.Split(text, "\n") },
		"date":    t.date, "titled": api.Titled, "places": places,
		"moment": t.moment,
		"day": func(at any) string {
			text, _ := at.(string)
			if given, ok := at.(*string); ok {
				text = deref(given)
			}
			return t.date(text[:min(10, len(text))])
		},
		"born": func(at *string, precision string) string { // as precise as the registry prints it
			length := map[string]int{"exact": 10, "year_month": 7, "year": 4}[precision]
			return t.date(deref(at)[:min(length, len(deref(at)))])
		},
		"ago": t.ago, "miles": t.miles, "value": t.value, "away": t.away, "scheme": t.scheme,
		"age": func(hours *float64) (string, error) {
			switch {
			case hours == nil:
				return t.text("none.value")
			case *hours < 48:
				return t.counted("hours", int(*hours))
			}
			return t.counted("days", int(*hours/24))
		},
		"num": func(n any) string {
			switch v := n.(type) {
			case int:
				return t.number(float64(v))
			case *int:
				if v != nil {
					return t.number(float64(*v))
				}
			}
			return t["none.value"]
		},
		"turn": func(v view, number int, text string) map[string]any {
			return map[string]any{"View": v, "Asked": v.Asked, "Key": v.Key, "Number": number, "Text": text}
		},
		"add":     func(a, b int) int { return a + b },
		"weblink": weblink, "to": to, "record": toRecord, "field": field, "fault": faultOf, "invalid": invalid, "faulttext": t.fault,
		"joined": joined,
	}
}

// share is part of whole in percent, within 0 and 100.
func share(part, whole float64) string {
	return strconv.FormatFloat(min(max(100*part/whole, 0), 100), 'f', 1, 64)
}

// weblink is a link that a browser opens safely, else "".
func weblink(link any) string {
	text, _ := link.(string)
	if given, ok := link.(*string); ok {
		text = deref(given)
	}
	if u, err := url.Parse(text); err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return text
}

func joined(separator string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), separator)
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
