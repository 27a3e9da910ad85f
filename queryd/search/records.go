package search

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"

	"lineup/indexer/index"
	"lineup/queryd/names"
	"lineup/schemas"
	"lineup/schemas/namekey"
)

// Question asks for records. All that is given must be met.
type Question struct {
	Name      namekey.Query
	Named     bool // a name was asked for
	Birth     schemas.Date
	Age       int // years, -1 for any
	Address   string
	Face      schemas.UUID
	Query     index.Query
	Extensive bool // aliases are searched too
	Page      int  // from 1
	PerPage   int
}

// Records is one page of the answer to a Question.
type Records struct {
	Hits       []Hit
	Page       int
	Pages      int
	Reach      Reach
	Incomplete bool // somebody may be missing: a source is stale, nobody was asked, or there was more than can be looked at
}

// Hit is a record that meets a Question, with what it is ordered by.
type Hit struct {
	Document index.Document
	Person   schemas.UUID // "" for none
	Score    float64      // 0..1 of name, birth and age; -1 when none of them was asked for
	Match    names.Match  // why the name matched, zero when none was asked for
	Unstated int          // facts asked about that the record does not state: birth date, age
	Miles    float64      // from the place asked for
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
	docs, cut, err := e.candidates(ctx, &asked)
	if err != nil {
		return Records{}, err
	}
	shown, listed, pages, err := e.listedPage(ctx, e.rank(docs, asked), asked.Page, asked.PerPage)
	if err != nil {
		return Records{}, err
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
	return Records{Hits: shown, Page: asked.Page, Pages: pages, Reach: reach, Incomplete: reach.Stale || reach.Nobody || cut}, nil
}

// states are the states that a question is about by what it says of the place, none for all. Who is
// asked for by id is looked for everywhere.
func (q Question) states() []string {
	state := q.Query.State
	if state == "" {
		state = schemas.StateOfZip(q.Query.Zip)
	}
	if state == "" || q.Face != "" || len(q.Query.IDs)+len(q.Query.Persons) > 0 {
		return nil
	}
	return []string{state}
}

// candidates asks the index for all records that may meet the search. cut says that there were
// more than it returns.
func (e *Engine) candidates(ctx context.Context, asked *Question) (docs []index.Document, cut bool, err error) {
	defer e.metrics.timed("find")()
	if asked.Face != "" {
		found, err := e.deps.Index.Face(ctx, asked.Face)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, unavailable("index", err)
		}
		if len(asked.Query.IDs) > 0 && asked.Query.IDs[0] != found.Registrant {
			return nil, false, nil
		}
		asked.Query.IDs = []schemas.UUID{found.Registrant}
	}
	if parted, err := e.notOnePerson(ctx, *asked); parted || err != nil {
		return nil, false, err
	}
	query := asked.Query
	query.Limit = index.MaxLimit
	if len(query.IDs)+len(query.Persons)+len(query.AnyKey) == 0 { // may bring that many records into memory
		select {
		case e.broad <- struct{}{}:
			defer func() { <-e.broad }()
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
	docs, cut, err = e.deps.Index.Find(ctx, query)
	if errors.Is(err, fs.ErrNotExist) { // nothing is indexed yet
		return nil, true, nil
	}
	if err != nil {
		return nil, false, unavailable("index", err)
	}
	return docs, cut, nil
}

// unstatedFactor lowers the score of a record that does not state a fact that was asked about.
const unstatedFactor = 0.8

// rank keeps the candidates that really meet the search and orders them: those that state all that
// was asked before those that do not, exact names before others, best name first, then nearest,
// then by uuid.
func (e *Engine) rank(docs []index.Document, asked Question) []Hit {
	defer e.metrics.timed("rank")()
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
			h.Miles = nearest(r, *asked.Query.Near)
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
func (e *Engine) listedPage(ctx context.Context, hits []Hit, page, perPage int) (shown []Hit,
	listed map[schemas.UUID]schemas.Listing, pages int, err error) {
	whole := len(hits) <= perPage
	if !whole {
		from := min((page-1)*perPage, len(hits))
		shown = hits[from:min(from+perPage, len(hits))]
	} else {
		shown = hits
	}
	listed, err = e.listed(ctx, documents(shown))
	if err != nil {
		return nil, nil, 0, err
	}
	shown = slices.DeleteFunc(slices.Clone(shown), func(h Hit) bool {
		_, ok := listed[h.Document.ID]
		return !ok
	})
	if !whole {
		return shown, listed, (len(hits) + perPage - 1) / perPage, nil
	}
	pages = min(len(shown), 1)
	if page > 1 {
		shown = nil
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
