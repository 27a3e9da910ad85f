package ledger

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/schemas"
)

// Each yields every standing of source, or of all sources when it is "", once each, as it was
// at some moment of the sweep. A standing of a newer schema is yielded as that error, with ID
// and Source set, and the sweep goes on; any other error ends it.
func (l *Ledger) Each(ctx context.Context, source string) iter.Seq2[schemas.Standing, error] {
	prefix := "$KV." + StandingsBucket + "."
	filter := prefix + ">"
	if source != "" {
		filter = prefix + source + ".*"
	}
	return func(yield func(schemas.Standing, error) bool) {
		seen := make(map[string]struct{})
		err := sweep(ctx, l.js, "KV_"+StandingsBucket, filter, func(subject string, data []byte) bool {
			if _, again := seen[subject]; again || len(data) == 0 {
				return true
			}
			seen[subject] = struct{}{}
			s, err := schemas.DecodeStanding(data)
			if err != nil {
				from, id, _ := strings.Cut(strings.TrimPrefix(subject, prefix), ".")
				s = schemas.Standing{ID: schemas.UUID(id), Source: from}
			}
			return yield(s, err)
		})
		if err != nil {
			yield(schemas.Standing{}, fmt.Errorf("sweep the ledger: %w", err))
		}
	}
}

// idle bounds how long a sweep waits for a message that the server says is pending.
const idle = 30 * time.Second

// sweep hands the last message of every subject matching filter to do, until nothing is
// pending or do returns false. A subject written meanwhile may be handed over twice.
//
// It reads an ordered consumer to its end: listing or watching keys was seen to miss keys that
// others overwrite meanwhile.
func sweep(ctx context.Context, js jetstream.JetStream, stream, filter string, do func(subject string, data []byte) bool) error {
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
