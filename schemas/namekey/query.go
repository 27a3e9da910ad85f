package namekey

import "strings"

// Query is what is asked about a name.
type Query struct {
	First, Last string
	Any         string // words of a name in any order, instead of First and Last
	Fuzzy       bool   // nicknames, sounds, one typo, parts of names, word order
	PrefixFirst bool   // First is the beginning of a name
	PrefixLast  bool
}

// Keys are the keys to look up: a record that the query can mean has at least one of them. None
// when nothing is asked, or only prefixes shorter than MinPrefix. Sorted.
func (q Query) Keys() []string {
	k := set{}
	if q.Any != "" {
		q.any(k)
		return k.sorted()
	}
	first, last := words(q.First, nil), words(q.Last, new(string))
	firsts, lasts := forms(first), forms(last)
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
			q.one(k, l, q.PrefixLast, "l", "p", "d", "s")
		}
	default:
		for _, f := range firsts {
			q.one(k, f, q.PrefixFirst, "f", "o", "e", "t")
			for _, root := range Roots(f) {
				if q.Fuzzy {
					k.add("r", root)
				}
			}
		}
	}
	return k.sorted()
}

// both adds the keys of a first and a last name asked for together.
func (q Query) both(k set, first, last string) {
	switch {
	case q.PrefixFirst && q.PrefixLast:
		q.one(k, last, true, "l", "p", "d", "s")
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

// one adds the keys of a name asked for alone, in the classes of its kind.
func (q Query) one(k set, word string, prefix bool, exact, prefixes, typo, sound string) {
	if prefix {
		if len([]rune(word)) >= MinPrefix {
			k.add(prefixes, cut(word, longestPrefix))
		}
		return
	}
	k.add(exact, word)
	if q.Fuzzy {
		k.add(sound, Phonetic(word))
		k.deletions(typo, "", word)
	}
}

// any adds the keys of words that may stand in any order: every pair as first and last name, or
// the only word in every place.
func (q Query) any(k set) {
	asked := words(q.Any, new(string))
	if len(asked) == 1 {
		k.add("w", asked[0])
		if q.Fuzzy {
			q.one(k, asked[0], false, "l", "p", "d", "s")
			q.one(k, asked[0], false, "f", "o", "e", "t")
			for _, root := range Roots(asked[0]) {
				k.add("r", root)
			}
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
