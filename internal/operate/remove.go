package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"lineup/ingest"
	"lineup/ingest/removals"
	"lineup/schemas"
)

// removalWait is how long a removal waits for the indexers.
const removalWait = time.Minute

// Remove removes a registrant for ever and deletes photos, pages and record. When it returns, no answer names the
// registrant; the index follows. The removal is written to the log of removals first: an entry without a removal does
// no harm, but a removal without an entry would be undone by an old backup. Errors: fs.ErrNotExist for somebody who
// was never listed here.
func (s *Stores) Remove(ctx context.Context, id schemas.UUID, why schemas.Removal) (ingest.Removed, error) {
	was, err := s.Ledger.Find(ctx, id)
	if errors.Is(err, fs.ErrNotExist) {
		return ingest.Removed{}, schemas.NotFound("nobody of the uuid %s was ever listed here", id)
	}
	if err != nil {
		return ingest.Removed{}, err
	}
	if was.Removal != nil {
		why = *was.Removal
	}
	if why.At.IsZero() {
		why.At = time.Now().UTC().Truncate(time.Second)
	}
	logged := s.note(ctx, removals.Entry{Kind: removals.Removal, At: why.At, Source: was.Source, Registrant: id, Reason: why.Reason,
		Note: why.Note})
	removed, err := s.Ingest.Remove(ctx, id, why)
	if err == nil && s.Keys != nil {
		err = s.Keys.Forget(ctx, id)
	}
	if logged != nil {
		err = errors.Join(err, fmt.Errorf("%w: a restore of an older backup would bring the registrant back; run the same command again", logged))
	}
	return removed, err
}

// AwaitRemoval waits, for at most a minute, until every live generation agrees that a registrant is gone.
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

// VerifyReceipt checks that data is a receipt signed here, and that what it names is still removed.
func (s *Stores) VerifyReceipt(ctx context.Context, data []byte) (receipt ingest.Receipt, err error) {
	if err := json.Unmarshal(data, &receipt); err != nil || receipt.Registrant == "" {
		return receipt, schemas.Misuse("that is no receipt: want what lineup remove printed")
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

// verifyOurs checks that a receipt was signed with a current or earlier key of these stores.
func (s *Stores) verifyOurs(ctx context.Context, receipt ingest.Receipt) error {
	keys, err := s.removalKeys(ctx)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err = receipt.Verify(key); err == nil {
			return nil
		}
	}
	return err
}
