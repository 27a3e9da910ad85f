package notation

import (
	"regexp"
	"strconv"
	"strings"
)

// Words come before numbers: "Child under 18 years" is a minor, though 18 is none.
var (
	underAge   = regexp.MustCompile(`(?:under|below|less than|younger than|<=?)\s*(\d{1,2})|(\d{1,2})\s*(?:years?\s*(?:of age|old)?\s*)?(?:or|and|&)\s*(?:under|younger|below|less)`)
	overAge    = regexp.MustCompile(`(?:over|above|older than|at least|>=?)\s*(\d{1,2})|(\d{1,2})\s*(?:years?\s*(?:of age|old)?\s*)?(?:(?:or|and|&)\s*(?:over|older|above|up)|\+)`)
	notMinor   = regexp.MustCompile(`\b(?:not an?|non)[- ](?:minor|child|juvenile)`)
	minorWords = regexp.MustCompile(`minor|child|juvenile|infant|toddler|underage`)
	ageNumber  = regexp.MustCompile(`\b(\d{1,3})\b`)
)

// VictimAge reads what a source says of a victim's age as "minor" or "adult"; "" where it says
// neither. ok is false for a text that is not understood.
func VictimAge(text string) (word string, ok bool) {
	if text == "" {
		return "", true
	}
	f := Fold(text)
	switch {
	case notMinor.MatchString(f):
		return "adult", true
	case minorWords.MatchString(f):
		return "minor", true
	case strings.Contains(f, "adult"):
		return "adult", true
	case strings.Contains(f, "unknown") || strings.Contains(f, "not reported") || f == "n/a":
		return "", true
	}
	if m := underAge.FindStringSubmatch(f); m != nil {
		if years(m[1]+m[2]) <= 18 {
			return "minor", true
		}
		return "", true // "under 21" is either
	}
	if m := overAge.FindStringSubmatch(f); m != nil {
		if years(m[1]+m[2]) >= 17 {
			return "adult", true
		}
		return "", true // "over 12" is either
	}
	m := ageNumber.FindStringSubmatch(f)
	if m == nil {
		return "", false
	}
	switch n := years(m[1]); {
	case n == 0 || n >= 99: // what a database writes for an age it does not have
		return "", true
	case n < 18:
		return "minor", true
	default:
		return "adult", true
	}
}

func years(digits string) int {
	n, _ := strconv.Atoi(digits) // at most three digits
	return n
}
