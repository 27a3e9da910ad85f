package signing

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest/broker"
)

// published is the entry, beside the key that signs evidence, of all public keys: the query daemons read it.
const published = "public"

// KeySet is a JSON Web Key Set (RFC 7517 §5) of the public keys of all purposes, old ones included.
type KeySet struct {
	Keys []PublishedKey `json:"keys"`
}

// PublishedKey is a JSON Web Key of an Ed25519 key (RFC 8037 §2).
type PublishedKey struct {
	Type    string  `json:"kty"` // OKP
	Curve   string  `json:"crv"` // Ed25519
	X       string  `json:"x"`   // base64url
	ID      string  `json:"kid"` // the first 16 hexadecimal digits of the key's SHA-256
	Use     string  `json:"use"` // sig
	Alg     string  `json:"alg"` // EdDSA
	Purpose Purpose `json:"lineup:purpose"`
	Signs   bool    `json:"lineup:signs"` // now; the others signed before
}

// KeySetOf collects the public keys. It needs an administrator's rights.
func KeySetOf(ctx context.Context, js jetstream.JetStream) (set KeySet, err error) {
	for _, p := range []Purpose{Evidence, Removals} {
		keys, err := Public(ctx, js, p)
		if err != nil {
			return set, err
		}
		for i, key := range keys {
			sum := sha256.Sum256(key)
			set.Keys = append(set.Keys, PublishedKey{Type: "OKP", Curve: "Ed25519", X: base64.RawURLEncoding.EncodeToString(key),
				ID: hex.EncodeToString(sum[:8]), Use: "sig", Alg: "EdDSA", Purpose: p, Signs: i == 0})
		}
	}
	return set, nil
}

// Publish writes the public keys where the query daemons read them.
func Publish(ctx context.Context, js jetstream.JetStream) error {
	set, err := KeySetOf(ctx, js)
	if err != nil {
		return err
	}
	data, err := json.Marshal(set)
	if err != nil {
		return fmt.Errorf("encode the public keys: %w", err)
	}
	b, err := broker.UseBucket(js, Evidence.bucket())
	if err != nil {
		return err
	}
	there, err := b.Get(ctx, published)
	switch {
	case errors.Is(err, broker.ErrNoEntry):
		_, err = b.Create(ctx, published, data)
	case err == nil && string(there.Value) != string(data):
		_, err = b.Update(ctx, published, data, there.Revision)
	}
	if err != nil && !errors.Is(err, broker.ErrRaced) { // whoever was faster published the same
		return fmt.Errorf("publish the public keys: %w", err)
	}
	return nil
}

// Published is what Publish wrote last, as JSON. Errors: ErrNoKey.
func Published(ctx context.Context, js jetstream.JetStream) ([]byte, error) {
	b, err := broker.UseBucket(js, Evidence.bucket())
	if err != nil {
		return nil, err
	}
	entry, err := b.Get(ctx, published)
	if errors.Is(err, broker.ErrNoEntry) {
		return nil, fmt.Errorf("public keys: %w", ErrNoKey)
	}
	if err != nil {
		return nil, fmt.Errorf("read the public keys: %w", err)
	}
	return entry.Value, nil
}

// ParseKeySet reads the keys of a set that verify what was signed for a purpose, "" for any.
func ParseKeySet(data []byte, p Purpose) (keys []ed25519.PublicKey, err error) {
	var set KeySet
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("read the public keys: %w (want what /.well-known/lineup-keys.json gives)", err)
	}
	for _, k := range set.Keys {
		if p != "" && k.Purpose != p {
			continue
		}
		key, err := base64.RawURLEncoding.DecodeString(k.X)
		if err != nil || len(key) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("public key %.20q is none of Ed25519", k.ID)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("no public keys there (want what /.well-known/lineup-keys.json gives)")
	}
	return keys, nil
}
