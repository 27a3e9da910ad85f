package ingest

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"testing"
	"time"

	"lineup/ingest/blob"
	"lineup/internal/testkit/stores"
	"lineup/schemas"
)

// TestOrphans leaves blobs as crashes do: of nobody, of somebody who left, and an old one of somebody who is listed. What is needed
// stays, and so does what is young.
func TestOrphans(t *testing.T) {
	const source = "us-zz"
	ctx, log := t.Context(), slog.New(slog.DiscardHandler)
	s := stores.Open(t)
	in, blobs := New(s.Blobs, s.Ledger, s.Queue, log), s.Blobs
	run, _, err := in.Begin(ctx, source, false)
	must(t, err)
	for _, key := range []string{"a", "b"} {
		c := schemas.Capture{Read: time.Now(), Record: schemas.Record{Source: source, Key: key,
			Photos: []schemas.Photo{{URL: "https://x.test/" + key}}},
			Photos: []schemas.CapturedPhoto{{Data: []byte("photo of " + key)}}}
		_, err := in.Accept(ctx, run, c)
		must(t, err)
	}
	count := func() (n int) {
		for _, err := range blobs.Walk(ctx, "") {
			must(t, err)
			n++
		}
		return n
	}
	needed := count()
	stale := func(owner schemas.UUID) {
		_, err := blobs.Put(ctx, owner, blob.Photo, []byte("left behind"))
		must(t, err)
	}
	stale(schemas.RegistrantID(source, "a"))
	stale(schemas.RegistrantID(source, "nobody"))
	if gone, err := in.Orphans(ctx, time.Hour); err != nil || gone != 0 || count() != needed+2 {
		t.Errorf("young: %d gone, %d left, %v", gone, count(), err)
	}
	in.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	if gone, err := in.Orphans(ctx, time.Hour); err != nil || gone != 2 || count() != needed {
		t.Errorf("old: %d gone, %d left of %d, %v", gone, count(), needed, err)
	}

	// A sweep whose store fails is taken up where it failed, by another process: what was looked through is not listed anew.
	stale(schemas.UUID("0a000000-0000-5000-8000-000000000001"))
	stale(schemas.UUID("f0000000-0000-5000-8000-000000000001"))
	torn := &tornBlobs{Store: blobs, at: 0x85}
	in.blobs = torn
	if gone, err := in.Orphans(ctx, time.Hour); err == nil || gone != 1 {
		t.Errorf("a listing that fails: %d gone, %v", gone, err)
	}
	again := &tornBlobs{Store: blobs, at: -1}
	other := New(again, s.Ledger, s.Queue, log)
	other.now, other.orphansAtOnce = in.now, 1 // a part for each listing
	gone, err := other.Orphans(ctx, time.Hour)
	if err != nil || gone != 1 || len(again.walked) != blob.Shards-0x85 || again.walked[0] != 0x85 || count() != needed {
		t.Errorf("taken up again: %d gone, %d shards, %d left of %d, %v", gone, len(again.walked), count(), needed, err)
	}
	if at, err := s.Ledger.OrphanSweep(ctx); err != nil || at.Next != 0 || at.Ended.IsZero() {
		t.Errorf("a sweep that ended is kept as %+v, %v", at, err)
	}

	// A process that is killed has noted where it was not long before.
	killed := &tornBlobs{Store: blobs, at: 0x85, panics: true}
	in.blobs = killed
	func() {
		defer func() { _ = recover() }()
		_, err := in.Orphans(ctx, time.Hour)
		t.Errorf("was not killed: %v", err)
	}()
	if at, err := s.Ledger.OrphanSweep(ctx); err != nil || at.Next != 0x80 {
		t.Errorf("a sweep that was killed at 0x85 is kept as %+v, %v", at, err)
	}
	must(t, in.Abandon(context.WithoutCancel(ctx), source, run, schemas.RunSummary{State: schemas.RunFailed}))
}

// tornBlobs fails to list one shard.
type tornBlobs struct {
	blob.Store
	at     int
	panics bool
	walked []int
}

func (b *tornBlobs) WalkShard(ctx context.Context, shard int) iter.Seq2[blob.Info, error] {
	b.walked = append(b.walked, shard)
	if shard == b.at && b.panics {
		panic("killed")
	}
	if shard == b.at {
		return func(yield func(blob.Info, error) bool) { yield(blob.Info{}, errors.New("the store is away")) }
	}
	return b.Store.WalkShard(ctx, shard)
}
