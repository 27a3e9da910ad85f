package scraper

import (
	"context"
	"iter"

	"lineup/schemas"
)

// Sink is where a crawl brings what it has read: the ingester, or a DryRun around it.
type Sink interface {
	// Begin starts a run over source, or with resume goes on with the one that was
	// interrupted, and takes the source's lease. Errors: schemas.ErrLeased.
	Begin(ctx context.Context, source string, resume bool) (run string, checkpoint []byte, err error)
	// Checkpoint keeps a small note for a later Begin with resume.
	Checkpoint(ctx context.Context, source, run string, data []byte) error
	// Known is the listing of the registrant that source lists under key.
	// Errors: fs.ErrNotExist.
	Known(ctx context.Context, source, key string) (schemas.Listing, error)
	// Accept takes one capture, whole. Errors: schemas.ErrPhotoNeeded when a photo said to be
	// unchanged is not stored.
	Accept(ctx context.Context, run string, c schemas.Capture) (schemas.Outcome, error)
	// Sight notes that the run saw key still listed, without reading its record.
	// Errors: fs.ErrNotExist for a registrant that is not listed.
	Sight(ctx context.Context, source, run, key string) error
	// Finish ends a run that read everything, applies the guards and delists.
	Finish(ctx context.Context, source, run string, s schemas.RunSummary) (schemas.RunSummary, error)
	// Abandon ends a run that changes nobody. A partial one can be resumed.
	Abandon(ctx context.Context, source, run string, s schemas.RunSummary) error
	// Listings yields every listing of source; the first error ends it.
	Listings(ctx context.Context, source string) iter.Seq2[schemas.Listing, error]
	// Page gives a stored page of a listing back. Errors: fs.ErrNotExist.
	Page(ctx context.Context, id schemas.UUID, page schemas.PageState) ([]byte, error)
	// LastRun is the summary of the source's last run that ended, however it ended. Errors: fs.ErrNotExist.
	LastRun(ctx context.Context, source string) (schemas.RunSummary, error)
	// LastComplete is that of its last complete run. Errors: fs.ErrNotExist.
	LastComplete(ctx context.Context, source string) (schemas.RunSummary, error)
}
