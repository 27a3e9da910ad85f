// Package names judges how well a registrant's name answers a query: the one scorer for every
// search engine. An engine brings the records that share a name key with the query
// (schemas/namekey); Score says which of them the query means, and how well, and why.
package names

import (
	"lineup/schemas"
	"lineup/schemas/namekey"
)

// Basis is the weakest agreement a match rests on.
type Basis string

// What a match can rest on, strongest first.
const (
	Exact    Basis = "exact"    // the same letters; hyphens, accents and spaces aside
	Order    Basis = "order"    // the same words in another order
	Prefix   Basis = "prefix"   // begins as asked
	Nickname Basis = "nickname" // Bob, Robert
	Partial  Basis = "partial"  // one part of a double name, or a shortened first name
	Sound    Basis = "sound"    // Smyth, Smith
	Typo     Basis = "typo"     // a letter or two differ
	Middle   Basis = "middle"   // the middle name, asked for as the first
	Initial  Basis = "initial"  // only an initial to compare
)

var strength = []Basis{Exact, Order, Prefix, Nickname, Partial, Sound, Typo, Middle, Initial}

// Match is how well one name answers a query.
type Match struct {
	Score float64 // 0 to 1; 1 is the very name
	Basis Basis
	Alias bool         // an alias matched, not the name
	Name  schemas.Name // the one that matched

	anyOrder bool // words were asked for in any order
}

// Alias is what a match rests on that is not on the registrant's main name.
const Alias Basis = "alias"

// Why is the reason of a match in the words of the wire contract: exact, alias, nickname, sound, typo, initial or
// partial; "" for no match. Words in another order count as exact if the query allows any order, else as partial, as
// do beginnings and middle names.
func (m Match) Why() Basis {
	switch {
	case m.Alias:
		return Alias
	case m.Basis == Order && m.anyOrder:
		return Exact
	case m.Basis == Order, m.Basis == Prefix, m.Basis == Middle:
		return Partial
	}
	return m.Basis
}

// Weights of the two names of a query: last names tell people apart better.
const (
	weightFirst = 0.45
	weightLast  = 0.55
	aliasFactor = 0.97
	swapFactor  = 0.90 // first and last name mixed up
	slipFactor  = 0.98 // the first name before the last one
)

// Score compares the query with the record's name and, with aliases, with its other names; the best match counts. ok
// is false if none matches. Without Fuzzy only equal words count, whatever their accents, marks and spaces; with
// Prefix also words that begin so.
func Score(q namekey.Query, r schemas.Record, aliases bool) (best Match, ok bool) {
	var asked []question
	for _, spelled := range q.Spellings() {
		asked = append(asked, ask(spelled))
	}
	best, ok = judge(asked, r.Name)
	if !aliases {
		return best, ok
	}
	for _, a := range r.Aliases {
		m, meant := judge(asked, a.Name)
		m.Score, m.Alias = m.Score*aliasFactor, true
		if meant && (!ok || m.Score > best.Score) {
			best, ok = m, true
		}
	}
	return best, ok
}

// judge is the best that one of the spellings asked for makes of one of the spellings of a name.
func judge(asked []question, name schemas.Name) (best Match, ok bool) {
	for _, spelled := range namekey.Spellings(name) {
		for _, a := range asked {
			if m, meant := a.judge(spelled); meant && (!ok || m.Score > best.Score) {
				best, ok = m, true
			}
		}
	}
	best.Name = name
	return best, ok
}

// question is a query taken apart.
type question struct {
	namekey.Query
	first, last, any []string
	suffix           string
}

func ask(q namekey.Query) question {
	a := question{Query: q}
	if q.Any != "" {
		// A suffix is found behind the first word whatever the order of the rest.
		_, _, a.any, a.suffix = namekey.Parts(schemas.Name{Last: q.Any})
		return a
	}
	a.first, _, a.last, a.suffix = namekey.Parts(schemas.Name{First: q.First, Last: q.Last})
	return a
}

func (a question) judge(name schemas.Name) (Match, bool) {
	given, middle, family, suffix := namekey.Parts(name)
	var m Match
	var ok bool
	switch {
	case len(a.any) > 0:
		m, ok = a.words(given, middle, family)
		m.anyOrder = true
	case len(a.first) > 0 && len(a.last) > 0:
		if m, ok = a.both(given, middle, family); !ok {
			m, ok = a.slipped(given, middle, family)
		}
	case len(a.last) > 0:
		if m, ok = a.lastName(a.last, family); !ok && len(a.last) > 1 {
			a.first, a.last = a.last[:1], a.last[1:]
			m, ok = a.both(given, middle, family)
			m.Score *= slipFactor
		}
	case len(a.first) > 0:
		m, ok = a.firstName(a.first, given, middle)
	}
	if !ok {
		return Match{}, false
	}
	switch {
	case a.suffix == "" || a.suffix == suffix:
	case suffix == "":
		m.Score -= 0.01
	default:
		m.Score -= 0.1 // most likely the father or the son
		m.Basis = weaker(m.Basis, Partial)
	}
	m.Score = max(0, m.Score)
	return m, true
}

// slipped compares names in which a first name stands in front of the last name, in the query ("Rowan", "Rowan
// Testcase") or in the record ("", "Rowan Testcase").
func (a question) slipped(given, middle, family []string) (Match, bool) {
	switch {
	case len(a.last) > 1 && a.last[0] == a.first[0]:
		a.last = a.last[1:]
	case len(given) == 0 && len(family) > 1:
		given, family = family[:1], family[1:]
	default:
		return Match{}, false
	}
	m, ok := a.both(given, middle, family)
	m.Score *= slipFactor
	return m, ok
}

func (a question) both(given, middle, family []string) (Match, bool) {
	join := func(f, l Match) Match {
		return Match{Score: weightFirst*f.Score + weightLast*l.Score, Basis: weaker(f.Basis, l.Basis)}
	}
	if l, ok := a.lastName(a.last, family); ok {
		if f, ok := a.firstName(a.first, given, middle); ok {
			return join(f, l), true
		}
	}
	if !a.Fuzzy {
		return Match{}, false
	}
	if l, ok := a.lastName(a.first, family); ok {
		if f, ok := a.firstName(a.last, given, nil); ok {
			m := join(f, l)
			m.Score *= swapFactor
			m.Basis = weaker(m.Basis, Order)
			return m, true
		}
	}
	return Match{}, false
}

// firstName compares first names; words of the query beyond the first are middle names.
func (a question) firstName(asked, given, middle []string) (Match, bool) {
	best, ok := a.compare(asked, given, true)
	if ok && best.Basis == Exact {
		return best, true
	}
	if len(asked) > 1 {
		f, meant := a.compare(asked[:1], given, true)
		penalty, fits := a.middleNames(asked[1:], append(given[min(1, len(given)):len(given):len(given)], middle...))
		if f.Score -= penalty; meant && fits && (!ok || f.Score > best.Score) {
			best, ok = f, true
		}
	}
	if len(middle) > 0 {
		m, meant := a.compare(asked, middle, true)
		if m.Score *= 0.85; meant && m.Basis != Initial && (!ok || m.Score > best.Score) {
			m.Basis = weaker(m.Basis, Middle)
			best, ok = m, true
		}
	}
	return best, ok
}

// middleNames is what disagreement in middle names costs.
func (a question) middleNames(asked, held []string) (penalty float64, ok bool) {
	if len(held) == 0 {
		return 0.04, true
	}
	for i, w := range asked {
		h := held[min(i, len(held)-1)]
		switch {
		case w == h:
		case initials(w, h):
			penalty += 0.01
		case a.Fuzzy:
			penalty += 0.12
		default:
			return 0, false
		}
	}
	return penalty, true
}

func (a question) lastName(asked, held []string) (Match, bool) { return a.compare(asked, held, false) }

func weaker(a, b Basis) Basis {
	for i := len(strength) - 1; i > 0; i-- {
		if strength[i] == a || strength[i] == b {
			return strength[i]
		}
	}
	return Exact
}
