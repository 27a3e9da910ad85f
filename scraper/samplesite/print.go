package samplesite

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"

	"lineup/schemas"
	"lineup/scraper/samplesite/people"
)

// code is the three-letter police code of a colour.
func code(color string) string {
	return map[string]string{"Brown": "BRO", "Black": "BLK", "Gray": "GRY", "White": "WHI", "Red": "RED", "Bald": "BAL",
		"Blue": "BLU", "Green": "GRN", "Hazel": "HAZ"}[color]
}

func letter(word string) string {
	if word == "Unknown" || word == "" {
		return "U"
	}
	if word == "American Indian" {
		return "I"
	}
	return strings.ToUpper(word[:1])
}

func feet100(inches int) string { return strconv.Itoa(inches/12*100 + inches%12) }

func lastFirst(p Person) string {
	name := upper(p.Last) + ", " + upper(p.First) + " " + upper(p.Middle)
	return strings.TrimSpace(strings.TrimSpace(name) + " " + upper(p.Suffix))
}

func upper(s string) string { return strings.ToUpper(s) }

func flag(on bool, word string) string {
	if on {
		return word
	}
	return " "
}

type county struct{ Code, Name string }

// counties are the counties of the towns, in order, each once.
func counties() []county {
	var out []county
	for _, t := range people.Towns {
		if len(out) == 0 || out[len(out)-1].Code != t.Code {
			out = append(out, county{t.Code, t.County})
		}
	}
	return out
}

// usDate prints m/d/Y, nothing for the zero date.
func usDate(d schemas.Date) string {
	if d.IsZero() {
		return ""
	}
	return d.Start().Format("01/02/2006")
}

func kindTitle(kind string) string {
	return map[string]string{"home": "RES", "work": "EMP", "inmate": "INMATE"}[kind]
}

func longDate(d schemas.Date) string { return d.Start().Format("January 2, 2006") }

func title(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// markup is a page in the making. Every argument of add that is a string is escaped.
type markup struct{ strings.Builder }

func (m *markup) add(format string, args ...any) {
	for i, arg := range args {
		if text, ok := arg.(string); ok {
			args[i] = html.EscapeString(text)
		}
	}
	fmt.Fprintf(m, format, args...)
}

func idOf(text string, digits int) int {
	id, _ := strconv.Atoi(text[:min(digits, len(text))])
	return id
}

func feetInches(p Person) string { return fmt.Sprintf("%d'%02d\"", p.Height/12, p.Height%12) }

// lastSuffix is a last name with what stands behind it.
func lastSuffix(p Person) string { return strings.TrimSpace(p.Last + " " + p.Suffix) }

func miCompliance(p Person) string {
	if p.Status == "Non-Compliant" || p.Status == "Absconder" {
		return "Non-Compliant"
	}
	return "Compliant"
}

func yesNo(on bool) string { return map[bool]string{true: "Y", false: "N"}[on] }

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	data, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Write(data)
}

type object = map[string]any

func degrees(f float64) string { return strconv.FormatFloat(f, 'f', 4, 64) }

// plainDate is a US date without leading zeros, nil for none.
func plainDate(d schemas.Date) any {
	if d.IsZero() {
		return nil
	}
	return d.Start().Format("1/2/2006")
}

func page(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, "<!DOCTYPE html><html><head><title>Sample registry</title></head><body>%s</body></html>", body)
}

// latin1 turns UTF-8 into ISO-8859-1; what that cannot say becomes a question mark.
func latin1(body []byte) []byte {
	out := make([]byte, 0, len(body))
	for _, r := range string(body) {
		if r > 0xff {
			r = '?'
		}
		out = append(out, byte(r))
	}
	return out
}
