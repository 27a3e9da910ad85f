package removals_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"lineup/ingest/removals"
	"lineup/schemas"
)

// inMemory is an object store.
type inMemory map[string][]byte

func (m inMemory) PutNote(_ context.Context, name string, data []byte) error {
	if m[name] == nil {
		m[name] = data
	}
	return nil
}

func (m inMemory) Notes(context.Context, string) iter.Seq2[removals.Note, error] {
	return func(yield func(removals.Note, error) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(removals.Note{Name: name, Data: m[name]}, nil) {
				return
			}
		}
	}
}

func (m inMemory) NotesIn(prefix string) string { return "memory " + prefix }

func key(n byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(append(make([]byte, 31), n)) }

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func TestLogs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "removals.jsonl")
	objects := inMemory{}
	for name, c := range map[string]struct {
		log   removals.Log
		spoil func()
	}{
		"file": {removals.NewFile(path), func() {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteString(`{"kind":"remo`) // somebody was killed
				err = errors.Join(err, f.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
		}},
		"objects": {removals.NewInObjects(objects), func() { objects["removals/x"] = []byte("{") }},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			at := time.Unix(1795000000, 0).UTC()
			add := func(by ed25519.PrivateKey, e removals.Entry) {
				t.Helper()
				e, err := e.Sign(by)
				if err == nil {
					err = c.log.Append(ctx, e)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			one := removals.Entry{Kind: removals.Removal, At: at, Source: "us-zz", Registrant: schemas.RegistrantID("us-zz", "1"),
				Reason: "court_order"}
			add(key(1), one)
			add(key(1), one) // says what is there already
			c.spoil()
			next := base64.StdEncoding.EncodeToString(public(key(2)))
			add(key(1), removals.Entry{Kind: removals.Rotation, At: at.Add(time.Hour), NewKey: next})
			add(key(2), removals.Entry{Kind: removals.Revocation, At: at.Add(time.Hour), Key: "0123456789abcdef"})
			add(key(3), removals.Entry{Kind: removals.Removal, At: at.Add(2 * time.Hour), Source: "us-zz",
				Registrant: schemas.RegistrantID("us-zz", "2")})
			good, refused, why, err := removals.Trusted(c.log.Entries(ctx), []ed25519.PublicKey{public(key(1))})
			if err != nil || len(good) != 3 || refused != 2 || why == nil {
				t.Fatalf("%d genuine, %d refused: %v, %v", len(good), refused, why, err)
			}
			if good[0].Registrant != one.Registrant || !good[0].At.Equal(at) || good[2].Key != "0123456789abcdef" {
				t.Errorf("entries %+v", good)
			}
			for _, e := range good {
				e.At = e.At.Add(time.Second)
				if err := e.Verify([]ed25519.PublicKey{public(key(1)), public(key(2))}); !errors.Is(err, removals.ErrSignature) {
					t.Errorf("a changed %s: %v", e.Kind, err)
				}
			}
		})
	}
}
