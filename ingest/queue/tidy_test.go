package queue_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lineup/ingest/broker"
	"lineup/ingest/queue"
	"lineup/internal/testkit/stores"
)

// TestTidy makes what a kill at the wrong moment leaves: the consumer knows that jobs were
// answered and the stream still has them.
func TestTidy(t *testing.T) {
	dir := t.TempDir()
	run := func(do func(q *queue.Queue)) {
		t.Helper()
		js, shut := stores.Reopen(t, dir)
		defer shut()
		q, err := queue.Open(t.Context(), js, 1)
		if err != nil {
			t.Fatal(err)
		}
		do(q)
	}
	answer := func(q *queue.Queue, n int) {
		t.Helper()
		j, err := q.Jobs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer j.Stop()
		for range n {
			if err := next(t, j).Done(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	stored := filepath.Join(dir, "jetstream", "$G", "streams", broker.Jobs, "msgs")
	saved := t.TempDir()
	run(func(q *queue.Queue) {
		enqueue(t, q, 0)
		answer(q, 1) // the consumer is made
		for n := range 3 {
			enqueue(t, q, 1+n)
		}
	})
	if err := os.CopyFS(saved, os.DirFS(stored)); err != nil {
		t.Fatal(err)
	}
	run(func(q *queue.Queue) { answer(q, 3); counts(t, q, 0, 0) })
	if err := os.RemoveAll(stored); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(stored, os.DirFS(saved)); err != nil {
		t.Fatal(err)
	}
	run(func(q *queue.Queue) {
		enqueue(t, q, 9)
		if c, err := q.Count(t.Context()); err != nil || c.Waiting < 2 {
			t.Fatalf("the server mended it by itself, and this tests nothing: %+v %v", c, err)
		}
		if n, err := q.Left(t.Context()); err != nil || n != 1 {
			t.Errorf("%d jobs are left, %v, want the one that is not answered", n, err)
		}
		for range 2 {
			if err := q.Tidy(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		counts(t, q, 1, 0)
		j := jobs(t, q)
		if job := next(t, j); job.ID != id(9) {
			t.Errorf("got the job of %s", job.ID)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if job, err := j.Next(ctx); err == nil {
			t.Errorf("an answered job came again: %s", job.ID)
		}
	})
}
