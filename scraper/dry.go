package scraper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"sync"

	"lineup/schemas"
)

// DryRun is a Sink that says what a run would change and writes nothing.
type DryRun struct {
	sink Sink // the ledger to compare with; nothing is written to it

	mu      sync.Mutex
	seen    map[schemas.UUID]schemas.Digest // of the record that a capture brought, "" for a sighting
	changes []Change
}

// Change is what a run would do to one registrant.
type Change struct {
	ID   schemas.UUID    `json:"id"`
	Key  string          `json:"key"`  // the source's own id
	Does schemas.Outcome `json:"does"` // "delisted" beside the outcomes of a capture
}

// maxChanges is how many changes a dry run names; the summary counts all.
const maxChanges = 1000

// Changes are what the run would change, in the order it was found, at most maxChanges of it.
func (d *DryRun) Changes() []Change {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.changes)
}

func (d *DryRun) change(c Change) {
	if len(d.changes) < maxChanges {
		d.changes = append(d.changes, c)
	}
}

// NewDryRun makes one that compares with what sink knows.
func NewDryRun(sink Sink) *DryRun {
	return &DryRun{sink: sink, seen: map[schemas.UUID]schemas.Digest{}}
}

// Begin starts nothing; a dry run needs no lease.
func (d *DryRun) Begin(context.Context, string, bool) (string, []byte, error) { return dryID, nil, nil }

// dryID is the id of every dry run.
const dryID = "dry"

// Checkpoint keeps nothing.
func (d *DryRun) Checkpoint(context.Context, string, string, []byte) error { return nil }

// Known asks the real sink. Registrants that this run has read count as written.
func (d *DryRun) Known(ctx context.Context, source, key string) (schemas.Listing, error) {
	listing, err := d.sink.Known(ctx, source, key)
	if d.brought(source, key) && (err == nil || errors.Is(err, fs.ErrNotExist)) {
		listing.Listed, listing.Run = true, dryID
		return listing, nil
	}
	return listing, err
}

// Accept says what the sink would make of the capture.
func (d *DryRun) Accept(ctx context.Context, _ string, c schemas.Capture) (schemas.Outcome, error) {
	outcome, err := d.outcome(ctx, c)
	if err == nil && outcome != schemas.OutcomeUnchanged {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.change(Change{schemas.RegistrantID(c.Record.Source, c.Record.Key), c.Record.Key, outcome})
	}
	return outcome, err
}

func (d *DryRun) outcome(ctx context.Context, c schemas.Capture) (schemas.Outcome, error) {
	listing, err := d.Known(ctx, c.Record.Source, c.Record.Key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	digest, err := digestOf(c, listing)
	if err != nil {
		return "", err
	}
	before := d.mark(c.Record.Source, c.Record.Key, digest)
	switch {
	case listing.Removal != nil:
		return schemas.OutcomeRefused, nil
	case before == digest:
		return schemas.OutcomeUnchanged, nil // as this run brought it before
	case before != "":
		return schemas.OutcomeChanged, nil
	}
	return listing.Brings(digest), nil
}

// digestOf is that of the record a capture brings. Errors: schemas.ErrPhotoNeeded for a photo said to be unchanged
// that the listing does not have.
func digestOf(c schemas.Capture, listing schemas.Listing) (schemas.Digest, error) {
	for _, p := range c.Photos {
		if p.Data == nil && p.Unchanged != "" &&
			!slices.ContainsFunc(listing.Photos, func(s schemas.PhotoState) bool { return s.Digest == p.Unchanged }) {
			return "", schemas.ErrPhotoNeeded
		}
	}
	record, _ := c.Settled()
	data, err := record.Canonical()
	if err != nil {
		return "", err
	}
	return schemas.DigestOf(data), nil
}

// Sight notes that key would stay listed. Errors: fs.ErrNotExist for a registrant that is not listed.
func (d *DryRun) Sight(ctx context.Context, source, _, key string) error {
	listing, err := d.Known(ctx, source, key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !listing.Listed && !d.brought(source, key) {
		return fmt.Errorf("%s: %w", source, fs.ErrNotExist)
	}
	d.mark(source, key, "")
	return nil
}

// brought reports whether this run brought the registrant of key.
func (d *DryRun) brought(source, key string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen[schemas.RegistrantID(source, key)] != ""
}

// mark notes that the run saw key, with a record of digest or, for a sighting, "". It gives the digest noted before.
func (d *DryRun) mark(source, key string, digest schemas.Digest) (before schemas.Digest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	id := schemas.RegistrantID(source, key)
	before = d.seen[id]
	d.seen[id] = cmp.Or(digest, before)
	return before
}

// Finish counts who would be delisted; where the guards would forbid it, the summary says so.
func (d *DryRun) Finish(ctx context.Context, source, _ string, s schemas.RunSummary) (schemas.RunSummary, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	tally := schemas.Tally{Listed: s.New + s.Returned} // a real run has listed them by now
	last, err := d.sink.LastComplete(ctx, source)
	switch {
	case err == nil:
		tally.Compared = true
	case !errors.Is(err, fs.ErrNotExist):
		return s, fmt.Errorf("compare with the last run: %w", err)
	default:
		last.Ended = s.Started
	}
	for listing, err := range d.sink.Listings(ctx, source) {
		if err != nil {
			return s, fmt.Errorf("compare with the ledger: %w", err)
		}
		_, seen := d.seen[listing.ID]
		tally.Add(listing, seen, last.Ended)
		if listing.Listed && !seen {
			s.Delisted++
			d.change(Change{ID: listing.ID, Key: listing.Key, Does: "delisted"})
		}
	}
	if doubt := s.Doubt(tally); doubt != "" {
		s.State, s.Reason = schemas.RunRefused, doubt
	}
	return s, nil
}

// LastComplete is that of the real sink, so that a dry run is doubted like a real one.
func (d *DryRun) LastComplete(ctx context.Context, source string) (schemas.RunSummary, error) {
	return d.sink.LastComplete(ctx, source)
}

// LastRun is that of the real sink. Errors: fs.ErrNotExist.
func (d *DryRun) LastRun(ctx context.Context, source string) (schemas.RunSummary, error) {
	return d.sink.LastRun(ctx, source)
}

// Listings are those of the real sink.
func (d *DryRun) Listings(ctx context.Context, source string) iter.Seq2[schemas.Listing, error] {
	return d.sink.Listings(ctx, source)
}

// Page is that of the real sink. Errors: fs.ErrNotExist.
func (d *DryRun) Page(ctx context.Context, id schemas.UUID, page schemas.PageState) ([]byte, error) {
	return d.sink.Page(ctx, id, page)
}

// Abandon keeps nothing.
func (d *DryRun) Abandon(context.Context, string, string, schemas.RunSummary) error { return nil }
