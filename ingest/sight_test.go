package ingest_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest"
	"lineup/ingest/blob/disk"
	"lineup/ingest/broker"
	"lineup/ingest/ledger"
	"lineup/ingest/queue"
	"lineup/schemas"
)

const crawled = "us-zz"

// door is an Ingester over stores of its own.
func door(t *testing.T) *ingest.Ingester {
	t.Helper()
	b, err := broker.Start(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	nc, err := b.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
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
	return ingest.New(blobs, l, q, slog.New(slog.DiscardHandler))
}

// accept takes one registrant in, read at the given time, in a run of its own.
func accept(t *testing.T, in *ingest.Ingester, run, key string, read time.Time) {
	t.Helper()
	_, err := in.Accept(t.Context(), run, schemas.Capture{Record: schemas.Record{Source: crawled, Key: key,
		Name: schemas.Name{Full: "Testcase " + key}}, Read: read,
		Pages: []schemas.CapturedPage{{URL: "http://sample/" + key, Data: []byte("page of " + key), Read: read}}})
	if err != nil {
		t.Fatal(err)
	}
}

func begin(t *testing.T, in *ingest.Ingester) string {
	t.Helper()
	run, _, err := in.Begin(t.Context(), crawled, false)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func finish(t *testing.T, in *ingest.Ingester, run string) schemas.RunSummary {
	t.Helper()
	sum, err := in.Finish(t.Context(), crawled, run, schemas.RunSummary{Source: crawled, Run: run, State: schemas.RunComplete})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestSightKeepsListedWithoutReading(t *testing.T) {
	in := door(t)
	run := begin(t, in)
	read := time.Now().Add(-time.Hour)
	accept(t, in, run, "1", read)
	accept(t, in, run, "2", read)
	finish(t, in, run)
	before, err := in.Known(t.Context(), crawled, "1")
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond) // runs are named by the millisecond
	run = begin(t, in)
	if err := in.Sight(t.Context(), crawled, run, "1"); err != nil {
		t.Fatal(err)
	}
	if err := in.Sight(t.Context(), crawled, run, "3"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("sight of an unknown: %v", err)
	}
	if sum := finish(t, in, run); sum.Delisted != 1 {
		t.Errorf("%d delisted, want the one not sighted", sum.Delisted)
	}
	after, err := in.Known(t.Context(), crawled, "1")
	if err != nil || !after.Listed || after.Revision != before.Revision || !after.Sighted.Equal(before.Sighted) {
		t.Errorf("sighted: %+v, %v", after, err)
	}
	if gone, err := in.Known(t.Context(), crawled, "2"); err != nil || gone.Listed {
		t.Errorf("not sighted: %+v, %v", gone, err)
	}
	if err := in.Sight(t.Context(), crawled, run, "1"); !errors.Is(err, schemas.ErrLeased) {
		t.Errorf("sight after the run: %v", err)
	}
}

func TestRetain(t *testing.T) {
	in := door(t)
	run := begin(t, in)
	accept(t, in, run, "old", time.Now().Add(-15*24*time.Hour))
	accept(t, in, run, "older page", time.Now().Add(-8*24*time.Hour))
	accept(t, in, run, "new", time.Now())
	if _, err := in.Retain(t.Context(), crawled, ingest.Keep{Records: time.Hour}); !errors.Is(err, schemas.ErrLeased) {
		t.Errorf("beside a crawl: %v", err)
	}
	finish(t, in, run)
	done, err := in.Retain(t.Context(), crawled, ingest.Keep{Records: 14 * 24 * time.Hour, Pages: 7 * 24 * time.Hour})
	if err != nil || done.Delisted != 1 || done.Pages != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	for key, pages := range map[string]int{"older page": 0, "new": 1} {
		s, err := in.Known(t.Context(), crawled, key)
		if err != nil || !s.Listed || len(s.Pages) != pages {
			t.Errorf("%s: %+v %v", key, s, err)
		}
		for _, p := range s.Pages {
			if data, err := in.Page(t.Context(), s.ID, p); err != nil || string(data) != "page of new" {
				t.Errorf("page %q %v", data, err)
			}
		}
	}
	if s, err := in.Known(t.Context(), crawled, "old"); err != nil || s.Listed {
		t.Errorf("old: %+v %v", s, err)
	}
}
