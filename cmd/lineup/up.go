package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"

	"golang.org/x/sync/errgroup"

	"lineup/indexer"
	"lineup/indexer/face"
	"lineup/ingest"
	"lineup/queryd"
)

// Up runs all roles in one process.
type Up struct {
	Listen string `placeholder:"ADDR" help:"Address of the API and the page (default: 127.0.0.1:8080)."`
}

// Run does it.
func (c *Up) Run(ctx context.Context, app *App) error {
	app.listen(c.Listen)
	return app.serve(ctx, roles{scrape: true, index: true, query: true}, nil)
}

// Index runs an indexer.
type Index struct{}

// Run does it.
func (*Index) Run(ctx context.Context, app *App) error {
	return app.serve(ctx, roles{index: true}, nil)
}

// Query runs the query daemon.
type Query struct {
	Listen string `placeholder:"ADDR" help:"Address of the API and the page (default: 127.0.0.1:8080)."`
}

// Run does it.
func (c *Query) Run(ctx context.Context, app *App) error {
	app.listen(c.Listen)
	return app.serve(ctx, roles{query: true}, nil)
}

func (a *App) listen(address string) {
	if address != "" {
		a.Config.Listen = address
	}
}

// roles are the parts of Lineup a process plays.
type roles struct{ scrape, index, query bool }

// serve plays roles until ctx ends. beside, if not nil, runs beside them once they are up, with
// the address that the API listens on.
func (a *App) serve(ctx context.Context, play roles, beside func(ctx context.Context, h *Node, address string) error) (err error) {
	h, err := a.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	if !h.Alone && a.Config.NATS.URL == "" {
		return fmt.Errorf("another lineup runs over %s already (give this one another directory with --data)", a.Config.Data)
	}
	var faces face.Embedder // a crawler needs none
	if play.index || play.query {
		if faces, err = a.openFaces(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, faces.Close()) }()
	}
	if play.index { // a query daemon may only read the index, and says that it is not ready
		if err := h.prepare(ctx, faces.Model()); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	if play.index {
		metrics, err := indexer.NewMetrics(a.Metrics)
		if err != nil {
			return err
		}
		worker := indexer.New(h.workerDeps(a, faces, metrics))
		group.Go(func() error { return worker.Run(ctx, a.parallel()) })
		group.Go(func() error { return a.reconcile(ctx, h, faces.Model()) })
	}
	if play.scrape {
		group.Go(func() error { return a.follow(ctx, h) })
		metrics, err := ingest.NewMetrics(a.Metrics)
		if err != nil {
			return err
		}
		group.Go(func() error { return a.figures(ctx, h, metrics) })
	}
	address := ""
	if play.query {
		listener, server, err := a.newQuery(ctx, h, faces)
		if err != nil {
			return err
		}
		address = listener.Addr().String()
		a.Log.Info("listening", "address", address)
		group.Go(func() error { return server.Run(ctx, listener) })
	}
	group.Go(func() error { return a.private(ctx, h, play.query) })
	if beside != nil {
		group.Go(func() error { return beside(ctx, h, address) })
	}
	return group.Wait()
}

// newQuery makes the query daemon and its listener.
func (a *App) newQuery(ctx context.Context, h *Node, faces face.Embedder) (net.Listener, *queryd.Server, error) {
	server, err := a.newServer(ctx, h, faces)
	if err != nil {
		return nil, nil, err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", a.Config.Listen)
	if err != nil {
		return nil, nil, fmt.Errorf("listen: %w (another program may have the port: choose one with --listen)", err)
	}
	return listener, server, nil
}

func (h *Node) workerDeps(a *App, faces face.Embedder, metrics *indexer.Metrics) indexer.Deps {
	return indexer.Deps{Ledger: h.Ledger, Queue: h.Queue, Blobs: h.Blobs, Index: h.Index,
		Embedders: append([]face.Embedder{faces}, variants(faces)...), Metrics: metrics, Log: a.Log}
}

// newWorker makes an indexer for a command; closeFaces gives its models back.
func (a *App) newWorker(ctx context.Context, h *Node) (worker *indexer.Worker, closeFaces func(), err error) {
	faces, err := a.openFaces(ctx)
	if err != nil {
		return nil, nil, err
	}
	closeFaces = func() {
		if err := faces.Close(); err != nil {
			a.Log.Warn("face models not closed", "error", err)
		}
	}
	if err := h.prepare(ctx, faces.Model()); err != nil {
		closeFaces()
		return nil, nil, err
	}
	metrics, err := indexer.NewMetrics(a.Metrics)
	if err != nil {
		closeFaces()
		return nil, nil, err
	}
	return indexer.New(h.workerDeps(a, faces, metrics)), closeFaces, nil
}

// workers is how many recognizers run.
func (a *App) workers() int {
	if n := a.Config.Index.Workers; n > 0 {
		return n
	}
	return runtime.NumCPU()
}

// parallel is how many jobs are answered at once: more than recognizers, so that reading and
// writing overlap with embedding.
func (a *App) parallel() int { return 2 * a.workers() }
