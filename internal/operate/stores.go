// Package operate is what an operator does with a Lineup: audit, status, reindex, remove, link, jobs,
// keys, backup, doctor. Each works on the opened stores and returns values; it prints nothing and
// reads no flags. It starts no indexer: where one is needed, the caller runs it beside.
package operate

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/indexer/index"
	"lineup/ingest"
	"lineup/ingest/blob"
	"lineup/ingest/ledger"
	"lineup/ingest/queue"
	"lineup/ingest/removals"
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

	Removals removals.Log // what must never come back; kept apart from the ledger

	Replicas int // of the streams and buckets that are created
	PageDays int // days after which the object store deletes pages; 0: never

	CountedAlways int // a ledger of at most so many entries is counted whenever it is asked for; 0: 20,000
	AuditAtOnce   int // registrants that an audit remembers at once, about; 0: 200,000
}

// Progress is called with the number done and the total, which is 0 while it is not known.
type Progress func(done, all int64)

// poll is how often to check for something that is waited for.
const poll = 200 * time.Millisecond

// Live returns the generations that must agree with the ledger.
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

// due counts the registrants of a source ("" for all) that a generation does not agree with yet, and those that are
// listed. Registrants with a dead job count as due.
func (s *Stores) due(ctx context.Context, source string, t schemas.Target) (due, all int, err error) {
	for listing, err := range s.Ledger.Each(ctx, source) {
		if errors.Is(err, schemas.ErrNewerSchema) {
			continue // the newer version indexes it
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
