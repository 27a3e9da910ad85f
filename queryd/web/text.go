package web

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"math"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"lineup/queryd/api"
	"lineup/schemas"
)

// texts are all texts of the page in one language, by key: one file in page/lang. Keys that
// begin with "js." go to the script.
type texts map[string]string

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
		for key := range all[0] {
			if t[key] == "" {
				return nil, fmt.Errorf("the language file %s.json lacks %q", t["lang"], key)
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
func (t texts) functions() template.FuncMap {
	return template.FuncMap{
		"t": t.text, "tn": t.counted, "either": t.either, "script": t.script, "chance": t.chance, "likeness": likeness,
		"percent": func(x float64) string { return strconv.FormatFloat(math.Floor(x*10)/10, 'f', 1, 64) },
		"along":   func(similarity float64) string { return share(similarity-80, 20) }, // of the scale from 80 to 100
		"round":   func(x float64) string { return strconv.FormatFloat(x, 'g', 3, 64) },
		"lines":   func(text string) []string { return strings.Split(text, "\n") },
		"date":    t.date, "titled": api.Titled,
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
		"left": func(age, bound *float64) string { // share of the time in which a copy counts as fresh
			if age == nil || bound == nil {
				return "0"
			}
			return share(*bound-*age, *bound)
		},
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
			return map[string]any{"Asked": v.Asked, "Key": v.Key, "Number": number, "Text": text}
		},
		"add":     func(a, b int) int { return a + b },
		"weblink": weblink, "states": schemas.States,
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
