package queue_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"lineup/ingest/broker"
	"lineup/ingest/queue"
	"lineup/schemas"
)

// A job is a signal: it names a registrant, and whoever takes it reads the ledger as it is then.
func Example() {
	dir, err := os.MkdirTemp("", "broker")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	b, err := broker.Start(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		panic(err)
	}
	defer b.Close()
	nc, err := b.Connect()
	if err != nil {
		panic(err)
	}
	defer nc.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	js, err := broker.JetStream(ctx, nc)
	if err != nil {
		panic(err)
	}
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
