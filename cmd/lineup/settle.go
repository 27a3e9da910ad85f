package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"lineup/indexer"
	"lineup/indexer/index"
	"lineup/ingest"
	"lineup/schemas"
)

// poll is how often a command looks whether what it waits for has come.
const poll = 200 * time.Millisecond

// settle indexes in this process until no job waits, and shows how far it is. It is for
// commands over a house that nobody else runs. generations that are being built take part.
func (a *App) settle(ctx context.Context, h *Node, shown *progress) error {
	return a.withWorker(ctx, h, func(ctx context.Context) error { return h.drained(ctx, shown) })
}

// withWorker runs do beside an indexer, and ends both when do returns.
func (a *App) withWorker(ctx context.Context, h *Node, do func(ctx context.Context) error) error {
	worker, closeFaces, err := a.newWorker(ctx, h)
	if err != nil {
		return err
	}
	defer closeFaces()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := worker.Run(ctx, a.parallel()); ctx.Err() == nil {
			return err
		}
		return nil // do has ended and stopped it, perhaps before it had begun
	})
	group.Go(func() error {
		defer stop()
		if err := do(ctx); err != nil {
			return err
		}
		return indexer.Promote(ctx, h.Index, func(g index.Generation) (bool, error) { return h.complete(ctx, target(g)) })
	})
	return group.Wait()
}

// drained waits until no job waits.
func (h *Node) drained(ctx context.Context, shown *progress) error {
	most := 0
	for {
		left, err := h.Queue.Left(ctx)
		if err != nil {
			return err
		}
		most = max(most, left)
		if shown != nil {
			shown.set(int64(most-left), int64(most))
		}
		if left == 0 {
			return h.Queue.Tidy(ctx)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(poll):
		}
	}
}

// due counts the registrants a generation does not agree with yet, and the listed. Dead jobs are due.
func (h *Node) due(ctx context.Context, source string, t ingest.Target) (due, all int, err error) {
	for s, err := range h.Ledger.Each(ctx, source) {
		if errors.Is(err, schemas.ErrNewerSchema) {
			continue // left alone: for the newer version to index
		}
		if err != nil {
			return 0, 0, err
		}
		if s.Listed {
			all++
		}
		if ingest.Due(s, []ingest.Target{t}) {
			due++
		}
	}
	return due, all, nil
}

// forgive forgets dead jobs whose registrants a later doorbell brought in step.
func (h *Node) forgive(ctx context.Context, targets []ingest.Target) error {
	dead, err := h.Queue.DeadLetters(ctx, maxDeadLetters)
	if err != nil {
		return err
	}
	for _, l := range dead {
		s, err := h.Ledger.Listing(ctx, l.Source, l.ID)
		if err != nil || ingest.Due(s, targets) {
			continue
		}
		if err := h.Queue.Forget(ctx, l.Source, l.ID); err != nil {
			return err
		}
	}
	return nil
}

// lookAgain is how often an indexer looks whether the generations are still those it knows.
const lookAgain = 5 * time.Second

// reconcile rings for what the live generations lack and sweeps up orphaned blobs: now, from
// time to time, and soon after the generations have changed, as when an engine comes back empty.
func (a *App) reconcile(ctx context.Context, h *Node, model schemas.Model) error {
	tick := time.NewTicker(min(lookAgain, a.Config.Index.Reconcile))
	defer tick.Stop()
	var known []ingest.Target
	var due time.Time
	for {
		targets, err := h.prepared(ctx, model)
		if err == nil && (!slices.Equal(targets, known) || !time.Now().Before(due)) {
			if err = a.reconcileOnce(ctx, h); err == nil {
				known, due = targets, time.Now().Add(a.Config.Index.Reconcile)
			}
		}
		if err != nil && ctx.Err() == nil {
			a.Log.Warn("reconcile failed, trying again soon", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// prepare makes an index that has no generation ready to be filled.
func (h *Node) prepare(ctx context.Context, model schemas.Model) error {
	_, err := h.prepared(ctx, model)
	return err
}

// prepared is prepare, and tells the live generations.
func (h *Node) prepared(ctx context.Context, model schemas.Model) ([]ingest.Target, error) {
	if err := indexer.Prepare(ctx, h.Index, model); err != nil {
		return nil, err
	}
	if err := indexer.Promote(ctx, h.Index, func(g index.Generation) (bool, error) { return h.complete(ctx, target(g)) }); err != nil {
		return nil, err
	}
	generations, err := h.Index.Generations(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the generations: %w", err)
	}
	return live(generations), nil
}

// complete reports whether a generation holds what the ledger had when it was made, but for
// registrants whose jobs are dead. Who changed since is on the way like with any generation that
// serves: in a house that is crawled all day there is always somebody.
func (h *Node) complete(ctx context.Context, t ingest.Target) (bool, error) {
	due := make(map[schemas.UUID]bool)
	for s, err := range h.Ledger.Each(ctx, "") {
		if errors.Is(err, schemas.ErrNewerSchema) {
			continue // for the newer version to index
		}
		if err != nil {
			return false, err
		}
		if (t.Built.IsZero() || s.Changed.Before(t.Built)) && ingest.Due(s, []ingest.Target{t}) {
			due[s.ID] = true
		}
		if len(due) > maxDeadLetters {
			return false, nil
		}
	}
	if len(due) == 0 {
		return true, nil
	}
	dead, err := h.Queue.DeadLetters(ctx, maxDeadLetters)
	for _, l := range dead {
		delete(due, l.ID)
	}
	return len(due) == 0, err
}

// orphanGrace is how long a blob may be without a listing that refers to it: longer than any
// capture takes from its first blob to its listing.
const orphanGrace = time.Hour

func (a *App) reconcileOnce(ctx context.Context, h *Node) error {
	generations, err := h.Index.Generations(ctx)
	if err != nil {
		return fmt.Errorf("list the generations: %w", err)
	}
	rung, err := h.Ingest.Reconcile(ctx, "", live(generations))
	if err != nil {
		return err
	}
	if err := h.forgive(ctx, live(generations)); err != nil {
		return err
	}
	if err := h.Queue.Tidy(ctx); err != nil {
		a.Log.Warn("answered jobs that a killed server left behind were not deleted (deploy/nats/lineup.conf has the right it takes)", "error", err)
	}
	gone, err := h.Ingest.Orphans(ctx, orphanGrace)
	if rung > 0 || gone > 0 {
		a.Log.Info("reconciled", "rung", rung, "orphans", gone)
	}
	return err
}
