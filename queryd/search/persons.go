package search

import (
	"context"
	"slices"

	"lineup/indexer/index"
	"lineup/schemas"
	"lineup/schemas/namekey"
)

// persons maps each document's registrant to its person id, where at least two listed
// registrants share it and no two of them disagree in middle name or suffix.
func (e *Engine) persons(ctx context.Context, docs []index.Document, known map[schemas.UUID]schemas.Listing) (map[schemas.UUID]schemas.UUID, error) {
	var wanted []schemas.UUID
	for _, d := range docs {
		if d.Person != "" && !slices.Contains(wanted, d.Person) {
			wanted = append(wanted, d.Person)
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	members, _, err := e.deps.Index.Find(ctx, index.Query{Persons: wanted})
	if err != nil {
		return nil, unavailable("index", err)
	}
	groups := map[schemas.UUID][]index.Document{}
	for _, m := range members {
		groups[m.Person] = append(groups[m.Person], m)
	}
	var unknown []index.Document
	for _, group := range groups {
		for _, m := range group {
			if _, ok := known[m.ID]; !ok && len(group) > 1 {
				unknown = append(unknown, m)
			}
		}
	}
	listed, err := e.listed(ctx, unknown)
	if err != nil {
		return nil, err
	}
	for person, group := range groups {
		groups[person] = slices.DeleteFunc(group, func(m index.Document) bool {
			_, before := known[m.ID]
			_, now := listed[m.ID]
			return !before && !now
		})
	}
	shared := map[schemas.UUID]schemas.UUID{}
	for _, d := range docs {
		if group := groups[d.Person]; len(group) > 1 && agree(group) {
			shared[d.ID] = d.Person
		}
	}
	return shared, nil
}

// agree reports whether the names of all documents can be one person's.
func agree(group []index.Document) bool {
	for i, a := range group {
		for _, b := range group[i+1:] {
			if !namekey.Agree(a.Record.Name, b.Record.Name) {
				return false
			}
		}
	}
	return true
}
