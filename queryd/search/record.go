package search

import (
	"context"
	"errors"
	"io/fs"

	"lineup/indexer/index"
	"lineup/schemas"
)

// Record is one listed record in full.
type Record struct {
	Document index.Document
	Listing  schemas.Listing
	Person   schemas.UUID     // "" for none
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
	persons, err := e.persons(ctx, docs, listed)
	if err != nil {
		return Record{}, err
	}
	person := persons[id]
	return Record{Document: docs[0], Listing: listing, Person: person.ID, Others: person.others(id)}, nil
}

// whyMissing tells a registrant that was delisted from an id that never was.
func (e *Engine) whyMissing(ctx context.Context, id schemas.UUID) error {
	listing, err := e.deps.Ledger.Find(ctx, id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fs.ErrNotExist
	case err != nil:
		return unavailable("ledger", err)
	case !schemas.Visible(ctx, id):
		return fs.ErrNotExist
	case !listing.Listed:
		return ErrGone
	}
	return fs.ErrNotExist // listed, and not indexed yet
}

// FirstPhoto is the first photo of a record whose bytes are stored.
func FirstPhoto(r schemas.Record) (schemas.Digest, bool) {
	for _, p := range r.Photos {
		if p.Digest != "" {
			return p.Digest, true
		}
	}
	return "", false
}
