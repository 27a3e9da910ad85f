package search

import (
	"context"
	"errors"
	"io/fs"

	"lineup/indexer/index"
	"lineup/schemas"
)

// MaxWatched bounds the records of a place that can be watched: a larger one is a list of people.
const MaxWatched = 1000

// ErrTooLarge says that more than MaxWatched records meet a watch.
var ErrTooLarge = errors.New("too many records to watch")

// Watched are the revisions of the listed records that meet a query, by record. Errors: ErrTooLarge, *Unavailable.
func (e *Engine) Watched(ctx context.Context, q index.Query) (map[schemas.UUID]uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, e.config.SearchTimeout)
	defer cancel()
	q.Limit = MaxWatched
	found, err := e.find(ctx, q)
	switch {
	case errors.Is(err, fs.ErrNotExist): // nothing is indexed yet
		return nil, unavailable("index", err)
	case err != nil:
		return nil, unavailable("index", err)
	case found.Total > MaxWatched:
		return nil, ErrTooLarge
	}
	listed, err := e.listed(ctx, found.Documents)
	if err != nil {
		return nil, err
	}
	revisions := make(map[schemas.UUID]uint64, len(listed))
	for id, listing := range listed {
		revisions[id] = listing.Revision
	}
	return revisions, nil
}
