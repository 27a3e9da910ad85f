package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"lineup/indexer"
	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/internal/operate"
	"lineup/schemas"
)

// Settle indexes in this process until no job waits. It is for commands over a Lineup that
// nobody else runs. Generations that are being built take part.
func (n *Node) Settle(ctx context.Context) error {
	return n.WithWorker(ctx, func(ctx context.Context) error { return n.Drain(ctx, nil) })
}

// Indexed runs do and, where no other process indexes, does so until nothing waits, also after do failed.
func (n *Node) Indexed(ctx context.Context, do func(ctx context.Context) error) error {
	if !n.Single() {
		return do(ctx)
	}
	return n.WithWorker(ctx, func(ctx context.Context) error {
		err := do(ctx)
		if ctx.Err() != nil {
			return err
		}
		shown := n.show("indexing", 0)
		defer shown.End()
		return errors.Join(err, n.Drain(ctx, shown.Set))
	})
}

// WithWorker runs do beside an indexer, and ends both when do returns.
func (n *Node) WithWorker(ctx context.Context, do func(ctx context.Context) error) error {
	worker, closeFaces, err := n.NewWorker(ctx)
	if err != nil {
		return err
	}
	defer closeFaces()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := worker.Run(ctx, n.parallel()); ctx.Err() == nil {
			return err
		}
		return nil // do has ended and stopped it, perhaps before it had begun
	})
	group.Go(func() error {
		defer stop()
		if err := do(ctx); err != nil {
			return err
		}
		if err := n.promote(ctx); err != nil {
			return err
		}
		_, _, err := indexer.Calibrate(ctx, n.Index) // for the daemons that start next
		return err
	})
	return group.Wait()
}

// NewWorker makes an indexer for a command; closeFaces gives its models back.
func (n *Node) NewWorker(ctx context.Context) (worker *indexer.Worker, closeFaces func(), err error) {
	faces, err := n.OpenFaces(ctx)
	if err != nil {
		return nil, nil, err
	}
	closeFaces = func() {
		if err := faces.Close(); err != nil {
			n.Log.Warn("face models not closed", "error", err)
		}
	}
	if _, err := n.Prepared(ctx, faces.Model()); err != nil {
		closeFaces()
		return nil, nil, err
	}
	metrics, err := indexer.NewMetrics(n.Metrics)
	if err != nil {
		closeFaces()
		return nil, nil, err
	}
	return indexer.New(n.workerDeps(faces, metrics)), closeFaces, nil
}

func (n *Node) workerDeps(faces face.Embedder, metrics *indexer.Metrics) indexer.Deps {
	return indexer.Deps{Ledger: n.Ledger, Queue: n.Queue, Blobs: n.Blobs, Index: n.Index,
		Embedders: append([]face.Embedder{faces}, variants(faces)...), Metrics: metrics, Log: n.Log}
}

// lookAgain is how often an indexer looks whether the generations are still those it knows.
const lookAgain = 5 * time.Second

// reconcile enqueues what the live generations lack and deletes orphaned blobs: now, from
// time to time, and soon after the generations have changed, as when an engine comes back empty.
func (n *Node) reconcile(ctx context.Context, model schemas.Model) error {
	tick := time.NewTicker(min(lookAgain, n.Config.Index.Reconcile))
	defer tick.Stop()
	var known []schemas.Target
	var due time.Time
	for {
		targets, err := n.Prepared(ctx, model)
		if err == nil && (!slices.Equal(targets, known) || !time.Now().Before(due)) {
			if err = n.ReconcileOnce(ctx); err == nil {
				known, due = targets, time.Now().Add(n.Config.Index.Reconcile)
			}
		}
		if err != nil && ctx.Err() == nil {
			n.Log.Warn("reconcile failed, trying again soon", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// ReconcileOnce reconciles and logs what it did.
func (n *Node) ReconcileOnce(ctx context.Context) error {
	done, err := n.Reconcile(ctx)
	if done.Untidy != nil {
		n.Log.Warn("answered jobs that a killed server left behind were not deleted (deploy/nats/lineup.conf has the right it takes)", "error",
			done.Untidy)
	}
	if done.Enqueued > 0 || done.Orphans > 0 {
		n.Log.Info("reconciled", "enqueued", done.Enqueued, "orphans", done.Orphans)
	}
	return err
}

// Prepared makes an index that has no generation ready to be filled, lets a complete generation serve
// where none does, and tells the live generations.
func (n *Node) Prepared(ctx context.Context, model schemas.Model) ([]schemas.Target, error) {
	if err := indexer.Prepare(ctx, n.Index, model); err != nil {
		return nil, err
	}
	if err := n.promote(ctx); err != nil {
		return nil, err
	}
	generations, err := n.Index.Generations(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the generations: %w", err)
	}
	return operate.Live(generations), nil
}

// promote lets a complete generation serve where none does.
func (n *Node) promote(ctx context.Context) error {
	return indexer.Promote(ctx, n.Index, func(g index.Generation) (bool, error) {
		return indexer.Complete(ctx, n.Ledger, n.Queue,
			g.Target())
	})
}
