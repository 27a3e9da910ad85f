// Package operate is what an operator does with a Lineup: audit, status, reindex, remove, link, jobs,
// keys, backup, doctor. Each works on the opened stores and returns values; it prints nothing and
// reads no flags. It starts no indexer: where one is needed, the caller runs it beside.
package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/indexer/index"
	"lineup/ingest"
	"lineup/ingest/blob"
	"lineup/ingest/ledger"
	"lineup/ingest/queue"
	"lineup/queryd/keys"
	"lineup/schemas"
)

// Stores are the opened engines that operating reads and changes.
type Stores struct {
	JS     jetstream.JetStream
	Ledger *ledger.Ledger
	Queue  *queue.Queue
	Keys   *keys.Store
	Blobs  blob.Store
	Index  index.Index
	Ingest *ingest.Ingester

	Replicas int // of streams and buckets that are made
	PageDays int // after so many days the object store expires pages; 0 never
}

// Progress is told that so many of all are done; all is 0 while it is not known.
type Progress func(done, all int64)

// poll is how often it is looked whether what is waited for has come.
const poll = 200 * time.Millisecond

// Live are the generations that must agree with the ledger.
func Live(generations []index.Generation) (targets []schemas.Target) {
	for _, g := range generations {
		if g.State != index.Retired {
			targets = append(targets, g.Target())
		}
	}
	return targets
}

// Drain waits until no job waits.
func (s *Stores) Drain(ctx context.Context, shown Progress) error {
	most := 0
	for {
		left, err := s.Queue.Left(ctx)
		if err != nil {
			return err
		}
		most = max(most, left)
		if shown != nil {
			shown(int64(most-left), int64(most))
		}
		if left == 0 {
			return s.Queue.Tidy(ctx)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(poll):
		}
	}
}

// due counts the registrants of a source ("" for all) that a generation does not agree with yet, and
// those that are listed. Registrants with a dead job are due.
func (s *Stores) due(ctx context.Context, source string, t schemas.Target) (due, all int, err error) {
	for listing, err := range s.Ledger.Each(ctx, source) {
		if errors.Is(err, schemas.ErrNewerSchema) {
			continue // left alone: for the newer version to index
		}
		if err != nil {
			return 0, 0, err
		}
		if listing.Listed {
			all++
		}
		if listing.Due(t) != schemas.DueNot {
			due++
		}
	}
	return due, all, nil
}

// orphanGrace is how long a blob may be without a listing that refers to it: longer than any
// capture takes from its first blob to its listing.
const orphanGrace = time.Hour

// Reconciled is what a reconciliation did.
type Reconciled struct {
	Enqueued int   // jobs for what the generations lack
	Orphans  int   // blobs deleted that no listing refers to
	Untidy   error // why answered jobs that a killed server left behind were not deleted
}

// Reconcile enqueues a job for every registrant that a live generation does not agree with, forgets dead
// jobs whose registrants agree by now, and deletes blobs that nobody refers to.
func (s *Stores) Reconcile(ctx context.Context) (done Reconciled, err error) {
	generations, err := s.Index.Generations(ctx)
	if err != nil {
		return done, fmt.Errorf("list the generations: %w", err)
	}
	targets := Live(generations)
	if done.Enqueued, err = s.Ingest.Reconcile(ctx, "", targets); err != nil {
		return done, err
	}
	if err := s.forgetMended(ctx, targets); err != nil {
		return done, err
	}
	done.Untidy = s.Queue.Tidy(ctx)
	done.Orphans, err = s.Ingest.Orphans(ctx, orphanGrace)
	return done, err
}
