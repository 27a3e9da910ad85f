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
	"lineup/schemas"
)

// Demo is a key that everybody knows and that is never stored. It opens face search for the bundled demo photo only;
// where all people are invented, it opens their records too.
const Demo = "DEMO"

// TermsVersion names the text of Terms; it is kept with each key made under it.
const TermsVersion = "2026-11-28"

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
7. Hold copies of records only where the operator lets you. Then follow GET /v1/changes: ask at
   least once a minute while copies are shown, drop at once what is delisted, and keep nothing
   of who left.
8. A watch is on one record, one person or one small place, for a reason of your own, and ends
   with it. There are none on lists of people or on faces. Its webhook is a receiver of your own;
   check the signature, and pass on nothing of what it leads to as a warning to others.
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
	First     string    `json:"first,omitempty"` // id of the key it was rotated out of at first, "" for none
	Created   time.Time `json:"created"`
	Revoked   time.Time `json:"revoked,omitzero"` // works until then; after Rotate this may lie ahead
	Terms     string    `json:"terms"`            // TermsVersion accepted
	Accepted  time.Time `json:"accepted"`
	PerMinute int       `json:"perMinute,omitempty"` // requests, 0: the server's default
	PerDay    int       `json:"perDay,omitempty"`    // requests a UTC day, 0: the server's default
	Canary    bool      `json:"canary,omitempty"`    // sees the canary and nobody else
}

// Owner identifies the holder of a key: keys that replaced each other by rotation have the same owner.
func (k Key) Owner() string { return cmp.Or(k.First, k.ID) }

// Works reports whether the key is accepted at that time.
func (k Key) Works(at time.Time) bool { return k.Revoked.IsZero() || at.Before(k.Revoked) }

// Limits are a key's own limits (0 means the server's default) and whom it may see.
type Limits struct {
	PerMinute, PerDay int
	Canary            bool // the canary and nobody else; without it everybody else
}

// ErrUnknown is returned by Check for a key that was never made or is revoked.
var ErrUnknown = errors.New("unknown or revoked key")

// Store holds the keys and what was used of them.
type Store struct {
	keys, usage, watches, hooks *broker.Bucket
	now                         func() time.Time
}

// Open opens the buckets, and makes those that are missing with the given number of replicas.
func Open(ctx context.Context, js jetstream.JetStream, replicas int) (*Store, error) {
	r := &Store{now: time.Now}
	var err error
	if r.keys, err = broker.OpenBucket(ctx, js, broker.Keys, replicas); err != nil {
		return nil, fmt.Errorf("open the API keys: %w", err)
	}
	if r.usage, err = broker.OpenBucket(ctx, js, broker.Usage, replicas); err != nil {
		return nil, fmt.Errorf("open the keys' usage: %w", err)
	}
	if r.watches, err = broker.OpenBucket(ctx, js, broker.Watches, replicas); err != nil {
		return nil, fmt.Errorf("open the keys' watches: %w", err)
	}
	if r.hooks, err = broker.OpenBucket(ctx, js, broker.Hooks, replicas); err != nil {
		return nil, fmt.Errorf("open the webhooks of watches: %w", err)
	}
	return r, nil
}

// Add makes a key and returns it; it cannot be read again. name helps people to tell keys apart: it has 1 to 60
// characters, and no two working keys share one. Adding a key records that its holder accepted Terms.
func (r *Store) Add(ctx context.Context, name string, limits Limits) (secret string, key Key, err error) {
	name = strings.TrimSpace(name)
	if n := len([]rune(name)); n < 1 || n > 60 || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' }) {
		return "", Key{}, schemas.Misuse("key name %.70q: want 1 to 60 printable characters", name)
	}
	if limits.PerMinute < 0 || limits.PerDay < 0 {
		return "", Key{}, schemas.Misuse("limits of key %q: want 0 (the server's default) or more", name)
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
	return r.make(ctx, name, limits, "")
}

// make stores a new key.
func (r *Store) make(ctx context.Context, name string, limits Limits, first string) (secret string, key Key, err error) {
	raw := make([]byte, 32)
	rand.Read(raw)
	secret = "lu_" + base64.RawURLEncoding.EncodeToString(raw)
	hash := hashOf(secret)
	now := r.now().UTC().Truncate(time.Second)
	stored := record{Schema: 1, Hash: hash, Key: Key{
		ID: hash[:16], Name: name, First: first, Created: now, Terms: TermsVersion, Accepted: now,
		PerMinute: limits.PerMinute, PerDay: limits.PerDay, Canary: limits.Canary,
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

// Check returns the key whose secret this is. Errors: ErrUnknown; any other error means that the store could not be
// read.
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

// Revoke ends the key with this id, or all keys with this name, at once on every daemon. They stay listed; their
// watches are deleted. It returns the newest of them. Errors: fs.ErrNotExist.
func (r *Store) Revoke(ctx context.Context, idOrName string) (Key, error) {
	named, err := r.Named(ctx, idOrName)
	if err != nil {
		return Key{}, err
	}
	key, err := r.end(ctx, idOrName, r.now())
	if err != nil {
		return Key{}, err
	}
	for _, k := range named {
		if err := r.endWatches(ctx, k.ID, ""); err != nil {
			return Key{}, err
		}
	}
	return key, nil
}

// EndAt ends the key with that id at the given time. If that is past, its watches are deleted. It reports whether the
// key would have worked longer; an unknown key would not.
func (r *Store) EndAt(ctx context.Context, id string, at time.Time) (news bool, err error) {
	stored, revision, err := r.get(ctx, id)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || !stored.Works(at) {
		return false, err
	}
	stored.Revoked = at.UTC().Truncate(time.Second)
	if err := r.put(ctx, stored, revision); err != nil || stored.Works(r.now()) {
		return true, err
	}
	return true, r.endWatches(ctx, id, "")
}

// Named are the working keys with this id or name. Errors: fs.ErrNotExist.
func (r *Store) Named(ctx context.Context, idOrName string) (named []Key, err error) {
	all, err := r.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range all {
		if k.Works(r.now()) && (k.ID == idOrName || k.Name == idOrName) {
			named = append(named, k)
		}
	}
	if len(named) == 0 {
		return nil, schemas.NotFound("no key %.70q is in use (lineup keys list names them)", idOrName)
	}
	return named, nil
}

// Rotate makes a new key with the name and limits of the one with this id or name. The old key works on for the given
// overlap, so that every client can be changed. The new key takes over the watches at once. Errors: fs.ErrNotExist.
func (r *Store) Rotate(ctx context.Context, idOrName string, overlap time.Duration) (secret string, key Key, err error) {
	if overlap < 0 {
		return "", Key{}, fmt.Errorf("overlap %v: want 0 or more", overlap)
	}
	old, err := r.end(ctx, idOrName, r.now().Add(overlap))
	if err != nil {
		return "", Key{}, err
	}
	if secret, key, err = r.make(ctx, old.Name, Limits{old.PerMinute, old.PerDay, old.Canary}, old.Owner()); err != nil {
		return "", Key{}, err
	}
	return secret, key, r.endWatches(ctx, old.ID, key.ID)
}

// end ends the working keys with this id or name at the given time, and returns the newest of them.
func (r *Store) end(ctx context.Context, idOrName string, at time.Time) (newest Key, err error) {
	named, err := r.Named(ctx, idOrName)
	if err != nil {
		return Key{}, err
	}
	for _, k := range named {
		stored, revision, err := r.get(ctx, k.ID)
		if err != nil {
			return Key{}, err
		}
		if newest = stored.Key; !stored.Works(at) {
			continue // it ends before that
		}
		stored.Revoked = at.UTC().Truncate(time.Second)
		if err := r.put(ctx, stored, revision); err != nil {
			return Key{}, err
		}
		newest = stored.Key
	}
	return newest, nil
}

// put stores a key if its stored revision is still the one given.
func (r *Store) put(ctx context.Context, stored record, revision uint64) error {
	data, err := json.Marshal(stored)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	if _, err := r.keys.Update(ctx, stored.ID, data, revision); err != nil {
		return fmt.Errorf("revoke key %s: %w", stored.ID, err)
	}
	return nil
}

// get reads one stored key. Errors: fs.ErrNotExist.
func (r *Store) get(ctx context.Context, id string) (record, uint64, error) {
	entry, err := r.keys.Get(ctx, id)
	if errors.Is(err, broker.ErrNoEntry) {
		return record{}, 0, schemas.NotFound("there is no key %s", id)
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
