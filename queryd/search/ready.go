package search

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"lineup/indexer/index"
	"lineup/schemas"
)

// nobody is an id that no registrant has.
const nobody schemas.UUID = "00000000-0000-0000-0000-000000000000"

var errNoGeneration = errors.New("no generation serves yet: run lineup index")

// IndexReady reports why the index cannot be searched.
func (e *Engine) IndexReady(ctx context.Context) error {
	all, err := e.deps.Index.Generations(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(g index.Generation) bool { return g.State == index.Serving }) {
		return errNoGeneration
	}
	return nil
}

// LedgerReady reports why the ledger cannot be asked.
func (e *Engine) LedgerReady(ctx context.Context) error {
	if _, err := e.deps.Ledger.Find(ctx, nobody); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
