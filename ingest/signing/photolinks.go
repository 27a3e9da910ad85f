package signing

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest/broker"
)

// photoLinks is the entry, beside the key that signs evidence, of the secrets behind links to photos: the
// query daemons read both.
const photoLinks = "photo-links"

// maxSecrets bounds the secrets that are kept; the oldest goes first.
const maxSecrets = 16

// PhotoSecret is a secret that links to photos are signed with. The first of several signs.
type PhotoSecret struct {
	Key   []byte    `json:"key"`            // 32 bytes
	Until time.Time `json:"until,omitzero"` // links are accepted until then; zero: for ever
}

// PhotoSecrets are the secrets behind links to photos. All daemons over one JetStream share them. Errors: ErrNoKey.
func PhotoSecrets(ctx context.Context, js jetstream.JetStream) ([]PhotoSecret, error) {
	all, _, err := photoSecrets(ctx, js)
	return all, err
}

func photoSecrets(ctx context.Context, js jetstream.JetStream) ([]PhotoSecret, uint64, error) {
	b, err := broker.UseBucket(js, broker.Signing)
	if err != nil {
		return nil, 0, err
	}
	entry, err := b.Get(ctx, photoLinks)
	if errors.Is(err, broker.ErrNoEntry) {
		return nil, 0, fmt.Errorf("secret of links to photos: %w", ErrNoKey)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read the secret of links to photos: %w", err)
	}
	all, err := decodeSecrets(entry.Value)
	return all, entry.Revision, err
}

func decodeSecrets(data []byte) (all []PhotoSecret, err error) {
	if err := json.Unmarshal(data, &all); err != nil || len(all) == 0 {
		return nil, fmt.Errorf("decode the secrets of links to photos: %d, %w", len(all), err)
	}
	return all, nil
}

// preparePhotoLinks makes the secret where there is none.
func preparePhotoLinks(ctx context.Context, js jetstream.JetStream) error {
	_, _, err := photoSecrets(ctx, js)
	if !errors.Is(err, ErrNoKey) {
		return err
	}
	b, err := broker.UseBucket(js, broker.Signing)
	if err != nil {
		return err
	}
	data, err := json.Marshal([]PhotoSecret{{Key: photoSecret()}})
	if err != nil {
		return fmt.Errorf("encode the secret of links to photos: %w", err)
	}
	if _, err := b.Create(ctx, photoLinks, data); err != nil && !errors.Is(err, broker.ErrRaced) {
		return fmt.Errorf("make the secret of links to photos: %w", err)
	}
	return nil
}

func photoSecret() []byte {
	s := make([]byte, 32)
	rand.Read(s)
	return s
}

// RotatePhotoLinks makes a new secret. Links signed with those before are accepted until the time given, and
// not at all where it lies behind.
func RotatePhotoLinks(ctx context.Context, js jetstream.JetStream, until time.Time) error {
	return changeSecrets(ctx, js, func(all []PhotoSecret) []PhotoSecret {
		for i := range all {
			if all[i].Until.IsZero() || all[i].Until.After(until) {
				all[i].Until = until.UTC()
			}
		}
		return slices.Insert(all, 0, PhotoSecret{Key: photoSecret()})
	})
}

// IsPhotoLinks reports whether an entry of a bucket holds these secrets.
func IsPhotoLinks(bucket, entry string) bool { return bucket == broker.Signing && entry == photoLinks }

// AdoptPhotoLinks accepts the secrets of a backup beside those there are, so that links go on working.
func AdoptPhotoLinks(ctx context.Context, js jetstream.JetStream, value []byte) error {
	more, err := decodeSecrets(value)
	if err != nil {
		return err
	}
	if err := preparePhotoLinks(ctx, js); err != nil {
		return err
	}
	return changeSecrets(ctx, js, func(all []PhotoSecret) []PhotoSecret {
		for _, m := range more {
			if !slices.ContainsFunc(all, func(s PhotoSecret) bool { return string(s.Key) == string(m.Key) }) {
				all = append(all, m)
			}
		}
		return all
	})
}

func changeSecrets(ctx context.Context, js jetstream.JetStream, change func([]PhotoSecret) []PhotoSecret) error {
	all, revision, err := photoSecrets(ctx, js)
	if err != nil {
		return err
	}
	all = change(all)
	now := time.Now()
	kept := slices.DeleteFunc(all[1:], func(s PhotoSecret) bool { return !s.Until.IsZero() && s.Until.Before(now) })
	all = append(all[:1], kept...)
	data, err := json.Marshal(all[:min(len(all), maxSecrets)])
	if err != nil {
		return fmt.Errorf("encode the secrets of links to photos: %w", err)
	}
	b, err := broker.UseBucket(js, broker.Signing)
	if err != nil {
		return err
	}
	if _, err := b.Update(ctx, photoLinks, data, revision); err != nil {
		return fmt.Errorf("replace the secret of links to photos: %w", err)
	}
	return nil
}
