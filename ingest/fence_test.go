package ingest

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lineup/ingest/ledger"
	"lineup/internal/testkit/stores"
	"lineup/schemas"
)

// TestAHolderWhoLostTheLeaseChangesNothing has a second process take the lease over and finish,
// while the first, stopped meanwhile, still believes it holds it and goes on.
func TestAHolderWhoLostTheLeaseChangesNothing(t *testing.T) {
	const source = "us-zz"
	ctx, log := t.Context(), slog.New(slog.DiscardHandler)
	s := stores.Open(t)
	blobs, l := s.Blobs, s.Ledger
	slow, quick := New(blobs, l, s.Queue, log), New(blobs, l, s.Queue, log)
	accept := func(in *Ingester, run, key, text string) error {
		_, err := in.Accept(ctx, run, schemas.Capture{Read: time.Now(), Record: schemas.Record{Source: source, Key: key, Designation: text}})
		return err
	}
	complete := schemas.RunSummary{Source: source, State: schemas.RunComplete}

	late, _, err := slow.Begin(ctx, source, false)
	must(t, err)
	for _, key := range []string{"stays", "changes", "leaves"} {
		must(t, accept(slow, late, key, "as the first read it"))
	}
	if _, _, err := quick.Begin(ctx, source, true); !errors.Is(err, schemas.ErrLeased) {
		t.Fatalf("a second holder: %v", err)
	}
	must(t, l.BreakLeases(ctx)) // as a lease that runs out
	// It resumes, so both runs have one name.
	run, _, err := quick.Begin(ctx, source, true)
	must(t, err)
	if run != late {
		t.Fatalf("resumed as %s, not %s", run, late)
	}
	must(t, accept(quick, run, "changes", "as the second read it"))
	must(t, quick.Sight(ctx, source, run, "stays"))
	if _, err := quick.Finish(ctx, source, run, complete); err != nil {
		t.Fatal(err)
	}
	next, _, err := quick.Begin(ctx, source, false) // and one in which somebody has left
	must(t, err)
	must(t, accept(quick, next, "changes", "as the second read it"))
	must(t, quick.Sight(ctx, source, next, "stays"))
	if s, err := quick.Finish(ctx, source, next, complete); err != nil || s.Delisted != 1 {
		t.Fatalf("%+v %v", s, err)
	}
	before := listings(t, l, source)

	for what, try := range map[string]func() error{
		"accepts a change":      func() error { return accept(slow, late, "changes", "as the first read it") },
		"accepts who has left":  func() error { return accept(slow, late, "leaves", "as the first read it") },
		"sights":                func() error { return slow.Sight(ctx, source, late, "stays") },
		"notes where it is":     func() error { return slow.Checkpoint(ctx, source, late, []byte("page 1")) },
		"finishes and delists":  func() error { _, err := slow.Finish(ctx, source, late, complete); return err },
		"abandons what is over": func() error { return slow.Abandon(ctx, source, late, complete) },
	} {
		if err := try(); !errors.Is(err, schemas.ErrLeased) {
			t.Errorf("the late holder %s: %v, want ErrLeased", what, err)
		}
	}
	if diff := cmp.Diff(before, listings(t, l, source)); diff != "" {
		t.Errorf("the late holder changed the ledger (-before +after):\n%s", diff)
	}
	if runs, err := l.Runs(ctx, source); err != nil || runs.Open != nil || runs.Complete.Delisted != 1 {
		t.Errorf("runs %+v %v", runs, err)
	}
}

// TestALeaseEndsByTheClock holds that a holder who could not renew stops by itself, before
// anybody tells it.
func TestALeaseEndsByTheClock(t *testing.T) {
	r := &run{id: "r", fence: 1}
	r.noteRenewed(time.Now().Add(-ledger.LeaseTime + time.Minute/4))
	if r.expired() {
		t.Error("expired with time left")
	}
	r.noteRenewed(time.Now().Add(-ledger.LeaseTime))
	if !r.expired() {
		t.Error("not expired when the time is over")
	}
}

func listings(t *testing.T, l *ledger.Ledger, source string) map[schemas.UUID]schemas.Listing {
	t.Helper()
	all := make(map[schemas.UUID]schemas.Listing)
	for s, err := range l.Each(t.Context(), source) {
		must(t, err)
		all[s.ID] = s
	}
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
