// Package queue carries jobs: "look at this registrant again". It is a JetStream work queue with
// one subject a registrant, so a registrant that is enqueued again before its job is done has one
// job. A job carries nothing: the worker reads the ledger as it is when it does the job.
//
// A job that failed is delivered again, later each time. After the last attempt, or at once when
// its failure is permanent, it goes to the dead-letter stream, where Count counts it and Retry
// enqueues it again. A registrant may be enqueued at any time, also while its job is being done.
package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest/broker"
	"lineup/internal/tracing"
	"lineup/schemas"
)

// What the subjects of the streams begin with.
const (
	jobsPrefix = "lineup.jobs."
	deadPrefix = "lineup.dead."
)

// subject is what the subject of a registrant's job ends in.
func subject(source string, id schemas.UUID) string { return broker.Token(source) + "." + string(id) }

// Attempts is how often a job is tried before it is dead.
const Attempts = 6

// backoff is how long to wait before a failed job is tried again, by attempt.
var backoff = [...]time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}

// Queue is the work queue. Its methods may be called from many goroutines.
type Queue struct {
	js   jetstream.JetStream
	jobs jetstream.Stream
	dead jetstream.Stream
}

// Open opens the queue's streams, making those that are missing with so many replicas.
func Open(ctx context.Context, js jetstream.JetStream, replicas int) (*Queue, error) {
	q := &Queue{js: js}
	var err error
	if q.jobs, err = broker.OpenStream(ctx, js, broker.Jobs, replicas); err != nil {
		return nil, fmt.Errorf("open the queue: %w", err)
	}
	if q.dead, err = broker.OpenStream(ctx, js, broker.Dead, replicas); err != nil {
		return nil, fmt.Errorf("open the dead-letter stream: %w", err)
	}
	return q, nil
}

// Publish enqueues a job for a registrant. It is durable when it returns.
func (q *Queue) Publish(ctx context.Context, source string, id schemas.UUID) error {
	message, span := enqueuing(ctx, source, id)
	_, err := q.js.PublishMsg(ctx, message)
	span.End(err)
	if err != nil {
		return fmt.Errorf("enqueue a job for %s: %w", id, err)
	}
	return nil
}

// enqueuing is a job, and the span of enqueuing it, with which the job's trace goes on: the context's, or one of its own.
func enqueuing(ctx context.Context, source string, id schemas.UUID) (*nats.Msg, tracing.Span) {
	ctx, span := tracing.Start(ctx, "enqueue")
	message := &nats.Msg{Subject: jobsPrefix + subject(source, id)}
	if parent := tracing.Parent(ctx); parent != "" {
		message.Header = nats.Header{traceHeader: []string{parent}}
	}
	return message, span
}

// traceHeader is the header of a job that says which trace it goes on with.
const traceHeader = "traceparent"

// PublishMany enqueues jobs for many registrants, with a bounded number under way at once, and returns
// when all are durable.
func (q *Queue) PublishMany(ctx context.Context, source string, ids []schemas.UUID) error {
	const window = 256
	var acks []jetstream.PubAckFuture
	settle := func() error {
		for _, ack := range acks {
			select {
			case <-ack.Ok():
			case err := <-ack.Err():
				return fmt.Errorf("enqueue jobs for %s: %w", source, err)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		acks = acks[:0]
		return nil
	}
	for _, id := range ids {
		message, span := enqueuing(ctx, source, id)
		ack, err := q.js.PublishMsgAsync(message)
		span.End(err)
		if err != nil {
			return fmt.Errorf("enqueue jobs for %s: %w", source, err)
		}
		if acks = append(acks, ack); len(acks) == window {
			if err := settle(); err != nil {
				return err
			}
		}
	}
	return settle()
}

// Job is one registrant to look at. Exactly one of Done, Retry and DeadLetter ends it.
type Job struct {
	Source  string
	ID      schemas.UUID
	Attempt int    // 1 for the first
	Trace   string // what it goes on with, as W3C's traceparent; "" for none

	message jetstream.Msg
	queue   *Queue
}

// Jobs yields jobs to one worker, one at a time.
type Jobs struct {
	messages jetstream.MessagesContext
	queue    *Queue
}

// Jobs starts to receive.
func (q *Queue) Jobs(ctx context.Context) (*Jobs, error) {
	consumer, err := broker.OpenConsumer(ctx, q.js)
	if err != nil {
		return nil, err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(1))
	if err != nil {
		return nil, fmt.Errorf("receive jobs: %w", err)
	}
	return &Jobs{messages, q}, nil
}

// Next waits for the next job. Errors: ctx's, and jetstream.ErrMsgIteratorClosed after Stop.
func (j *Jobs) Next(ctx context.Context) (Job, error) {
	for {
		message, err := j.messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return Job{}, fmt.Errorf("receive the next job: %w", err)
		}
		meta, err := message.Metadata()
		if err != nil {
			return Job{}, fmt.Errorf("read the job's metadata: %w", err)
		}
		source, id, _ := strings.Cut(strings.TrimPrefix(message.Subject(), jobsPrefix), ".")
		job := Job{Source: broker.Named(source), ID: schemas.UUID(id), Attempt: int(meta.NumDelivered), Trace: message.Headers().Get(traceHeader),
			message: message, queue: j.queue}
		if job.Attempt <= Attempts {
			return job, nil
		}
		if err := job.DeadLetter(ctx, WorkerDied); err != nil {
			return Job{}, err
		}
	}
}

// Stop ends receiving; a waiting Next returns.
func (j *Jobs) Stop() { j.messages.Stop() }

// Done says that the job is done.
func (j Job) Done(ctx context.Context) error {
	if err := j.message.DoubleAck(ctx); err != nil {
		return fmt.Errorf("acknowledge the job of %s: %w", j.ID, err)
	}
	return nil
}

// InProgress says that the job is still being done; it must be said once a minute.
func (j Job) InProgress() error {
	if err := j.message.InProgress(); err != nil {
		return fmt.Errorf("hold the job of %s: %w", j.ID, err)
	}
	return nil
}

// awaitGeneration is the longest wait of a job that found no generation: it has nothing to do with how the registrant fares, and one
// is made soon after an index came back empty.
const awaitGeneration = 5 * time.Second

// Retry gives the job back to be tried later, or makes it dead when this was the last attempt. A job for which there is no generation
// never becomes dead: who makes one enqueues everybody whom it lacks.
func (j Job) Retry(ctx context.Context, class Class) error {
	wait := backoff[min(max(j.Attempt, 1), len(backoff))-1]
	switch {
	case class == NoGeneration && j.Attempt >= Attempts:
		return j.Done(ctx)
	case class == NoGeneration:
		wait = min(wait, awaitGeneration)
	case j.Attempt >= Attempts:
		return j.DeadLetter(ctx, class)
	}
	if err := j.message.NakWithDelay(wait); err != nil {
		return fmt.Errorf("give back the job of %s: %w", j.ID, err)
	}
	return nil
}

// DeadLetterSchema is the version of DeadLetter's stored form. History: 1, the first.
const DeadLetterSchema = 1

// DeadLetter is a dead job.
type DeadLetter struct {
	Schema   int          `json:"schema"`
	Source   string       `json:"source"`
	ID       schemas.UUID `json:"id"`
	Class    Class        `json:"class"` // of the last failure
	Attempts int          `json:"attempts"`
	At       time.Time    `json:"at"`
}

// DeadLetter ends the job as failed for good: it is kept in the dead-letter stream until it is retried.
func (j Job) DeadLetter(ctx context.Context, class Class) error {
	data, err := json.Marshal(DeadLetter{Schema: DeadLetterSchema, Source: j.Source, ID: j.ID, Class: class, Attempts: j.Attempt,
		At: time.Now().UTC()})
	if err != nil {
		return fmt.Errorf("encode the dead job of %s: %w", j.ID, err)
	}
	if _, err := j.queue.js.Publish(ctx, deadPrefix+subject(j.Source, j.ID), data); err != nil {
		return fmt.Errorf("keep the dead job of %s: %w", j.ID, err)
	}
	if err := j.message.TermWithReason(string(class)); err != nil {
		return fmt.Errorf("end the job of %s: %w", j.ID, err)
	}
	return nil
}

// Counts says how many jobs wait (those being done and those to be tried again included) and how many are dead.
type Counts struct {
	Waiting int `json:"waiting"`
	Dead    int `json:"dead"`
}

// Count counts jobs.
func (q *Queue) Count(ctx context.Context) (Counts, error) {
	jobs, err := q.jobs.Info(ctx)
	if err != nil {
		return Counts{}, fmt.Errorf("count the jobs: %w", err)
	}
	dead, err := q.dead.Info(ctx)
	if err != nil {
		return Counts{}, fmt.Errorf("count the dead jobs: %w", err)
	}
	return Counts{Waiting: int(jobs.State.Msgs), Dead: int(dead.State.Msgs)}, nil
}

// Left counts the jobs that a worker has yet to do, from what stream and consumer say: a
// message whose acknowledgement outlived a killed server stays in the stream and is never delivered, and one
// that a newer job replaced stays with the consumer for a while, so the smaller number is right.
func (q *Queue) Left(ctx context.Context) (int, error) {
	jobs, err := q.jobs.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("count the jobs: %w", err)
	}
	waiting := int(jobs.State.Msgs)
	consumer, err := q.jobs.Consumer(ctx, broker.Consumer)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return waiting, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look at the queue's consumer: %w", err)
	}
	info := consumer.CachedInfo()
	left := int(info.NumPending) + info.NumAckPending
	if jobs.State.LastSeq > info.Delivered.Stream {
		left = max(left, 1) // the server tells a consumer of a new message a moment after it stored it
	}
	return min(waiting, left), nil
}

// Tidy deletes the messages of jobs that were done before a server was killed and are still in the
// stream, where they would count as waiting for ever. Any number of processes may, at any time.
func (q *Queue) Tidy(ctx context.Context) error {
	consumer, err := q.jobs.Consumer(ctx, broker.Consumer)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the queue's consumer: %w", err)
	}
	floor := consumer.CachedInfo().AckFloor.Stream
	if floor == 0 {
		return nil
	}
	// All up to the floor are acknowledged: a work queue has one consumer.
	if err := q.jobs.Purge(ctx, jetstream.WithPurgeSequence(floor+1)); err != nil {
		return fmt.Errorf("delete answered jobs: %w", err)
	}
	return nil
}

// mostWaiting bounds the jobs that Known lists.
const mostWaiting = 200_000

// Known lists whose jobs wait, those being done and those to be tried again included: to enqueue them again
// would only take the place of a job that waits for its next attempt. all says that there are too many to list.
func (q *Queue) Known(ctx context.Context) (ids map[schemas.UUID]bool, all bool, err error) {
	info, err := q.jobs.Info(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("list the jobs: %w", err)
	}
	if info.State.NumSubjects > mostWaiting {
		return nil, true, nil
	}
	if info, err = q.jobs.Info(ctx, jetstream.WithSubjectFilter(jobsPrefix+">")); err != nil {
		return nil, false, fmt.Errorf("list the jobs: %w", err)
	}
	ids = make(map[schemas.UUID]bool, len(info.State.Subjects))
	for subject := range info.State.Subjects {
		ids[schemas.UUID(subject[strings.LastIndexByte(subject, '.')+1:])] = true
	}
	return ids, false, nil
}

// Waiting counts the jobs of each source, dead ones apart. waiting is nil where there are too many to list.
func (q *Queue) Waiting(ctx context.Context) (waiting, dead map[string]int, err error) {
	count := func(stream jetstream.Stream, prefix string) (map[string]int, error) {
		info, err := stream.Info(ctx, jetstream.WithSubjectFilter(prefix+">"))
		if err != nil {
			return nil, fmt.Errorf("count jobs by source: %w", err)
		}
		counts := make(map[string]int)
		for subject, n := range info.State.Subjects {
			source, _, _ := strings.Cut(strings.TrimPrefix(subject, prefix), ".")
			counts[broker.Named(source)] += int(n)
		}
		return counts, nil
	}
	all, err := q.jobs.Info(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("count jobs by source: %w", err)
	}
	if all.State.NumSubjects <= mostWaiting {
		if waiting, err = count(q.jobs, jobsPrefix); err != nil {
			return nil, nil, err
		}
	}
	dead, err = count(q.dead, deadPrefix)
	return waiting, dead, err
}

// DeadLetters lists the dead jobs, at most limit. Those of a newer version are left out: it alone
// may retry them. Count counts them too.
func (q *Queue) DeadLetters(ctx context.Context, limit int) ([]DeadLetter, error) {
	info, err := q.dead.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the dead jobs: %w", err)
	}
	var letters []DeadLetter
	for seq := max(info.State.FirstSeq, 1); seq <= info.State.LastSeq && len(letters) < limit; seq++ {
		message, err := q.dead.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list the dead jobs: %w", err)
		}
		var l DeadLetter
		if err := json.Unmarshal(message.Data, &l); err != nil {
			return nil, fmt.Errorf("decode dead job %d: %w", seq, err)
		}
		if l.Schema > DeadLetterSchema {
			continue
		}
		letters = append(letters, l)
	}
	return letters, nil
}

// Retry enqueues a dead job again and forgets that it was dead.
func (q *Queue) Retry(ctx context.Context, l DeadLetter) error {
	if err := q.Publish(ctx, l.Source, l.ID); err != nil {
		return err
	}
	return q.Forget(ctx, l.Source, l.ID)
}

// MaxDeadLetters bounds the dead jobs that are handled at a time.
const MaxDeadLetters = 10000

// Forget takes a registrant's job out of the dead-letter stream.
func (q *Queue) Forget(ctx context.Context, source string, id schemas.UUID) error {
	if err := q.dead.Purge(ctx, jetstream.WithPurgeSubject(deadPrefix+subject(source, id))); err != nil {
		return fmt.Errorf("forget the dead job of %s: %w", id, err)
	}
	return nil
}
