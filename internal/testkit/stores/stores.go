// Package stores opens the stores of an all-in-one for tests: the broker in the process, and the ledger, the queue and
// the blobs over it.
package stores

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest/blob/disk"
	"lineup/ingest/broker"
	"lineup/ingest/ledger"
	"lineup/ingest/queue"
)

// Stores are empty when they are opened, and closed when the test ends. An ingester over them is
// ingest.New(s.Blobs, s.Ledger, s.Queue, log): it is not made here so that the tests inside ingest can use them.
type Stores struct {
	JetStream jetstream.JetStream
	Ledger    *ledger.Ledger
	Queue     *queue.Queue
	Blobs     *disk.Store
}

// Open opens stores in directories of the test.
func Open(t testing.TB) Stores {
	t.Helper()
	s := Stores{JetStream: JetStream(t)}
	var err error
	if s.Ledger, err = ledger.Open(t.Context(), s.JetStream, 1); err != nil {
		t.Fatal(err)
	}
	if s.Queue, err = queue.Open(t.Context(), s.JetStream, 1); err != nil {
		t.Fatal(err)
	}
	if _, err = broker.OpenBucket(t.Context(), s.JetStream, broker.Swept, 1); err != nil { // as lineup prepare makes it
		t.Fatal(err)
	}
	if s.Blobs, err = disk.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Blobs.Close() })
	return s
}

// JetStream is a broker's over an empty directory of the test, which ends with it.
func JetStream(t testing.TB) jetstream.JetStream {
	t.Helper()
	js, shut := Reopen(t, t.TempDir())
	t.Cleanup(shut)
	return js
}

// Reopen starts a broker over dir and whatever a broker before left there. The caller calls shut, which stops it.
func Reopen(t testing.TB, dir string) (js jetstream.JetStream, shut func()) {
	t.Helper()
	js, shut, err := Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	return js, shut
}

// Start is Reopen where there is no test: for examples and for TestMain.
func Start(dir string) (js jetstream.JetStream, shut func(), err error) {
	b, err := broker.Start(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, err
	}
	nc, err := b.Connect()
	if err != nil {
		b.Close()
		return nil, nil, fmt.Errorf("connect to the broker: %w", err)
	}
	if js, err = jetstream.New(nc); err != nil {
		nc.Close()
		b.Close()
		return nil, nil, fmt.Errorf("open JetStream: %w", err)
	}
	return js, func() { nc.Close(); b.Close() }, nil
}
