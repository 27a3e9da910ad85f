// Package node is one Lineup process: the engines as configured, the roles it plays over them, what runs in
// the background, whether it is ready, and what it tells on its private address. What an operator
// does on top of that is internal/operate.
package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"lineup/config"
	"lineup/indexer/face"
	"lineup/ingest"
	"lineup/ingest/broker"
	"lineup/ingest/ledger"
	"lineup/ingest/queue"
	"lineup/internal/operate"
	"lineup/internal/progress"
	"lineup/queryd/keys"
	"lineup/scraper/source"
)

// Options are what a node is made of.
type Options struct {
	Config  config.Config
	Version string // of the program
	Log     *slog.Logger
	Metrics *prometheus.Registry
	Stderr  io.Writer // where progress is shown; nil shows none
	Make    bool      // a data directory that is not there; without it that is an error

	Faces face.Embedder // in place of the face models; nil loads those

	// Reload reads the configuration anew; nil where it cannot change.
	Reload func() (config.Config, error)

	Catalog *source.Catalog // what Definitions gives; nil reads those of Config.SourcesDir anew each time
}

// show begins to show the progress of a task.
func (o Options) show(what string, total int64) *progress.Task {
	if o.Stderr == nil {
		return nil
	}
	return progress.Show(o.Stderr, what, total)
}

// Node is the opened engines and the rooms over them. Close gives all of it back.
type Node struct {
	Options
	operate.Stores
	// Alone says that no other process runs over this data directory: what must be done, this one does.
	Alone bool

	closers []func() error
}

// Close closes everything, last opened first.
func (n *Node) Close() error {
	var problems []error
	for i := len(n.closers) - 1; i >= 0; i-- {
		problems = append(problems, n.closers[i]())
	}
	n.closers = nil
	return errors.Join(problems...)
}

// Single reports whether this process is the only one of its Lineup, so that nobody else indexes.
func (n *Node) Single() bool { return n.Alone && n.Config.NATS.URL == "" }

// Open opens a node. The caller closes it.
func Open(ctx context.Context, o Options) (*Node, error) {
	n := &Node{Options: o}
	if err := n.open(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Node) open(ctx context.Context) error {
	nc, err := n.connect()
	if err != nil {
		return err
	}
	n.closers = append(n.closers, func() error { nc.Close(); return nil })
	if n.JS, err = broker.JetStream(ctx, nc); err != nil {
		return err
	}
	n.Replicas, n.PageDays = n.Config.NATS.Replicas, n.Config.S3.PageDays
	if n.Alone {
		if err := n.Prepare(ctx); err != nil {
			return err
		}
	}
	if n.Ledger, err = ledger.Open(ctx, n.JS, n.Replicas); err != nil {
		return err
	}
	if n.Alone {
		// Nobody else can hold a lease: the lock of the data directory says so.
		if err := n.Ledger.BreakLeases(ctx); err != nil {
			return err
		}
	}
	if n.Queue, err = queue.Open(ctx, n.JS, n.Replicas); err != nil {
		return err
	}
	if n.Alone {
		if err := n.Queue.Tidy(ctx); err != nil {
			return err
		}
	}
	if n.Keys, err = keys.Open(ctx, n.JS, n.Replicas); err != nil {
		return err
	}
	if n.Blobs, err = n.openBlobs(ctx); err != nil {
		return err
	}
	n.closers = append(n.closers, n.Blobs.Close)
	if n.Index, err = n.OpenIndex(ctx); err != nil {
		return err
	}
	n.closers = append(n.closers, n.Index.Close)
	n.Ingest = ingest.New(n.Blobs, n.Ledger, n.Queue, n.Log)
	return nil
}

// connect reaches NATS: an external cluster, else the server of the process that runs over
// the data directory, else one in this process.
func (n *Node) connect() (*nats.Conn, error) {
	if c := n.Config.NATS; c.URL != "" {
		return broker.Dial(broker.Remote{URL: c.URL, Credentials: c.Credentials, CA: c.CA, Cert: c.Cert, Key: c.Key, Inbox: c.Inbox, Log: n.Log})
	}
	if !n.Make {
		if err := Exists(n.Config); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(n.Config.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w (name another with --data)", err)
	}
	unlock, err := lock(n.Config.Dir("lock"))
	address := n.Config.Dir("broker.url")
	if errors.Is(err, errLocked) {
		return n.dialRunning(address)
	}
	if err != nil {
		return nil, err
	}
	n.Alone = true
	n.closers = append(n.closers, unlock)
	b, err := broker.Start(n.Config.Dir("broker"), n.Log)
	if err != nil {
		return nil, err
	}
	n.closers = append(n.closers, func() error { b.Close(); return nil })
	if err := writeSecret(address, b.URL()); err != nil {
		return nil, err
	}
	n.closers = append(n.closers, func() error { return os.Remove(address) })
	return b.Connect()
}
