package qdrant

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/qdrant/go-client/qdrant"

	"lineup/indexer/index"
	"lineup/schemas"
)

// ordered is the feature version from which on generations hold the fields of order.
const ordered = 3

// Find returns a page of the documents that meet q.
func (x *Index) Find(ctx context.Context, q index.Query) (found index.Found, err error) {
	narrow, any := conditions(q)
	err = x.reading(ctx, func(g generation) error {
		found = index.Found{Documents: []index.Document{}}
		switch {
		case !any:
			return ctx.Err()
		case g.Features < ordered:
			found, err = x.findUnordered(ctx, g, q, narrow)
		case q.Near != nil:
			found, err = x.findNear(ctx, g, q, narrow)
		default:
			found, err = x.findOrdered(ctx, g, q, narrow)
		}
		found.Generation = g.Generation
		return err
	})
	if errors.Is(err, context.Canceled) {
		return index.Found{}, err
	}
	return found, err
}

// findUnordered reads all that may meet q from a generation that does not hold what is ordered by.
func (x *Index) findUnordered(ctx context.Context, g generation, q index.Query, narrow *qdrant.Filter) (index.Found, error) {
	var docs []index.Document
	request := &qdrant.ScrollPoints{CollectionName: x.registrants(g.Name), Filter: narrow,
		WithPayload: qdrant.NewWithPayloadInclude("document")}
	err := x.scroll(ctx, "find", request, func(p *qdrant.RetrievedPoint) (bool, error) {
		d, err := decodeDocument(p.GetPayload())
		docs = append(docs, d)
		return len(docs) < index.MaxLimit, err
	})
	return q.PageOf(docs), err
}

// findOrdered takes the page out of the arms of the answer, each in the order of its ids.
func (x *Index) findOrdered(ctx context.Context, g generation, q index.Query, narrow *qdrant.Filter) (index.Found, error) {
	var page []index.Rank
	total, skip, want := 0, max(q.Skip, 0), q.Bound()+1
	for _, unstated := range q.Levels() {
		arm := armOf(narrow, q.Births, unstated)
		n, err := x.count(ctx, x.registrants(g.Name), arm)
		if err != nil {
			return index.Found{}, err
		}
		total += n
		switch left := want - len(page); {
		case left <= 0 || q.After != nil && unstated < q.After.Unstated:
		case skip >= n:
			skip -= n
		default:
			var ids []string
			if q.After != nil && unstated == q.After.Unstated {
				ids, err = x.idsFrom(ctx, g, arm, strings.ToLower(string(q.After.ID)), 0, left, true)
			} else {
				ids, err = x.idsAt(ctx, g, arm, skip, n, left)
			}
			if err != nil {
				return index.Found{}, err
			}
			skip = 0
			for _, id := range ids {
				page = append(page, index.Rank{Unstated: unstated, ID: schemas.UUID(id)})
			}
		}
	}
	return x.found(ctx, g, q, page, total)
}

// found reads the documents of a page of which one more is given than it holds where there are more.
func (x *Index) found(ctx context.Context, g generation, q index.Query, page []index.Rank, total int) (index.Found, error) {
	out := index.Found{Total: total}
	if len(page) > q.Bound() {
		page = page[:q.Bound()]
		out.Next = &page[len(page)-1]
	}
	ids := make([]schemas.UUID, len(page))
	for i, p := range page {
		ids[i] = p.ID
	}
	var err error
	out.Documents, err = x.lookup(ctx, g, ids)
	return out, err
}

// idsAt gives ids of an arm of n registrants, in order, after so many others. Ids are spread evenly, so a few counts
// of who comes before an id find the place without a walk over everybody before it.
func (x *Index) idsAt(ctx context.Context, g generation, arm *qdrant.Filter, skip, n, want int) ([]string, error) {
	low, before := uint64(0), 0 // so many come before low
	high, until := uint64(orderEnd), n
	for range seeks {
		if skip-before <= page {
			break
		}
		// A little short of where it should be, so that most guesses fall before it.
		guess := low + uint64(float64(high-low)*max(float64(skip-before-page/2), 0)/float64(max(until-before, 1)))
		ahead := &qdrant.Filter{Must: append(slices.Clone(arm.GetMust()),
			qdrant.NewRange("order", &qdrant.Range{Lt: qdrant.PtrOf(float64(guess))})), MustNot: arm.GetMustNot()}
		count, err := x.count(ctx, x.registrants(g.Name), ahead)
		if err != nil {
			return nil, err
		}
		if count <= skip {
			low, before = guess, count
		} else {
			high, until = guess, count
		}
	}
	return x.idsFrom(ctx, g, arm, firstID(low), skip-before, want, false)
}

// seeks bounds the counts that one place is looked for with.
const seeks = 12

// idsFrom gives ids of an arm from one on, or behind it, after so many others.
func (x *Index) idsFrom(ctx context.Context, g generation, arm *qdrant.Filter, from string, skip, want int, behind bool) (ids []string,
	err error) {
	request := &qdrant.ScrollPoints{CollectionName: x.registrants(g.Name), Filter: arm, Offset: qdrant.NewIDUUID(from),
		WithPayload: qdrant.NewWithPayload(false), Limit: qdrant.PtrOf(uint32(min(skip+want+1, 20*page)))}
	err = x.scroll(ctx, "find", request, func(p *qdrant.RetrievedPoint) (bool, error) {
		id := p.GetId().GetUuid()
		switch {
		case behind && id == from:
		case skip > 0:
			skip--
		default:
			ids = append(ids, id)
		}
		return len(ids) < want, nil
	})
	return ids, err
}

// armOf narrows to those of whom so many of the questions about births find nothing stated and the others agree.
func armOf(narrow *qdrant.Filter, births []schemas.BirthQuestion, unstated int) *qdrant.Filter {
	if len(births) == 0 {
		return narrow
	}
	var ways []*qdrant.Condition
	for mask := range 1 << len(births) {
		way, n := &qdrant.Filter{}, 0
		for i, b := range births {
			agrees := agreeing(b)
			if mask>>i&1 == 0 {
				way.Must = append(way.Must, agrees)
				continue
			}
			n++
			way.Must = append(way.Must, qdrant.NewMatchBool("unstated", true))
			way.MustNot = append(way.MustNot, agrees)
		}
		if n == unstated {
			ways = append(ways, qdrant.NewFilterAsCondition(way))
		}
	}
	return &qdrant.Filter{Must: append(slices.Clone(narrow.GetMust()), either(ways...)), MustNot: narrow.GetMustNot()}
}

func agreeing(b schemas.BirthQuestion) *qdrant.Condition {
	var ways []*qdrant.Condition
	fields := []string{"born_whole", "born_part"}
	if b.Aliases {
		fields = append(fields, "born_alias_whole", "born_alias_part")
	}
	for _, s := range b.Days {
		for _, field := range fields {
			if whole := strings.HasSuffix(field, "_whole"); s.Only == schemas.AnyPrecision || whole == (s.Only == schemas.WholeDates) {
				ways = append(ways, qdrant.NewRange(field, span(s)))
			}
		}
	}
	ways = append(ways, qdrant.NewFilterAsCondition(&qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatchInt("born", 0),
		qdrant.NewRange("printed", span(b.Printed))}}))
	return either(ways...)
}

func span(s schemas.Span) *qdrant.Range {
	return &qdrant.Range{Gte: qdrant.PtrOf(float64(max(s.From, 1))), Lte: qdrant.PtrOf(float64(s.To))}
}

// conditions is the query as a filter; any is false when nothing can meet it.
func conditions(q index.Query) (f *qdrant.Filter, any bool) {
	f = filter(q.Filter)
	must := func(c *qdrant.Condition) { f.Must = append(f.Must, c) }
	must(qdrant.NewMatchBool("listed", true))
	if len(q.IDs) > 0 {
		ids := validIDs(q.IDs)
		if len(ids) == 0 {
			return f, false
		}
		must(qdrant.NewHasID(pointIDs(ids)...))
	}
	if len(q.Persons) > 0 {
		persons := validIDs(q.Persons)
		if len(persons) == 0 {
			return f, false
		}
		must(qdrant.NewMatchKeywords("person", persons...))
	}
	var keyed []*qdrant.Condition
	if len(q.AnyKey) > 0 {
		keyed = append(keyed, qdrant.NewMatchKeywords("keys", q.AnyKey...))
	}
	for _, list := range q.AllKeys {
		all := &qdrant.Filter{}
		for _, key := range list {
			all.Must = append(all.Must, qdrant.NewMatchKeyword("keys", key))
		}
		keyed = append(keyed, qdrant.NewFilterAsCondition(all))
	}
	if len(keyed) > 0 {
		must(either(keyed...))
	}
	if len(q.NoKey) > 0 {
		f.MustNot = append(f.MustNot, qdrant.NewMatchKeywords("keys", q.NoKey...))
	}
	if key := placeKey(index.FoldPlace(q.City), index.FoldPlace(q.State), index.FoldZip(q.Zip)); key != "||" {
		must(qdrant.NewMatchKeyword("places", key))
	}
	between := func(field string, from, to time.Time) {
		r := &qdrant.Range{}
		if !from.IsZero() {
			r.Gte = qdrant.PtrOf(float64(micros(from)))
		}
		if !to.IsZero() {
			r.Lte = qdrant.PtrOf(float64(micros(to)))
		}
		if r.Gte != nil || r.Lte != nil {
			must(qdrant.NewRange(field, r))
		}
	}
	between("first_seen", q.FirstSeenFrom, q.FirstSeenTo)
	between("changed", q.ChangedFrom, q.ChangedTo)
	if q.Near != nil {
		must(wide(*q.Near))
	}
	return f, true
}
