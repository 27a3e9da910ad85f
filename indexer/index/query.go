package index

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"lineup/schemas"
)

// Query asks for documents. All parts that are set must hold.
type Query struct {
	Filter
	IDs     []schemas.UUID
	Persons []schemas.UUID
	AnyKey  []string   // at least one of these name keys,
	AllKeys [][]string // or all of one of these lists
	NoKey   []string   // none of these name keys
	// Address parts, compared folded (FoldPlace). These must be known and equal.
	City, State, Zip string
	Near             *Circle
	// Births must agree, or must not be stated: those who do not state one come behind.
	Births        []schemas.BirthQuestion
	Unstated      *int // only who leaves so many of Births unstated
	FirstSeenFrom time.Time
	FirstSeenTo   time.Time
	ChangedFrom   time.Time
	ChangedTo     time.Time

	After *Rank // only who comes behind it
	Skip  int   // so many are passed over first
	Limit int   // at most this many, 0 is DefaultLimit
}

// DefaultLimit and MaxLimit bound the documents one Find returns.
const (
	DefaultLimit = 1000
	MaxLimit     = 20000
)

// Rank is where a document stands in the order of an answer: who states all that is asked first,
// then the nearest, then by ID. It stays the same while others come and go, so an answer can be
// continued behind it.
type Rank struct {
	Unstated int     // of Query.Births
	Miles    float64 // from Query.Near, 0 without
	ID       schemas.UUID
}

// Compare orders ranks.
func (p Rank) Compare(other Rank) int {
	return cmp.Or(cmp.Compare(p.Unstated, other.Unstated), cmp.Compare(p.Miles, other.Miles), strings.Compare(string(p.ID), string(other.ID)))
}

// Found is one page of an answer.
type Found struct {
	Documents []Document
	Total     int   // how many meet the query, whatever its After, Skip and Limit
	Next      *Rank // of the last document, when there are more behind it
	// Generation is the one that was asked, as it was told before. PageOf leaves it to the engine.
	Generation Generation
}

// Bound is the number of documents that a page of q has at most.
func (q Query) Bound() int { return min(cmp.Or(max(q.Limit, 0), DefaultLimit), MaxLimit) }

// Keyed reports whether a document with these name keys meets AnyKey, AllKeys and NoKey.
func (q Query) Keyed(keys []string) bool {
	has := func(key string) bool { return slices.Contains(keys, key) }
	all := func(list []string) bool { return countFunc(list, has) == len(list) }
	return (len(q.AnyKey)+len(q.AllKeys) == 0 || slices.ContainsFunc(q.AnyKey, has) || slices.ContainsFunc(q.AllKeys, all)) &&
		!slices.ContainsFunc(q.NoKey, has)
}

// Levels are how many of Births those who meet q may leave unstated, in the order of answers.
func (q Query) Levels() (all []int) {
	for n := range len(q.Births) + 1 {
		if q.Unstated == nil || *q.Unstated == n {
			all = append(all, n)
		}
	}
	return all
}

// RankOf is where a record stands in the answer to q; ok is false for one that does not meet Births, Unstated or Near.
func (q Query) RankOf(id schemas.UUID, r schemas.Record) (p Rank, ok bool) {
	p.ID = id
	facts := r.BirthFacts()
	for _, b := range q.Births {
		switch b.Of(facts) {
		case schemas.Disagrees:
			return p, false
		case schemas.NotStated:
			p.Unstated++
		}
	}
	if q.Unstated != nil && p.Unstated != *q.Unstated {
		return p, false
	}
	if q.Near == nil {
		return p, true
	}
	p.Miles = q.Near.Nearest(FactsOf(r).Places)
	return p, p.Miles <= q.Near.Miles
}

// PageOf is the page of documents that meet q but for its Births, Unstated and Near, all of which it is given. It is for
// generations that do not hold what engines order by, and says how every engine orders.
func (q Query) PageOf(docs []Document) Found {
	type ranked struct {
		at  Rank
		doc Document
	}
	var all []ranked
	for _, d := range docs {
		if at, ok := q.RankOf(d.ID, d.Record); ok {
			all = append(all, ranked{at, d})
		}
	}
	slices.SortFunc(all, func(a, b ranked) int { return a.at.Compare(b.at) })
	found := Found{Documents: []Document{}, Total: len(all)}
	if q.After != nil {
		all = all[len(all)-countFunc(all, func(p ranked) bool { return p.at.Compare(*q.After) > 0 }):]
	}
	all = all[min(max(q.Skip, 0), len(all)):]
	for i, p := range all[:min(q.Bound(), len(all))] {
		found.Documents = append(found.Documents, p.doc)
		if i == q.Bound()-1 && len(all) > q.Bound() {
			found.Next = &p.at
		}
	}
	return found
}

func countFunc[T any](list []T, is func(T) bool) (n int) {
	for _, v := range list {
		if is(v) {
			n++
		}
	}
	return n
}
