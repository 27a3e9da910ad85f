package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// idle bounds how long a sweep waits for a message that must come, and look how long until it
// asks again whether it must.
const (
	idle = 30 * time.Second
	look = time.Second
	// patience is how many looks a consumer gets before another one is tried.
	patience = 3
	// rounds is how often a sweep that has read all there was goes on because more was written
	// meanwhile. Somebody who writes as fast as it reads would keep it for ever. To be missed then,
	// an entry must have been overwritten in every round, each time just before its turn.
	rounds = 1000
)

// Sweep hands the last message of every subject matching filter to do, until all are, or do
// returns false. A subject written meanwhile may be handed over twice. It needs the right to get
// single messages of the stream.
//
// It reads an ordered consumer to its end: listing or watching keys was seen to miss keys that
// others overwrite meanwhile. Nor is the end where the server counts no message as pending: it
// subtracts one that is overwritten before it adds the one that overwrites it. The end is where
// what was read last is the last there is.
func Sweep(ctx context.Context, js jetstream.JetStream, stream, filter string, do func(subject string, data []byte) bool) error {
	store, err := js.Stream(ctx, stream)
	if err != nil {
		return fmt.Errorf("open stream %s: %w", stream, err)
	}
	last := func() (uint64, error) {
		message, err := store.GetLastMsgForSubject(ctx, filter)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return 0, nil
		}
		if err != nil {
			return 0, fmt.Errorf("read the last entry: %w", err)
		}
		return message.Sequence, nil
	}
	if end, err := last(); end == 0 || err != nil {
		return err
	}
	open := func() (jetstream.MessagesContext, error) {
		consumer, err := store.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
			FilterSubjects: []string{filter},
			DeliverPolicy:  jetstream.DeliverLastPerSubjectPolicy,
		})
		if err != nil {
			return nil, fmt.Errorf("open a consumer: %w", err)
		}
		messages, err := consumer.Messages(jetstream.PullMaxMessages(1000))
		if err != nil {
			return nil, fmt.Errorf("read the consumer: %w", err)
		}
		return messages, nil
	}
	messages, err := open()
	if err != nil {
		return err
	}
	defer func() { messages.Stop() }()
	var at uint64 // sequence read last
	heard := time.Now()
	for silent, round := 0, 0; ; {
		waiting, done := context.WithTimeout(ctx, look)
		message, err := messages.Next(jetstream.NextContext(waiting))
		done()
		switch {
		case err == nil:
			meta, err := message.Metadata()
			if err != nil {
				return fmt.Errorf("read an entry's metadata: %w", err)
			}
			at, heard, silent = max(at, meta.Sequence.Stream), time.Now(), 0
			if !do(message.Subject(), message.Data()) {
				return nil
			}
			if meta.NumPending > 0 {
				continue
			}
		case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) || time.Since(heard) > idle:
			return fmt.Errorf("read the next entry: %w", err)
		}
		if end, err := last(); end <= at || err != nil {
			return err
		}
		if err == nil {
			if round++; round == rounds {
				return nil
			}
			continue
		}
		// Silence where something must come: in a cluster a consumer may live beside a replica
		// that lags. Another one, from the start, may not.
		if silent++; silent%patience == 0 {
			another, err := open()
			if err != nil {
				return err
			}
			messages.Stop()
			messages = another
		}
	}
}
