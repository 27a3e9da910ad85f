package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lineup/indexer"
	"lineup/ingest/queue"
	"lineup/schemas"
)

// DeadJobs returns the dead jobs, at most queue.MaxDeadLetters, and the number of those that a newer version wrote,
// which are left alone.
func (s *Stores) DeadJobs(ctx context.Context) (dead []queue.DeadLetter, newer int, err error) {
	if dead, err = s.Queue.DeadLetters(ctx, queue.MaxDeadLetters); err != nil || len(dead) == queue.MaxDeadLetters {
		return dead, 0, err
	}
	counts, err := s.Queue.Count(ctx)
	return dead, max(counts.Dead-len(dead), 0), err
}

// RetryJobs enqueues every dead job again, with all attempts, and a job for every registrant of whom a photo could not
// be read. It returns how many. A job that dies again meanwhile stays dead.
func (s *Stores) RetryJobs(ctx context.Context) (retried int, err error) {
	started := time.Now()
	for l, err := range s.Ledger.Each(ctx, "") {
		if errors.Is(err, schemas.ErrNewerSchema) || err == nil && !l.Stuck() {
			continue
		}
		if err == nil {
			err = s.Ledger.Retry(ctx, l.Source, l.ID)
		}
		if err == nil && l.Failing() == "" { // the others wait, or are dead
			err = s.Queue.Publish(ctx, l.Source, l.ID)
			retried++
		}
		if err != nil {
			return retried, err
		}
	}
	for {
		dead, err := s.Queue.DeadLetters(ctx, queue.MaxDeadLetters)
		if err != nil {
			return retried, err
		}
		again := 0
		for _, l := range dead {
			if l.At.After(started) {
				continue // died again meanwhile
			}
			if err := s.Queue.Retry(ctx, l); err != nil {
				return retried, err
			}
			again++
		}
		if retried += again; again == 0 {
			return retried, nil
		}
	}
}

// forgetMended deletes the dead jobs whose registrants a later job has brought into agreement.
func (s *Stores) forgetMended(ctx context.Context, dead []queue.DeadLetter, targets []schemas.Target) error {
	for _, l := range dead {
		listing, err := s.Ledger.Listing(ctx, l.Source, l.ID)
		if err != nil || listing.DueIn(targets) != schemas.DueNot {
			continue
		}
		if err := s.Queue.Forget(ctx, l.Source, l.ID); err != nil {
			return err
		}
	}
	return nil
}

// orphanGrace is how long a blob may exist without a listing that refers to it: longer than any capture takes from its
// first blob to its listing.
const orphanGrace = time.Hour

// Reconciled is what a reconciliation did.
type Reconciled struct {
	Enqueued int   // jobs for registrants that a generation lacks
	Untidy   error // why acknowledged jobs that a killed server left behind were not deleted
	Unkept   error // why the counts of this pass were not kept for status and metrics
}

// Reconcile enqueues a job for every registrant that a live generation does not agree with and who has none, forgets
// dead jobs whose registrants agree by now, and notes with each generation whom it lacks.
func (s *Stores) Reconcile(ctx context.Context) (done Reconciled, err error) {
	generations, err := s.Index.Generations(ctx)
	if err != nil {
		return done, fmt.Errorf("list the generations: %w", err)
	}
	targets := Live(generations)
	done.Untidy = s.Queue.Tidy(ctx) // first, so that acknowledged jobs do not count as waiting
	waiting, all, err := s.Queue.Known(ctx)
	if err != nil {
		return done, err
	}
	enough := false
	if done.Enqueued, enough, err = s.reconcileWritten(ctx, targets, waiting, all); enough || err != nil {
		return done, err
	}
	dead, err := s.Queue.DeadLetters(ctx, queue.MaxDeadLetters)
	if err != nil {
		return done, err
	}
	deadly := map[schemas.UUID]bool{} // whose jobs crashed their indexers: not retried automatically
	for _, l := range dead {
		deadly[l.ID] = l.Class == queue.WorkerDied
	}
	counts, err := s.Ledger.NewCounts(ctx, targets)
	if err != nil {
		return done, err
	}
	tallies := make([]indexer.Tally, len(targets))
	for i := range tallies {
		tallies[i].Target = targets[i]
	}
	done.Enqueued, err = s.Ingest.Reconcile(ctx, "", targets, func(l schemas.Listing) bool {
		for i := range tallies {
			tallies[i].Add(l)
		}
		counts.Add(l)
		return !all && !waiting[l.ID] && !deadly[l.ID]
	})
	if err != nil {
		return done, err
	}
	done.Unkept = s.Ledger.KeepCounts(ctx, counts)
	if err := s.forgetMended(ctx, dead, targets); err != nil {
		return done, err
	}
	for i := range tallies {
		if err := tallies[i].Settle(ctx, s.Queue); err != nil {
			return done, err
		}
		for _, g := range generations {
			if g.Name != tallies[i].Target.Generation {
				continue
			}
			if err := indexer.NoteStragglers(ctx, s.Index, g, &tallies[i]); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

// Bounds within which a reconciliation need not sweep the ledger: a million listings take some 15 seconds of a core.
const (
	sweptAnyway = 24 * time.Hour // after the last sweep, although nothing was written since
	sweptOften  = time.Hour      // although little was
	little      = 1000           // listings written
)

// reconcileWritten reconciles those listings alone that were written since the last sweep. enough says that no more is needed,
// because that sweep found everybody indexed, little was written since, and nobody of those fails: whom a generation lacks, a
// sweep counts.
func (s *Stores) reconcileWritten(ctx context.Context, targets []schemas.Target, waiting map[schemas.UUID]bool, all bool) (
	enqueued int, enough bool, err error,
) {
	state, err := s.Ledger.State(ctx)
	if err != nil {
		return 0, false, err
	}
	counts, err := s.Ledger.Counts(ctx)
	if err != nil { // there are none yet, or they cannot be kept
		return 0, false, ctx.Err()
	}
	written, ok := counts.Since(state)
	since := time.Since(counts.Swept)
	if !ok || all || !counts.Agree() || !counts.About(targets) {
		return 0, false, nil
	}
	if written > little || since > sweptAnyway || written > 0 && since > sweptOften {
		return 0, false, nil
	}
	if written == 0 {
		counts.Exact = time.Now().UTC()
		return 0, true, s.Ledger.KeepCounts(ctx, &counts)
	}
	jobs, err := s.Queue.Count(ctx)
	if err != nil || jobs.Dead > 0 { // an indexer may have died of one
		return 0, false, err
	}
	due := map[string][]schemas.UUID{}
	for l, err := range s.Ledger.EachAfter(ctx, counts.Written) {
		if errors.Is(err, schemas.ErrNewerSchema) {
			continue
		}
		if err != nil {
			return 0, false, err
		}
		if l.Stuck() {
			return 0, false, nil
		}
		if l.DueIn(targets) != schemas.DueNot && !waiting[l.ID] {
			due[l.Source] = append(due[l.Source], l.ID)
		}
	}
	for source, ids := range due {
		if err := s.Queue.PublishMany(ctx, source, ids); err != nil {
			return enqueued, false, err
		}
		enqueued += len(ids)
	}
	return enqueued, true, nil
}

// Orphans deletes blobs that nothing refers to, and returns how many. A sweep that was interrupted continues where it was.
func (s *Stores) Orphans(ctx context.Context) (int, error) {
	return s.Ingest.Orphans(ctx, orphanGrace)
}
