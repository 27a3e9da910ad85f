package api

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"lineup/schemas"
	"lineup/schemas/namekey"
)

// NameParts are the parts of a name as people write them.
func NameParts(n schemas.Name) (first, middle, last string) {
	if n.First == "" && n.Last == "" && n.Full != "" {
		f, m, l, _ := namekey.Parts(n)
		return Titled(strings.Join(f, " ")), Titled(strings.Join(m, " ")), TitledLast(strings.Join(l, " "))
	}
	return Titled(n.First), Titled(n.Middle), TitledLast(n.Last)
}

// FullName is a name as the source prints it whole, else its parts.
func FullName(n schemas.Name) string {
	return cmp.Or(n.Full, strings.Join(strings.Fields(strings.Join([]string{n.Prefix, n.First, n.Middle, n.Last, n.Suffix}, " ")), " "))
}

// Spoken is a name as people say it: one that its source prints with the last name first begins with the first name.
func Spoken(n schemas.Name) string {
	last, rest, turned := strings.Cut(n.Full, ",")
	first, suffix := strings.Fields(rest), ""
	if !turned || strings.Contains(rest, ",") || len(first) == 0 || namekey.Suffix(rest) != "" {
		return Titled(FullName(n))
	}
	if end := len(first) - 1; end > 0 && namekey.Suffix(first[end]) != "" {
		first, suffix = first[:end], " "+first[end]
	}
	return Titled(strings.Join(first, " ")) + " " + TitledLast(strings.TrimSpace(last)+suffix)
}

// Titled writes a name that its source prints in capitals as people write it: "ROWAN VAN DER TESTCASE
// III" is "Rowan van der Testcase III", "MCEXAMPLE" is "McExample". Text that has both letter cases is
// left as the source wrote it.
func Titled(text string) string { return titled(text, false) }

// TitledLast is Titled for a last name alone, which may begin with a particle: "van der Testcase".
func TitledLast(text string) string { return titled(text, true) }

// lower are the particles that people write small before a last name.
var lower = map[string]bool{"de": true, "la": true, "las": true, "los": true, "del": true, "da": true, "das": true, "dos": true,
	"di": true, "du": true,
	"van": true, "von": true, "der": true, "den": true}

// upper are the suffixes that are numbers.
var upper = map[string]bool{"ii": true, "iii": true, "iv": true, "vi": true, "vii": true}

func titled(text string, last bool) string {
	if strings.ToUpper(text) != text && strings.ToLower(text) != text {
		return text
	}
	words := strings.Split(strings.ToLower(text), " ")
	comma := false // "VAN DER TESTCASE, ROWAN" begins with a last name
	if !last {
		comma = len(words) > 0 && strings.Contains(text, ",")
	}
	for i, w := range words {
		switch {
		case lower[w] && i < len(words)-1 && (i > 0 || last || comma):
		case upper[strings.Trim(w, ".,")] && i > 0:
			words[i] = strings.ToUpper(w)
		default:
			words[i] = capitals(w)
		}
	}
	return strings.Join(words, " ")
}

// capitals writes a word with a capital first letter, and one behind every mark and "Mc".
func capitals(word string) string {
	letters := []rune(word)
	start := true
	for i, c := range letters {
		if start || i > 1 && len(letters) > 3 && letters[i-2] == 'M' && letters[i-1] == 'c' && (i == 2 || !unicode.IsLetter(letters[i-3])) {
			letters[i] = unicode.ToUpper(c)
		}
		start = !unicode.IsLetter(c)
	}
	return string(letters)
}

// Capital writes a word of ours with a capital letter: "male" is "Male".
func Capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + strings.ReplaceAll(text[1:], "_", " ")
}

// Age is the age in years now, "" for not known.
func Age(r schemas.Record, now time.Time) string {
	if years, ok := r.AgeOn(schemas.DateOf(now)); ok {
		return strconv.Itoa(years)
	}
	return ""
}

// Height writes inches as feet and inches, else what the source prints.
func Height(m schemas.Measure) string {
	if m.Value > 0 {
		return fmt.Sprintf(`%d' %d"`, m.Value/12, m.Value%12)
	}
	return m.Raw
}

// Weight writes pounds, else what the source prints.
func Weight(m schemas.Measure) string {
	if m.Value > 0 {
		return strconv.Itoa(m.Value)
	}
	return m.Raw
}
