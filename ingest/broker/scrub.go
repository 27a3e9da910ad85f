package broker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// fillerKey is an entry that never has a value. What is written to it only takes room.
	fillerKey = "scrub.filler"
	// fillerSize is of one write. What the last block is left with of them stays, so it is small.
	fillerSize = 64 << 10
	// blockSize is the largest block file of a JetStream server, in bytes.
	blockSize = 8 << 20
	// scrubWindow bounds the writes under way at once.
	scrubWindow = 256
)

// Scrubbed is what a scrub did.
type Scrubbed struct {
	Entries int // written anew
	Took    time.Duration
}

// Scrub makes the servers delete the files in which values lie that were overwritten or deleted before. A server keeps such bytes in its
// block files until most of a file is dead, which may be never. So every entry is written anew behind a block full of random bytes: the
// files before that hold nothing alive then, and are removed. It needs no right but to write entries, which is why it also works
// where a stream denies deletion, as those of older versions do; and it changes nothing for readers. An entry that is written
// meanwhile is left to its writer. The age of entries begins anew.
func (b *Bucket) Scrub(ctx context.Context) (done Scrubbed, err error) {
	started := time.Now()
	fill, err := b.fill(ctx)
	if err != nil {
		return done, fmt.Errorf("scrub %s: %w", b.store.Name, err)
	}
	var acks []jetstream.PubAckFuture
	settle := func() error {
		for _, ack := range acks {
			select {
			case <-ack.Ok():
				done.Entries++
			case err := <-ack.Err():
				if !raced(err) {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		acks = acks[:0]
		return nil
	}
	var problem error
	err = sweep(ctx, b.js, b.store, b.store.Subject()+">", func(m *stored) bool {
		if m.Sequence >= fill {
			return false
		}
		message := nats.NewMsg(m.Subject)
		message.Data, message.Header = m.Data, nats.Header{}
		if op := m.header.Get(operation); op != "" { // that it is deleted must stay known
			message.Header.Set(operation, op)
		}
		ack, err := b.js.PublishMsgAsync(message, jetstream.WithExpectLastSequencePerSubject(m.Sequence))
		if problem = err; err == nil {
			if acks = append(acks, ack); len(acks) == scrubWindow {
				problem = settle()
			}
		}
		return problem == nil
	})
	if err = errors.Join(err, problem); err == nil {
		err = settle()
	}
	if err == nil {
		_, err = b.put(ctx, fillerKey, nil, "DEL")
	}
	if done.Took = time.Since(started); err != nil {
		return done, fmt.Errorf("scrub %s: %w", b.store.Name, err)
	}
	return done, nil
}

// fill writes more random bytes than a block takes, and returns the sequence of the last of them.
func (b *Bucket) fill(ctx context.Context) (last uint64, err error) {
	noise := make([]byte, fillerSize)
	for range blockSize/fillerSize + 1 {
		rand.Read(noise)
		if last, err = b.put(ctx, fillerKey, noise, "DEL"); err != nil {
			return 0, err
		}
	}
	return last, nil
}

// put writes an entry whatever its revision.
func (b *Bucket) put(ctx context.Context, key string, value []byte, op string) (uint64, error) {
	message := nats.NewMsg(b.store.Subject() + key)
	message.Data = value
	message.Header.Set(operation, op)
	ack, err := b.js.PublishMsg(ctx, message)
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// Oldest is when the oldest entry was written, zero for none: what was overwritten before is erased.
func (b *Bucket) Oldest(ctx context.Context) (time.Time, error) {
	stream, err := b.js.Stream(ctx, b.store.Stream())
	if err != nil {
		return time.Time{}, fmt.Errorf("look at %s: %w", b.store.Name, err)
	}
	return stream.CachedInfo().State.FirstTime, nil
}

// Erase deletes the entry that is at the revision given, and overwrites its bytes. Where the stream denies that, the entry is deleted
// and denied says that its bytes stay until a Scrub. It needs the right to delete messages. Errors: ErrRaced.
func (b *Bucket) Erase(ctx context.Context, e Entry) (denied bool, err error) {
	stream, err := b.js.Stream(ctx, b.store.Stream())
	if err != nil {
		return false, fmt.Errorf("look at %s: %w", b.store.Name, err)
	}
	if stream.CachedInfo().Config.DenyDelete {
		return true, b.Delete(ctx, e.Key, e.Revision)
	}
	if err := stream.SecureDeleteMsg(ctx, e.Revision); err != nil {
		return false, fmt.Errorf("erase an entry of %s: %w", b.store.Name, err)
	}
	return false, nil
}
