package search

import (
	"context"
	"errors"
	"io/fs"
	"sync"

	"golang.org/x/sync/errgroup"

	"lineup/indexer/index"
	"lineup/schemas"
)

// ledgerCalls bounds how many registrants one request asks the ledger about at once.
const ledgerCalls = 8

// lookup reads documents from the index.
func (e *Engine) lookup(ctx context.Context, ids ...schemas.UUID) ([]index.Document, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	defer e.metrics.timed(ctx, "lookup")()
	docs, err := e.deps.Index.Lookup(ctx, ids...)
	if err != nil {
		return nil, unavailable("index", err)
	}
	return docs, nil
}

// listed asks the ledger which of the documents' registrants are listed now. A registrant who is not in the map must
// not be in an answer. If the ledger cannot be asked, there is no answer at all.
func (e *Engine) listed(ctx context.Context, docs []index.Document) (map[schemas.UUID]schemas.Listing, error) {
	defer e.metrics.timed(ctx, "ledger")()
	all, err := listedNow(ctx, e.deps.Ledger, docs)
	if err == nil {
		e.metrics.delisted.Add(float64(len(docs) - len(all)))
	}
	return all, err
}

func listedNow(ctx context.Context, ledger Ledger, docs []index.Document) (map[schemas.UUID]schemas.Listing, error) {
	var mu sync.Mutex
	all := make(map[schemas.UUID]schemas.Listing, len(docs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(ledgerCalls)
	for _, d := range docs {
		group.Go(func() error {
			listing, err := ledger.Listing(ctx, d.Record.Source, d.ID)
			if errors.Is(err, fs.ErrNotExist) || err == nil && !listing.Listed {
				return nil
			}
			if err != nil {
				return err
			}
			mu.Lock()
			all[d.ID] = listing
			mu.Unlock()
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, unavailable("ledger", err)
	}
	return all, nil
}
