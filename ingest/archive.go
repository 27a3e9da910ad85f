package ingest

import (
	"context"
	"fmt"
	"io/fs"
	"iter"

	"lineup/ingest/blob"
	"lineup/ingest/ledger"
	"lineup/schemas"
)

// Sight notes that run id saw the registrant that source lists under key, without a new
// capture. Errors: fs.ErrNotExist for one that is not listed, schemas.ErrLeased.
func (in *Ingester) Sight(ctx context.Context, source, id, key string) error {
	if _, err := in.held(source, id); err != nil {
		return err
	}
	owner := schemas.RegistrantID(source, key)
	_, err := in.ledger.Update(ctx, source, owner, func(s *schemas.Standing) error {
		if !s.Listed {
			return fmt.Errorf("registrant %s is not listed: %w", owner, fs.ErrNotExist)
		}
		if s.Run == id {
			return ledger.ErrUnchanged
		}
		s.Run, s.Sighted = id, in.now().UTC()
		return nil
	})
	return err
}

// Standings yields every standing of source; the first error ends it.
func (in *Ingester) Standings(ctx context.Context, source string) iter.Seq2[schemas.Standing, error] {
	return in.ledger.Each(ctx, source)
}

// Page gives a stored page of a registrant back. Errors: fs.ErrNotExist.
func (in *Ingester) Page(ctx context.Context, id schemas.UUID, page schemas.PageState) ([]byte, error) {
	stored, err := in.blobs.Get(ctx, blob.Ref{Owner: id, Kind: blob.Page, Digest: page.Digest})
	if err != nil {
		return nil, fmt.Errorf("read a stored page of %s: %w", id, err)
	}
	return Unpack(stored)
}

// LastComplete is the summary of the source's last complete run. Errors: fs.ErrNotExist.
func (in *Ingester) LastComplete(ctx context.Context, source string) (schemas.RunSummary, error) {
	runs, err := in.ledger.Runs(ctx, source)
	if err != nil {
		return schemas.RunSummary{}, err
	}
	if runs.Complete == nil {
		return schemas.RunSummary{}, fmt.Errorf("complete run of %s: %w", source, fs.ErrNotExist)
	}
	return *runs.Complete, nil
}
