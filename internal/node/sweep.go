package node

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/indexer/index"
	"lineup/ingest/ledger"
	"lineup/internal/operate/gallery"
	"lineup/schemas"
)

const (
	// lookAgain is how often an indexer checks whether the generations have changed, and whether it is its turn to
	// sweep.
	lookAgain = 5 * time.Second
	// orphansFirst is how long after its first sweep an indexer looks for orphaned blobs; orphansAgain is the interval
	// after that.
	orphansFirst = 10 * time.Minute
	orphansAgain = 24 * time.Hour
)

// sweeping is the name of the lease that the sweeping indexer holds.
const sweeping = "indexers"

// turn decides which indexer sweeps.
type turn struct {
	node  *Node
	lease *ledger.Lease
	alone bool // the lease has no bucket yet, because lineup prepare has not run: every indexer sweeps, as in earlier versions
}

// mine reports whether it is this process's turn to sweep.
func (t *turn) mine(ctx context.Context) bool {
	if t.lease != nil && t.lease.Renew(ctx) == nil {
		return true
	}
	var err error
	t.lease, err = t.node.Ledger.SweepLease(ctx, sweeping, string(schemas.RandomID()))
	if errors.Is(err, schemas.ErrLeased) {
		t.alone = false
		return false
	}
	if err != nil && !t.alone && ctx.Err() == nil {
		t.node.Log.Warn("no lease for sweeping: every indexer sweeps (lineup prepare makes what is missing)", "error", err)
	}
	t.alone = err != nil
	return ctx.Err() == nil
}

// during holds the lease while do runs.
func (t *turn) during(ctx context.Context, do func() error) error {
	if t.lease == nil {
		return do()
	}
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(ledger.LeaseTime / 4)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := t.lease.Renew(ctx); errors.Is(err, schemas.ErrLeased) {
				return // another indexer sweeps too, which does no harm
			}
		}
	}()
	defer func() { stop(); <-done }()
	return do()
}

// release returns the lease.
func (t *turn) release(ctx context.Context) {
	if t.lease == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookAgain)
	defer cancel()
	if err := t.lease.Release(ctx); err != nil {
		t.node.Log.Warn("lease for sweeping not given back", "error", err)
	}
}

// reconcile sweeps for all indexers while this one holds the lease: it lets a generation serve that is whole, and enqueues what the
// live generations lack: now, from time to time, and soon after the generations have changed, as when an engine comes back empty. Once a
// day it deletes orphaned blobs.
func (n *Node) reconcile(ctx context.Context, model schemas.Model) error {
	tick := time.NewTicker(min(lookAgain, n.Config.Index.Reconcile))
	defer tick.Stop()
	t := turn{node: n}
	defer t.release(ctx)
	var known []schemas.Target
	var due time.Time
	var orphans time.Time // when they are looked for next; zero: not known
	for {
		if t.mine(ctx) {
			err := t.during(ctx, func() error {
				targets, err := n.Prepared(ctx, model)
				if err != nil || slices.Equal(targets, known) && time.Now().Before(due) {
					return err
				}
				if err = n.timed("reconcile", func() error { return n.ReconcileOnce(ctx) }); err == nil {
					known, due = targets, time.Now().Add(n.Config.Index.Reconcile)
				}
				return err
			})
			if orphans.IsZero() {
				orphans = n.nextOrphans(ctx)
			}
			if err == nil && !time.Now().Before(orphans) {
				err = t.during(ctx, func() error { return n.timed("orphans", func() error { return n.sweepOrphans(ctx) }) })
				orphans = time.Now().Add(orphansAgain)
				if err != nil { // it goes on where it was
					orphans = time.Now().Add(orphansFirst)
				}
			}
			if err != nil && ctx.Err() == nil {
				n.Log.Warn("sweep failed, trying again", "error", err)
			}
		} else {
			orphans = time.Time{} // whose turn it is may look for them meanwhile
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// nextOrphans is when orphaned blobs are looked for next: at once where a sweep was interrupted, a day after the last one, and soon where
// there was none.
func (n *Node) nextOrphans(ctx context.Context) time.Time {
	at, err := n.Ledger.OrphanSweep(ctx)
	switch {
	case err != nil || at.Next == 0 && at.Ended.IsZero():
		return time.Now().Add(orphansFirst)
	case at.Next > 0:
		return time.Now()
	default:
		return at.Ended.Add(orphansAgain)
	}
}

func (n *Node) sweepOrphans(ctx context.Context) error {
	gone, err := n.Orphans(ctx)
	if gone > 0 {
		n.Log.Info("orphaned blobs deleted", "blobs", gone)
	}
	return err
}

// timed runs a sweep and records how long it took.
func (n *Node) timed(sweep string, do func() error) error {
	began := time.Now()
	err := do()
	took := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lineup_sweep_seconds",
		Help: "How long the last sweep took, by what it did: reconcile, orphans, audit, sources."}, []string{"sweep"})
	if again := n.Metrics.Register(took); again != nil {
		already := prometheus.AlreadyRegisteredError{}
		if !errors.As(again, &already) {
			return errors.Join(err, again)
		}
		took = already.ExistingCollector.(*prometheus.GaugeVec)
	}
	if err == nil {
		took.WithLabelValues(sweep).Set(time.Since(began).Seconds())
	}
	return err
}

// galleryNight is how often an indexer checks the registrants it has enrolled since the last check.
const galleryNight = 24 * time.Hour

// checkNightly checks every day who was enrolled or changed that day, until ctx ends. It exports counts only; `lineup
// gallery check` shows the uuids.
func (n *Node) checkNightly(ctx context.Context) error {
	tick := time.NewTicker(galleryNight)
	defer tick.Stop()
	look := func(ctx context.Context, c gallery.Check) (gallery.Report, error) {
		return gallery.Look(ctx, n.Index, c)
	}
	return checkAt(ctx, tick.C, look, n.Metrics, n.Log)
}

// checkAt checks, at each tick, who was enrolled in the day before it.
func checkAt(ctx context.Context, ticks <-chan time.Time, check func(context.Context, gallery.Check) (gallery.Report, error),
	metrics prometheus.Registerer, log *slog.Logger) error {
	findings := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lineup_gallery_findings",
		Help: "What the last nightly check of newly enrolled faces found, by kind; lineup gallery check names them."}, []string{"kind"})
	if err := metrics.Register(findings); err != nil {
		return err
	}
	for {
		var now time.Time
		select {
		case <-ctx.Done():
			return nil
		case now = <-ticks:
		}
		report, err := check(ctx, gallery.Check{Since: now.Add(-galleryNight)})
		switch {
		case errors.Is(err, index.ErrNoneServing) || ctx.Err() != nil:
		case err != nil:
			log.Warn("gallery not checked", "error", err)
		default:
			for kind, count := range report.Counts {
				findings.WithLabelValues(kind).Set(float64(count))
			}
			log.Info("gallery checked", "registrants", report.Looked, "faces", report.Faces, "alone", report.Counts[gallery.FindingAlone],
				"disagree", report.Counts[gallery.FindingDisagree], "shared", report.Counts[gallery.FindingShared], "duplicate",
				report.Counts[gallery.FindingDuplicate])
		}
	}
}
