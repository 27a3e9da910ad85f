package node

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"lineup/indexer"
	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/ingest"
	"lineup/internal/operate"
	"lineup/schemas"
)

// Settle indexes in this process until no job waits. It is for commands over an installation that no other process
// runs. Generations that are being built are filled too.
func (n *Node) Settle(ctx context.Context) error {
	return n.WithWorker(ctx, func(ctx context.Context) error { return n.Drain(ctx, nil) })
}

// Indexed runs do and, if no other process indexes, then indexes until no job waits, even if do failed.
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

// WithWorker runs do with an indexer running, and stops the indexer when do returns.
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
		return nil // do has returned and stopped the indexer, perhaps before it started
	})
	group.Go(func() error {
		defer stop()
		if err := do(ctx); err != nil {
			return err
		}
		if err := n.promote(ctx); err != nil {
			return err
		}
		_, _, err := indexer.Calibrate(ctx, n.Index) // for daemons that start later
		return err
	})
	return group.Wait()
}

// NewWorker returns an indexer for a command; closeFaces releases its models.
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
		Embedders: append([]face.Embedder{faces}, variants(faces)...), Metrics: metrics, Log: n.Log,
		Excluded: n.Config.EnrolExcluded}
}

// ReconcileOnce reconciles once and logs what it did.
func (n *Node) ReconcileOnce(ctx context.Context) error {
	done, err := n.Reconcile(ctx)
	if done.Untidy != nil {
		n.Log.Warn("answered jobs that a killed server left behind were not deleted (deploy/nats/lineup.conf has the right it takes)", "error",
			done.Untidy)
	}
	if done.Unkept != nil {
		n.Log.Warn("counts for status not kept (lineup prepare makes their place): they are as old as the last that were", "error", done.Unkept)
	}
	if done.Enqueued > 0 {
		n.Log.Info("reconciled", "enqueued", done.Enqueued)
	}
	return err
}

// Prepared makes sure that the index has a generation to fill, lets a complete generation serve if none does, and
// returns the live generations.
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

// manyWaiting is the number of waiting jobs above which a sweep of the ledger, to see whether a generation is
// complete, is not worth its cost.
const manyWaiting = 1000

// promote lets a complete generation serve if none does.
func (n *Node) promote(ctx context.Context) error {
	if left, err := n.Queue.Left(ctx); err != nil || left > manyWaiting {
		return err
	}
	return indexer.Promote(ctx, n.Index, func(g index.Generation) (*indexer.Tally, error) {
		return indexer.TallyOf(ctx, n.Ledger, n.Queue, g.Target())
	})
}

// RemoveWhole removes a registrant for ever with every trace, and returns the signed receipt. indexed says why an
// index still holds the registrant: if other processes index, it waits for them for a while first.
func (n *Node) RemoveWhole(ctx context.Context, id schemas.UUID, why schemas.Removal) (receipt ingest.Receipt, indexed, err error) {
	removed, err := n.Remove(ctx, id, why)
	if err != nil {
		return receipt, nil, err
	}
	if n.Alone {
		if err := n.Settle(ctx); err != nil {
			return receipt, nil, err
		}
	} else {
		indexed = n.AwaitRemoval(ctx, removed.Listing)
	}
	receipt, err = n.Forget(ctx, removed, indexed)
	return receipt, indexed, err
}
