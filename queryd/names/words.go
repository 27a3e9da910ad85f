package names

import (
	"slices"
	"strings"

	"lineup/schemas/namekey"
)

// compare compares the words of a first name (first) or of a last name.
func (a question) compare(asked, held []string, first bool) (Match, bool) {
	if len(asked) == 0 || len(held) == 0 {
		return Match{}, false
	}
	one, other := strings.Join(asked, ""), strings.Join(held, "")
	switch {
	case slices.Equal(asked, held):
		return Match{Score: 1, Basis: Exact}, true
	case one == other:
		return Match{Score: 0.99, Basis: Exact}, true
	case len(asked) > 1 && slices.Equal(sorted(asked), sorted(held)):
		return Match{Score: 0.95, Basis: Order}, true
	}
	best, ok := Match{}, false
	better := func(score float64, basis Basis) {
		if !ok || score > best.Score {
			best, ok = Match{Score: score, Basis: basis}, true
		}
	}
	if within(asked, held) {
		better(0.90, Partial)
	}
	if first && a.PrefixFirst || !first && a.PrefixLast {
		for _, h := range append([]string{other}, held...) {
			if len([]rune(one)) >= namekey.MinPrefix && strings.HasPrefix(h, one) {
				better(0.92+0.06*float64(len(one))/float64(len(h)), Prefix)
			}
		}
	}
	if !a.Fuzzy {
		return best, ok
	}
	if within(held, asked) {
		better(0.85, Partial)
	}
	for _, pair := range [][2]string{{one, other}, {asked[0], held[0]}, {asked[0], held[len(held)-1]}} {
		if pair[0] == pair[1] {
			continue // judged above
		}
		score, basis := alike(pair[0], pair[1], first)
		if pair[0] != one || pair[1] != other {
			score *= 0.95 // a part of it only
		}
		if score > 0 {
			better(score, basis)
		}
	}
	return best, ok
}

// alike compares two different words; 0 means that they have nothing in common.
func alike(a, b string, first bool) (float64, Basis) {
	if first && shareRoot(a, b) {
		return 0.94, Nickname
	}
	if initials(a, b) {
		if first {
			return 0.75, Initial
		}
		return 0, ""
	}
	apart := Typos(a, b)
	longest := max(len([]rune(a)), len([]rune(b)))
	near := 1 - float64(apart)/float64(longest)
	if sound := namekey.Phonetic(a); len(sound) > 1 && sound == namekey.Phonetic(b) {
		return 0.84 + 0.08*near, Sound
	}
	if allowed := allowedSlips(min(len([]rune(a)), len([]rune(b)))); apart <= allowed {
		return 0.74 + 0.12*near, Typo
	}
	if short, long := a, b; first {
		if len(short) > len(long) {
			short, long = long, short
		}
		if len([]rune(short)) >= namekey.MinPrefix && strings.HasPrefix(long, short) {
			return 0.78 + 0.06*float64(len(short))/float64(len(long)), Partial
		}
	}
	return 0, ""
}

// words compares words that may stand in any order: each must occur in the name.
func (a question) words(given, middle, family []string) (Match, bool) {
	held := slices.Concat(given, middle, family)
	if strings.Join(a.any, "") == strings.Join(held, "") {
		return Match{Score: 1, Basis: Exact}, true
	}
	left := make([]bool, len(held)) // true once used
	var places []int
	m := Match{Basis: Exact}
	for _, w := range a.any {
		at, score, basis := -1, 0.0, Exact
		for i, h := range held {
			s, b := 1.0, Exact
			if w != h {
				if !a.Fuzzy {
					continue
				}
				s, b = alike(w, h, i < len(given)+len(middle))
			}
			if !left[i] && s > score {
				at, score, basis = i, s, b
			}
		}
		if at < 0 {
			return a.joined(given, family)
		}
		left[at] = true
		places = append(places, at)
		m.Score += score / float64(len(a.any))
		m.Basis = weaker(m.Basis, basis)
	}
	for i, used := range left { // a middle name left out costs less than a last name
		switch {
		case used:
		case i >= len(given) && i < len(given)+len(middle):
			m.Score -= 0.01
		default:
			m.Score -= 0.04
		}
	}
	if !slices.IsSorted(places) {
		m.Score -= 0.02
		m.Basis = weaker(m.Basis, Order)
	}
	return m, true
}

// joined takes all words for one last name written apart ("de la cruz").
func (a question) joined(given, family []string) (Match, bool) {
	if len(family) == 0 || strings.Join(a.any, "") != strings.Join(family, "") {
		return Match{}, false
	}
	return Match{Score: 1 - 0.04*float64(len(given)), Basis: Exact}, true
}

func within(some, all []string) bool {
	for _, w := range some {
		if !slices.Contains(all, w) {
			return false
		}
	}
	return len(some) < len(all)
}

func sorted(words []string) []string {
	s := slices.Clone(words)
	slices.Sort(s)
	return s
}

func shareRoot(a, b string) bool {
	other := namekey.Roots(b)
	return slices.ContainsFunc(namekey.Roots(a), func(root string) bool { return slices.Contains(other, root) })
}

// initials reports whether one is the initial of the other.
func initials(a, b string) bool {
	short, long := []rune(a), []rune(b)
	if len(short) > len(long) {
		short, long = long, short
	}
	return len(short) == 1 && len(long) > 0 && short[0] == long[0]
}

func allowedSlips(shorter int) int {
	switch {
	case shorter < 3:
		return 0
	case shorter < 8:
		return 1
	}
	return 2
}

// Typos is the number of letters to insert, leave out, replace or swap with the next one to
// make b of a: the optimal string alignment distance (F. J. Damerau, "A technique for computer
// detection and correction of spelling errors", 1964).
func Typos(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := make([]int, 3*(len(y)+1))
	before, last, this := rows[:len(y)+1], rows[len(y)+1:2*(len(y)+1)], rows[2*(len(y)+1):]
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		this[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			this[j] = min(last[j]+1, this[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				this[j] = min(this[j], before[j-2]+1)
			}
		}
		before, last, this = last, this, before
	}
	return last[len(y)]
}
