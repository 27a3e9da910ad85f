package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest/broker"
	"lineup/ingest/ledger"
	"lineup/internal/testkit/stores"
	"lineup/schemas"
)

// open starts a server over dir and opens its ledger; shut ends both.
func open(t *testing.T, dir string) (l *ledger.Ledger, js jetstream.JetStream, shut func()) {
	t.Helper()
	js, shut = stores.Reopen(t, dir)
	l, err := ledger.Open(t.Context(), js, 1)
	if err != nil {
		t.Fatal(err)
	}
	return l, js, shut
}

func ledgerFor(t *testing.T) (*ledger.Ledger, jetstream.JetStream) {
	t.Helper()
	l, js, shut := open(t, t.TempDir())
	t.Cleanup(shut)
	return l, js
}

func id(n int) schemas.UUID { return schemas.RegistrantID("us-zz", fmt.Sprint(n)) }

func list(s *schemas.Listing) error {
	s.Listed = true
	s.Revision++
	return nil
}

func always(string) bool { return true }

func TestUpdatesByManyAreAllKept(t *testing.T) {
	l, _ := ledgerFor(t)
	const writers, each = 8, 5
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range each {
				if _, err := l.Update(t.Context(), "us-zz", id(1), list); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if s, err := l.Listing(t.Context(), "us-zz", id(1)); err != nil || s.Revision != writers*each {
		t.Errorf("revision %d, want %d (%v)", s.Revision, writers*each, err)
	}
}

func TestMissingIsNotExist(t *testing.T) {
	l, _ := ledgerFor(t)
	if _, err := l.Listing(t.Context(), "us-zz", id(1)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Listing: %v", err)
	}
	if _, err := l.Find(t.Context(), id(1)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Find: %v", err)
	}
	if _, err := l.Runs(t.Context(), "us-zz"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Runs: %v", err)
	}
	for s, err := range l.Each(t.Context(), "") {
		t.Errorf("an empty ledger yields %v %v", s, err)
	}
}

func TestFindNeedsNoSource(t *testing.T) {
	l, _ := ledgerFor(t)
	if _, err := l.Update(t.Context(), "us-zz", id(1), list); err != nil {
		t.Fatal(err)
	}
	if s, err := l.Find(t.Context(), id(1)); err != nil || s.Source != "us-zz" || s.Revision != 1 {
		t.Errorf("%+v %v", s, err)
	}
}

func TestMarkHoldsForItsRevisionOnly(t *testing.T) {
	l, _ := ledgerFor(t)
	ctx := t.Context()
	if err := l.Mark(ctx, "us-zz", id(1), "g1", schemas.Mark{Revision: 1}, always); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a mark for nobody: %v", err)
	}
	for range 2 {
		if _, err := l.Update(ctx, "us-zz", id(1), list); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Mark(ctx, "us-zz", id(1), "g1", schemas.Mark{Revision: 1, Model: "m"}, always); !errors.Is(err, ledger.ErrMoved) {
		t.Errorf("a mark of an old revision: %v", err)
	}
	if err := l.Mark(ctx, "us-zz", id(1), "g1", schemas.Mark{Revision: 2, Model: "m"}, always); err != nil {
		t.Fatal(err)
	}
	if err := l.Mark(ctx, "us-zz", id(1), "g2", schemas.Mark{Revision: 2, Model: "m"},
		func(name string) bool { return name == "g2" }); err != nil {
		t.Fatal(err)
	}
	s, err := l.Listing(ctx, "us-zz", id(1))
	if err != nil || s.Due(target("g1")) != schemas.DueMissing || s.Due(target("g2")) != schemas.DueNot {
		t.Errorf("marks %v, %v", s.Marks, err)
	}
	if err := l.Unmark(ctx, "us-zz", id(1)); err != nil {
		t.Fatal(err)
	}
	if s, _ := l.Listing(ctx, "us-zz", id(1)); s.Due(target("g2")) == schemas.DueNot || s.Revision != 2 {
		t.Errorf("after Unmark: %+v", s)
	}
}

// TestEachMissesNobody sweeps while others overwrite what it sweeps.
func TestEachMissesNobody(t *testing.T) {
	l, _ := ledgerFor(t)
	ctx, stop := context.WithCancel(t.Context())
	const people = 400
	for n := range people {
		source := "us-zz"
		if n%4 == 0 {
			source = "us-yy"
		}
		if _, err := l.Update(ctx, source, id(n), list); err != nil {
			t.Fatal(err)
		}
	}
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for n := w; ctx.Err() == nil; n = (n + 4) % people {
				source := "us-zz"
				if n%4 == 0 {
					source = "us-yy"
				}
				if _, err := l.Update(ctx, source, id(n), list); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	for _, test := range []struct {
		source string
		want   int
		atOnce int
	}{{"", people, people}, {"us-zz", people * 3 / 4, people}, {"us-yy", people / 4, people}, {"", people, people / 3}} {
		l.AtOnce(test.atOnce) // the last one takes several parts
		seen := make(map[schemas.UUID]int)
		for s, err := range l.Each(ctx, test.source) {
			if err != nil {
				t.Fatal(err)
			}
			seen[s.ID]++
		}
		if len(seen) != test.want {
			t.Errorf("source %q: %d registrants, want %d", test.source, len(seen), test.want)
		}
		for id, times := range seen {
			if times != 1 {
				t.Errorf("%s yielded %d times", id, times)
			}
		}
	}
	stop()
	writers.Wait()
}

func TestNewerSchemaIsReportedAndLeftAlone(t *testing.T) {
	l, js := ledgerFor(t)
	ctx := t.Context()
	kv, err := js.KeyValue(ctx, broker.Listings)
	if err != nil {
		t.Fatal(err)
	}
	newer := []byte(`{"schema":99,"id":"` + string(id(1)) + `","listed":true,"unheardOf":1}`)
	if _, err := kv.Put(ctx, "us-zz."+string(id(1)), newer); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Update(ctx, "us-zz", id(2), list); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Update(ctx, "us-zz", id(1), list); !errors.Is(err, schemas.ErrNewerSchema) {
		t.Errorf("Update: %v", err)
	}
	old, newerSeen := 0, 0
	for s, err := range l.Each(ctx, "us-zz") {
		switch {
		case errors.Is(err, schemas.ErrNewerSchema) && s.ID == id(1) && s.Source == "us-zz":
			newerSeen++
		case err == nil && s.ID == id(2):
			old++
		default:
			t.Errorf("%+v %v", s, err)
		}
	}
	if old != 1 || newerSeen != 1 {
		t.Errorf("%d old and %d newer listings, want 1 and 1", old, newerSeen)
	}
	if entry, err := kv.Get(ctx, "us-zz."+string(id(1))); err != nil || string(entry.Value()) != string(newer) {
		t.Errorf("the newer listing was rewritten: %s %v", entry.Value(), err)
	}
}

func TestALeaseHasOneHolder(t *testing.T) {
	l, _ := ledgerFor(t)
	ctx := t.Context()
	first, err := l.Lease(ctx, "us-zz", "first")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Lease(ctx, "us-zz", "second"); !errors.Is(err, schemas.ErrLeased) {
		t.Errorf("a second holder: %v", err)
	}
	if _, err := l.Lease(ctx, "us-yy", "second"); err != nil {
		t.Errorf("another source: %v", err)
	}
	if err := first.Renew(ctx); err != nil {
		t.Error(err)
	}
	if err := first.Release(ctx); err != nil {
		t.Error(err)
	}
	second, err := l.Lease(ctx, "us-zz", "second")
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	if err := first.Renew(ctx); !errors.Is(err, schemas.ErrLeased) {
		t.Errorf("the old holder renews: %v", err)
	}
	if err := first.Release(ctx); err != nil {
		t.Errorf("releasing a lost lease: %v", err)
	}
	if err := second.Renew(ctx); err != nil {
		t.Errorf("the old holder's release took the new one's lease: %v", err)
	}
}

func TestARestartKeepsEverything(t *testing.T) {
	dir := t.TempDir()
	l, _, shut := open(t, dir)
	for n := range 50 {
		if _, err := l.Update(t.Context(), "us-zz", id(n), list); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.UpdateRuns(t.Context(), "us-zz", func(r *ledger.Runs) error {
		r.Open = &ledger.OpenRun{Run: "r1", Checkpoint: []byte("here")}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	shut()
	l, _, shut = open(t, dir)
	defer shut()
	count := 0
	for _, err := range l.Each(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		count++
	}
	if count != 50 {
		t.Errorf("%d listings after a restart, want 50", count)
	}
	if runs, err := l.Runs(t.Context(), "us-zz"); err != nil || runs.Open == nil || string(runs.Open.Checkpoint) != "here" {
		t.Errorf("runs after a restart: %+v %v", runs, err)
	}
	if sources, err := l.Sources(t.Context()); err != nil || len(sources) != 1 || sources[0] != "us-zz" {
		t.Errorf("sources: %v %v", sources, err)
	}
}

func target(generation string) schemas.Target {
	return schemas.Target{Generation: generation, Model: "m"}
}

// TestSourcesOfAgencies: sources of two agencies have equal keys and names that are no token of a key, and each has its own
// listings, runs and lease.
func TestSourcesOfAgencies(t *testing.T) {
	l, js := ledgerFor(t)
	sources := []string{"import-zz", "import-zz@other", "import-zz@police.example"}
	for _, source := range sources {
		one := schemas.RegistrantID(source, "1001")
		if _, err := l.Update(t.Context(), source, one, list); err != nil {
			t.Fatal(err)
		}
		if _, err := l.UpdateRuns(t.Context(), source, func(r *ledger.Runs) error { r.Source = source; return nil }); err != nil {
			t.Fatal(err)
		}
		lease, err := l.Lease(t.Context(), source, "me")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(lease.Renew(t.Context()), lease.Release(t.Context())); err != nil {
			t.Error(err)
		}
		if s, err := l.Find(t.Context(), one); err != nil || s.Source != source {
			t.Errorf("%s: %+v %v", source, s, err)
		}
	}
	if got, err := l.Sources(t.Context()); err != nil || !slices.Equal(got, sources) {
		t.Errorf("sources %v, %v", got, err)
	}
	for _, source := range sources {
		n := 0
		for s, err := range l.Each(t.Context(), source) {
			if n++; err != nil || s.Source != source {
				t.Errorf("%s: %+v %v", source, s, err)
			}
		}
		if n != 1 {
			t.Errorf("%s has %d listings", source, n)
		}
	}
	// One that a newer version wrote is told with its source.
	bucket, err := broker.UseBucket(js, broker.Listings)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Create(t.Context(), broker.Token(sources[2])+"."+string(id(7)), []byte(`{"schema":1000}`)); err != nil {
		t.Fatal(err)
	}
	for s, err := range l.Each(t.Context(), sources[2]) {
		if err != nil && (!errors.Is(err, schemas.ErrNewerSchema) || s.Source != sources[2] || s.ID != id(7)) {
			t.Errorf("%+v %v", s, err)
		}
	}
}
