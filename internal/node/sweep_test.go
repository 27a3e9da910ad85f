package node

import (
	"strconv"
	"testing"
	"time"

	"lineup/indexer"
	"lineup/ingest/ledger"
	"lineup/ingest/queue"
	"lineup/schemas"
)

// TestOneSweepsForAll has two indexers over one ledger: one has the turn till it gives it back, or is dead.
func TestOneSweepsForAll(t *testing.T) {
	n := newNode(t)
	ctx := t.Context()
	one, two := turn{node: n}, turn{node: n}
	for range 3 {
		if !one.mine(ctx) || two.mine(ctx) || one.alone || two.alone {
			t.Fatal("not one of two has the turn")
		}
	}
	did := 0
	if err := one.during(ctx, func() error { did++; return nil }); err != nil || did != 1 {
		t.Fatal(err)
	}
	one.release(ctx)
	if !two.mine(ctx) || one.mine(ctx) {
		t.Error("the turn was given back and nobody else has it")
	}
	if err := n.Ledger.BreakLeases(ctx); err != nil { // as the lease of the dead runs out
		t.Fatal(err)
	}
	if !one.mine(ctx) || two.mine(ctx) {
		t.Error("the turn of the dead is nobody's")
	}
}

// TestNobodyWhoWaitsIsEnqueued reconciles while a job waits, after it was lost, and after its indexer died at each attempt.
func TestNobodyWhoWaitsIsEnqueued(t *testing.T) {
	n := newNode(t)
	ctx, id := t.Context(), schemas.RegistrantID("us-zz", "1")
	if err := indexer.Prepare(ctx, n.Index, schemas.Model{ID: "m", Dimensions: 4, Metric: schemas.Euclidean, MaxDistance: 1}); err != nil {
		t.Fatal(err)
	}
	_, err := n.Ledger.Update(ctx, "us-zz", id, func(s *schemas.Listing) error {
		s.Revision, s.Listed, s.Key, s.Changed = 1, true, "1", time.Now().Add(-time.Hour)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	enqueues := func(when string, want int) {
		t.Helper()
		if done, err := n.Reconcile(ctx); err != nil || done.Enqueued != want {
			t.Errorf("%s: %d jobs, %v; want %d", when, done.Enqueued, err, want)
		}
	}
	next := func() queue.Job {
		t.Helper()
		jobs, err := n.Queue.Jobs(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer jobs.Stop()
		job, err := jobs.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return job
	}
	enqueues("its job was lost", 1)
	enqueues("its job waits", 0)
	if err := next().DeadLetter(ctx, queue.Engine); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) { // that it ended is told by and by
		if counts, err := n.Queue.Count(ctx); err != nil || counts.Waiting == 0 || time.Now().After(end) {
			break
		}
	}
	enqueues("its job is dead: an engine that is well again is tried unasked", 1)
	if err := next().DeadLetter(ctx, queue.WorkerDied); err != nil {
		t.Fatal(err)
	}
	enqueues("its job ended the indexers", 0)
}

// TestNothingWrittenIsNotSwept: while everybody is indexed and no listing is written, a reconciliation reads none.
func TestNothingWrittenIsNotSwept(t *testing.T) {
	n := newNode(t)
	ctx := t.Context()
	if err := indexer.Prepare(ctx, n.Index, schemas.Model{ID: "m", Dimensions: 4, Metric: schemas.Euclidean, MaxDistance: 1}); err != nil {
		t.Fatal(err)
	}
	const people = 100
	list(t, n, "us-zz", 0, people)
	reconciled := func() (enqueued int, read uint64) {
		t.Helper()
		before := n.JS.Conn().Stats().InMsgs
		done, err := n.Reconcile(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return done.Enqueued, n.JS.Conn().Stats().InMsgs - before
	}
	if enqueued, read := reconciled(); enqueued != people || read < people {
		t.Fatalf("%d enqueued, %d messages read", enqueued, read)
	}
	if _, read := reconciled(); read < people {
		t.Errorf("%d messages read while %d are due: a lost job would stay lost", read, people)
	}
	generations, err := n.Index.Generations(ctx)
	if err != nil {
		t.Fatal(err)
	}
	g := generations[0]
	mark := schemas.Mark{Revision: 1, Model: g.Model.ID, Features: g.Features, Built: g.Created}
	for i := range people {
		id := schemas.RegistrantID("us-zz", strconv.Itoa(i))
		if err := n.Ledger.Mark(ctx, "us-zz", id, g.Name, mark, func(string) bool { return true }); err != nil {
			t.Fatal(err)
		}
	}
	if enqueued, read := reconciled(); enqueued != 0 || read < people {
		t.Errorf("marks were written: %d enqueued, %d messages read", enqueued, read)
	}
	if enqueued, read := reconciled(); enqueued != 0 || read >= people/2 {
		t.Errorf("nothing was written: %d enqueued, %d messages read", enqueued, read)
	}
	list(t, n, "us-zz", people, 1)
	if enqueued, read := reconciled(); enqueued != 1 || read >= people/2 {
		t.Errorf("one came: %d enqueued, %d messages read", enqueued, read)
	}
	if enqueued, read := reconciled(); enqueued != 0 || read >= people/2 {
		t.Errorf("its job waits: %d enqueued, %d messages read", enqueued, read)
	}
	came := schemas.RegistrantID("us-zz", strconv.Itoa(people))
	if _, err := n.Ledger.Fail(ctx, "us-zz", came, string(queue.Engine), time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, read := reconciled(); read < people {
		t.Errorf("%d messages read although somebody fails, whom a sweep counts", read)
	}
	if err := n.Ledger.Unmark(ctx, "us-zz", schemas.RegistrantID("us-zz", "7")); err != nil {
		t.Fatal(err)
	}
	if _, read := reconciled(); read < people {
		t.Errorf("%d messages read while somebody was due at the last sweep", read)
	}
}

// TestOrphansAreLookedForWhereOneStopped: at once after an interrupted sweep, a day after one that ended.
func TestOrphansAreLookedForWhereOneStopped(t *testing.T) {
	n := newNode(t)
	ctx, now := t.Context(), time.Now()
	if at := n.nextOrphans(ctx); at.Sub(now) < orphansFirst || at.Sub(now) > 2*orphansFirst {
		t.Errorf("never looked for: next in %s", at.Sub(now))
	}
	if err := n.Ledger.KeepOrphanSweep(ctx, ledger.OrphanSweep{Next: 3}); err != nil {
		t.Fatal(err)
	}
	if at := n.nextOrphans(ctx); at.After(time.Now()) {
		t.Errorf("interrupted: next in %s", at.Sub(now))
	}
	if err := n.Ledger.KeepOrphanSweep(ctx, ledger.OrphanSweep{Ended: now.Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if at := n.nextOrphans(ctx); at.Sub(now).Round(time.Minute) != 23*time.Hour {
		t.Errorf("an hour after the last: next in %s", at.Sub(now))
	}
}
