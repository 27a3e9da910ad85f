package keys_test

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"lineup/queryd/keys"
	"lineup/schemas"
)

func TestWatchesGoWithTheirKey(t *testing.T) {
	store, _ := newStore(t)
	_, old, err := store.Add(t.Context(), "old", keys.Limits{})
	must(t, err)
	w, err := store.AddWatch(t.Context(), old.ID, keys.Watch{Zip: "00001", Seen: map[schemas.UUID]uint64{schemas.RandomID(): 1}})
	must(t, err)
	_, next, err := store.Rotate(t.Context(), "old", time.Hour)
	must(t, err)
	if held, err := store.Watches(t.Context(), next.ID); err != nil || len(held) != 1 || held[0].ID != w.ID || held[0].Zip != "00001" {
		t.Errorf("after a rotation the new key has %+v, %v", held, err)
	}
	if _, err := store.Watch(t.Context(), old.ID, w.ID); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old key has it still: %v", err)
	}
	if _, err := store.Revoke(t.Context(), next.ID); err != nil {
		t.Fatal(err)
	}
	if held, err := store.Watches(t.Context(), next.ID); err != nil || len(held) != 0 {
		t.Errorf("a revoked key has %+v, %v", held, err)
	}
}

func TestNobodyRemovedIsWatched(t *testing.T) {
	store, _ := newStore(t)
	_, key, err := store.Add(t.Context(), "key", keys.Limits{})
	must(t, err)
	gone, stays := schemas.RandomID(), schemas.RandomID()
	seen := map[schemas.UUID]uint64{gone: 1, stays: 2}
	record, err := store.AddWatch(t.Context(), key.ID, keys.Watch{Record: gone, Seen: map[schemas.UUID]uint64{gone: 1}})
	must(t, err)
	place, err := store.AddWatch(t.Context(), key.ID, keys.Watch{Zip: "00001", Seen: seen, Given: seen})
	must(t, err)
	must(t, store.Forget(t.Context(), gone))
	if _, err := store.Watch(t.Context(), key.ID, record.ID); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the watch on the record: %v, want fs.ErrNotExist", err)
	}
	left, err := store.Watch(t.Context(), key.ID, place.ID)
	if err != nil || len(left.Seen) != 1 || left.Seen[stays] != 2 || len(left.Given) != 1 {
		t.Errorf("the watch on a place holds %+v, %v", left, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
