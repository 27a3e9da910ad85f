// Package indexer makes the index agree with the ledger: a Worker answers doorbells by reading
// the registrant's listing as it is now, embedding the photos that no generation holds yet,
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
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/ingest/blob"
	"lineup/ingest/ledger"
	"lineup/ingest/queue"
	"lineup/schemas"
)

// Ledger is what a worker needs of the ledger.
type Ledger interface {
	Listing(ctx context.Context, source string, id schemas.UUID) (schemas.Listing, error)
	Mark(ctx context.Context, source string, id schemas.UUID, generation string, m schemas.Mark, keep func(generation string) bool) error
}

// Deps is what a Worker works with. All must be set.
type Deps struct {
	Ledger    Ledger
	Queue     *queue.Queue
	Blobs     blob.Store
	Index     index.Index
	Embedders []face.Embedder // one a model; the first is the model of new galleries
	Metrics   *Metrics
	Log       *slog.Logger
}

// Worker answers doorbells.
type Worker struct {
	Deps
	embedders map[string]face.Embedder
}

// moves bounds how often a listing may move while it is being indexed before the job is given
// back.
const moves = 10

// maxInFlight bounds the unanswered jobs of all workers of a deployment together.
const maxInFlight = 1024

var (
	// errModel is a generation whose model no embedder here computes.
	errModel = errors.New("no embedder for the generation's model")
	// errNoGeneration is an index that has lost its generations, or was never prepared.
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

// Prepare makes a generation to fill when the index has none that is written to: it is new, or
// came back empty. It does not serve yet: see Promote.
func Prepare(ctx context.Context, ix index.Index, model schemas.Model) error {
	all, err := ix.Generations(ctx)
	if err != nil {
		return fmt.Errorf("list the generations: %w", err)
	}
	if slices.ContainsFunc(all, func(g index.Generation) bool { return g.State != index.Retired }) {
		return nil
	}
	if err := ix.Create(ctx, index.Generation{Name: "g1", Model: model}); err != nil && !errors.Is(err, index.ErrExists) {
		return fmt.Errorf("make the first generation: %w", err)
	}
	return nil
}

// Promote lets the oldest generation that is complete serve, when none does: an index that came
// back empty answers nothing until it holds all again, rather than telling of some that nobody
// matches.
func Promote(ctx context.Context, ix index.Index, complete func(index.Generation) (bool, error)) error {
	all, err := ix.Generations(ctx)
	if err != nil {
		return fmt.Errorf("list the generations: %w", err)
	}
	if slices.ContainsFunc(all, func(g index.Generation) bool { return g.State == index.Serving }) {
		return nil
	}
	for _, g := range all {
		if whole, err := complete(g); err != nil {
			return fmt.Errorf("look whether generation %s is complete: %w", g.Name, err)
		} else if !whole {
			continue
		}
		if err := ix.Switch(ctx, g.Name); err != nil {
			return fmt.Errorf("let generation %s serve: %w", g.Name, err)
		}
		return nil
	}
	return nil
}

// Run answers doorbells, parallel of them at once, until ctx ends.
func (w *Worker) Run(ctx context.Context, parallel int) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	for range max(parallel, 1) {
		jobs, err := w.Queue.Jobs(ctx, maxInFlight)
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
		w.answer(ctx, job)
	}
}

// answer does one job and ends it.
func (w *Worker) answer(ctx context.Context, job queue.Job) {
	started := time.Now()
	err := w.Sync(ctx, job.Source, job.ID, job.InProgress)
	if ctx.Err() != nil {
		return // the job comes back to somebody when its time is over
	}
	class, permanent := classify(err)
	w.Metrics.done(class, time.Since(started))
	switch {
	case err == nil:
		err = job.Done(ctx)
	case permanent:
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

// classify names the kind of a failure and says whether trying again is useless.
func classify(err error) (class string, permanent bool) {
	switch {
	case err == nil:
		return "ok", false
	case errors.Is(err, schemas.ErrNewerSchema):
		return "newer_schema", true
	case errors.Is(err, errModel):
		return "unknown_model", false
	case errors.Is(err, errNoGeneration):
		return "no_generation", false
	case errors.Is(err, blob.ErrCorrupt):
		return "corrupt_blob", false
	case errors.Is(err, fs.ErrNotExist):
		return "missing_blob", false
	case errors.Is(err, ledger.ErrMoved):
		return "moved", false
	}
	return "engine", false
}

// Sync makes every live generation agree with the listing of one registrant. working, if
// not nil, is called between photos.
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
			return nil // a doorbell for nobody
		}
		if err != nil {
			return err
		}
		moved := false
		var unable error
		for _, g := range generations {
			if listing.Agrees(g.Name, g.Model.ID, g.Created) || g.State == index.Retired && listing.Listed {
				continue
			}
			err := w.replace(ctx, generations, g, listing, func(name string) bool { return known[name] }, working)
			if errors.Is(err, ledger.ErrMoved) || errors.Is(err, fs.ErrNotExist) && w.hasMoved(ctx, listing) {
				moved = true
				break
			}
			if errors.Is(err, errModel) {
				unable = err // by an indexer with that model; the other generations must not wait for it
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

// hasMoved reports whether a blob may be missing because the listing it belongs to is old.
func (w *Worker) hasMoved(ctx context.Context, s schemas.Listing) bool {
	now, err := w.Ledger.Listing(ctx, s.Source, s.ID)
	return err == nil && (now.Revision != s.Revision || now.Record != s.Record)
}

// replace makes one generation agree with a listing and marks it.
func (w *Worker) replace(ctx context.Context, all []index.Generation, g index.Generation, s schemas.Listing, keep func(string) bool, working func() error) error {
	entry := index.Entry{ID: s.ID, Source: s.Source, Revision: s.Revision}
	for again := true; again; {
		again = false
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
			var err error
			if again, err = w.unmask(ctx, all, g, entry, keep); err != nil {
				return err
			}
		}
	}
	return w.mark(ctx, g, s, entry, keep)
}

func (w *Worker) write(ctx context.Context, g index.Generation, entry index.Entry) error {
	if err := w.Index.Replace(ctx, g.Name, entry); err != nil {
		return fmt.Errorf("replace %s in %s: %w", entry.ID, g.Name, err)
	}
	return nil
}

func (w *Worker) mark(ctx context.Context, g index.Generation, s schemas.Listing, entry index.Entry, keep func(string) bool) error {
	return w.Ledger.Mark(ctx, s.Source, s.ID, g.Name, schemas.Mark{
		Revision: s.Revision, Model: g.Model.ID, Faces: len(entry.Faces), At: time.Now().UTC(), Built: g.Created,
	}, keep)
}
