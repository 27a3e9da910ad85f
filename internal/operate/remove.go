package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"lineup/ingest"
	"lineup/ingest/signing"
	"lineup/schemas"
)

// removalWait is how long a removal waits for the indexers.
const removalWait = time.Minute

// Remove makes a registrant never listed again, and deletes photos, pages and record. When it returns,
// nobody is answered with the registrant; the index follows.
// Errors: fs.ErrNotExist for somebody who was never listed here.
func (s *Stores) Remove(ctx context.Context, id schemas.UUID, reason string) (ingest.Removed, error) {
	removed, err := s.Ingest.Remove(ctx, id, reason)
	if errors.Is(err, fs.ErrNotExist) {
		return removed, fmt.Errorf("%w: nobody of that uuid was ever listed here", err)
	}
	return removed, err
}

// AwaitRemoval waits, at most a minute, until every live generation agrees that a registrant is gone.
func (s *Stores) AwaitRemoval(ctx context.Context, was schemas.Listing) error {
	generations, err := s.Index.Generations(ctx)
	if err != nil {
		return err
	}
	for end := time.Now().Add(removalWait); ; {
		listing, err := s.Ledger.Listing(ctx, was.Source, was.ID)
		if err != nil {
			return err
		}
		if listing.DueIn(Live(generations)) == schemas.DueNot {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("no indexer answered within %s", removalWait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(poll):
		}
	}
}

// Receipt signs what was removed with the signing key of these stores.
func (s *Stores) Receipt(ctx context.Context, r ingest.Removed) (ingest.Receipt, error) {
	key, err := signing.Key(ctx, s.JS, signing.Removals)
	if err != nil {
		return ingest.Receipt{}, err
	}
	return r.Sign(key)
}

// VerifyReceipt checks that data is a receipt signed here, and that what it names is still removed.
func (s *Stores) VerifyReceipt(ctx context.Context, data []byte) (receipt ingest.Receipt, err error) {
	if err := json.Unmarshal(data, &receipt); err != nil {
		return receipt, fmt.Errorf("read the receipt: %w (it must be what lineup remove printed)", err)
	}
	if err := s.verifyOurs(ctx, receipt); err != nil {
		return receipt, err
	}
	listing, err := s.Ledger.Listing(ctx, receipt.Source, receipt.Registrant)
	if err != nil {
		return receipt, err
	}
	if listing.Listed || listing.Removal == nil {
		return receipt, fmt.Errorf("the receipt is genuine, but %s is not removed in this ledger", receipt.Registrant)
	}
	return receipt, nil
}

// verifyOurs checks that a receipt was signed with a key that these stores have, or had.
func (s *Stores) verifyOurs(ctx context.Context, receipt ingest.Receipt) error {
	var err error
	for _, purpose := range []signing.Purpose{signing.Removals, signing.Evidence} { // the latter signed receipts once
		keys, perr := signing.Public(ctx, s.JS, purpose)
		if perr != nil {
			return perr
		}
		for _, key := range keys {
			if err = receipt.Verify(key); err == nil {
				return nil
			}
		}
	}
	return err
}
