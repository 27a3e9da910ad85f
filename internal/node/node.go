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
	"strings"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"lineup/config"
	"lineup/indexer/face"
	"lineup/ingest"
	"lineup/ingest/broker"
	"lineup/ingest/ledger"
	"lineup/ingest/queue"
	"lineup/internal/node/host"
	"lineup/internal/operate"
	"lineup/internal/progress"
	"lineup/internal/trust"
	"lineup/queryd/keys"
	"lineup/scraper/fetch"
	"lineup/scraper/source"
)

// Options are what a node is made of.
type Options struct {
	Config  config.Config
	Version string // of the program
	Log     *slog.Logger
	Metrics *prometheus.Registry
	Stderr  io.Writer // progress is written here; nil for none
	// DemoRecords lets the DEMO key open records too, for a registry in which everybody is made up.
	DemoRecords bool
	Make        bool // create a data directory that does not exist; otherwise that is an error

	Trace bool // send traces to the receiver that the environment names

	Environ []string // of the process, "NAME=value", by which Examine tells where it runs

	Faces face.Embedder // used instead of the face models; nil loads them

	// Reload reads the configuration again; nil if it cannot change.
	Reload func() (config.Config, error)

	// Certificates are those of the engines, which a reload reads again; with nil, each connection reads its own.
	Certificates *trust.Store

	Catalog *source.Catalog // the result of Definitions; nil reads Config.SourcesDir again each time
}

// show starts to show the progress of a task.
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
	// Alone says that no other process runs over this data directory, so this one does the background work.
	Alone bool

	audited *atomic.Pointer[operate.Audited] // result of the last audit by this process
	waits   *fetch.Waits                     // hosts that no crawl of this process may ask now
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

// Single reports whether this process is the only one of its installation, so that nobody else indexes.
func (n *Node) Single() bool { return n.Alone && n.Config.NATS.URL == "" }

// Open opens a node. The caller closes it.
func Open(ctx context.Context, o Options) (*Node, error) {
	n := &Node{Options: o, audited: new(atomic.Pointer[operate.Audited]), waits: &fetch.Waits{}}
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
		// Nobody else can hold a lease, since this process holds the lock of the data directory.
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
	n.Removals = n.removalLog(n.Blobs)
	if n.Alone {
		return n.honour(ctx)
	}
	return nil
}

// honour applies the log of removals to the ledger, which may be an older copy. A log that cannot be read does not
// keep the process from starting.
func (n *Node) honour(ctx context.Context) error {
	done, err := n.Honour(ctx, nil)
	if err != nil {
		n.Log.Error("log of removals not read: what was removed since a copy of the data directory was made may be listed again",
			"log", n.Removals.Where(), "error", err)
	}
	if done.Removed+done.Revoked > 0 {
		n.Log.Warn("the log of removals knows more than the ledger: applied", "removed", done.Removed, "revoked", done.Revoked)
	}
	if done.Refused > 0 {
		n.Log.Error("entries of the log of removals are signed by nobody known here, and were not applied", "entries", done.Refused,
			"log", done.Log, "why", done.Why)
	}
	return ctx.Err()
}

// connect connects to NATS: to the external cluster if one is configured, else to the server of the process that runs
// over the data directory, else to one that it starts in this process.
func (n *Node) connect() (*nats.Conn, error) {
	if c := n.Config.NATS; c.URL != "" {
		trusted, err := n.Certificates.Load("nats", trust.Files{CA: c.CA, Cert: c.Cert, Key: c.Key})
		if err != nil {
			return nil, err
		}
		return broker.Dial(broker.Remote{URL: c.URL, Credentials: c.Credentials, Trust: trusted, Inbox: c.Inbox, Log: n.Log})
	}
	if !n.Make {
		if err := host.Exists(n.Config); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(n.Config.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w (name another with --data)", err)
	}
	unlock, err := host.Lock(n.Config.Dir("lock"))
	address := n.Config.Dir("broker.url")
	if errors.Is(err, host.ErrLocked) {
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
	if err := host.WriteSecret(address, b.URL()); err != nil {
		return nil, err
	}
	n.closers = append(n.closers, func() error { return os.Remove(address) })
	return b.Connect()
}

// dialRunning connects to the broker of the process that holds the data directory's lock. That process has written its
// address to a file there.
func (n *Node) dialRunning(file string) (*nats.Conn, error) {
	url, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("another lineup runs over %s but does not say where: %w (it may be starting: try again)", n.Config.Data, err)
	}
	return broker.Dial(broker.Remote{URL: strings.TrimSpace(string(url)), Log: n.Log})
}
