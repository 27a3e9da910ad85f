package search

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"lineup/indexer/index"
	"lineup/ingest/ledger"
	"lineup/schemas"
)

// ErrCursor says that a cursor is too old or of another ledger: the client must start over without one.
var ErrCursor = errors.New("the cursor has expired")

// Changes returns what changed since the cursor; without one it begins with everybody who is listed now. Changes come from the
// ledger alone, so nobody waits for an index to hear of them. Errors: ErrCursor, *Unavailable.
func (e *Engine) Changes(ctx context.Context, cursor string, limit int) (ledger.ChangesPage, error) {
	ctx, cancel := context.WithTimeout(ctx, e.config.SearchTimeout)
	defer cancel()
	defer e.metrics.timed(ctx, "changes")()
	if e.deps.Changes == nil {
		return ledger.ChangesPage{}, unavailable("ledger", errors.New("changes are not kept here"))
	}
	page, err := e.deps.Changes(ctx, cursor, limit, e.allListed)
	var down *Unavailable
	switch {
	case errors.As(err, &down):
		return page, err
	case errors.Is(err, ledger.ErrCursor):
		return page, ErrCursor
	case err != nil:
		return page, unavailable("ledger", err)
	}
	page.Changes = slices.DeleteFunc(page.Changes, func(c ledger.Change) bool { return !schemas.Visible(ctx, c.ID) })
	return page, nil
}

// allListed returns the registrants of the index that the ledger lists, in the order of their ids.
func (e *Engine) allListed(ctx context.Context, after schemas.UUID, limit int) (listed []schemas.Listing, last schemas.UUID, err error) {
	q := index.Query{Limit: limit}
	if after != "" {
		q.After = &index.Rank{ID: after}
	}
	found, err := e.find(ctx, q)
	if errors.Is(err, fs.ErrNotExist) { // nothing is indexed yet: all is in the stream
		return nil, "", nil
	}
	if err != nil {
		return nil, "", unavailable("index", err)
	}
	now, err := e.listed(ctx, found.Documents)
	if err != nil {
		return nil, "", err
	}
	for _, d := range found.Documents {
		if listing, ok := now[d.ID]; ok {
			listing.ID, listing.Source = d.ID, d.Record.Source
			listed = append(listed, listing)
		}
	}
	if found.Next != nil {
		last = found.Next.ID
	}
	return listed, last, nil
}
