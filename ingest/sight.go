package ingest

import (
	"context"
	"fmt"
	"io/fs"
	"iter"

	"lineup/ingest/blob"
	"lineup/schemas"
)

// Sight records that run id saw the registrant under key still listed, without reading the record again. The
// registrant is not delisted; content, revision and the time of reading stay as they are. Errors: schemas.ErrLeased;
// fs.ErrNotExist for a registrant who is not listed.
func (in *Ingester) Sight(ctx context.Context, source, id, key string) error {
	r, err := in.running(source, id)
	if err != nil {
		return err
	}
	_, err = in.ledger.Update(ctx, source, schemas.RegistrantID(source, key), func(s *schemas.Listing) error {
		if !s.Listed {
			return fmt.Errorf("sight a registrant of %s that is not listed: %w", source, fs.ErrNotExist)
		}
		s.Run = id
		return r.sign(s)
	})
	return err
}

// Listings yields every listing of source. It stops at the first error.
func (in *Ingester) Listings(ctx context.Context, source string) iter.Seq2[schemas.Listing, error] {
	return in.ledger.Each(ctx, source)
}

// Page returns a stored page of a registrant as it was captured. Errors: fs.ErrNotExist.
func (in *Ingester) Page(ctx context.Context, id schemas.UUID, page schemas.PageState) ([]byte, error) {
	data, err := in.blobs.Get(ctx, blob.Ref{Owner: id, Kind: blob.Page, Digest: page.Digest})
	if err != nil {
		return nil, fmt.Errorf("stored page of %s: %w", id, err)
	}
	return Unpack(data)
}

// LastRun returns the summary of the source's last run that has ended, whatever its state. Errors: fs.ErrNotExist.
func (in *Ingester) LastRun(ctx context.Context, source string) (schemas.RunSummary, error) {
	runs, err := in.ledger.Runs(ctx, source)
	if err != nil {
		return schemas.RunSummary{}, err
	}
	if runs.Last == nil {
		return schemas.RunSummary{}, fmt.Errorf("no run of %s has ended: %w", source, fs.ErrNotExist)
	}
	return *runs.Last, nil
}

// LastComplete is the summary of the source's last complete run. Errors: fs.ErrNotExist.
func (in *Ingester) LastComplete(ctx context.Context, source string) (schemas.RunSummary, error) {
	runs, err := in.ledger.Runs(ctx, source)
	if err != nil {
		return schemas.RunSummary{}, err
	}
	if runs.Complete == nil {
		return schemas.RunSummary{}, fmt.Errorf("no complete run of %s: %w", source, fs.ErrNotExist)
	}
	return *runs.Complete, nil
}
