package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lineup/indexer/index"
	"lineup/ingest"
	"lineup/ingest/blob"
	"lineup/ingest/broker"
	"lineup/ingest/ledger"
	"lineup/ingest/queue"
	"lineup/queryd/keys"
)

// Node is the engines and the rooms over them, opened as the configuration says. Close gives
// all of it back.
type Node struct {
	JS     jetstream.JetStream
	Ledger *ledger.Ledger
	Queue  *queue.Queue
	Keys   *keys.Store
	Blobs  blob.Store
	Index  index.Index
	Ingest *ingest.Ingester
	// Alone says that no other process runs over this data directory: what must be done, this one does.
	Alone bool

	pageDays int // after so many days the object store expires pages; 0 never
	closers  []func() error
}

// Close closes everything, last opened first.
func (h *Node) Close() error {
	var problems []error
	for i := len(h.closers) - 1; i >= 0; i-- {
		problems = append(problems, h.closers[i]())
	}
	h.closers = nil
	return errors.Join(problems...)
}

// Open opens the house. The caller closes it.
func (a *App) Open(ctx context.Context) (*Node, error) {
	h := &Node{}
	if err := a.open(ctx, h); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

func (a *App) open(ctx context.Context, h *Node) error {
	nc, err := a.connect(h)
	if err != nil {
		return err
	}
	h.closers = append(h.closers, func() error { nc.Close(); return nil })
	if h.JS, err = jetstream.New(nc); err != nil {
		return fmt.Errorf("open JetStream: %w", err)
	}
	replicas := a.Config.NATS.Replicas
	if h.Ledger, err = ledger.Open(ctx, h.JS, replicas); err != nil {
		return err
	}
	if h.Alone {
		// Nobody else can hold a lease: the lock of the data directory says so.
		if err := h.Ledger.BreakLeases(ctx); err != nil {
			return err
		}
	}
	if h.Queue, err = queue.Open(ctx, h.JS, replicas); err != nil {
		return err
	}
	if h.Alone {
		if err := h.Queue.Tidy(ctx); err != nil {
			return err
		}
	}
	if h.Keys, err = keys.Open(ctx, h.JS, replicas); err != nil {
		return err
	}
	if h.Blobs, err = a.openBlobs(ctx); err != nil {
		return err
	}
	h.closers = append(h.closers, h.Blobs.Close)
	if h.Index, err = a.openIndex(ctx); err != nil {
		return err
	}
	h.closers = append(h.closers, h.Index.Close)
	h.pageDays = a.Config.S3.PageDays
	h.Ingest = ingest.New(h.Blobs, h.Ledger, h.Queue, a.Log)
	return nil
}

// connect reaches NATS: an external cluster, else the server of the process that runs over
// the data directory, else one in this process.
func (a *App) connect(h *Node) (*nats.Conn, error) {
	if n := a.Config.NATS; n.URL != "" {
		return broker.Dial(broker.Remote{URL: n.URL, Credentials: n.Credentials, CA: n.CA, Cert: n.Cert, Key: n.Key, Inbox: n.Inbox, Log: a.Log})
	}
	if err := os.MkdirAll(a.Config.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w (name another with --data)", err)
	}
	unlock, err := lock(a.Config.Dir("lock"))
	address := a.Config.Dir("broker.url")
	if errors.Is(err, errLocked) {
		url, err := os.ReadFile(address)
		if err != nil {
			return nil, fmt.Errorf("another lineup runs over %s but does not say where: %w (it may be starting: try again)", a.Config.Data, err)
		}
		return broker.Dial(broker.Remote{URL: strings.TrimSpace(string(url)), Log: a.Log})
	}
	if err != nil {
		return nil, err
	}
	h.Alone = true
	h.closers = append(h.closers, unlock)
	b, err := broker.Start(a.Config.Dir("broker"), a.Log)
	if err != nil {
		return nil, err
	}
	h.closers = append(h.closers, func() error { b.Close(); return nil })
	if err := writeSecret(address, b.URL()); err != nil {
		return nil, err
	}
	h.closers = append(h.closers, func() error { return os.Remove(address) })
	return b.Connect()
}

var errLocked = errors.New("held by another process")

// lock takes the lock of a data directory; it ends with the process. Errors: errLocked.
func lock(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errLocked
		}
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	return f.Close, nil
}

// writeSecret puts text into a file that only this user can read, whole or not at all.
func writeSecret(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	_, err = f.WriteString(text + "\n")
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", filepath.Base(path), err), os.Remove(f.Name()))
	}
	return nil
}
