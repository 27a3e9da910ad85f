// Package indexer makes the index agree with the ledger: a Worker does a job by reading the
// registrant's listing as it is now, embedding the photos that no generation holds yet,
// and replacing what the generations hold of the registrant.
//
// Any number of workers may run, also over the same job: what they write depends on the ledger
// alone, the index passes over late revisions, and a listing that moved meanwhile is done again.
package indexer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/ingest/blob"
	"lineup/ingest/ledger"
	"lineup/ingest/queue"
	"lineup/internal/tracing"
	"lineup/schemas"
)

// Ledger is what a worker needs of the ledger.
type Ledger interface {
	Listing(ctx context.Context, source string, id schemas.UUID) (schemas.Listing, error)
	Mark(ctx context.Context, source string, id schemas.UUID, generation string, m schemas.Mark, keep func(generation string) bool) error
	Fail(ctx context.Context, source string, id schemas.UUID, class string, at time.Time) (attempts int, err error)
}

// Deps is what a Worker works with. All but Excluded must be set.
type Deps struct {
	Ledger    Ledger
	Queue     *queue.Queue
	Blobs     blob.Store
	Index     index.Index
	Embedders []face.Embedder // one a model; the first is the model of new galleries
	Metrics   *Metrics
	Log       *slog.Logger

	// Excluded reports whether no templates are made of a source's photos; nil for of none.
	Excluded func(source string) bool
}

// Worker does jobs.
type Worker struct {
	Deps
	embedders map[string]face.Embedder
}

// moves bounds how often a listing may change while it is being indexed before the job is returned to the queue.
const moves = 10

var (
	// errModel reports a generation whose model no embedder of this process computes.
	errModel = errors.New("no embedder for the generation's model")
	// errFeatures reports a generation with newer features than this version makes.
	errFeatures = errors.New("no features of the generation's version")
	// errNoGeneration reports an index that has lost its generations or was never prepared.
	errNoGeneration = errors.New("the index has no generation to write to")
)

// New makes a worker.
func New(deps Deps) *Worker {
	w := &Worker{Deps: deps, embedders: make(map[string]face.Embedder)}
	for _, e := range deps.Embedders {
		w.embedders[e.Model().ID] = e
	}
	return w
}

// Run does jobs, at most parallel at once, and keeps the serving generation calibrated, until ctx ends.
func (w *Worker) Run(ctx context.Context, parallel int) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { w.keepCalibrated(ctx); return nil })
	for range max(parallel, 1) {
		jobs, err := w.Queue.Jobs(ctx)
		if ctx.Err() != nil {
			return group.Wait() // stopped before it began
		}
		if err != nil {
			stop()
			return errors.Join(err, group.Wait())
		}
		group.Go(func() error {
			defer jobs.Stop()
			return w.serve(ctx, jobs)
		})
	}
	return group.Wait()
}

// pause is how long a worker waits after the queue itself failed.
const pause = time.Second

func (w *Worker) serve(ctx context.Context, jobs *queue.Jobs) error {
	for {
		job, err := jobs.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, jetstream.ErrMsgIteratorClosed):
			return fmt.Errorf("jobs ended: %w", err)
		case err != nil:
			w.Log.Warn("queue not answering", "error", err)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(pause):
			}
			continue
		}
		w.do(ctx, job)
	}
}

// do does one job and acknowledges it, returns it, or makes it a dead letter.
func (w *Worker) do(ctx context.Context, job queue.Job) {
	started := time.Now()
	traced, span := tracing.Continue(ctx, job.Trace, "index", tracing.Source(job.Source), tracing.Attempt(job.Attempt))
	err := w.Sync(traced, job.Source, job.ID, job.InProgress)
	span.End(err)
	if ctx.Err() != nil {
		return // the job comes back to somebody when its time is over
	}
	class := classify(err)
	w.Metrics.done(class, time.Since(started))
	if err != nil {
		job.Attempt = max(job.Attempt, w.failures(ctx, job, class))
	}
	switch {
	case err == nil:
		err = job.Done(ctx)
	case class.Permanent():
		w.Log.Error("job is dead", "registrant", job.ID, "class", class, "error", err)
		err = job.DeadLetter(ctx, class)
	default:
		w.Log.Warn("job will be tried again", "registrant", job.ID, "attempt", job.Attempt, "class", class, "error", err)
		err = job.Retry(ctx, class)
	}
	if err != nil && ctx.Err() == nil {
		w.Log.Warn("job not ended, it will come back", "registrant", job.ID, "error", err)
	}
}

// failures records in the listing that a job failed, and returns how often jobs of this revision have failed. The
// count stands in the listing because a job that is enqueued again counts its deliveries from one. If it cannot be
// recorded there, the number of deliveries is returned.
func (w *Worker) failures(ctx context.Context, job queue.Job, class queue.Class) int {
	if class == queue.NewerSchema || class == queue.NoGeneration {
		return 0 // what a newer version wrote is left alone; and an index that was lost says nothing of the registrant
	}
	attempts, err := w.Ledger.Fail(ctx, job.Source, job.ID, string(class), time.Now())
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, schemas.ErrNewerSchema) {
		w.Log.Warn("attempt not noted", "registrant", job.ID, "error", err)
	}
	return attempts
}

// ok is what metrics call a job that did not fail.
const ok queue.Class = "ok"

// classify says what kind of failure err is.
func classify(err error) queue.Class {
	for _, known := range []struct {
		err   error
		class queue.Class
	}{
		{nil, ok},
		{schemas.ErrNewerSchema, queue.NewerSchema},
		{errModel, queue.UnknownModel},
		{errFeatures, queue.UnknownFeatures},
		{errNoGeneration, queue.NoGeneration},
		{blob.ErrCorrupt, queue.CorruptBlob},
		{fs.ErrNotExist, queue.MissingBlob},
		{ledger.ErrMoved, queue.Moved},
	} {
		if errors.Is(err, known.err) {
			return known.class
		}
	}
	return queue.Engine
}

// Sync makes every generation that is filled or serves agree with the listing of one registrant. If working is not
// nil, it is called between photos.
func (w *Worker) Sync(ctx context.Context, source string, id schemas.UUID, working func() error) error {
	generations, err := w.Index.Generations(ctx)
	if err != nil {
		return fmt.Errorf("list the generations: %w", err)
	}
	known, live := make(map[string]bool, len(generations)), false
	for _, g := range generations {
		known[g.Name] = true
		live = live || g.State != index.Retired
	}
	if !live {
		return fmt.Errorf("index %s: %w", id, errNoGeneration) // not done: it must come back
	}
	for range moves {
		listing, err := w.Ledger.Listing(ctx, source, id)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a job for nobody
		}
		if err != nil {
			return err
		}
		moved := false
		var unable error
		for _, g := range generations {
			if listing.Due(g.Target()) == schemas.DueNot || g.State == index.Retired && listing.Listed {
				continue
			}
			err := w.replace(ctx, generations, g, listing, func(name string) bool { return known[name] }, working)
			if errors.Is(err, ledger.ErrMoved) || errors.Is(err, fs.ErrNotExist) && w.hasMoved(ctx, listing) {
				moved = true
				break
			}
			if errors.Is(err, errModel) || errors.Is(err, errFeatures) {
				unable = err // another indexer is able; the other generations must not wait for it
				continue
			}
			if err != nil {
				return err
			}
		}
		if !moved {
			return unable
		}
	}
	return fmt.Errorf("index %s: %w", id, ledger.ErrMoved)
}

// hasMoved reports whether a blob may be missing only because the listing has changed since it was read.
func (w *Worker) hasMoved(ctx context.Context, s schemas.Listing) bool {
	now, err := w.Ledger.Listing(ctx, s.Source, s.ID)
	return err == nil && (now.Revision != s.Revision || now.Record != s.Record)
}

// replace makes one generation agree with a listing and marks it.
func (w *Worker) replace(ctx context.Context, all []index.Generation, g index.Generation, s schemas.Listing, keep func(string) bool,
	working func() error) error {
	if s.Listed && g.Features > index.FeatureVersion {
		return fmt.Errorf("generation %s has features of version %d, this lineup makes %d: %w", g.Name, g.Features, index.FeatureVersion,
			errFeatures)
	}
	entry := index.Entry{ID: s.ID, Source: s.Source, Revision: s.Revision}
	for {
		if s.Listed {
			var err error
			if entry, err = w.entry(ctx, all, g, s, working); err != nil {
				return err
			}
		}
		if err := w.write(ctx, g, entry); err != nil {
			return err
		}
		if s.Listed {
			if again, err := w.unmask(ctx, all, g, entry, keep); err != nil {
				return err
			} else if again {
				continue
			}
		}
		if err := w.mark(ctx, g, s, entry, keep); err != nil {
			return err
		}
		if again, err := w.masked(ctx, g, entry); err != nil || !again {
			return err
		}
	}
}

func (w *Worker) write(ctx context.Context, g index.Generation, entry index.Entry) error {
	ctx, span := tracing.Start(ctx, "replace", tracing.Generation(g.Name))
	err := w.Index.Replace(ctx, g.Name, entry)
	span.End(err)
	if err != nil {
		return fmt.Errorf("replace %s in %s: %w", entry.ID, g.Name, err)
	}
	return nil
}

func (w *Worker) mark(ctx context.Context, g index.Generation, s schemas.Listing, entry index.Entry, keep func(string) bool) (err error) {
	ctx, span := tracing.Start(ctx, "mark", tracing.Generation(g.Name))
	defer func() { span.End(err) }()
	lacks := 0
	if entry.Document != nil {
		for _, p := range entry.Document.Photos {
			if p.Problem == string(queue.CorruptBlob) || p.Problem == string(queue.MissingBlob) {
				lacks++
			}
		}
	}
	return w.Ledger.Mark(ctx, s.Source, s.ID, g.Name, schemas.Mark{
		Revision: s.Revision, Model: g.Model.ID, Features: index.FeatureVersion, Faces: len(entry.Faces), Unread: lacks,
		At: time.Now().UTC(), Built: g.Created,
	}, keep)
}
