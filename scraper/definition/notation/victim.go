package notation

import (
	"regexp"
	"strconv"
	"strings"
)

var ageNumber = regexp.MustCompile(`\b(\d{1,2})\b`)

// VictimAge reads a victim's age or a word for it as "minor" or "adult"; "" where the text does not say.
// It is false for a text that is not understood.
func VictimAge(text string) (string, bool) {
	if text == "" {
		return "", true
	}
	if m := ageNumber.FindStringSubmatch(text); m != nil {
		if years, err := strconv.Atoi(m[1]); err == nil && years < 18 {
			return "minor", true
		}
		return "adult", true
	}
	switch f := Fold(text); {
	case strings.Contains(f, "minor") || strings.Contains(f, "child"):
		return "minor", true
	case strings.Contains(f, "adult"):
		return "adult", true
	case strings.Contains(f, "unknown"):
		return "", true
	}
	return "", false
}
