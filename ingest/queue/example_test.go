package queue_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"lineup/ingest/queue"
	"lineup/internal/testkit/stores"
	"lineup/schemas"
)

// A job is a signal: it names a registrant, and whoever takes it reads the ledger as it is then.
func Example() {
	dir, err := os.MkdirTemp("", "broker")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	js, shut, err := stores.Start(dir)
	if err != nil {
		panic(err)
	}
	defer shut()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	q, err := queue.Open(ctx, js, 1)
	if err != nil {
		panic(err)
	}

	if err := q.Publish(ctx, "us-zz", schemas.RegistrantID("us-zz", "1001")); err != nil {
		panic(err)
	}
	jobs, err := q.Jobs(ctx)
	if err != nil {
		panic(err)
	}
	defer jobs.Stop()
	job, err := jobs.Next(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Println(job.Source, job.Attempt, job.Done(ctx))
	// Output: us-zz 1 <nil>
}
