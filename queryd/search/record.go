package search

import (
	"context"
	"slices"

	"lineup/indexer/index"
	"lineup/schemas"
)

// Record is one listed record in full.
type Record struct {
	Document index.Document
	Listing  schemas.Listing
	Others   []index.Document // further listed records of the same person
}

// Record reads one listed record. Errors: fs.ErrNotExist for an id that never was, ErrGone,
// *Unavailable.
func (e *Engine) Record(ctx context.Context, id schemas.UUID) (Record, error) {
	ctx, cancel := context.WithTimeout(ctx, e.config.SearchTimeout)
	defer cancel()
	docs, err := e.lookup(ctx, id)
	if err != nil {
		return Record{}, err
	}
	if len(docs) == 0 {
		return Record{}, e.whyMissing(ctx, id)
	}
	listed, err := e.listed(ctx, docs)
	if err != nil {
		return Record{}, err
	}
	listing, ok := listed[id]
	if !ok {
		return Record{}, ErrGone
	}
	found := Record{Document: docs[0], Listing: listing}
	if person := docs[0].Person; person != "" {
		same, _, err := e.deps.Index.Find(ctx, index.Query{Persons: []schemas.UUID{person}})
		if err != nil {
			return Record{}, unavailable("index", err)
		}
		same = slices.DeleteFunc(same, func(d index.Document) bool { return d.ID == id })
		listed, err := e.listed(ctx, same)
		if err != nil {
			return Record{}, err
		}
		for _, d := range same {
			if _, ok := listed[d.ID]; ok {
				found.Others = append(found.Others, d)
			}
		}
	}
	return found, nil
}
