package indexer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lineup/indexer"
	"lineup/indexer/index"
	"lineup/ingest/blob"
	"lineup/ingest/queue"
	"lineup/schemas"
)

// broken are blobs of which some cannot be read now.
type broken struct {
	blob.Store
	err map[schemas.UUID]error
}

func (b broken) Get(ctx context.Context, ref blob.Ref) ([]byte, error) {
	if err := b.err[ref.Owner]; err != nil {
		return nil, err
	}
	return b.Store.Get(ctx, ref)
}

// TestANewJobDoesNotBeginTheAttemptsAnew enqueues a registrant again after each attempt, as reconcile did whose interval is
// shorter than the waits between two: the job is dead after its last attempt all the same.
func TestANewJobDoesNotBeginTheAttemptsAnew(t *testing.T) {
	h := newNode(t)
	h.accept(capture(1, "x", "face one"))
	h.deps.Blobs = broken{h.deps.Blobs, map[schemas.UUID]error{id(1): errors.New("the disk does not answer")}}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- indexer.New(h.deps).Run(ctx, 1) }()
	defer func() { stop(); <-done }()
	for attempt := 1; attempt <= queue.Attempts; attempt++ {
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			s, err := h.ledger.Listing(ctx, "us-zz", id(1))
			check(t, err)
			if s.Failed != nil && s.Failed.Attempts >= attempt {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("attempt %d is not counted: %+v", attempt, s.Failed)
			}
		}
		if attempt < queue.Attempts {
			check(t, h.queue.Publish(ctx, "us-zz", id(1)))
		}
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		letters, err := h.queue.DeadLetters(ctx, 10)
		check(t, err)
		if len(letters) == 1 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the job is not dead after its last attempt")
		}
	}
}

// TestStragglers holds how many a generation may lack and serve.
func TestStragglers(t *testing.T) {
	target := schemas.Target{Generation: "g1", Model: "m1", Features: index.FeatureVersion, Built: time.Now()}
	held := map[string]schemas.Mark{"g1": {Revision: 1, Model: "m1", Features: index.FeatureVersion, Built: target.Built}}
	fails := func(class queue.Class, attempts int) func(*schemas.Listing) {
		return func(s *schemas.Listing) {
			s.Marks, s.Failed = nil, &schemas.Failure{Revision: 1, Attempts: attempts, Class: string(class)}
		}
	}
	unread := func(s *schemas.Listing) {
		s.Marks["g1"] = schemas.Mark{Revision: 1, Model: "m1", Features: 9, Built: target.Built, Unread: 1}
	}
	waits := func(s *schemas.Listing) { s.Marks = nil }
	for _, c := range []struct {
		name   string
		listed int
		spoilt int
		how    func(*schemas.Listing)
		whole  bool
		why    string
	}{
		{"all held", 50, 0, waits, true, ""},
		{"one waits", 50, 1, waits, false, ""},
		{"three damaged records", 50, 3, fails(queue.CorruptBlob, 1), true, "3 corrupt_blob"},
		{"four damaged records", 50, 4, fails(queue.CorruptBlob, 1), false, "4 corrupt_blob"},
		{"all damaged", 2, 2, fails(queue.CorruptBlob, 1), false, "2 corrupt_blob"},
		{"one of a thousand", 5000, 5, fails(queue.CorruptBlob, 1), true, "5 corrupt_blob"},
		{"more than one of a thousand", 5000, 6, fails(queue.CorruptBlob, 1), false, "6 corrupt_blob"},
		{"failed once", 50, 1, fails(queue.Engine, 1), false, ""},
		{"failed for long", 50, 1, fails(queue.Engine, 3), true, "1 engine"},
		{"no generation to write to", 50, 1, fails(queue.NoGeneration, 5), false, ""},
		{"three without a photo", 50, 3, unread, true, "3 unread_photo"},
		{"four without a photo", 50, 4, unread, false, "4 unread_photo"},
	} {
		tally := indexer.Tally{Target: target}
		for n := range c.listed {
			s := schemas.Listing{ID: id(n), Source: "us-zz", Revision: 1, Listed: true, Changed: target.Built.Add(-time.Hour),
				Marks: map[string]schemas.Mark{"g1": held["g1"]}}
			if n < c.spoilt {
				c.how(&s)
			}
			tally.Add(s)
		}
		check(t, tally.Settle(t.Context(), noLetters{}))
		if got := tally.Stragglers(); tally.Whole() != c.whole || got.Why != c.why {
			t.Errorf("%s: whole %v, %s; want %v, %s", c.name, tally.Whole(), got.Why, c.whole, c.why)
		}
	}
}

type noLetters struct{}

func (noLetters) DeadLetters(context.Context, int) ([]queue.DeadLetter, error) { return nil, nil }

// TestAPhotoThatCannotBeReadIsItsOwnProblem spoils one of two photos: the registrant is found by the other, the spoilt one is
// set aside, and is enrolled once it is stored again.
func TestAPhotoThatCannotBeReadIsItsOwnProblem(t *testing.T) {
	h := newNode(t)
	ctx := t.Context()
	h.accept(capture(1, "x", "face one", "face two"))
	spoilt := blob.Ref{Owner: id(1), Kind: blob.Photo, Digest: schemas.DigestOf([]byte("face two"))}
	whole := h.deps.Blobs
	h.deps.Blobs = spoiling{whole, spoilt}
	check(t, h.sync(1))
	if held := h.held("g1"); len(held) != 1 || fmt.Sprint(held) == "" {
		t.Fatalf("held %v", held)
	}
	s, err := h.ledger.Listing(ctx, "us-zz", id(1))
	check(t, err)
	if s.Marks["g1"].Faces != 1 || s.Marks["g1"].Unread != 1 {
		t.Errorf("mark %+v", s.Marks["g1"])
	}
	if has, err := whole.Has(ctx, spoilt); err != nil || has {
		t.Errorf("bytes without their digest are still there: %v", err)
	}
	h.deps.Blobs = whole
	h.accept(capture(1, "x", "face one", "face two"))
	if left, err := h.queue.Left(ctx); err != nil || left == 0 {
		t.Errorf("nobody enqueued the registrant whose photo is there again: %v", err)
	}
	check(t, h.sync(1))
	if s, err = h.ledger.Listing(ctx, "us-zz", id(1)); err != nil || s.Marks["g1"].Faces != 2 || s.Marks["g1"].Unread != 0 {
		t.Errorf("mark %+v %v", s.Marks["g1"], err)
	}
	if strings.Contains(fmt.Sprint(s.Failed), "corrupt") {
		t.Errorf("failed %+v", s.Failed)
	}
}

// spoiling is a store one of whose blobs does not have its digest.
type spoiling struct {
	blob.Store
	ref blob.Ref
}

func (s spoiling) Get(ctx context.Context, ref blob.Ref) ([]byte, error) {
	if has, err := s.Has(ctx, ref); ref == s.ref && has && err == nil {
		return nil, blob.ErrCorrupt
	}
	return s.Store.Get(ctx, ref)
}
