package notify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest/broker"
)

// Condition is something that needs a human.
type Condition struct {
	Kind   string `json:"kind"`
	Source string `json:"source,omitempty"` // or generation, engine, file: what it is about
	Say    string `json:"say"`              // what it is and what to do
}

func (c Condition) String() string { return c.Say }

// Notices remembers which conditions were reported. All processes share it, and it outlives restarts.
type Notices struct{ bucket *broker.Bucket }

// OpenNotices opens what is remembered, making it where it is missing.
func OpenNotices(ctx context.Context, js jetstream.JetStream, replicas int) (*Notices, error) {
	bucket, err := broker.OpenBucket(ctx, js, broker.Notices, replicas)
	if err != nil {
		return nil, fmt.Errorf("open the notices: %w", err)
	}
	return &Notices{bucket}, nil
}

// claimTime is how long a process that has started to send a notice may take. After that it counts as killed, and
// another process sends it.
const claimTime = 2 * time.Minute

// noted is what is remembered about a condition.
type noted struct {
	Condition
	Since   time.Time `json:"since"`
	Counted bool      `json:"counted,omitempty"` // among the alarms of its year
	Told    bool      `json:"told"`              // its beginning was sent
	Claimed time.Time `json:"claimed,omitzero"`  // when a process started to send it

	key      string
	revision uint64
}

// Look compares the conditions that hold at a given time with those that were reported, and sends what is new:
// conditions that hold at two looks in a row, and reported ones that no longer hold. What could not be sent is tried
// again at the next look. With a nil send nothing is sent, but conditions that hold at two looks are still counted.
func (n *Notices) Look(ctx context.Context, holds []Condition, at time.Time, send func(context.Context, Notice) error) error {
	known, err := n.known(ctx)
	if err != nil {
		return err
	}
	var problems []error
	for _, c := range holds {
		key := broker.Token(c.Kind) + "." + broker.Token(cmp.Or(c.Source, "-"))
		before, ok := known[key]
		delete(known, key)
		if !ok {
			problems = append(problems, n.create(ctx, noted{Condition: c, Since: at, key: key}))
			continue
		}
		if !before.Counted {
			if before, err = n.count(ctx, before, at); err != nil {
				problems = append(problems, ours(err))
				continue
			}
		}
		if before.Told || send == nil {
			continue
		}
		before.Condition = c
		problems = append(problems, n.tell(ctx, before, Begun, at, send))
	}
	for _, gone := range known {
		if send != nil && (gone.Told || !gone.Claimed.IsZero()) { // a process killed while sending may have sent it
			problems = append(problems, n.tell(ctx, gone, Ended, at, send))
		} else {
			problems = append(problems, ours(n.bucket.Delete(ctx, gone.key, gone.revision)))
		}
	}
	return errors.Join(problems...)
}

// known returns what is remembered, by key.
func (n *Notices) known(ctx context.Context) (map[string]noted, error) {
	keys, err := n.bucket.Keys(ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[string]noted, len(keys))
	for _, key := range keys {
		if strings.HasPrefix(key, yearPrefix) || strings.HasPrefix(key, CanaryPrefix) {
			continue
		}
		entry, err := n.bucket.Get(ctx, key)
		if errors.Is(err, broker.ErrNoEntry) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var one noted
		if err := json.Unmarshal(entry.Value, &one); err != nil {
			return nil, fmt.Errorf("read a notice: %w", err)
		}
		one.key, one.revision = key, entry.Revision
		known[key] = one
	}
	return known, nil
}

// tell claims a notice, sends it and records that it was sent. If another process has claimed it, that one sends it.
func (n *Notices) tell(ctx context.Context, c noted, event Event, at time.Time, send func(context.Context, Notice) error) error {
	if !c.Claimed.IsZero() && at.Sub(c.Claimed) < claimTime {
		return nil
	}
	c.Claimed = at
	revision, err := n.update(ctx, c)
	if err != nil {
		return ours(err)
	}
	c.revision, c.Claimed = revision, time.Time{}
	done, cancel := context.WithTimeout(context.WithoutCancel(ctx), claimTime) // a stopped process still records what it sent
	defer cancel()
	if err := send(done, Notice{Event: event, Kind: c.Kind, Source: c.Source, Say: c.Say, Since: c.Since, At: at}); err != nil {
		_, again := n.update(done, c)
		return errors.Join(err, again)
	}
	if event == Ended {
		return n.bucket.Delete(done, c.key, c.revision)
	}
	c.Told = true
	_, err = n.update(done, c)
	return err
}

func (n *Notices) create(ctx context.Context, c noted) error {
	data, err := json.Marshal(c)
	if err == nil {
		_, err = n.bucket.Create(ctx, c.key, data)
	}
	return ours(err)
}

func (n *Notices) update(ctx context.Context, c noted) (revision uint64, err error) {
	data, err := json.Marshal(c)
	if err != nil {
		return 0, err
	}
	return n.bucket.Update(ctx, c.key, data, c.revision)
}

// ours returns err, or nil if another process was faster and has done the work.
func ours(err error) error {
	if errors.Is(err, broker.ErrRaced) {
		return nil
	}
	return err
}
