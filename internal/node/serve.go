package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sync/errgroup"

	"lineup/config"
	"lineup/indexer"
	"lineup/indexer/face"
	"lineup/ingest"
	"lineup/internal/node/host"
	"lineup/internal/tracing"
	"lineup/internal/tracing/otlp"
)

// Roles are the parts that a process plays.
type Roles struct{ Scrape, Index, Query bool }

// Traced does what a command does, with a context whose spans are sent where the environment says so. The command is a span of its own,
// and what it does are traces of their own: a source may have a million registrants.
func (o Options) Traced(ctx context.Context, command string, do func(ctx context.Context) error) error {
	if !o.Trace {
		return do(ctx)
	}
	provider, end, err := otlp.Open(ctx, o.Version, o.Log)
	if err != nil {
		return err
	}
	defer end()
	ctx = tracing.With(ctx, provider)
	_, span := tracing.Root(ctx, "command", tracing.Command(command))
	err = do(ctx)
	span.End(err)
	return err
}

// Serve opens a node and plays roles until ctx ends, or until a successor has loaded its models and takes over. If
// beside is not nil, it runs once the roles are up, with the address that the API listens on.
func Serve(ctx context.Context, o Options, play Roles, beside func(ctx context.Context, n *Node, address string) error) (err error) {
	if play.Query {
		if err := host.LeaveNoDump(); err != nil {
			return err
		}
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGHUP, syscall.SIGUSR2)
	defer signal.Stop(asked)
	var faces face.Embedder // stays nil for a crawler
	defer func() {
		if faces != nil {
			err = errors.Join(err, faces.Close())
		}
	}()
	if host.IsSuccessor() { // load while the old process still answers
		if faces, err = o.OpenFaces(ctx); err != nil {
			return err
		}
		if err := host.Succession(ctx); err != nil {
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
	// Before models are loaded: an address that another program has is a mistake to be told at once. Who asks meanwhile waits.
	var listener net.Listener
	if play.Query {
		if listener, err = n.listen(ctx); err != nil {
			return err
		}
		defer listener.Close()
	}
	private, err := n.listenPrivate(ctx)
	if err != nil {
		return err
	}
	if private != nil {
		defer private.Close()
	}
	if faces == nil && (play.Index || play.Query) {
		if faces, err = n.OpenFaces(ctx); err != nil {
			return err
		}
	}
	if err := n.Metrics.Register(hostFigures{n.Options}); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	changed := make(chan config.Config)
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
		group.Go(func() error { return n.notify(ctx) })
		group.Go(func() error { return n.tellWatches(ctx) })
	}
	address := ""
	up := running{play: play, asked: asked, changed: changed}
	if play.Query {
		server, err := n.NewServer(ctx, faces)
		if err != nil {
			return err
		}
		up.listener, up.server = listener, server
		address = listener.Addr().String()
		n.Log.Info("listening", "address", address)
		group.Go(func() error { return server.Run(ctx, listener) })
	}
	if play.Scrape {
		group.Go(func() error { return n.Sing(ctx, address) })
	}
	if private != nil {
		group.Go(func() error { return n.servePrivate(ctx, private, play.Query) })
	}
	if beside != nil {
		group.Go(func() error { return beside(ctx, n, address) })
	}
	group.Go(func() error { return host.Watchdog(ctx, n.Log) })
	group.Go(func() error {
		<-ctx.Done()
		if !errors.Is(context.Cause(ctx), errSucceeded) {
			host.Notify(n.Log, host.Stopping)
		}
		return nil
	})
	group.Go(func() error { return n.reload(ctx, up) })
	host.Notify(n.Log, host.Ready)
	if err := group.Wait(); !errors.Is(err, errSucceeded) {
		return err
	}
	return nil
}

// index starts the indexer in group. A query daemon may only read the index, and reports that it is not ready if it is
// missing; an indexer creates it.
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

// listen opens the API's listener, or takes over the one of the old process or of the service manager.
func (n *Node) listen(ctx context.Context) (net.Listener, error) {
	if n.Config.NeedsPublic() {
		n.Log.WarnContext(ctx, "others reach the API and public is not set: links in answers go to whatever host a request names; "+
			"set public to the https:// address of your proxy", "listen", n.Config.Listen)
	}
	listener, err := host.Listener()
	if err != nil {
		return nil, err
	}
	if listener != nil {
		n.Log.InfoContext(ctx, "the service manager's socket takes the place of listen", "socket", listener.Addr().String(), "listen",
			n.Config.Listen)
		return listener, nil
	}
	var lc net.ListenConfig
	if listener, err = lc.Listen(ctx, "tcp", n.Config.Listen); err != nil {
		return nil, fmt.Errorf("listen: %w (another program may have the port: choose one with --listen)", err)
	}
	return listener, nil
}
