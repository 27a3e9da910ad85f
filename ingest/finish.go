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

// Finish ends a run that read everything. If s.State is complete and the guards hold, everybody who was listed and
// not read in this run is delisted, and their photos, pages and record are deleted. Otherwise nobody is delisted. It
// returns the summary as stored: with Delisted set, or with State refused and a Reason.
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

// tidyAll deletes blobs that earlier calls could not delete, for example because the object store did not answer.
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

// sweep delists every listed registrant whom run id did not see, if the guards allow it.
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

// delist marks a registrant as not listed, deletes everything stored of the person, and enqueues a job. It first
// calls may with the current listing: if may returns an error, delist stops with that error; ledger.ErrUnchanged
// leaves the registrant listed. If removal is not nil, the registrant is never listed again.
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
	// From here on no answer names the registrant. The index and the blobs follow; if this process dies first,
	// Reconcile enqueues the job again.
	if err := in.queue.Publish(ctx, source, id); err != nil {
		return err
	}
	return in.tidy(ctx, gone)
}

// Removed is what Remove deleted, and where.
type Removed struct {
	Listing schemas.Listing // as it was before
	At      time.Time
	Reason  string
}

// Remove removes a registrant for ever: no answer names them any more, their blobs are deleted, and their source id
// is never accepted again. Removing twice changes nothing. A zero why.At means now. Errors: fs.ErrNotExist for an id
// that was never listed.
func (in *Ingester) Remove(ctx context.Context, id schemas.UUID, why schemas.Removal) (Removed, error) {
	was, err := in.ledger.Find(ctx, id)
	if err != nil {
		return Removed{}, err
	}
	if why.At.IsZero() {
		why.At = in.now()
	}
	if why.At = why.At.UTC(); was.Removal != nil {
		why.At = was.Removal.At
	}
	if err := in.delist(ctx, was.Source, id, &why, always); err != nil {
		return Removed{}, err
	}
	return Removed{Listing: was, At: why.At, Reason: why.Reason}, nil
}

// Forbid removes like Remove, but goes by a removal that was recorded elsewhere, so the registrant need not have been
// listed here. It reports whether the removal was new to this ledger.
func (in *Ingester) Forbid(ctx context.Context, source string, id schemas.UUID, why schemas.Removal) (news bool, err error) {
	was, err := in.ledger.Listing(ctx, source, id)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if was.Removal != nil {
		return false, nil
	}
	return true, in.delist(ctx, source, id, &why, always)
}

// always allows a delisting whoever holds the lease: a removal does not wait for a crawl.
func always(*schemas.Listing) error { return nil }

// Reconcile enqueues a job for every registrant of source (of all sources when it is "") that some target does not
// agree with, and returns how many. If look is not nil, it is called with every listing and says whether a job may be
// enqueued for it. Blobs that a crash left behind are deleted by Orphans, not here.
func (in *Ingester) Reconcile(ctx context.Context, source string, targets []schemas.Target, look func(schemas.Listing) bool) (int, error) {
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
		if may := look == nil || look(s); !may || s.DueIn(targets) == schemas.DueNot {
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
