package ingest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"lineup/ingest/blob"
	"lineup/ingest/ledger"
	"lineup/internal/tracing"
	"lineup/schemas"
)

// Accept stores one capture, whole or not at all. When it returns without an error, the blobs and the listing are
// durable, and a job is enqueued if there is anything to index. Accepting the same capture again changes nothing.
// Errors: schemas.ErrLeased; schemas.ErrPhotoNeeded when the bytes of a photo that is said to be unchanged are not
// stored.
func (in *Ingester) Accept(ctx context.Context, id string, c schemas.Capture) (outcome schemas.Outcome, err error) {
	ctx, span := tracing.Start(ctx, "accept", tracing.Source(c.Record.Source))
	defer func() {
		span.Set(tracing.Outcome(string(outcome)))
		span.End(err)
	}()
	return in.accept(ctx, id, c)
}

func (in *Ingester) accept(ctx context.Context, id string, c schemas.Capture) (schemas.Outcome, error) {
	c.Record = c.Record.Cleaned()
	source := c.Record.Source
	r, err := in.running(source, id)
	if err != nil {
		return "", err
	}
	if len(c.Photos) != len(c.Record.Photos) {
		return "", fmt.Errorf("accept a capture of %s: %d photos for %d in the record", source, len(c.Photos), len(c.Record.Photos))
	}
	owner := schemas.RegistrantID(source, c.Record.Key)
	was, err := in.ledger.Listing(ctx, source, owner)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if was.Removal != nil {
		return schemas.OutcomeRefused, nil
	}
	next, err := in.store(ctx, owner, c)
	if err != nil {
		return "", err
	}
	var outcome schemas.Outcome
	now := in.now().UTC()
	listing, err := in.ledger.Update(ctx, source, owner, func(s *schemas.Listing) error {
		if s.Removal != nil {
			return fmt.Errorf("accept %s: %w", owner, schemas.ErrRefused)
		}
		if err := r.sign(s); err != nil {
			return err
		}
		outcome = s.Brings(next.Record)
		if outcome != schemas.OutcomeUnchanged {
			s.Revision++
			s.Changed = now
		}
		if !s.Listed {
			s.FirstSeen = now
		}
		held := needed(*s)
		s.Listed, s.Key, s.Record, s.Photos, s.Pages = true, c.Record.Key, next.Record, next.Photos, next.Pages
		s.Sighted, s.Run = c.Read.UTC(), id
		s.Reread()
		wanted := needed(*s)
		for ref := range held {
			s.Untidy = s.Untidy || !wanted[ref]
		}
		return nil
	})
	if errors.Is(err, schemas.ErrRefused) {
		// Remove came first: delete what was just stored.
		return schemas.OutcomeRefused, in.forget(ctx, owner)
	}
	if err != nil {
		return "", err
	}
	if !isIndexed(listing) {
		if err := in.queue.Publish(ctx, source, owner); err != nil {
			return "", err
		}
	}
	if listing.Untidy {
		return outcome, in.tidy(ctx, listing)
	}
	return outcome, nil
}

// isIndexed reports whether some generation holds the listing's revision. If none does, its job may have been
// lost with the process that should have enqueued it.
func isIndexed(s schemas.Listing) bool {
	for _, m := range s.Marks {
		if m.Revision == s.Revision {
			return true
		}
	}
	return false
}

// store puts the capture's blobs and returns the listing's view of them.
func (in *Ingester) store(ctx context.Context, owner schemas.UUID, c schemas.Capture) (schemas.Listing, error) {
	var next schemas.Listing
	var record schemas.Record
	record, next.Photos = c.Settled()
	for i, photo := range c.Photos {
		switch {
		case photo.Data != nil:
			if _, err := in.blobs.Put(ctx, owner, blob.Photo, photo.Data); err != nil {
				return next, fmt.Errorf("store a photo of %s: %w", owner, err)
			}
		case photo.Unchanged != "":
			has, err := in.blobs.Has(ctx, blob.Ref{Owner: owner, Kind: blob.Photo, Digest: photo.Unchanged})
			if err != nil {
				return next, fmt.Errorf("look for a photo of %s: %w", owner, err)
			}
			if !has {
				return next, fmt.Errorf("photo %d of %s: %w", i, owner, schemas.ErrPhotoNeeded)
			}
		}
	}
	for _, page := range c.Pages {
		data, err := in.pack(page.Data)
		if err != nil {
			return next, err
		}
		ref, err := in.blobs.Put(ctx, owner, blob.Page, data)
		if err != nil {
			return next, fmt.Errorf("store a page of %s: %w", owner, err)
		}
		next.Pages = append(next.Pages, schemas.PageState{URL: page.URL, Digest: ref.Digest, Read: page.Read.UTC()})
	}
	canonical, err := record.Canonical()
	if err != nil {
		return next, err
	}
	ref, err := in.blobs.Put(ctx, owner, blob.Record, canonical)
	if err != nil {
		return next, fmt.Errorf("store the record of %s: %w", owner, err)
	}
	next.Record = ref.Digest
	return next, nil
}

// needed is the set of blobs that a listing refers to.
func needed(s schemas.Listing) map[blob.Ref]bool {
	all := make(map[blob.Ref]bool)
	for _, ref := range blob.Needed(s) {
		all[ref] = true
	}
	return all
}

// prune deletes the blobs of a registrant that its listing no longer refers to.
func (in *Ingester) prune(ctx context.Context, s schemas.Listing) error {
	wanted := needed(s)
	var stale []blob.Ref
	for info, err := range in.blobs.Walk(ctx, s.ID) {
		if err != nil {
			return fmt.Errorf("list the blobs of %s: %w", s.ID, err)
		}
		if !wanted[info.Ref] {
			stale = append(stale, info.Ref)
		}
	}
	if len(stale) == 0 {
		return nil
	}
	if err := in.blobs.Delete(ctx, stale...); err != nil {
		return fmt.Errorf("delete old blobs of %s: %w", s.ID, err)
	}
	return nil
}

// tidy deletes the blobs that s does not refer to, and notes that it did.
func (in *Ingester) tidy(ctx context.Context, s schemas.Listing) error {
	if err := in.prune(ctx, s); err != nil {
		return err
	}
	_, err := in.ledger.Update(ctx, s.Source, s.ID, func(now *schemas.Listing) error {
		if !now.Untidy || now.Revision != s.Revision || now.Fence > s.Fence {
			return ledger.ErrUnchanged // others were here
		}
		now.Untidy = false
		return nil
	})
	return err
}

// forget deletes all blobs of a registrant.
func (in *Ingester) forget(ctx context.Context, owner schemas.UUID) error {
	return in.prune(ctx, schemas.Listing{ID: owner})
}
