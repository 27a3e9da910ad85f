// Package keys keeps the API keys in a NATS JetStream key-value bucket.
//
// A key is 256 random bits. What is stored is its SHA-256, under the first 16 hexadecimal
// digits of it: a plain hash is enough, because nobody can guess or enumerate 256 random bits;
// slow hashes are for secrets that people choose. The key itself is shown once, by Add.
package keys

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest/broker"
)

// Demo is the key that everybody knows. It opens the search for the bundled demo photo only
// and is never stored.
const Demo = "DEMO"

// TermsVersion names the text of Terms; it is kept with each key made under it.
const TermsVersion = "2026-11-27"

// Terms is what the holder of a key accepts when the key is made.
const Terms = `Terms for holders of a Lineup API key (version ` + TermsVersion + `)

1. A similarity is not an identification. Read the registry's official page before acting on
   any answer; the registry is the authority, and its record may have changed since.
2. The answers are not a consumer report. They must not be used, in whole or in part, as a
   factor in deciding about employment, housing or tenancy, credit, insurance, education,
   licences, or anything else that the Fair Credit Reporting Act (15 U.S.C. 1681 and
   following) or a state's registry law bars.
3. Using registry information to injure, harass or commit a crime against anybody named in a
   registry, or living or working at an address in it, is unlawful and can be punished
   (34 U.S.C. 20920(f)).
4. No lists: search for one person at a time, for a reason of your own. Do not copy the
   registry, screen lists of people, or run a camera against it.
5. Send a photo of somebody only where the law where you are, and where they are, allows it;
   several states ask for their written consent first. Photos you send are held in memory
   for the time of the search and then forgotten.
6. The face model does not tell everybody apart equally well: for young East Asian women most
   answers name somebody else, and it is not for children. docs/model-card.md, which comes with
   Lineup, has the measured rates. Give an answer about them no weight that it does not have.
`

// record is the stored form of a key. History of schema: 1, the first.
type record struct {
	Schema int    `json:"schema"`
	Hash   string `json:"hash"` // SHA-256 of the key, hexadecimal
	Key
}

// Key is what is known of one key; never the key itself.
type Key struct {
	ID        string    `json:"id"` // public: the first 16 hexadecimal digits of the hash
	Name      string    `json:"name"`
	Created   time.Time `json:"created"`
	Revoked   time.Time `json:"revoked,omitzero"` // works until then; after Rotate this may lie ahead
	Terms     string    `json:"terms"`            // TermsVersion accepted
	Accepted  time.Time `json:"accepted"`
	PerMinute int       `json:"perMinute,omitempty"` // requests, 0: the server's default
	PerDay    int       `json:"perDay,omitempty"`    // requests a UTC day, 0: the server's default
}

// Works reports whether the key opens anything at that time.
func (k Key) Works(at time.Time) bool { return k.Revoked.IsZero() || at.Before(k.Revoked) }

// Limits are a key's own limits, 0 for the server's default.
type Limits struct{ PerMinute, PerDay int }

// ErrUnknown is returned by Check for a key that was never made or is revoked.
var ErrUnknown = errors.New("unknown or revoked key")

// Store holds the keys and what was used of them.
type Store struct {
	keys, usage *broker.Bucket
	now         func() time.Time
}

// Open opens the buckets, making those that are missing with so many replicas.
func Open(ctx context.Context, js jetstream.JetStream, replicas int) (*Store, error) {
	r := &Store{now: time.Now}
	var err error
	if r.keys, err = broker.OpenBucket(ctx, js, broker.Keys, replicas); err != nil {
		return nil, fmt.Errorf("open the API keys: %w", err)
	}
	if r.usage, err = broker.OpenBucket(ctx, js, broker.Usage, replicas); err != nil {
		return nil, fmt.Errorf("open the keys' usage: %w", err)
	}
	return r, nil
}

// Add makes a key and returns it; it cannot be read again. name is for people to tell keys
// apart: 1 to 60 characters, no two keys in use share one. Making a key records that its
// holder accepted Terms.
func (r *Store) Add(ctx context.Context, name string, limits Limits) (secret string, key Key, err error) {
	name = strings.TrimSpace(name)
	if n := len([]rune(name)); n < 1 || n > 60 || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' }) {
		return "", Key{}, fmt.Errorf("key name %.70q: want 1 to 60 printable characters", name)
	}
	if limits.PerMinute < 0 || limits.PerDay < 0 {
		return "", Key{}, fmt.Errorf("limits of key %q: want 0 (the server's default) or more", name)
	}
	all, err := r.List(ctx)
	if err != nil {
		return "", Key{}, err
	}
	for _, k := range all {
		if k.Name == name && k.Works(r.now()) {
			return "", Key{}, fmt.Errorf("key %q: %w (revoke or rotate it, or choose another name)", name, fs.ErrExist)
		}
	}
	return r.make(ctx, name, limits)
}

// make stores a new key.
func (r *Store) make(ctx context.Context, name string, limits Limits) (secret string, key Key, err error) {
	raw := make([]byte, 32)
	rand.Read(raw)
	secret = "lu_" + base64.RawURLEncoding.EncodeToString(raw)
	hash := hashOf(secret)
	now := r.now().UTC().Truncate(time.Second)
	stored := record{Schema: 1, Hash: hash, Key: Key{
		ID: hash[:16], Name: name, Created: now, Terms: TermsVersion, Accepted: now,
		PerMinute: limits.PerMinute, PerDay: limits.PerDay,
	}}
	data, err := json.Marshal(stored)
	if err != nil {
		return "", Key{}, fmt.Errorf("encode key: %w", err)
	}
	if _, err := r.keys.Create(ctx, stored.ID, data); err != nil {
		return "", Key{}, fmt.Errorf("store key %q: %w", name, err)
	}
	return secret, stored.Key, nil
}

// Ready reports why keys cannot be asked.
func (s *Store) Ready(ctx context.Context) error {
	if _, err := s.Check(ctx, "readiness"); !errors.Is(err, ErrUnknown) {
		return err
	}
	return nil
}

// Check returns the key that secret is. Errors: ErrUnknown; anything else means that the
// store could not be asked.
func (r *Store) Check(ctx context.Context, secret string) (Key, error) {
	if len(secret) > 200 {
		return Key{}, ErrUnknown
	}
	hash := hashOf(secret)
	stored, _, err := r.get(ctx, hash[:16])
	if errors.Is(err, fs.ErrNotExist) {
		return Key{}, ErrUnknown
	}
	if err != nil {
		return Key{}, err
	}
	if subtle.ConstantTimeCompare([]byte(stored.Hash), []byte(hash)) != 1 || !stored.Works(r.now()) {
		return Key{}, ErrUnknown
	}
	return stored.Key, nil
}

// List returns all keys, revoked ones too, oldest first.
func (r *Store) List(ctx context.Context) ([]Key, error) {
	names, err := r.names(ctx, r.keys, ">")
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	all := make([]Key, 0, len(names))
	for _, name := range names {
		stored, _, err := r.get(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, stored.Key)
	}
	slices.SortFunc(all, func(a, b Key) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	return all, nil
}

// Revoke ends the key with this id, or all with this name, at once on every daemon; they stay listed. It
// returns the newest of them. Errors: fs.ErrNotExist.
func (r *Store) Revoke(ctx context.Context, idOrName string) (Key, error) {
	return r.end(ctx, idOrName, r.now())
}

// Rotate makes a new key with the name and limits of the one with this id or name, which goes on
// working for the overlap given: time to change every client. Errors: fs.ErrNotExist.
func (r *Store) Rotate(ctx context.Context, idOrName string, overlap time.Duration) (secret string, key Key, err error) {
	if overlap < 0 {
		return "", Key{}, fmt.Errorf("overlap %v: want 0 or more", overlap)
	}
	old, err := r.end(ctx, idOrName, r.now().Add(overlap))
	if err != nil {
		return "", Key{}, err
	}
	return r.make(ctx, old.Name, Limits{PerMinute: old.PerMinute, PerDay: old.PerDay})
}

// end lets the working keys with this id or name work until at, and returns the newest of them.
func (r *Store) end(ctx context.Context, idOrName string, at time.Time) (newest Key, err error) {
	all, err := r.List(ctx)
	if err != nil {
		return Key{}, err
	}
	for _, k := range all {
		if !k.Works(r.now()) || k.ID != idOrName && k.Name != idOrName {
			continue
		}
		stored, revision, err := r.get(ctx, k.ID)
		if err != nil {
			return Key{}, err
		}
		if newest = stored.Key; !stored.Works(at) {
			continue // it ends before that
		}
		stored.Revoked = at.UTC().Truncate(time.Second)
		data, err := json.Marshal(stored)
		if err != nil {
			return Key{}, fmt.Errorf("encode key: %w", err)
		}
		if _, err := r.keys.Update(ctx, stored.ID, data, revision); err != nil {
			return Key{}, fmt.Errorf("revoke key %s: %w", stored.ID, err)
		}
		newest = stored.Key
	}
	if newest.ID == "" {
		return Key{}, fmt.Errorf("key %.70q in use: %w (see: lineup keys list)", idOrName, fs.ErrNotExist)
	}
	return newest, nil
}

// get reads one stored key. Errors: fs.ErrNotExist.
func (r *Store) get(ctx context.Context, id string) (record, uint64, error) {
	entry, err := r.keys.Get(ctx, id)
	if errors.Is(err, broker.ErrNoEntry) {
		return record{}, 0, fmt.Errorf("key %s: %w", id, fs.ErrNotExist)
	}
	if err != nil {
		return record{}, 0, fmt.Errorf("read key %s: %w", id, err)
	}
	var stored record
	if err := json.Unmarshal(entry.Value, &stored); err != nil {
		return record{}, 0, fmt.Errorf("decode key %s: %w", id, err)
	}
	return stored, entry.Revision, nil
}

// names lists the entries of a bucket that match a filter, in order.
func (r *Store) names(ctx context.Context, b *broker.Bucket, filter string) ([]string, error) {
	var names []string
	err := b.Each(ctx, filter, func(e broker.Entry) bool {
		names = append(names, e.Key)
		return true
	})
	slices.Sort(names)
	return slices.Compact(names), err
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
