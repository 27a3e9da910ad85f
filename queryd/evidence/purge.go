package evidence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest/broker"
)

// Purged is what Purge erased.
type Purged struct {
	Searches int // whose evidence was changed
	Matches  int
	Denied   int // of the searches: their bytes stay until the bucket is scrubbed
}

// Purge erases the evidence of every match for which gone returns true: it is about somebody of whom nothing may be
// stored. The other matches of the same search stay. With dry it only counts. It needs an administrator's rights.
func Purge(ctx context.Context, js jetstream.JetStream, dry bool, gone func(Match) (bool, error)) (done Purged, err error) {
	bucket, err := broker.UseBucket(js, broker.Evidence)
	if err != nil {
		return done, err
	}
	var problem error
	err = bucket.Each(ctx, "", func(e broker.Entry) bool {
		var all, left []Match
		if problem = json.Unmarshal(e.Value, &all); problem != nil {
			problem = fmt.Errorf("decode evidence: %w", problem)
			return false
		}
		for _, m := range all {
			var leaves bool
			if leaves, problem = gone(m); problem != nil {
				return false
			}
			if !leaves {
				left = append(left, m)
			}
		}
		if len(left) == len(all) {
			return true
		}
		done.Searches++
		done.Matches += len(all) - len(left)
		if dry {
			return true
		}
		var denied bool
		if denied, problem = replace(ctx, bucket, e, left); denied {
			done.Denied++
		}
		return problem == nil
	})
	if err = errors.Join(err, problem); err != nil {
		return done, fmt.Errorf("purge evidence: %w", err)
	}
	return done, nil
}

// replace erases an entry and stores the matches that are left of it as a new one. The bucket counts the new entry's
// age from now; Get still goes by the time of the search.
func replace(ctx context.Context, bucket *broker.Bucket, e broker.Entry, left []Match) (denied bool, err error) {
	if denied, err = bucket.Erase(ctx, e); err != nil || len(left) == 0 {
		return denied, err
	}
	data, err := json.Marshal(left)
	if err != nil {
		return denied, fmt.Errorf("encode evidence: %w", err)
	}
	_, err = bucket.Create(ctx, e.Key, data)
	return denied, err
}
