package sinktest_test

import (
	"log/slog"
	"testing"

	"lineup/ingest"
	"lineup/ingest/blob/disk"
	"lineup/ingest/broker"
	"lineup/ingest/ledger"
	"lineup/ingest/queue"
	"lineup/internal/testkit/scrapertest"
	"lineup/internal/testkit/sinktest"
	"lineup/scraper"
)

func TestIngester(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) (base, sink scraper.Sink) {
		in := ingester(t)
		return in, in
	})
}

func TestDryRun(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) (base, sink scraper.Sink) {
		in := ingester(t)
		return in, scraper.NewDryRun(in)
	})
}

func TestSinkOfTests(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) (base, sink scraper.Sink) {
		s := scrapertest.NewSink()
		return s, s
	})
}

func ingester(t *testing.T) *ingest.Ingester {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	b, err := broker.Start(t.TempDir(), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	nc, err := b.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := broker.JetStream(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), js, 1)
	if err != nil {
		t.Fatal(err)
	}
	q, err := queue.Open(t.Context(), js, 1)
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := disk.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { blobs.Close() })
	return ingest.New(blobs, l, q, log)
}
