package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lineup/ingest/ledger"
	"lineup/schemas"
)

// Keep is how long a source's terms allow its data to be stored; 0 means no limit.
type Keep struct {
	Records time.Duration // since the record was last read: then the registrant is delisted
	Pages   time.Duration // since the page was read: then the page is deleted
}

// Retained says what Retain took away.
type Retained struct {
	Delisted int
	Pages    int
}

// Retain applies a source's retention times. It takes the source's lease, so it never runs
// beside a crawl. Errors: schemas.ErrLeased.
func (in *Ingester) Retain(ctx context.Context, source string, keep Keep) (done Retained, err error) {
	if keep.Records <= 0 && keep.Pages <= 0 {
		return done, nil
	}
	lease, err := in.ledger.Lease(ctx, source, string(schemas.RandomID()))
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, lease.Release(context.WithoutCancel(ctx))) }()
	now := in.now()
	renewed := now
	for s, serr := range in.ledger.Each(ctx, source) {
		if errors.Is(serr, schemas.ErrNewerSchema) {
			continue // left alone
		}
		if serr != nil {
			return done, fmt.Errorf("apply the retention time of %s: %w", source, serr)
		}
		if !s.Listed {
			continue
		}
		if in.now().Sub(renewed) > ledger.LeaseTime/4 {
			if err := lease.Renew(ctx); err != nil {
				return done, err
			}
			renewed = in.now()
		}
		if keep.Records > 0 && now.Sub(s.Sighted) > keep.Records {
			err := in.delist(ctx, source, s.ID, nil, func(s *schemas.Listing) error {
				if now.Sub(s.Sighted) <= keep.Records {
					return ledger.ErrUnchanged // read again meanwhile
				}
				return nil
			})
			if err != nil {
				return done, err
			}
			done.Delisted++
			continue
		}
		n, err := in.dropPages(ctx, s, now, keep.Pages)
		if err != nil {
			return done, err
		}
		done.Pages += n
	}
	return done, nil
}

// dropPages deletes the pages of a registrant that were read longer ago than keep.
func (in *Ingester) dropPages(ctx context.Context, s schemas.Listing, now time.Time, keep time.Duration) (int, error) {
	old := func(p schemas.PageState) bool { return keep > 0 && now.Sub(p.Read) > keep }
	dropped := 0
	for _, p := range s.Pages {
		if old(p) {
			dropped++
		}
	}
	if dropped == 0 {
		return 0, nil
	}
	next, err := in.ledger.Update(ctx, s.Source, s.ID, func(s *schemas.Listing) error {
		var left []schemas.PageState
		for _, p := range s.Pages {
			if !old(p) {
				left = append(left, p)
			}
		}
		s.Pages = left
		return nil
	})
	if err != nil {
		return 0, err
	}
	return dropped, in.prune(ctx, next)
}
