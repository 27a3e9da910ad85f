package sinktest_test

import (
	"log/slog"
	"testing"

	"lineup/ingest"
	"lineup/internal/testkit/scrapertest"
	"lineup/internal/testkit/sinktest"
	"lineup/internal/testkit/stores"
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
	s := stores.Open(t)
	return ingest.New(s.Blobs, s.Ledger, s.Queue, slog.New(slog.DiscardHandler))
}
