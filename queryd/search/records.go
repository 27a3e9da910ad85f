package search

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"

	"lineup/indexer/index"
	"lineup/queryd/gazetteer"
	"lineup/queryd/names"
	"lineup/schemas"
)

// Records is one page of the answer to a Question.
type Records struct {
	Hits       []Hit
	Page       int
	Pages      int
	Total      int // records on all pages, as the index holds them
	Reach      Reach
	Incomplete bool // somebody may be missing: a source is stale, nobody was asked, or Reach.Cut
}

// Hit is a record that meets a Question, with what it is ordered by.
type Hit struct {
	Document index.Document
	Person   schemas.UUID // "" for none
	Score    float64      // 0..1 of name, birth and age; -1 when none of them was asked for
	Match    names.Match  // why the name matched, zero when none was asked for
	Unstated int          // facts asked about that the record does not state: birth date, age
	Miles    float64      // from the place asked for
	Middle   bool         // Miles is that of a ZIP code's middle: the record states no more
}

// inexact is 0 for a record that has the very name asked for, 1 for any other.
func (h Hit) inexact() int {
	if h.Match.Why() == names.Exact {
		return 0
	}
	return 1
}

// Sources are the sources of all hits.
func (r Records) Sources() []string {
	var all []string
	for _, h := range r.Hits {
		all = append(all, h.Document.Record.Source)
	}
	return all
}

// Records runs one search and returns the page asked for.
func (e *Engine) Records(ctx context.Context, asked Question) (Records, error) {
	ctx, cancel := context.WithTimeout(ctx, e.config.SearchTimeout)
	defer cancel()
	hits, total, cut, err := e.page(ctx, asked)
	unindexed := errors.Is(err, fs.ErrNotExist) // nothing is, yet
	if err != nil && !unindexed {
		return Records{}, err
	}
	shown, listed, pages, err := e.listedPage(ctx, hits, total, asked)
	if err != nil {
		return Records{}, err
	}
	if total <= asked.PerPage && asked.Page == 1 { // all were looked up in the ledger
		total = len(shown)
	}
	persons, err := e.persons(ctx, documents(shown), listed)
	if err != nil {
		return Records{}, err
	}
	for i := range shown {
		shown[i].Person = persons[shown[i].Document.ID].ID
	}
	reach, err := e.reach(ctx, asked.states(), asked.Query.Sources, false)
	if err != nil {
		return Records{}, err
	}
	reach.Cut = cut
	for _, h := range shown {
		if h.Middle {
			reach.Middles++
		}
	}
	return Records{Hits: shown, Page: asked.Page, Pages: pages, Total: total, Reach: reach,
		Incomplete: reach.Stale || reach.Nobody || cut || unindexed}, nil
}

// MostJudged bounds how many records are judged for one question: those that come first by their ids.
const MostJudged = index.MaxLimit

// ranked reports whether a question is judged and ordered here: names and streets are, by more than an engine
// can compare. Everything else is ordered by the engine, and a page costs what it holds.
func (q Question) ranked() bool { return q.Named || q.Address != "" }

// births are what a question asks about somebody's birth.
func (e *Engine) births(asked Question) (all []schemas.BirthQuestion) {
	if !asked.Birth.IsZero() {
		all = append(all, schemas.BornOn(asked.Birth))
	}
	if asked.Age >= 0 {
		all = append(all, schemas.AgedOn(asked.Age, schemas.DateOf(e.deps.Now())))
	}
	return all
}

// page finds the hits of the page asked for, and how many there are in all. cut says that there were more
// candidates than can be judged. Errors: fs.ErrNotExist while nothing is indexed.
func (e *Engine) page(ctx context.Context, asked Question) (hits []Hit, total int, cut bool, err error) {
	query, anybody, err := e.query(ctx, asked)
	if err != nil || !anybody {
		return nil, 0, false, err
	}
	query.Births = e.births(asked)
	from := (asked.Page - 1) * asked.PerPage
	if !asked.ranked() {
		query.Skip, query.Limit = from, asked.PerPage
		found, err := e.ask(ctx, query)
		return e.rank(ctx, found.Documents, asked), found.Total, false, err
	}
	whole := asked.wholeName()
	others := query
	others.NoKey, others.Limit = whole, MostJudged
	found, err := e.ask(ctx, others)
	if err != nil {
		return nil, 0, false, err
	}
	judged := e.rank(ctx, found.Documents, asked)
	if whole == nil {
		hits, total = between(judged, from, asked.PerPage), len(judged)
		return hits, total, found.Next != nil, nil
	}
	query.AnyKey, query.AllKeys = whole, nil
	for _, unstated := range query.Levels() {
		query.Unstated, query.Skip, query.Limit = &unstated, max(from-total, 0), max(asked.PerPage-len(hits), 1)
		exact, err := e.ask(ctx, query)
		if err != nil {
			return nil, 0, false, err
		}
		hits = append(hits, between(e.rank(ctx, exact.Documents, asked), 0, asked.PerPage-len(hits))...)
		total += exact.Total
		alike := slices.DeleteFunc(slices.Clone(judged), func(h Hit) bool { return h.Unstated != unstated })
		hits = append(hits, between(alike, from-total, asked.PerPage-len(hits))...)
		total += len(alike)
	}
	return hits, total, found.Next != nil, nil
}

// between are at most so many hits from one on.
func between(hits []Hit, from, most int) []Hit {
	hits = hits[min(max(from, 0), len(hits)):]
	return hits[:min(most, len(hits))]
}

// wholeName returns the keys of the records that have exactly the name asked for. The engine orders them, and they come before
// the others that state as much, so that only the others are judged, although the question is ranked.
func (q Question) wholeName() []string {
	if !q.Named || q.Address != "" {
		return nil
	}
	return q.Name.Whole()
}

// ask is find with the error that an answer has. Errors: fs.ErrNotExist while nothing is indexed.
func (e *Engine) ask(ctx context.Context, q index.Query) (index.Found, error) {
	found, err := e.find(ctx, q)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		err = unavailable("index", err)
	}
	return found, err
}

func (e *Engine) find(ctx context.Context, q index.Query) (index.Found, error) {
	defer e.metrics.timed(ctx, "find")()
	return e.deps.Index.Find(ctx, q)
}

// states are the states that a question is about by what it says of the place, none for all. A city
// without a state is in each that has one of this name. Who is asked for by id is looked for everywhere.
func (q Question) states() []string {
	switch {
	case q.Face != "" || len(q.Query.IDs)+len(q.Query.Persons) > 0:
		return nil
	case q.Query.State != "":
		return []string{q.Query.State}
	case schemas.StateOfZip(q.Query.Zip) != "":
		return []string{schemas.StateOfZip(q.Query.Zip)}
	case q.Query.Near != nil:
		return gazetteer.StatesNear(*q.Query.Near)
	}
	return gazetteer.StatesOfCity(q.Query.City)
}

// query is the question as the index understands it. anybody is false where it is known already that nobody
// meets it.
func (e *Engine) query(ctx context.Context, asked Question) (query index.Query, anybody bool, err error) {
	query = asked.Query
	if asked.Face != "" {
		found, err := e.deps.Index.Face(ctx, asked.Face)
		if errors.Is(err, fs.ErrNotExist) {
			return query, false, nil
		}
		if err != nil {
			return query, false, unavailable("index", err)
		}
		if len(query.IDs) > 0 && query.IDs[0] != found.Registrant {
			return query, false, nil
		}
		query.IDs = []schemas.UUID{found.Registrant}
	}
	parted, err := e.notOnePerson(ctx, asked)
	return query, !parted && err == nil, err
}

// unstatedFactor lowers the score of a record that does not state a fact that was asked about.
const unstatedFactor = 0.8

// rank keeps the candidates that really meet the search and orders them: those that state all that
// was asked before those that do not, exact names before others, best name first, then nearest,
// then by uuid: without a name that is the engine's order.
func (e *Engine) rank(ctx context.Context, docs []index.Document, asked Question) []Hit {
	defer e.metrics.timed(ctx, "rank")()
	hits := make([]Hit, 0, len(docs))
	for _, d := range docs {
		h := Hit{Document: d, Score: -1}
		r := d.Record
		var ok bool
		if h.Unstated, ok = e.facts(r, asked); !ok {
			continue
		}
		if asked.Named {
			if h.Match, ok = names.Score(asked.Name, r, asked.Extensive || asked.Name.PrefixFirst || asked.Name.PrefixLast); !ok {
				continue
			}
			h.Score = h.Match.Score
		} else if !asked.Birth.IsZero() || asked.Age >= 0 {
			h.Score = 1
		}
		for range h.Unstated {
			h.Score *= unstatedFactor
		}
		if asked.Address != "" && !livesAt(r, asked.Address) {
			continue
		}
		if asked.Query.Near != nil {
			place, _ := asked.Query.Near.NearestOf(index.FactsOf(r).Places)
			h.Miles, h.Middle = asked.Query.Near.Distance(place), place.Middle
		}
		hits = append(hits, h)
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(a.Unstated, b.Unstated), cmp.Compare(a.inexact(), b.inexact()), cmp.Compare(b.Score, a.Score),
			cmp.Compare(a.Miles, b.Miles), cmp.Compare(a.Document.ID, b.Document.ID))
	})
	return hits
}

// listedPage returns those hits of a page whom the ledger lists, and how many pages there are. The
// ledger is asked about one page only, however many hits there are, so a page holds fewer records
// where somebody has left the registry and the index has not followed yet: nobody else moves to
// another page by that. The number of pages counts what the index holds, and is exact when
// everything fits on one.
func (e *Engine) listedPage(ctx context.Context, hits []Hit, total int, asked Question) (shown []Hit,
	listed map[schemas.UUID]schemas.Listing, pages int, err error) {
	listed, err = e.listed(ctx, documents(hits))
	if err != nil {
		return nil, nil, 0, err
	}
	shown = slices.DeleteFunc(hits, func(h Hit) bool {
		_, ok := listed[h.Document.ID]
		return !ok
	})
	pages = (total + asked.PerPage - 1) / asked.PerPage
	if pages == 1 && asked.Page == 1 {
		pages = min(len(shown), 1)
	}
	return shown, listed, pages, nil
}

func documents(hits []Hit) []index.Document {
	docs := make([]index.Document, len(hits))
	for i, h := range hits {
		docs[i] = h.Document
	}
	return docs
}
