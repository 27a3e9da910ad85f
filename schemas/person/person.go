// Package person is the rule of which registry records are shown as one person's. The rule is
// cautious: joining two people puts one's crimes on the other, while showing one person twice
// only costs the reader a second look.
package person

import (
	"slices"
	"strings"

	"lineup/schemas"
	"lineup/schemas/namekey"
)

// Field is one of the fields that must agree. Value is "" when the record lacks it.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Fields are what two records must both state and agree in: folded first name, folded last name
// without a suffix, the whole birth date, and sex.
func Fields(r schemas.Record) []Field {
	birth := ""
	if r.Birth.Precision() == "exact" {
		birth = r.Birth.String()
	}
	return []Field{
		{"first name", strings.Join(namekey.FirstWords(r.Name), " ")}, {"last name", strings.Join(namekey.LastWords(r.Name), " ")},
		{"birth date", birth}, {"sex", r.Sex.Value},
	}
}

// ID is the id that records with equal Fields share, "" if one of the fields is missing. Sharing it is not enough to
// show records as one person's: see Same.
func ID(r schemas.Record) schemas.UUID {
	var parts []string
	for _, f := range Fields(r) {
		if f.Value == "" {
			return ""
		}
		parts = append(parts, f.Value)
	}
	return schemas.PersonID(strings.Join(parts, "\x00"))
}

// Same reports whether records may be shown as one person's. There must be at least two, all must share an ID, and no
// two may disagree in middle name or suffix. One disagreement separates them all: of "Ann", "Zelda" and a record
// without a middle name, nobody can tell whose the third one is.
func Same(records ...schemas.Record) bool {
	if len(records) < 2 {
		return false
	}
	id := ID(records[0])
	for i, a := range records {
		if id == "" || ID(a) != id {
			return false
		}
		for _, b := range records[i+1:] {
			if !agree(a.Name, b.Name) {
				return false
			}
		}
	}
	return true
}

// agree reports whether the middle names and suffixes of two names may be one person's: equal, one the initial of the
// other, or one missing.
func agree(a, b schemas.Name) bool {
	_, middleA, _, suffixA := namekey.Parts(a)
	_, middleB, _, suffixB := namekey.Parts(b)
	if suffixA != suffixB && suffixA != "" && suffixB != "" {
		return false
	}
	for i := range min(len(middleA), len(middleB)) {
		x, y := []rune(middleA[i]), []rune(middleB[i])
		n := min(len(x), len(y))
		if !slices.Equal(x[:n], y[:n]) || len(x) != len(y) && n > 1 {
			return false
		}
	}
	return true
}

// Contradict reports whether two records cannot be one person's: their whole birth dates differ, or their sexes do.
// Names prove nothing, because people have several.
func Contradict(a, b schemas.Record) bool {
	whole := a.Birth.Precision() == "exact" && b.Birth.Precision() == "exact"
	return whole && a.Birth != b.Birth || a.Sex.Value != "" && b.Sex.Value != "" && a.Sex.Value != b.Sex.Value
}
