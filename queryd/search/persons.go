package search

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"lineup/indexer/index"
	"lineup/schemas"
	"lineup/schemas/person"
)

// Person is what the index holds under one person id.
type Person struct {
	ID      schemas.UUID // "" for a registrant whose record lacks what must agree
	Members []index.Document
	Listed  map[schemas.UUID]bool // the members whom the ledger lists now
	// Shown says that answers join the listed members as one person.
	Shown bool
}

// others are the listed members but id, when they are shown as one person.
func (p Person) others(id schemas.UUID) []index.Document {
	if !p.Shown {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(p.Members), func(d index.Document) bool { return d.ID == id || !p.Listed[d.ID] })
}

// isListed says which registrants of documents the ledger lists now.
type isListed func(ctx context.Context, docs []index.Document) (map[schemas.UUID]schemas.Listing, error)

// findPersons looks up persons by id: who the members are, who of them is listed, and by that
// whether they are shown as one person. This is the only look-up there is.
func findPersons(ctx context.Context, ix index.Reader, listed isListed, ids []schemas.UUID) (map[schemas.UUID]Person, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := ix.Find(ctx, index.Query{Persons: ids})
	if err != nil {
		return nil, unavailable("index", err)
	}
	members := found.Documents
	now, err := listed(ctx, members)
	if err != nil {
		return nil, err
	}
	all := map[schemas.UUID]Person{}
	records := map[schemas.UUID][]schemas.Record{}
	for _, m := range members {
		p, ok := all[m.Person]
		if !ok {
			p = Person{ID: m.Person, Listed: map[schemas.UUID]bool{}}
		}
		p.Members = append(p.Members, m)
		if _, ok := now[m.ID]; ok {
			p.Listed[m.ID] = true
			records[m.Person] = append(records[m.Person], m.Record)
		}
		all[m.Person] = p
	}
	for id, p := range all {
		p.Shown = person.Same(records[id]...)
		all[id] = p
	}
	return all, nil
}

// FindPerson looks up the person that id names, or that registrant id belongs to, for the operator.
// Errors: fs.ErrNotExist.
func FindPerson(ctx context.Context, ix index.Reader, ledger Ledger, id schemas.UUID) (Person, error) {
	listed := func(ctx context.Context, docs []index.Document) (map[schemas.UUID]schemas.Listing, error) {
		return listedNow(ctx, ledger, docs)
	}
	found, err := findPersons(ctx, ix, listed, []schemas.UUID{id})
	if err != nil || len(found) > 0 {
		return found[id], err
	}
	docs, err := ix.Lookup(ctx, id)
	switch {
	case err != nil:
		return Person{}, fmt.Errorf("look for %s: %w", id, err)
	case len(docs) == 0:
		return Person{}, schemas.NotFound("no listed registrant has the uuid or personUuid %s", id)
	case docs[0].Person != "":
		found, err = findPersons(ctx, ix, listed, []schemas.UUID{docs[0].Person})
		return found[docs[0].Person], err
	}
	p := Person{Members: docs, Listed: map[schemas.UUID]bool{}}
	now, err := listed(ctx, docs)
	for id := range now {
		p.Listed[id] = true
	}
	return p, err
}

// persons are the persons of listed documents, by registrant: only those who are shown as such.
func (e *Engine) persons(ctx context.Context, docs []index.Document,
	known map[schemas.UUID]schemas.Listing) (map[schemas.UUID]Person, error) {
	var ids []schemas.UUID
	for _, d := range docs {
		if d.Person != "" && !slices.Contains(ids, d.Person) {
			ids = append(ids, d.Person)
		}
	}
	found, err := findPersons(ctx, e.deps.Index, e.listedBeside(known), ids)
	if err != nil {
		return nil, err
	}
	shown := map[schemas.UUID]Person{}
	for _, d := range docs {
		if p := found[d.Person]; p.Shown && p.Listed[d.ID] {
			shown[d.ID] = p
		}
	}
	return shown, nil
}

// listedBeside asks the ledger about those only whom nobody has asked about yet.
func (e *Engine) listedBeside(known map[schemas.UUID]schemas.Listing) isListed {
	return func(ctx context.Context, docs []index.Document) (map[schemas.UUID]schemas.Listing, error) {
		all := make(map[schemas.UUID]schemas.Listing, len(docs))
		var unknown []index.Document
		for _, d := range docs {
			if listing, ok := known[d.ID]; ok {
				all[d.ID] = listing
			} else {
				unknown = append(unknown, d)
			}
		}
		more, err := e.listed(ctx, unknown)
		for id, listing := range more {
			all[id] = listing
		}
		return all, err
	}
}

// notOnePerson reports whether a question names a person whose records are not shown as one
// person's, or not any more: it must not join them either.
func (e *Engine) notOnePerson(ctx context.Context, asked Question) (bool, error) {
	found, err := findPersons(ctx, e.deps.Index, e.listed, asked.Query.Persons)
	if errors.Is(err, fs.ErrNotExist) { // nothing is indexed yet
		return false, nil
	}
	return len(asked.Query.Persons) > 0 && !slices.ContainsFunc(asked.Query.Persons,
		func(id schemas.UUID) bool { return found[id].Shown }), err
}
