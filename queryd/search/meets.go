package search

import (
	"cmp"
	"slices"
	"strings"

	"lineup/schemas"
	"lineup/schemas/namekey"
)

// facts counts the facts that a question asks about the person and that the record does not state. ok is false if the
// record contradicts one of them.
func (e *Engine) facts(r schemas.Record, asked Question) (unstated int, ok bool) {
	facts := r.BirthFacts()
	for _, asks := range e.births(asked) {
		switch asks.Of(facts) {
		case schemas.Disagrees:
			return 0, false
		case schemas.NotStated:
			unstated++
		}
	}
	return unstated, true
}

// livesAt reports whether one address of a record has all the words asked for, abbreviations
// aside. The house number must be the first word of both when the searcher gave one.
func livesAt(r schemas.Record, asked string) bool {
	want := namekey.StreetWords(asked)
	if len(want) == 0 {
		return false
	}
	for _, a := range r.Addresses {
		have := namekey.StreetWords(strings.Join([]string{cmp.Or(a.Street, a.Raw), a.City, a.State, schemas.StateName(a.State), a.Zip}, " "))
		if len(have) > 0 && (want[0][0] < '0' || want[0][0] > '9' || want[0] == have[0]) &&
			!slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(have, w) }) {
			return true
		}
	}
	return false
}
