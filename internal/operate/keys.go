package operate

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"lineup/ingest/removals"
	"lineup/ingest/signing"
	"lineup/queryd/keys"
	"lineup/schemas"
)

// KeyUse is how one key was used on one day.
type KeyUse struct {
	Name string `json:"name"`
	keys.Use
}

// KeyUsage returns the use, by day, of the key with that name or id, or of every key for "".
func (s *Stores) KeyUsage(ctx context.Context, key string) ([]KeyUse, error) {
	all, err := s.Keys.List(ctx)
	if err != nil {
		return nil, err
	}
	all = append(all, keys.Key{ID: keys.Demo, Name: keys.Demo})
	used, known := []KeyUse{}, key == ""
	for _, k := range all {
		if key != "" && key != k.Name && key != k.ID {
			continue
		}
		known = true
		uses, err := s.Keys.Usage(ctx, k.ID)
		if err != nil {
			return nil, err
		}
		for _, u := range uses {
			used = append(used, KeyUse{k.Name, u})
		}
	}
	if !known {
		return nil, fmt.Errorf("key %.70q: no such name or id (see: lineup keys list)", key)
	}
	return used, nil
}

// RevokeKey revokes the working keys with that name or id at once, and returns the newest of them. The revocation is
// written to the log of removals first. Errors: fs.ErrNotExist.
func (s *Stores) RevokeKey(ctx context.Context, idOrName string) (keys.Key, error) {
	logged, err := s.logEnd(ctx, idOrName, time.Now())
	if err != nil {
		return keys.Key{}, err
	}
	key, err := s.Keys.Revoke(ctx, idOrName)
	return key, errors.Join(err, logged)
}

// RotateKey makes a new key in place of an old one, which keeps working for overlap.
func (s *Stores) RotateKey(ctx context.Context, idOrName string, overlap time.Duration) (secret string, key keys.Key, err error) {
	if idOrName == "" || overlap < 0 {
		return "", keys.Key{}, schemas.Misuse("name a key (lineup keys list does), and for how long it goes on: 0s or more")
	}
	logged, err := s.logEnd(ctx, idOrName, time.Now().Add(overlap))
	if err != nil {
		return "", keys.Key{}, err
	}
	if secret, key, err = s.Keys.Rotate(ctx, idOrName, overlap); err != nil {
		return secret, key, err
	}
	return secret, key, logged
}

// logEnd writes to the log of removals when the keys with that name or id end. If the log cannot be written, the keys
// end all the same; logged says so.
func (s *Stores) logEnd(ctx context.Context, idOrName string, at time.Time) (logged, err error) {
	named, err := s.Keys.Named(ctx, idOrName)
	if err != nil {
		return nil, err
	}
	for _, k := range named {
		if !k.Works(at) {
			continue // it ends earlier anyway
		}
		if err := s.note(ctx, removals.Entry{Kind: removals.Revocation, At: at, Key: k.ID}); err != nil {
			logged = errors.Join(logged, fmt.Errorf("revoked, but %w: a restore of an older backup would let the key work again", err))
		}
	}
	return logged, nil
}

// NewKey is a key with the secret that opens the API.
type NewKey struct {
	keys.Key
	Secret string `json:"key"`
}

// RotatePhotoLinks makes a new secret for links to photos, which are valid for so many days. Links given out before
// stay valid until they expire, or end at once.
func (s *Stores) RotatePhotoLinks(ctx context.Context, days int, end bool) error {
	until := time.Now().UTC()
	if !end { // the day on which a link of this minute ends, as a daemon that has not seen the new secret makes it
		until = until.Truncate(24*time.Hour).AddDate(0, 0, days+2)
	}
	return signing.RotatePhotoLinks(ctx, s.JS, until)
}

// DeadHook is a delivery to a watch's webhook that was given up after all attempts.
type DeadHook struct {
	Watch    schemas.UUID `json:"watch"`
	Key      string       `json:"key"`  // id of the key that holds the watch
	Host     string       `json:"host"` // of the webhook; the rest of its address may be a secret
	Since    time.Time    `json:"since"`
	GivenUp  time.Time    `json:"givenUp"`
	Attempts int          `json:"attempts"`
	Why      string       `json:"why"`
}

// DeadHooks returns the deliveries to webhooks of watches that were given up. retry tries them again, empty deletes
// them.
func (s *Stores) DeadHooks(ctx context.Context, retry, empty bool) ([]DeadHook, error) {
	dead, err := s.Keys.DeadHooks(ctx)
	if err != nil {
		return nil, err
	}
	all := []DeadHook{}
	for _, h := range dead {
		one := DeadHook{Watch: h.Watch, Key: h.Key(), Since: h.Dead.Since, GivenUp: h.Dead.At, Attempts: h.Dead.Attempts, Why: h.Dead.Why}
		if u, err := url.Parse(h.URL); err == nil {
			one.Host = u.Host
		}
		all = append(all, one)
		if retry || empty {
			if err := s.Keys.BringBack(ctx, h, retry); err != nil {
				return all, err
			}
		}
	}
	return all, nil
}
