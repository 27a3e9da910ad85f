package broker

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Log is a stream that is read in its order: the newest message of each subject, until its time is over.
// Its methods may be called from many goroutines.
type Log struct {
	js    jetstream.JetStream
	store Store
}

// OpenLog opens the log of that name, making or changing it where it is not as it should be.
func OpenLog(ctx context.Context, js jetstream.JetStream, name string, replicas int) (*Log, error) {
	s, err := StoreNamed(name)
	if err != nil {
		return nil, err
	}
	if s.Kind != Letters || !s.Direct {
		return nil, fmt.Errorf("%s is not a log", name)
	}
	if _, err := open(ctx, js, s, replicas); err != nil {
		return nil, err
	}
	return &Log{js, s}, nil
}

// Append writes a message, which takes the place of the one before under the same key.
func (l *Log) Append(ctx context.Context, key string) error {
	ctx, cancel := limited(ctx)
	defer cancel()
	if _, err := l.js.Publish(ctx, l.store.Subject()+key, nil); err != nil {
		return fmt.Errorf("write %s: %w", l.store.Name, err)
	}
	return nil
}

// LogState is where a log stands.
type LogState struct {
	Made time.Time // a log that was lost and made again has another
	Last uint64    // sequence of the newest message there ever was
}

// State says where the log stands.
func (l *Log) State(ctx context.Context) (LogState, error) {
	ctx, cancel := limited(ctx)
	defer cancel()
	stream, err := l.js.Stream(ctx, l.store.Stream())
	if err != nil {
		return LogState{}, fmt.Errorf("look at %s: %w", l.store.Name, err)
	}
	info := stream.CachedInfo()
	return LogState{info.Created, info.State.LastSeq}, nil
}

// After gives the messages behind a sequence, in order, some of them at a time: limit at most. A replica that
// lags has none yet.
func (l *Log) After(ctx context.Context, sequence uint64, limit int) ([]Entry, error) {
	return after(ctx, l.js, l.store, sequence, limit)
}

func after(ctx context.Context, js jetstream.JetStream, s Store, sequence uint64, limit int) (entries []Entry, err error) {
	_, _, _, err = readBatch(ctx, js, s, s.Subject()+">", span{after: sequence, most: limit}, func(m *stored) bool {
		entries = append(entries, Entry{strings.TrimPrefix(m.Subject, s.Subject()), m.Data, m.Sequence, m.Time})
		return len(entries) < limit
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.Name, err)
	}
	return entries, nil
}

// Renew deletes the log and makes it again, empty: who followed it must start over.
func Renew(ctx context.Context, js jetstream.JetStream, name string) error {
	s, err := StoreNamed(name)
	if err != nil {
		return err
	}
	have, err := js.Stream(ctx, s.Stream())
	if err != nil {
		return fmt.Errorf("look at %s: %w", name, err)
	}
	replicas := have.CachedInfo().Config.Replicas
	if err := js.DeleteStream(ctx, s.Stream()); err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	_, err = open(ctx, js, s, replicas)
	return err
}
