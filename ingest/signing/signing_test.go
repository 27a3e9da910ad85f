package signing_test

import (
	"crypto/ed25519"
	"errors"
	"testing"

	"lineup/ingest/broker"
	"lineup/ingest/signing"
	"lineup/internal/testkit/stores"
)

func TestKeys(t *testing.T) {
	ctx, js := t.Context(), stores.JetStream(t)
	if err := broker.Prepare(ctx, js, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := signing.Key(ctx, js, signing.Removals); !errors.Is(err, signing.ErrNoKey) {
		t.Fatalf("before prepare: %v", err)
	}
	public := map[signing.Purpose]ed25519.PublicKey{}
	for range 2 { // the second time nothing changes
		if err := signing.Prepare(ctx, js); err != nil {
			t.Fatal(err)
		}
		for _, p := range []signing.Purpose{signing.Evidence, signing.Removals} {
			key, err := signing.Key(ctx, js, p)
			if err != nil {
				t.Fatal(err)
			}
			now := key.Public().(ed25519.PublicKey)
			if public[p] != nil && !public[p].Equal(now) {
				t.Errorf("the key of %s changed", p)
			}
			public[p] = now
		}
	}
	if public[signing.Evidence].Equal(public[signing.Removals]) {
		t.Error("evidence and removals are signed by one key")
	}
	next, err := signing.Rotate(ctx, js, signing.Removals)
	if err != nil || next.Equal(public[signing.Removals]) {
		t.Fatalf("rotated: %v", err)
	}
	seed := make([]byte, ed25519.SeedSize)
	if err := signing.Adopt(ctx, js, signing.Removals, seed); err != nil {
		t.Fatal(err)
	}
	all, err := signing.Public(ctx, js, signing.Removals)
	if err != nil || len(all) != 3 || !all[0].Equal(ed25519.NewKeyFromSeed(seed).Public()) {
		t.Fatalf("%d public keys, %v", len(all), err)
	}
	for _, want := range []ed25519.PublicKey{public[signing.Removals], next} {
		if !all[1].Equal(want) && !all[2].Equal(want) {
			t.Error("a key that was replaced is forgotten")
		}
	}
	if all, err := signing.Public(ctx, js, signing.Evidence); err != nil || len(all) != 1 || !all[0].Equal(public[signing.Evidence]) {
		t.Errorf("keys of evidence: %v, %v", all, err)
	}
	if err := signing.Adopt(ctx, js, signing.Removals, []byte("short")); err == nil {
		t.Error("half a key was adopted")
	}
}
