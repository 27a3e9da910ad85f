package ingest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"lineup/ingest/ledger"
	"lineup/schemas"
)

// Finish ends a run that read everything. When s.State is complete and the guards hold, who was
// listed and not read in this run is delisted, with photos, pages and record. Otherwise nobody
// is. The result is the summary as it was kept, with Delisted, or State refused and a Reason.
func (in *Ingester) Finish(ctx context.Context, source, id string, s schemas.RunSummary) (schemas.RunSummary, error) {
	r, err := in.running(source, id)
	if err != nil {
		return s, err
	}
	if s.State == schemas.RunComplete {
		s, err = in.sweep(ctx, source, id, s)
		if err != nil {
			return s, errors.Join(err, in.release(ctx, source, r))
		}
	}
	if s.Ended.IsZero() {
		s.Ended = in.now().UTC()
	}
	if err := in.tidyAll(ctx, source, id); err != nil {
		in.log.Warn("old blobs not deleted, the next run tries again", "source", source, "error", err)
	}
	return s, errors.Join(in.fileSummary(ctx, source, id, r.fence, s), in.release(ctx, source, r))
}

// tidyAll deletes the blobs that earlier calls had to leave behind, as when the store was away.
func (in *Ingester) tidyAll(ctx context.Context, source, id string) error {
	var untidy []schemas.Listing
	for s, err := range in.ledger.Each(ctx, source) {
		if errors.Is(err, schemas.ErrNewerSchema) {
			continue
		}
		if err != nil {
			return err
		}
		if s.Untidy {
			untidy = append(untidy, s)
		}
	}
	for _, s := range untidy {
		if _, err := in.running(source, id); err != nil {
			return err
		}
		if err := in.tidy(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// sweep delists the listed whom run id did not sight, if the guards allow it.
func (in *Ingester) sweep(ctx context.Context, source, id string, s schemas.RunSummary) (schemas.RunSummary, error) {
	runs, err := in.ledger.Runs(ctx, source)
	if err != nil {
		return s, fmt.Errorf("finish %s: %w", source, err)
	}
	var since time.Time // who was listed by then was listed before this run
	switch {
	case runs.Complete != nil:
		since = runs.Complete.Ended
	case runs.Open != nil:
		since = runs.Open.Started
	}
	var unseen []schemas.UUID
	tally := schemas.Tally{Compared: runs.Complete != nil}
	for listing, err := range in.ledger.Each(ctx, source) {
		if errors.Is(err, schemas.ErrNewerSchema) {
			in.log.Warn("listing of a newer version left alone", "registrant", listing.ID)
			continue
		}
		if err != nil {
			return s, fmt.Errorf("finish %s: %w", source, err)
		}
		tally.Add(listing, listing.Run == id, since)
		if listing.Listed && listing.Run != id {
			unseen = append(unseen, listing.ID)
		}
	}
	if doubt := s.Doubt(tally); doubt != "" {
		s.State, s.Reason = schemas.RunRefused, doubt
		return s, nil
	}
	for _, gone := range unseen {
		r, err := in.running(source, id)
		if err != nil {
			return s, err
		}
		err = in.delist(ctx, source, gone, nil, func(s *schemas.Listing) error {
			if s.Run == id {
				return ledger.ErrUnchanged // sighted meanwhile
			}
			return r.sign(s)
		})
		if err != nil {
			return s, err
		}
		s.Delisted++
	}
	return s, nil
}

// delist makes a registrant not listed, so that nothing of the person is left, and enqueues a job. may is asked
// first, with the listing as it is now: its error ends delist, and ledger.ErrUnchanged leaves the registrant
// listed. A removal, if not nil, forbids that the registrant is ever listed again.
func (in *Ingester) delist(ctx context.Context, source string, id schemas.UUID, removal *schemas.Removal,
	may func(*schemas.Listing) error) error {
	stays := false
	gone, err := in.ledger.Update(ctx, source, id, func(s *schemas.Listing) error {
		err := may(s)
		if stays = errors.Is(err, ledger.ErrUnchanged); err != nil {
			return err
		}
		if !s.Listed && (removal == nil || s.Removal != nil) {
			return ledger.ErrUnchanged
		}
		forbidden := removal
		if forbidden == nil {
			forbidden = s.Removal
		}
		*s = schemas.Listing{ID: id, Source: source, Revision: s.Revision + 1, Changed: in.now().UTC(), Removal: forbidden, Marks: s.Marks,
			Fence: s.Fence, Untidy: true}
		return nil
	})
	if err != nil || stays {
		return err
	}
	// Answers stop with the line above; index and blobs follow, and Reconcile enqueues again if
	// this process dies here.
	if err := in.queue.Publish(ctx, source, id); err != nil {
		return err
	}
	return in.tidy(ctx, gone)
}

// Removed says what Remove found and took away.
type Removed struct {
	Listing schemas.Listing // as it was before
	At      time.Time
}

// Remove takes a registrant out for ever: it answers no more from now on, its blobs are
// deleted, and its source id is never accepted again. Removing again changes nothing.
// Errors: fs.ErrNotExist for an id that was never listed.
func (in *Ingester) Remove(ctx context.Context, id schemas.UUID, reason string) (Removed, error) {
	was, err := in.ledger.Find(ctx, id)
	if err != nil {
		return Removed{}, err
	}
	at := in.now().UTC()
	if was.Removal != nil {
		at = was.Removal.At
	}
	if err := in.delist(ctx, was.Source, id, &schemas.Removal{At: at, Reason: reason}, always); err != nil {
		return Removed{}, err
	}
	return Removed{Listing: was, At: at}, nil
}

// always lets a delisting happen whoever holds the lease: a removal waits for nobody.
func always(*schemas.Listing) error { return nil }

// Reconcile enqueues for every registrant of source (of all sources when it is "") that a target
// does not agree with, and returns how many. What a crash left in the blobs is for Orphans.
func (in *Ingester) Reconcile(ctx context.Context, source string, targets []schemas.Target) (int, error) {
	enqueued := 0
	due := make(map[string][]schemas.UUID)
	enqueue := func(from string) error {
		err := in.queue.PublishMany(ctx, from, due[from])
		enqueued += len(due[from])
		due[from] = due[from][:0]
		return err
	}
	for s, err := range in.ledger.Each(ctx, source) {
		if errors.Is(err, schemas.ErrNewerSchema) {
			in.log.Warn("listing of a newer version left alone", "registrant", s.ID)
			continue
		}
		if err != nil {
			return enqueued, err
		}
		if s.DueIn(targets) == schemas.DueNot {
			continue
		}
		if due[s.Source] = append(due[s.Source], s.ID); len(due[s.Source]) == 1000 {
			if err := enqueue(s.Source); err != nil {
				return enqueued, err
			}
		}
	}
	for from := range due {
		if err := enqueue(from); err != nil {
			return enqueued, err
		}
	}
	return enqueued, nil
}

// Orphans deletes what a crash may have left: blobs of registrants that are not listed, and
// blobs that no listing refers to and that are older than grace. It returns how many went.
func (in *Ingester) Orphans(ctx context.Context, grace time.Duration) (int, error) {
	gone := 0
	for info, err := range in.blobs.Walk(ctx, "") {
		if err != nil {
			return gone, fmt.Errorf("list the blobs: %w", err)
		}
		if in.now().Sub(info.Modified) < grace {
			continue
		}
		s, err := in.ledger.Find(ctx, info.Owner)
		if errors.Is(err, schemas.ErrNewerSchema) {
			continue // whose blobs these are is for the newer version to say
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return gone, err
		}
		if needed(s)[info.Ref] {
			continue
		}
		if err := in.blobs.Delete(ctx, info.Ref); err != nil {
			return gone, fmt.Errorf("delete an orphan: %w", err)
		}
		gone++
	}
	return gone, nil
}
