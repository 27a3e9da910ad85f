package keys_test

import (
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/internal/testkit/stores"
	"lineup/queryd/keys"
)

// newStore is a Store over a server of its own, and the JetStream it lies in.
func newStore(t *testing.T) (*keys.Store, jetstream.JetStream) {
	t.Helper()
	js := stores.JetStream(t)
	store, err := keys.Open(t.Context(), js, 1)
	if err != nil {
		t.Fatal(err)
	}
	return store, js
}

func TestAKeyIsMadeCheckedAndRevoked(t *testing.T) {
	store, js := newStore(t)
	ctx := t.Context()
	secret, made, err := store.Add(ctx, "school", keys.Limits{PerMinute: 7})
	if err != nil {
		t.Fatal(err)
	}
	if len(secret) < 43 || made.Terms != keys.TermsVersion || made.Accepted.IsZero() || made.PerMinute != 7 {
		t.Errorf("made %+v", made)
	}
	checked, err := store.Check(ctx, secret)
	if err != nil || checked != made {
		t.Errorf("check: %+v, %v", checked, err)
	}
	kv, err := js.KeyValue(ctx, "lineup_keys")
	if err != nil {
		t.Fatal(err)
	}
	entry, err := kv.Get(ctx, made.ID)
	if err != nil || strings.Contains(string(entry.Value()), secret) || strings.Contains(string(entry.Value()), secret[3:]) {
		t.Errorf("what is stored: %s, %v", entry.Value(), err)
	}
	for name, wrong := range map[string]string{"another": "lu_AAAA", "empty": "", "the id": made.ID, "cut": secret[:len(secret)-1],
		"demo": keys.Demo} {
		if _, err := store.Check(ctx, wrong); !errors.Is(err, keys.ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := store.Add(ctx, "school", keys.Limits{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the same name again: %v", err)
	}
	if _, err := store.Revoke(ctx, "school"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Check(ctx, secret); !errors.Is(err, keys.ErrUnknown) {
		t.Errorf("revoked: %v", err)
	}
	if _, err := store.Revoke(ctx, "school"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("revoked twice: %v", err)
	}
	if _, _, err := store.Add(ctx, "school", keys.Limits{}); err != nil {
		t.Errorf("the name of a revoked key: %v", err)
	}
	all, err := store.List(ctx)
	if err != nil || len(all) != 2 {
		t.Errorf("list: %v, %v", all, err)
	}
}

func TestARotatedKeyWorksUntilItsTime(t *testing.T) {
	store, _ := newStore(t)
	ctx := t.Context()
	first, made, err := store.Add(ctx, "school", keys.Limits{PerDay: 9})
	if err != nil {
		t.Fatal(err)
	}
	works := func(secret string) bool {
		_, err := store.Check(ctx, secret)
		if err != nil && !errors.Is(err, keys.ErrUnknown) {
			t.Fatal(err)
		}
		return err == nil
	}
	second, rotated, err := store.Rotate(ctx, "school", time.Hour)
	if err != nil || rotated.Name != "school" || rotated.PerDay != 9 || rotated.ID == made.ID || second == first {
		t.Fatalf("rotated %+v, %v", rotated, err)
	}
	if !works(first) || !works(second) {
		t.Error("one of the keys does not work during the overlap")
	}
	if _, _, err := store.Add(ctx, "school", keys.Limits{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the name is in use: %v", err)
	}
	third, _, err := store.Rotate(ctx, "school", 0)
	if err != nil || works(first) || works(second) || !works(third) {
		t.Errorf("rotated without overlap: %v, first %v, second %v, third %v", err, works(first), works(second), works(third))
	}
	fourth, _, err := store.Rotate(ctx, "school", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Revoke(ctx, "school"); err != nil || works(third) || works(fourth) {
		t.Errorf("revoked during an overlap: %v, third %v, fourth %v", err, works(third), works(fourth))
	}
	if _, _, err := store.Rotate(ctx, "school", 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("rotate a revoked key: %v", err)
	}
	if _, _, err := store.Rotate(ctx, "school", -time.Second); err == nil {
		t.Error("a negative overlap")
	}
}

func TestBadKeysAreNotMade(t *testing.T) {
	store, _ := newStore(t)
	for name, test := range map[string]struct {
		name   string
		limits keys.Limits
	}{
		"no name":        {name: "  "},
		"long name":      {name: strings.Repeat("n", 61)},
		"control letter": {name: "a\nb"},
		"negative limit": {name: "a", limits: keys.Limits{PerDay: -1}},
	} {
		if _, _, err := store.Add(t.Context(), test.name, test.limits); err == nil {
			t.Errorf("%s: made", name)
		}
	}
}

func TestUsageOfManyDaemonsAddsUp(t *testing.T) {
	store, _ := newStore(t)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 5 {
				if _, err := store.AddUse(t.Context(), "k1", "2026-01-02", map[string]int{"faces": 2, "refused": 1}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if _, err := store.AddUse(t.Context(), "k2", "2026-01-01", map[string]int{"faces": 1}); err != nil {
		t.Fatal(err)
	}
	uses, err := store.Usage(t.Context(), "k1")
	if err != nil || len(uses) != 1 || uses[0].Kinds["faces"] != 80 || uses[0].Total() != 80 || uses[0].Kinds["refused"] != 40 {
		t.Errorf("usage %+v, %v", uses, err)
	}
	if all, err := store.Usage(t.Context(), ""); err != nil || len(all) != 2 {
		t.Errorf("usage of all %+v, %v", all, err)
	}
}
