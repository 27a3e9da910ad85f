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

// shownName are the parts of a name in title case where the source prints them in capitals.
func shownName(n schemas.Name) (first, middle, last string) {
	if n.First == "" && n.Last == "" && n.Full != "" {
		f, m, l, _ := namekey.Parts(n)
		return Titled(strings.Join(f, " ")), Titled(strings.Join(m, " ")), Titled(strings.Join(l, " "))
	}
	return Titled(n.First), Titled(n.Middle), Titled(n.Last)
}

func FullName(n schemas.Name) string {
	return cmp.Or(n.Full, strings.Join(strings.Fields(strings.Join([]string{n.Prefix, n.First, n.Middle, n.Last, n.Suffix}, " ")), " "))
}

// Titled writes a text without both letter cases with capital first letters; text that has
// both is left as the source wrote it.
func Titled(text string) string {
	if strings.ToUpper(text) != text && strings.ToLower(text) != text {
		return text
	}
	start := true
	return strings.Map(func(c rune) rune {
		defer func() { start = !unicode.IsLetter(c) }()
		if start {
			return unicode.ToUpper(c)
		}
		return unicode.ToLower(c)
	}, text)
}

// Capital writes a word of ours with a capital letter: "male" is "Male".
func Capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + strings.ReplaceAll(text[1:], "_", " ")
}

// Age is the age in years now: from the full birth date, else from the printed age.
func Age(r schemas.Record, now time.Time) string {
	today := schemas.DateOf(now)
	switch {
	case r.Birth.Day != 0:
		return strconv.Itoa(r.Birth.YearsBetween(today))
	case r.Age.Years > 0 && !r.Age.On.IsZero():
		return strconv.Itoa(r.Age.Years + max(r.Age.On.YearsBetween(today), 0))
	case r.Age.Years > 0:
		return strconv.Itoa(r.Age.Years)
	}
	return ""
}

func Height(m schemas.Measure) string {
	if m.Value > 0 {
		return fmt.Sprintf(`%d' %d"`, m.Value/12, m.Value%12)
	}
	return m.Raw
}

func Weight(m schemas.Measure) string {
	if m.Value > 0 {
		return strconv.Itoa(m.Value)
	}
	return m.Raw
}
