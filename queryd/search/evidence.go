package search

import (
	"context"
	"errors"
	"io/fs"

	"lineup/queryd/evidence"
)

// Evidence is the signed evidence of a match. Evidence about somebody who has left the registry
// is gone at once. Errors: fs.ErrNotExist, ErrGone, *Unavailable.
func (e *Engine) Evidence(ctx context.Context, match string) (evidence.Signed, error) {
	if e.deps.Evidence == nil {
		return evidence.Signed{}, fs.ErrNotExist
	}
	ctx, cancel := context.WithTimeout(ctx, e.config.SearchTimeout)
	defer cancel()
	signed, err := e.deps.Evidence.Get(ctx, match)
	if errors.Is(err, fs.ErrNotExist) {
		return evidence.Signed{}, err
	}
	if err != nil {
		return evidence.Signed{}, unavailable("evidence_store", err)
	}
	listing, err := e.deps.Ledger.Listing(ctx, signed.Evidence.Source, signed.Evidence.Registrant)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return evidence.Signed{}, unavailable("ledger", err)
	}
	if err != nil || !listing.Listed {
		return evidence.Signed{}, ErrGone
	}
	return signed, nil
}
