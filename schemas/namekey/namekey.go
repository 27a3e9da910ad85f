// Package namekey makes the name keys of records and of queries. A search engine only looks
// keys up: a record that has one of a query's keys is a candidate, which the scorer of the
// query daemon then judges. So keys must find everything the scorer would accept, while
// keeping what they bring small enough to judge one by one.
//
// A key is a class letter, a colon and folded text:
//
//	f:john, l:smith      a word of the first (middle) or last name; several joined as one
//	n:john smith         a first and a last name
//	w:smith              any word of the name
//	k:smith jones, k:smith jones|ann   all words of the last name, and of the first name too, of no alias
//	t:jan, s:snat        the sound of a first or last name (NYSIIS)
//	r:jonathan           a first name or what it is short for
//	x:robert snat        such a root, and the sound of a last name
//	y:jan snat           both sounds
//	e:jhn                a first name with one letter left out: two names one typo apart share one
//	i:j smth             the first letter of a root, and a last name so; asked for with every letter where no first name is
//	p:smi, o:joh         the first letters of a last or first name, three to five
//	g:john smi, h:joh smith    one name and the first three letters of the other
//	a:1 main, a:main     a word of a street, with the house number before it and alone
//
// The standard library only, like all of schemas.
package namekey

import (
	"slices"
	"strings"

	"lineup/schemas"
)

// MinPrefix is the number of letters a prefix search needs.
const MinPrefix = 3

const (
	longestPrefix = 5
	maxAliases    = 24  // of a record; a few registrants have a hundred
	maxAddresses  = 16  // of a record
	maxWords      = 6   // of one name
	maxKeys       = 800 // of a record
	maxWordBytes  = 40  // longer ones are not names
)

// Parts takes a name apart into folded words. Where only Full is set, "LAST, FIRST MIDDLE" and
// "FIRST MIDDLE LAST" are understood; a suffix is taken out wherever it stands.
func Parts(name schemas.Name) (first, middle, last []string, suffix string) {
	suffix = Suffix(name.Suffix)
	if name.First == "" && name.Last == "" {
		return split(name.Full, suffix)
	}
	first, middle = words(name.First, nil), words(name.Middle, nil)
	last = words(name.Last, &suffix)
	return first, middle, last, suffix
}

func split(full, suffix string) (first, middle, last []string, suf string) {
	if before, after, ok := strings.Cut(full, ","); ok && Suffix(after) == "" {
		last = words(before, &suffix)
		first = words(after, &suffix)
	} else {
		first = words(full, &suffix)
		if n := len(first); n > 0 {
			from := n - 1
			for from > 1 && particles[first[from-1]] {
				from--
			}
			first, last = first[:from], first[from:]
		}
	}
	if len(first) > 1 {
		first, middle = first[:1], first[1:]
	}
	return first, middle, last, suffix
}

// words are the folded words of part, at most maxWords. With suffix given a generation suffix
// after the first word is put there instead.
func words(part string, suffix *string) []string {
	var kept []string
	for _, w := range Abbreviate(Words(part)) {
		if s := suffixes[w]; s != "" && suffix != nil && len(kept) > 0 {
			*suffix = s
		} else if len(w) <= maxWordBytes && len(kept) < maxWords {
			kept = append(kept, w)
		}
	}
	return kept
}

// Of are the name keys of a record, its aliases' among them. Sorted, without repeats.
func Of(r schemas.Record) []string {
	k := set{}
	for _, name := range Spellings(r.Name) {
		k.name(name)
		if given, _, family, _ := Parts(name); len(family) > 0 {
			k.add("k", whole(nil, family))
			k.add("k", whole(given, family))
		}
	}
	for _, a := range r.Aliases[:min(len(r.Aliases), maxAliases)] {
		if len(k) > maxKeys {
			break
		}
		for _, name := range Spellings(a.Name) {
			k.name(name)
		}
	}
	for _, a := range r.Addresses[:min(len(r.Addresses), maxAddresses)] {
		k.street(a)
	}
	return k.sorted()
}

// whole is a last name, and a first name where one is known.
func whole(given, family []string) string {
	if len(given) == 0 {
		return strings.Join(family, " ")
	}
	return strings.Join(family, " ") + "|" + strings.Join(given, " ")
}

// FirstWords are the folded words of the first name.
func FirstWords(name schemas.Name) []string { return words(name.First, nil) }

// LastWords are the folded words of the last name, without a suffix.
func LastWords(name schemas.Name) []string { return words(name.Last, new(string)) }

// set collects keys.
type set map[string]struct{}

func (k set) add(class, text string) {
	if text != "" {
		k[class+":"+text] = struct{}{}
	}
}

func (k set) sorted() []string {
	keys := make([]string, 0, len(k))
	for key := range k {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// name adds all keys of one name of a record. A middle name gets only what finds its bearer by
// that very name: an index of a million records holds tens of millions of keys as it is.
func (k set) name(name schemas.Name) {
	given, middle, family, _ := Parts(name)
	for _, w := range slices.Concat(given, middle, family) {
		k.add("w", w)
	}
	firsts, lasts := forms(given), forms(family)
	for _, last := range lasts {
		k.add("l", last)
		k.add("s", Phonetic(last))
		k.prefixes("p", last)
		for _, second := range middle {
			k.add("n", second+" "+last)
		}
		for _, first := range firsts {
			k.add("n", first+" "+last)
			k.add("g", first+" "+cut(last, MinPrefix))
			k.add("h", cut(first, MinPrefix)+" "+last)
			k.add("y", Phonetic(first)+" "+Phonetic(last))
			for _, root := range Roots(first) {
				k.add("x", root+" "+Phonetic(last))
				k.deletions("i", cut(root, 1)+" ", last)
			}
		}
		if len(firsts) == 0 {
			k.deletions("i", " ", last)
		}
	}
	if len(given) == 0 && len(family) > 1 { // the first name may have slipped there
		k.add("n", family[0]+" "+strings.Join(family[1:], ""))
	}
	for _, second := range middle {
		k.add("f", second)
	}
	for _, first := range firsts {
		k.add("f", first)
		k.add("t", Phonetic(first))
		k.deletions("e", "", first)
		k.prefixes("o", first)
		for _, root := range Roots(first) {
			k.add("r", root)
		}
	}
}

// forms are the words of a name and, of several, all of them as one: "smith", "johnson" and
// "smithjohnson". Particles alone are not looked for.
func forms(words []string) []string {
	if len(words) < 2 {
		return words
	}
	all := []string{strings.Join(words, "")}
	for _, w := range words {
		if !particles[w] {
			all = append(all, w)
		}
	}
	return all
}

func (k set) deletions(class, before, word string) {
	k.add(class, before+word)
	letters := []rune(word)
	if len(letters) < 4 {
		return // a letter less would leave hardly anything
	}
	for i := range letters {
		k.add(class, before+string(letters[:i])+string(letters[i+1:]))
	}
}

func (k set) prefixes(class, word string) {
	for n := MinPrefix; n <= longestPrefix && n <= len([]rune(word)); n++ {
		k.add(class, cut(word, n))
	}
}

// cut is the first n letters of word.
func cut(word string, n int) string {
	letters := []rune(word)
	return string(letters[:min(n, len(letters))])
}
