// Package ingest is the only way into Lineup's stores. It accepts captures, delists whom a source no longer lists,
// removes people for ever, and enqueues jobs for the indexers.
//
// For every registrant the order is the same: first the blobs, then the listing, then the job. What was acknowledged
// is durable, and whatever a crash between two steps leaves undone, Reconcile repairs. Only the holder of a source's
// lease writes or deletes the blobs of its registrants, so no writer can lose another's. Remove is the exception: its
// mark forbids that they are written again.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"

	"lineup/ingest/blob"
	"lineup/ingest/ledger"
	"lineup/ingest/queue"
	"lineup/schemas"
)

// Ingester writes to the stores. Its methods may be called from many goroutines.
type Ingester struct {
	blobs  blob.Store
	ledger *ledger.Ledger
	queue  *queue.Queue
	log    *slog.Logger
	now    func() time.Time
	packer func() (*zstd.Encoder, error)

	orphansAtOnce int // orphansAtOnce

	mu   sync.Mutex
	runs map[string]*run // by source: the runs this process holds the lease of
}

// run is a run under way in this process.
type run struct {
	id    string
	fence uint64
	mu    sync.Mutex // guards lease
	lease *ledger.Lease
	lost  context.Context // done when the lease is lost or given back
	end   context.CancelCauseFunc
	done  chan struct{} // closed when the renewing goroutine has returned
	// renewed is when the lease was last asked for and given.
	renewed atomic.Pointer[time.Time]
}

// noteRenewed records that the lease was granted to the request that was made at asked.
func (r *run) noteRenewed(asked time.Time) { r.renewed.Store(&asked) }

// expired reports whether somebody else may hold the lease by now.
func (r *run) expired() bool { return time.Since(*r.renewed.Load()) >= ledger.LeaseTime }

// sign writes the run's fencing token into a listing before it is stored. It returns an error if a later holder of
// the lease has already written the listing.
func (r *run) sign(s *schemas.Listing) error {
	if s.Fence > r.fence {
		return fmt.Errorf("run %s was overtaken by a later holder of the lease of %s: %w", r.id, s.Source, schemas.ErrLeased)
	}
	s.Fence = r.fence
	return nil
}

// New makes an Ingester over the given stores.
func New(blobs blob.Store, l *ledger.Ledger, q *queue.Queue, log *slog.Logger) *Ingester {
	return &Ingester{blobs: blobs, ledger: l, queue: q, log: log, now: time.Now, packer: sync.OnceValues(newPacker),
		orphansAtOnce: orphansAtOnce, runs: make(map[string]*run)}
}

// At makes in go by another clock than time.Now: for tests of what happens over weeks. It returns in.
func (in *Ingester) At(now func() time.Time) *Ingester {
	in.now = now
	return in
}

// Resumable is how long after its last checkpoint an interrupted run goes on. Whom it read may have left the source since, and
// would count as seen in it: after that time a new run begins, which reads them again. It is longer than a week, so that a source
// that is asked once a week, in a window, goes on at its next turn.
const Resumable = 8 * 24 * time.Hour

// Begin starts a run over source. With resume it continues the interrupted one, if there is any and it is Resumable, and returns its
// checkpoint. It takes the source's lease and holds it until Finish or Abandon. Errors: schemas.ErrLeased.
func (in *Ingester) Begin(ctx context.Context, source string, resume bool) (id string, checkpoint []byte, err error) {
	asked := time.Now()
	lease, err := in.ledger.Lease(ctx, source, string(schemas.RandomID()))
	if err != nil {
		return "", nil, err
	}
	runs, err := in.ledger.UpdateRuns(ctx, source, func(r *ledger.Runs) error {
		r.NextFence(in.now())
		closed := r.Open == nil || in.now().Sub(r.Open.At()) > Resumable ||
			r.Last != nil && r.Last.Run == r.Open.Run && !r.Last.Interrupted // as versions before left a partial run open
		if !resume || closed {
			r.Open = &ledger.OpenRun{Run: in.now().UTC().Format("20060102T150405.000Z"), Started: in.now().UTC()}
		}
		return nil
	})
	if err != nil {
		return "", nil, errors.Join(err, lease.Release(ctx))
	}
	r := &run{id: runs.Open.Run, fence: runs.Fence, lease: lease, done: make(chan struct{})}
	r.noteRenewed(asked)
	// The lease outlives this call: it belongs to the run and is released when the run ends.
	r.lost, r.end = context.WithCancelCause(context.WithoutCancel(ctx))
	in.mu.Lock()
	in.runs[source] = r
	in.mu.Unlock()
	go r.hold(in.log, source)
	return r.id, runs.Open.Checkpoint, nil
}

// hold renews the lease until the run ends or the lease is lost.
func (r *run) hold(log *slog.Logger, source string) {
	defer close(r.done)
	tick := time.NewTicker(ledger.LeaseTime / 4)
	defer tick.Stop()
	for {
		select {
		case <-r.lost.Done():
			return
		case <-tick.C:
		}
		asked := time.Now()
		r.mu.Lock()
		err := r.lease.Renew(r.lost)
		r.mu.Unlock()
		switch {
		case err == nil:
			r.noteRenewed(asked)
		case errors.Is(err, schemas.ErrLeased) || r.expired():
			log.Warn("lease lost", "source", source)
			r.end(schemas.ErrLeased)
			return
		}
	}
}

// running returns the run this process holds the lease for. Errors: schemas.ErrLeased.
func (in *Ingester) running(source, id string) (*run, error) {
	in.mu.Lock()
	r := in.runs[source]
	in.mu.Unlock()
	if r == nil || r.id != id || r.lost.Err() != nil || r.expired() {
		return nil, fmt.Errorf("run %s over %s: %w", id, source, schemas.ErrLeased)
	}
	return r, nil
}

// release ends the run in this process and gives its lease back.
func (in *Ingester) release(ctx context.Context, source string, r *run) error {
	in.mu.Lock()
	if in.runs[source] == r {
		delete(in.runs, source)
	}
	in.mu.Unlock()
	r.end(nil)
	<-r.done
	return r.lease.Release(context.WithoutCancel(ctx))
}

// Checkpoint stores where the crawl is, for a later Begin with resume.
func (in *Ingester) Checkpoint(ctx context.Context, source, id string, data []byte) error {
	leased, err := in.running(source, id)
	if err != nil {
		return err
	}
	_, err = in.ledger.UpdateRuns(ctx, source, func(r *ledger.Runs) error {
		if r.Open == nil || r.Open.Run != id || r.Fence > leased.fence {
			return fmt.Errorf("run %s over %s is not open: %w", id, source, schemas.ErrLeased)
		}
		r.Open.Checkpoint, r.Open.Noted = data, in.now().UTC()
		return nil
	})
	return err
}

// Known returns the listing of the registrant that a source lists under key; the crawl needs it for conditional
// requests. Errors: fs.ErrNotExist.
func (in *Ingester) Known(ctx context.Context, source, key string) (schemas.Listing, error) {
	return in.ledger.Listing(ctx, source, schemas.RegistrantID(source, key))
}

// Abandon ends a run that did not read enough to be believed. Its summary is stored and nobody is delisted. Only an
// interrupted run can be resumed.
func (in *Ingester) Abandon(ctx context.Context, source, id string, s schemas.RunSummary) error {
	r, err := in.running(source, id)
	if err != nil {
		return err
	}
	return errors.Join(in.fileSummary(ctx, source, id, r.fence, s), in.release(ctx, source, r))
}

// fileSummary files the summary of a run that has ended.
func (in *Ingester) fileSummary(ctx context.Context, source, id string, fence uint64, s schemas.RunSummary) error {
	_, err := in.ledger.UpdateRuns(ctx, source, func(r *ledger.Runs) error {
		if r.Fence > fence {
			return fmt.Errorf("run %s over %s was overtaken: %w", id, source, schemas.ErrLeased)
		}
		if !s.Interrupted && r.Open != nil && r.Open.Run == id {
			r.Open = nil
		}
		r.Last = &s
		r.Remember(s)
		if s.State == schemas.RunComplete {
			r.Complete = &s
		}
		return nil
	})
	return err
}
