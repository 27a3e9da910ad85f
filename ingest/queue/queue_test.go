package queue_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"lineup/ingest/queue"
	"lineup/internal/testkit/stores"
	"lineup/internal/tracing"
	"lineup/schemas"
)

func open(t *testing.T) *queue.Queue {
	t.Helper()
	q, _ := openBeside(t)
	return q
}

// openBeside is open, with the connection it goes over.
func openBeside(t *testing.T) (*queue.Queue, jetstream.JetStream) {
	t.Helper()
	js := stores.JetStream(t)
	q, err := queue.Open(t.Context(), js, 1)
	if err != nil {
		t.Fatal(err)
	}
	return q, js
}

func id(n int) schemas.UUID { return schemas.RegistrantID("us-zz", fmt.Sprint(n)) }

func jobs(t *testing.T, q *queue.Queue) *queue.Jobs {
	t.Helper()
	j, err := q.Jobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Stop)
	return j
}

// next waits for a job, but not for ever.
func next(t *testing.T, j *queue.Jobs) queue.Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	job, err := j.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// counts holds that the queue comes to so many jobs: the server ends a dead job when it has
// read that it is over, a moment after the worker said so.
func counts(t *testing.T, q *queue.Queue, waiting, dead int) {
	t.Helper()
	want := queue.Counts{Waiting: waiting, Dead: dead}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got, err := q.Count(t.Context())
		if err == nil && got == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("counts %+v %v, want %+v", got, err, want)
		}
	}
}

func enqueue(t *testing.T, q *queue.Queue, n int) {
	t.Helper()
	if err := q.Publish(t.Context(), "us-zz", id(n)); err != nil {
		t.Fatal(err)
	}
}

func TestOneRegistrantHasOneJob(t *testing.T) {
	q := open(t)
	for range 5 {
		enqueue(t, q, 1)
	}
	enqueue(t, q, 2)
	counts(t, q, 2, 0)
	j := jobs(t, q)
	seen := map[schemas.UUID]int{}
	for range 2 {
		job := next(t, j)
		seen[job.ID]++
		if err := job.Done(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if seen[id(1)] != 1 || seen[id(2)] != 1 {
		t.Errorf("jobs %v", seen)
	}
	counts(t, q, 0, 0)
}

// TestAJobDuringAJobComesAfterIt is why a job may not be refused while another of its registrant is
// being done: the worker may have read the ledger before the change.
func TestAJobDuringAJobComesAfterIt(t *testing.T) {
	q := open(t)
	j := jobs(t, q)
	enqueue(t, q, 1)
	first := next(t, j)
	enqueue(t, q, 1)
	if err := first.Done(t.Context()); err != nil {
		t.Logf("the first answer came too late to count: %v", err)
	}
	if again := next(t, j); again.ID != id(1) {
		t.Errorf("got %v", again.ID)
	} else if err := again.Done(t.Context()); err != nil {
		t.Error(err)
	}
	counts(t, q, 0, 0)
}

func TestAFailedJobComesBackAndIsDeadInTheEnd(t *testing.T) {
	q := open(t)
	j := jobs(t, q)
	enqueue(t, q, 1)
	job := next(t, j)
	if err := job.Retry(t.Context(), "engine"); err != nil {
		t.Fatal(err)
	}
	job = next(t, j)
	if job.Attempt != 2 {
		t.Errorf("attempt %d, want 2", job.Attempt)
	}
	job.Attempt = queue.Attempts
	if err := job.Retry(t.Context(), "engine"); err != nil {
		t.Fatal(err)
	}
	counts(t, q, 0, 1)
	letters, err := q.DeadLetters(t.Context(), 10)
	if err != nil || len(letters) != 1 || letters[0].ID != id(1) || letters[0].Class != "engine" || letters[0].Source != "us-zz" {
		t.Fatalf("letters %+v %v", letters, err)
	}
	if waiting, dead, err := q.Waiting(t.Context()); err != nil || len(waiting) != 0 || dead["us-zz"] != 1 {
		t.Errorf("by source: %v %v %v", waiting, dead, err)
	}
	if err := q.Retry(t.Context(), letters[0]); err != nil {
		t.Fatal(err)
	}
	counts(t, q, 1, 0)
	if job = next(t, j); job.Attempt != 1 {
		t.Errorf("attempt %d after the retry, want 1", job.Attempt)
	}
	if err := job.DeadLetter(t.Context(), "newer_schema"); err != nil {
		t.Fatal(err)
	}
	counts(t, q, 0, 1)
	if err := q.Forget(t.Context(), "us-zz", id(1)); err != nil {
		t.Fatal(err)
	}
	counts(t, q, 0, 0)
}

// TestAJobWithoutAGenerationNeverDies holds that it comes back soon, however often it came, and is given up in the end: who makes a
// generation enqueues everybody anew.
func TestAJobWithoutAGenerationNeverDies(t *testing.T) {
	q := open(t)
	j := jobs(t, q)
	enqueue(t, q, 1)
	job := next(t, j)
	job.Attempt = queue.Attempts - 1 // of another class it would come back in ten minutes
	if err := job.Retry(t.Context(), queue.NoGeneration); err != nil {
		t.Fatal(err)
	}
	job = next(t, j)
	job.Attempt = queue.Attempts
	if err := job.Retry(t.Context(), queue.NoGeneration); err != nil {
		t.Fatal(err)
	}
	counts(t, q, 0, 0)
}

func TestAnEmptyQueueHasNoLetters(t *testing.T) {
	if letters, err := open(t).DeadLetters(t.Context(), 10); err != nil || len(letters) != 0 {
		t.Errorf("%v %v", letters, err)
	}
}

func TestManyRing(t *testing.T) {
	q := open(t)
	var ids []schemas.UUID
	for n := range 700 {
		ids = append(ids, id(n))
	}
	traced := tracing.With(t.Context(), sdk.NewTracerProvider())
	if err := q.PublishMany(traced, "us-zz", ids); err != nil {
		t.Fatal(err)
	}
	counts(t, q, len(ids), 0)
	taken := jobs(t, q)
	if one, two := next(t, taken), next(t, taken); len(one.Trace) != 55 || len(two.Trace) != 55 || one.Trace[:36] == two.Trace[:36] {
		t.Errorf("jobs go on with the traces %q and %q, want one each", one.Trace, two.Trace)
	}
	if waiting, _, err := q.Waiting(t.Context()); err != nil || waiting["us-zz"] != len(ids) {
		t.Errorf("by source: %v %v", waiting, err)
	}
}

// TestJobsOfAnAgency: the source of an agency, whose name has a dot, is that of its jobs, waiting, taken and dead.
func TestJobsOfAnAgency(t *testing.T) {
	const source = "import-zz@police.example"
	q := open(t)
	if err := errors.Join(q.Publish(t.Context(), source, id(1)), q.PublishMany(t.Context(), source, []schemas.UUID{id(2)})); err != nil {
		t.Fatal(err)
	}
	j := jobs(t, q)
	first := next(t, j)
	if err := first.DeadLetter(t.Context(), queue.WorkerDied); err != nil || first.Source != source {
		t.Fatalf("%+v %v", first, err)
	}
	waiting, dead, err := q.Waiting(t.Context())
	for range 500 { // the server takes a job's end in after it was told
		if err != nil || waiting[source] == 1 {
			break
		}
		time.Sleep(10 * time.Millisecond)
		waiting, dead, err = q.Waiting(t.Context())
	}
	if err != nil || waiting[source] != 1 || dead[source] != 1 {
		t.Errorf("by source: %v %v %v", waiting, dead, err)
	}
	letters, err := q.DeadLetters(t.Context(), 10)
	if err != nil || len(letters) != 1 || letters[0].Source != source {
		t.Fatalf("%+v %v", letters, err)
	}
	if err := q.Retry(t.Context(), letters[0]); err != nil {
		t.Fatal(err)
	}
	if waiting, dead, err := q.Waiting(t.Context()); err != nil || waiting[source] != 2 || dead[source] != 0 {
		t.Errorf("retried: %v %v %v", waiting, dead, err)
	}
}

func TestNextEndsWithItsContext(t *testing.T) {
	q := open(t)
	j := jobs(t, q)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Next(ctx); err == nil {
		t.Error("a job from an empty queue")
	}
}

// TestAJobIsLeftAtOnce: who enqueued a job and asks how many jobs are left is never told none, however
// late the server tells the consumer.
func TestAJobIsLeftAtOnce(t *testing.T) {
	q := open(t)
	j := jobs(t, q)
	for n := range 300 {
		if err := q.Publish(t.Context(), "us-zz", id(n)); err != nil {
			t.Fatal(err)
		}
		if left, err := q.Left(t.Context()); err != nil || left == 0 {
			t.Fatalf("after job %d: %d left, %v", n, left, err)
		}
		if err := next(t, j).Done(t.Context()); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(10 * time.Second); ; {
			left, err := q.Left(t.Context())
			if err == nil && left == 0 {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("after answer %d: %d left, %v", n, left, err)
			}
		}
	}
}
