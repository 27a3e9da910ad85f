package indexer_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lineup/indexer"
	"lineup/ingest/blob"
	"lineup/schemas"
)

// TestARecordOfANewerVersionIsLeftAlone has an indexer of this version meet what a scraper of the
// next one stored: the job becomes dead for the next version's indexer, and nothing is written.
func TestARecordOfANewerVersionIsLeftAlone(t *testing.T) {
	h := newNode(t)
	ctx := t.Context()
	h.accept(capture(1, "x", "face"))
	newer := []byte(`{"schema":99,"of":"a shape this version does not know"}`)
	ref, err := h.deps.Blobs.Put(ctx, id(1), blob.Record, newer)
	check(t, err)
	before, err := h.ledger.Update(ctx, "us-zz", id(1), func(s *schemas.Listing) error { s.Record = ref.Digest; return nil })
	check(t, err)
	done := make(chan struct{})
	t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		if err := indexer.New(h.deps).Run(ctx, 1); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	}()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		letters, err := h.queue.DeadLetters(ctx, 10)
		check(t, err)
		if len(letters) == 1 {
			if letters[0].Class != "newer_schema" || letters[0].ID != id(1) || letters[0].Attempts != 1 {
				t.Errorf("letter %+v", letters[0])
			}
			break
		}
		if time.Now().After(end) {
			t.Fatal("the job is not dead")
		}
	}
	after, err := h.ledger.Listing(ctx, "us-zz", id(1))
	check(t, err)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the ledger was changed (-before +after):\n%s", diff)
	}
	if data, err := h.deps.Blobs.Get(ctx, ref); err != nil || string(data) != string(newer) {
		t.Errorf("the record is now %q, %v", data, err)
	}
	if held := h.held("g1"); len(held) != 0 {
		t.Errorf("the index holds %v", held)
	}
}
