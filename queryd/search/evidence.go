package search

import (
	"context"
	"errors"
	"io/fs"

	"lineup/queryd/evidence"
)

// demoOwner is who searches with the key that everybody has.
const demoOwner = "DEMO"

// Evidence returns the signed evidence of a match. Once the registrant has left the registry, there is no evidence.
// Only the owner of the key that searched may read it; for others it does not exist. Errors: fs.ErrNotExist, ErrGone,
// *Unavailable.
func (e *Engine) Evidence(ctx context.Context, match, owner string) (evidence.Signed, error) {
	if e.deps.Evidence == nil {
		return evidence.Signed{}, fs.ErrNotExist
	}
	ctx, cancel := context.WithTimeout(ctx, e.config.SearchTimeout)
	defer cancel()
	signed, err := e.deps.Evidence.Get(ctx, match, e.deps.Now())
	if errors.Is(err, fs.ErrNotExist) {
		return evidence.Signed{}, err
	}
	if err != nil {
		return evidence.Signed{}, unavailable("evidence_store", err)
	}
	before := signed.Owner == "" && owner != demoOwner // stored by a version without owners: its random id protects it
	if signed.Owner != owner && !before {
		return evidence.Signed{}, fs.ErrNotExist
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

// SigningKeys are the public keys that verify evidence and receipts, as a JSON Web Key Set. Errors: fs.ErrNotExist, *Unavailable.
func (e *Engine) SigningKeys(ctx context.Context) ([]byte, error) {
	if e.deps.Evidence == nil {
		return nil, fs.ErrNotExist
	}
	ctx, cancel := context.WithTimeout(ctx, e.config.SearchTimeout)
	defer cancel()
	keys, err := e.deps.Evidence.Keys(ctx)
	if err != nil {
		return nil, unavailable("evidence_store", err)
	}
	return keys, nil
}
