package notation

import (
	"regexp"
	"strconv"
	"strings"
)

// years is how an age's unit is written, and the words that may stand between an age and what bounds it.
const years = `\s*(?:(?:years?|yrs?\.?|y/?o)\s*)?(?:of age\s*|old\s*)?`

// Words come before numbers: "Child under 18 years" is a minor, though 18 is none.
var (
	underAge = regexp.MustCompile(`(?:under|below|less than|younger than|not over|(?:not|no) older than|up to|at most|<=?|≤)\s*(?:the\s+)?` +
		`(?:age\s*)?(?:of\s+)?(\d{1,2})|(\d{1,2})` + years + `(?:or|and|&|/)\s*(?:under|younger|below|less)`)
	overAge = regexp.MustCompile(`(?:over|above|older than|more than|>)\s*(?:the\s+)?(?:age\s*)?(?:of\s+)?(\d{1,2})`)
	fromAge = regexp.MustCompile(`(?:at least|>=|≥)\s*(?:age\s*)?(\d{1,2})|(\d{1,2})` + years +
		`(?:(?:or|and|&|/)\s*(?:over|older|above|up)|\+)`)
	ageRange   = regexp.MustCompile(`(\d{1,3})\s*(?:-|–|to|and|&|/)\s*(\d{1,3})`)
	youngerYet = regexp.MustCompile(`\d\s*(?:months?|mos?\b|weeks?|wks?\b|days?)`)
	notMinor   = regexp.MustCompile(`\b(?:not? (?:an? )?|non[- ])(?:minor|child|juvenile)|` +
		`\b(?:minor|child|juvenile)\s*[:?=-]\s*(?:no?|false)\b`)
	minorWords = regexp.MustCompile(`minor|child|juvenile|infant|toddler|underage|under age$|` +
		`\b(?:pre-?)?teen|adolescent|\byouth|\bbaby|newborn|` +
		`\bkids?\b|\bboys?\b|\bgirls?\b|age of consent`)
	adultWords = regexp.MustCompile(`adult|elder|\bwom[ae]n\b|\bm[ae]n\b`)
	ageNumber  = regexp.MustCompile(`(?:^|\D)(\d{1,3})(?:\D|$)`)
)

// VictimAge reads what a source says of a victim's age as "minor" or "adult"; "" where it says
// neither. ok is false for a text that is not understood.
func VictimAge(text string) (word string, ok bool) {
	f := Fold(text)
	switch {
	case IsNothing(f) || strings.Contains(f, "unknown") || strings.Contains(f, "not reported"):
		return "", true
	case notMinor.MatchString(f):
		return "adult", true
	case minorWords.MatchString(f):
		return "minor", true
	case adultWords.MatchString(f):
		return "adult", true
	case youngerYet.MatchString(f):
		return "minor", true
	}
	if m := underAge.FindStringSubmatch(f); m != nil {
		return where(number(m[1]+m[2]) <= 18, "minor"), true // "under 21" is either
	}
	if m := fromAge.FindStringSubmatch(f); m != nil {
		return where(number(m[1]+m[2]) >= 18, "adult"), true // "17 or over" is either
	}
	if m := overAge.FindStringSubmatch(f); m != nil {
		return where(number(m[1]) >= 17, "adult"), true // "over 12" is either
	}
	if m := ageRange.FindStringSubmatch(f); m != nil {
		if from, to := number(m[1]), number(m[2]); to > 0 && to < 18 {
			return "minor", true
		} else if from < 18 && to >= 18 {
			return "", true
		}
	}
	m := ageNumber.FindStringSubmatch(f)
	if m == nil {
		return "", false
	}
	switch n := number(m[1]); {
	case n == 0 || n >= 99: // what a database writes for an age it does not have
		return "", true
	case n < 18:
		return "minor", true
	default:
		return "adult", true
	}
}

func where(is bool, word string) string {
	if is {
		return word
	}
	return ""
}

func number(digits string) int {
	n, _ := strconv.Atoi(digits) // at most three digits
	return n
}
