package node

import (
	"context"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sync/errgroup"

	"lineup/config"
	"lineup/indexer"
	"lineup/indexer/face"
	"lineup/ingest"
	"lineup/queryd"
)

// Roles are the parts that a process plays.
type Roles struct{ Scrape, Index, Query bool }

// Serve opens a node and plays roles until ctx ends. beside, if not nil, runs beside them once they are
// up, with the address that the API listens on.
func Serve(ctx context.Context, o Options, play Roles, beside func(ctx context.Context, n *Node, address string) error) (err error) {
	if play.Query {
		if err := leaveNoDump(); err != nil {
			return err
		}
	}
	n, err := Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	if !n.Alone && n.Config.NATS.URL == "" {
		return fmt.Errorf("another lineup runs over %s already (give this one another directory with --data)", n.Config.Data)
	}
	var faces face.Embedder // a crawler needs none
	if play.Index || play.Query {
		if faces, err = n.OpenFaces(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, faces.Close()) }()
	}
	group, ctx := errgroup.WithContext(ctx)
	changed := make(chan config.Config)
	group.Go(func() error { return n.reload(ctx, play, changed) })
	if play.Index {
		if err := n.index(ctx, group, faces); err != nil {
			return err
		}
	}
	if play.Scrape {
		group.Go(func() error { return n.follow(ctx, changed) })
		metrics, err := ingest.NewMetrics(n.Metrics)
		if err != nil {
			return err
		}
		group.Go(func() error { return n.figures(ctx, metrics) })
	}
	address := ""
	if play.Query {
		listener, server, err := n.listen(ctx, faces)
		if err != nil {
			return err
		}
		address = listener.Addr().String()
		n.Log.Info("listening", "address", address)
		group.Go(func() error { return server.Run(ctx, listener) })
	}
	group.Go(func() error { return n.Private(ctx, play.Query) })
	if beside != nil {
		group.Go(func() error { return beside(ctx, n, address) })
	}
	return group.Wait()
}

// index starts the indexer in group. A query daemon may only read the index, and says that it is not
// ready; an indexer makes what is missing.
func (n *Node) index(ctx context.Context, group *errgroup.Group, faces face.Embedder) error {
	if _, err := n.Prepared(ctx, faces.Model()); err != nil {
		return err
	}
	metrics, err := indexer.NewMetrics(n.Metrics)
	if err != nil {
		return err
	}
	worker := indexer.New(n.workerDeps(faces, metrics))
	group.Go(func() error { return worker.Run(ctx, n.parallel()) })
	group.Go(func() error { return n.reconcile(ctx, faces.Model()) })
	group.Go(func() error { return n.checkNightly(ctx) })
	return nil
}

// listen makes the query daemon and its listener.
func (n *Node) listen(ctx context.Context, faces face.Embedder) (net.Listener, *queryd.Server, error) {
	server, err := n.NewServer(ctx, faces)
	if err != nil {
		return nil, nil, err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", n.Config.Listen)
	if err != nil {
		return nil, nil, fmt.Errorf("listen: %w (another program may have the port: choose one with --listen)", err)
	}
	return listener, server, nil
}
