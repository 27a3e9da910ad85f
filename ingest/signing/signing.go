// Package signing keeps the Ed25519 keys that Lineup signs with, one a purpose, in buckets that only
// those who sign may read. A key that was replaced leaves its public half, so that what it signed can
// still be verified.
package signing

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest/broker"
)

// Purpose is what a key signs.
type Purpose string

// The purposes.
const (
	Evidence Purpose = "evidence" // of matches, by the query daemons
	Removals Purpose = "removals" // receipts and the log of removals, by the admin
)

// ErrNoKey is returned by Key where lineup prepare has not made the key yet.
var ErrNoKey = errors.New("no signing key: run lineup prepare as admin")

const (
	current = "ed25519"  // entry of the private key: its seed
	retired = "retired." // and the public key in hexadecimal: an entry of a key that was replaced
)

// bucket is where the key of a purpose is kept. Evidence was once the only purpose.
func (p Purpose) bucket() string {
	if p == Removals {
		return broker.SigningRemovals
	}
	return broker.Signing
}

// PurposeOf is the purpose of the private key that an entry of a bucket is, "" for any other entry.
func PurposeOf(bucket, entry string) Purpose {
	for _, p := range []Purpose{Evidence, Removals} {
		if bucket == p.bucket() && entry == current {
			return p
		}
	}
	return ""
}

// Prepare makes the keys and secrets that are missing.
func Prepare(ctx context.Context, js jetstream.JetStream) error {
	for _, p := range []Purpose{Evidence, Removals} {
		_, err := Key(ctx, js, p)
		if !errors.Is(err, ErrNoKey) {
			if err != nil {
				return err
			}
			continue
		}
		b, err := broker.UseBucket(js, p.bucket())
		if err != nil {
			return err
		}
		if _, err := b.Create(ctx, current, seed()); err != nil && !errors.Is(err, broker.ErrRaced) {
			return fmt.Errorf("make the key that signs %s: %w", p, err)
		}
	}
	return preparePhotoLinks(ctx, js)
}

func seed() []byte {
	s := make([]byte, ed25519.SeedSize)
	rand.Read(s)
	return s
}

// Key is the key that signs for a purpose. All processes over one JetStream share it. Errors: ErrNoKey.
func Key(ctx context.Context, js jetstream.JetStream, p Purpose) (ed25519.PrivateKey, error) {
	key, _, err := read(ctx, js, p)
	return key, err
}

func read(ctx context.Context, js jetstream.JetStream, p Purpose) (ed25519.PrivateKey, uint64, error) {
	b, err := broker.UseBucket(js, p.bucket())
	if err != nil {
		return nil, 0, err
	}
	entry, err := b.Get(ctx, current)
	if errors.Is(err, broker.ErrNoEntry) {
		return nil, 0, fmt.Errorf("key that signs %s: %w", p, ErrNoKey)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read the key that signs %s: %w", p, err)
	}
	if len(entry.Value) != ed25519.SeedSize {
		return nil, 0, fmt.Errorf("key that signs %s has %d bytes, want %d", p, len(entry.Value), ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(entry.Value), entry.Revision, nil
}

// Rotate makes a new key for a purpose. The public half of the one before is kept.
func Rotate(ctx context.Context, js jetstream.JetStream, p Purpose) (ed25519.PublicKey, error) {
	return replace(ctx, js, p, seed())
}

// Adopt makes a key of a backup the one that signs. The public half of the one before is kept.
func Adopt(ctx context.Context, js jetstream.JetStream, p Purpose, seed []byte) error {
	if len(seed) != ed25519.SeedSize {
		return fmt.Errorf("key that signs %s has %d bytes, want %d", p, len(seed), ed25519.SeedSize)
	}
	_, err := replace(ctx, js, p, seed)
	return err
}

func replace(ctx context.Context, js jetstream.JetStream, p Purpose, seed []byte) (ed25519.PublicKey, error) {
	old, revision, err := read(ctx, js, p)
	if err != nil {
		return nil, err
	}
	public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	if old.Public().(ed25519.PublicKey).Equal(public) {
		return public, nil
	}
	b, err := broker.UseBucket(js, p.bucket())
	if err != nil {
		return nil, err
	}
	// First: a public key too many does no harm, one too few makes what it signed worthless.
	name := retired + hex.EncodeToString(old.Public().(ed25519.PublicKey))
	if _, err := b.Create(ctx, name, []byte(p)); err != nil && !errors.Is(err, broker.ErrRaced) {
		return nil, fmt.Errorf("keep the public half of the key that signed %s: %w", p, err)
	}
	if _, err := b.Update(ctx, current, seed, revision); err != nil {
		return nil, fmt.Errorf("replace the key that signs %s: %w", p, err)
	}
	return public, nil
}

// Public are the public keys of a purpose that verify what was ever signed for it, the one in use first.
func Public(ctx context.Context, js jetstream.JetStream, p Purpose) ([]ed25519.PublicKey, error) {
	key, err := Key(ctx, js, p)
	if err != nil {
		return nil, err
	}
	all := []ed25519.PublicKey{key.Public().(ed25519.PublicKey)}
	b, err := broker.UseBucket(js, p.bucket())
	if err != nil {
		return nil, err
	}
	err = b.Each(ctx, retired+"*", func(e broker.Entry) bool {
		public, err := hex.DecodeString(strings.TrimPrefix(e.Key, retired))
		if err == nil && len(public) == ed25519.PublicKeySize && !all[0].Equal(ed25519.PublicKey(public)) {
			all = append(all, ed25519.PublicKey(public))
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("list the keys that signed %s: %w", p, err)
	}
	return all, nil
}
