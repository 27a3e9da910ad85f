package namekey

import (
	"strings"

	"lineup/schemas"
)

// Query is what is asked about a name.
type Query struct {
	First, Last string
	Any         string // words of a name in any order, instead of First and Last
	Fuzzy       bool   // nicknames, sounds, one typo, parts of names, word order
	PrefixFirst bool   // First is the beginning of a name
	PrefixLast  bool
}

// Keys are the keys to look up: a record that the query can mean has at least one of them, or all of a list of Joint. None
// when nothing is asked, or only prefixes shorter than MinPrefix. Sorted.
func (q Query) Keys() []string {
	k := set{}
	for _, spelled := range q.Spellings() {
		spelled.keys(k)
	}
	return k.sorted()
}

// Joint are lists of keys that count only together: of a last name of several words, asked for as it is, a record must have every
// word, and each of them may be the name of very many. None where Keys has a key of each word: for fuzzy queries, which mean half
// of a double name too, and for beginnings of names.
func (q Query) Joint() (all [][]string) {
	if !q.exactWords() {
		return nil
	}
	for _, spelled := range q.Spellings() {
		first, last := words(spelled.First, nil), words(spelled.Last, new(string))
		all = append(all, joint(first, last)...)
		if slipped(first, last) {
			all = append(all, joint(last[:1], last[1:])...)
		}
	}
	return all
}

// exactWords reports whether a query means records with its very words only.
func (q Query) exactWords() bool { return !q.Fuzzy && !q.PrefixFirst && !q.PrefixLast && q.Any == "" }

// joint are the keys of all words of a last name, beside each form of a first name where one is asked for.
func joint(first, last []string) (all [][]string) {
	if len(forms(last)) < 2 { // one word, or nothing but particles
		return nil
	}
	firsts := forms(first)
	for i := range max(len(firsts), 1) {
		k := set{}
		for _, l := range last {
			switch {
			case particles[l]:
				k.add("w", l)
			case len(firsts) > 0:
				k.add("n", firsts[i]+" "+l)
			default:
				k.add("l", l)
			}
		}
		all = append(all, k.sorted())
	}
	return all
}

// slipped reports whether the first name may stand before the last one.
func slipped(first, last []string) bool {
	return len(last) > 1 && (len(first) == 0 || first[0] == last[0])
}

// Whole are the keys of a last name, alone or with a first one: every record that has one of them has those very names, and no
// other answers better. None for any other query: words in any order, two first names, of which the second may be a middle one,
// and a last name with a suffix, which some lack.
func (q Query) Whole() []string {
	k := set{}
	for _, spelled := range q.Spellings() {
		suffix := ""
		first, last := words(spelled.First, nil), words(spelled.Last, &suffix)
		if q.Any != "" || len(last) == 0 || len(first) > 1 || suffix != "" {
			return nil
		}
		k.add("k", whole(first, last))
	}
	return k.sorted()
}

// Spellings are the query with its names spelled in all ways that Spellings of a name has.
func (q Query) Spellings() []Query {
	all := []Query{}
	for _, name := range Spellings(schemas.Name{First: q.First, Last: q.Last, Full: q.Any}) {
		spelled := q
		spelled.First, spelled.Last, spelled.Any = name.First, name.Last, name.Full
		all = append(all, spelled)
	}
	return all
}

func (q Query) keys(k set) {
	if q.Any != "" {
		q.any(k)
		return
	}
	first, last := words(q.First, nil), words(q.Last, new(string))
	if slipped(first, last) {
		k.add("n", last[0]+" "+strings.Join(last[1:], ""))
	}
	firsts, lasts := forms(first), forms(last)
	if q.exactWords() && len(last) > 1 {
		lasts = lasts[:1] // all of it as one; Joint has the words
	}
	switch {
	case len(first) > 0 && len(last) > 0:
		for _, f := range firsts {
			for _, l := range lasts {
				q.both(k, f, l)
				if q.Fuzzy {
					q.both(k, l, f) // the two fields mixed up
				}
			}
		}
	case len(last) > 0:
		for _, l := range lasts {
			q.last(k, l, q.PrefixLast)
		}
	default:
		for _, f := range firsts {
			q.first(k, f, q.PrefixFirst)
		}
	}
}

// both adds the keys of a first and a last name asked for together.
func (q Query) both(k set, first, last string) {
	switch {
	case q.PrefixFirst && q.PrefixLast:
		q.last(k, last, true)
	case q.PrefixLast:
		if len([]rune(last)) >= MinPrefix {
			k.add("g", first+" "+cut(last, MinPrefix))
		}
	case q.PrefixFirst:
		if len([]rune(first)) >= MinPrefix {
			k.add("h", cut(first, MinPrefix)+" "+last)
		}
	}
	k.add("n", first+" "+last)
	if !q.Fuzzy {
		return
	}
	if len([]rune(first)) >= MinPrefix {
		k.add("h", cut(first, MinPrefix)+" "+last)
	}
	k.add("y", Phonetic(first)+" "+Phonetic(last))
	for _, root := range Roots(first) {
		k.add("x", root+" "+Phonetic(last))
		k.deletions("i", cut(root, 1)+" ", last)
	}
}

// last adds the keys of a last name asked for alone.
func (q Query) last(k set, last string, prefix bool) {
	if prefix {
		k.prefix("p", last)
		return
	}
	k.add("l", last)
	if q.Fuzzy {
		k.add("s", Phonetic(last))
		for _, initial := range initials {
			k.deletions("i", strings.TrimSpace(string(initial))+" ", last)
		}
	}
}

// initials are what first names begin with; the blank is for records without one.
const initials = " abcdefghijklmnopqrstuvwxyz"

// first adds the keys of a first name asked for alone.
func (q Query) first(k set, first string, prefix bool) {
	if prefix {
		k.prefix("o", first)
		return
	}
	k.add("f", first)
	if q.Fuzzy {
		k.add("t", Phonetic(first))
		k.deletions("e", "", first)
		for _, root := range Roots(first) {
			k.add("r", root)
		}
	}
}

// prefix adds the key of the beginning of a name.
func (k set) prefix(class, word string) {
	if len([]rune(word)) >= MinPrefix {
		k.add(class, cut(word, longestPrefix))
	}
}

// any adds the keys of words that may stand in any order: every pair as first and last name, or
// the only word in every place.
func (q Query) any(k set) {
	asked := words(q.Any, new(string))
	if len(asked) == 1 {
		k.add("w", asked[0])
		if q.Fuzzy {
			q.last(k, asked[0], false)
			q.first(k, asked[0], false)
		}
		return
	}
	q.PrefixFirst, q.PrefixLast = false, false
	for i, first := range asked {
		for j, last := range asked {
			if i != j && !particles[last] {
				q.both(k, first, last)
			}
		}
	}
	k.add("l", strings.Join(asked, "")) // a last name of several words
}
