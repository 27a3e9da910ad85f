package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// idle bounds how long a sweep waits for a message that the server says is pending.
const idle = 30 * time.Second

// Sweep hands the last message of every subject matching filter to do, until nothing is
// pending or do returns false. A subject written meanwhile may be handed over twice.
//
// It reads an ordered consumer to its end: listing or watching keys was seen to miss keys that
// others overwrite meanwhile.
func Sweep(ctx context.Context, js jetstream.JetStream, stream, filter string, do func(subject string, data []byte) bool) error {
	consumer, err := js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{filter},
		DeliverPolicy:  jetstream.DeliverLastPerSubjectPolicy,
	})
	if err != nil {
		return fmt.Errorf("open a consumer: %w", err)
	}
	info, err := consumer.Info(ctx)
	if err != nil {
		return fmt.Errorf("look at the consumer: %w", err)
	}
	if info.NumPending == 0 {
		return nil
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(1000))
	if err != nil {
		return fmt.Errorf("read the consumer: %w", err)
	}
	defer messages.Stop()
	for {
		waiting, done := context.WithTimeout(ctx, idle)
		message, err := messages.Next(jetstream.NextContext(waiting))
		done()
		if err != nil {
			return fmt.Errorf("read the next entry: %w", err)
		}
		meta, err := message.Metadata()
		if err != nil {
			return fmt.Errorf("read an entry's metadata: %w", err)
		}
		if !do(message.Subject(), message.Data()) || meta.NumPending == 0 {
			return nil
		}
	}
}
