package ingest_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"testing"
	"time"

	"lineup/ingest"
	"lineup/ingest/ledger"
	"lineup/internal/testkit/stores"
	"lineup/schemas"
)

const crawled = "us-zz"

// door is an Ingester over stores of its own.
func door(t *testing.T) *ingest.Ingester {
	t.Helper()
	in, _ := doorAndLedger(t)
	return in
}

func doorAndLedger(t *testing.T) (*ingest.Ingester, *ledger.Ledger) {
	t.Helper()
	s := stores.Open(t)
	return ingest.New(s.Blobs, s.Ledger, s.Queue, slog.New(slog.DiscardHandler)), s.Ledger
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

// TestOnlyAnInterruptedRunGoesOn: a run that reached its end and is incomplete is closed, also where a version before left it open;
// the next begins afresh, under another id and without its checkpoint. One that was interrupted goes on.
func TestOnlyAnInterruptedRunGoesOn(t *testing.T) {
	in, l := doorAndLedger(t)
	start := func() (string, string) {
		t.Helper()
		run, note, err := in.Begin(t.Context(), crawled, true)
		if err != nil {
			t.Fatal(err)
		}
		return run, string(note)
	}
	end := func(run string, interrupted bool) {
		t.Helper()
		err := errors.Join(in.Checkpoint(t.Context(), crawled, run, []byte("note of "+run)),
			in.Abandon(t.Context(), crawled, run, schemas.RunSummary{Source: crawled, Run: run, State: schemas.RunPartial,
				Interrupted: interrupted}))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond) // ids of runs are times
	}
	first, _ := start()
	end(first, true)
	if run, note := start(); run != first || note != "note of "+first {
		t.Errorf("an interrupted run: %s goes on as %s from %q", first, run, note)
	}
	end(first, false)
	if runs, err := l.Runs(t.Context(), crawled); err != nil || runs.Open != nil {
		t.Errorf("a run that reached its end is open: %+v, %v", runs.Open, err)
	}
	second, note := start()
	if second == first || note != "" {
		t.Errorf("after a partial run: %s from %q", second, note)
	}
	end(second, false)
	_, err := l.UpdateRuns(t.Context(), crawled, func(r *ledger.Runs) error {
		r.Open = &ledger.OpenRun{Run: second, Checkpoint: []byte("stale")}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if third, note := start(); third == second || note != "" {
		t.Errorf("a partial run that was left open goes on as %s from %q", third, note)
	}
}

// TestARunInterruptedLongAgoBeginsAnew: whom it read may have left since, and would count as seen. A run that makes progress goes on,
// however long ago it began.
func TestARunInterruptedLongAgoBeginsAnew(t *testing.T) {
	s := stores.Open(t)
	now := time.Date(2028, 2, 27, 23, 0, 0, 0, time.UTC)
	run := ""
	for _, tc := range []struct {
		later time.Duration
		same  bool
	}{{0, false}, {ingest.Resumable, true}, {ingest.Resumable - time.Hour, true}, {ingest.Resumable + time.Hour, false}, {time.Hour, true}} {
		now = now.Add(tc.later)
		in := ingest.New(s.Blobs, s.Ledger, s.Queue, slog.New(slog.DiscardHandler)).At(func() time.Time { return now })
		next, note, err := in.Begin(t.Context(), crawled, true)
		if err != nil {
			t.Fatal(err)
		}
		if same := next == run && string(note) == "note of "+run; same != tc.same {
			t.Errorf("after %s: run %s goes on as %s from %q", tc.later, run, next, note)
		}
		run = next
		if err := in.Checkpoint(t.Context(), crawled, run, []byte("note of "+run)); err != nil {
			t.Fatal(err)
		}
		if err := s.Ledger.BreakLeases(t.Context()); err != nil { // as those of a killed process run out
			t.Fatal(err)
		}
	}
}
