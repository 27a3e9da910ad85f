package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// batch is how many messages a sweep asks for at once, and batchBytes about how many bytes at most. For each request a server goes
	// over all subjects to count what is pending, whatever is asked for: many small ones make a sweep quadratic. A subscription holds
	// 64 Ki messages that wait to be read, and a server closes the connection of a client that leaves 64 MiB unread.
	batch      = 40_000
	batchBytes = 16 << 20
	// rounds is how often a sweep that has read all there was goes on because more was written
	// meanwhile. Somebody who writes as fast as it reads would keep it for ever. To be missed then,
	// an entry must have been overwritten in every round, each time just before its turn.
	rounds = 1000
	// patience is how often a sweep asks again where a replica does not have yet what the leader has,
	// and lag how long it waits each time.
	patience = 300
	lag      = 100 * time.Millisecond
)

// sweep hands the last message of every subject that matches filter to do, until all are, or do
// returns false. A subject that is written meanwhile may be handed over twice.
//
// It reads in the order of the stream, from the first message to the last that the leader has. A
// message that is overwritten meanwhile moves to the end, so it is met there; listing or watching
// keys by a consumer was seen to miss such keys. Where replicas answer, each has the beginning of
// what the leader has, so one that lags ends early and is asked again: it never leaves anything out.
func sweep(ctx context.Context, js jetstream.JetStream, s Store, filter string, do func(*stored) bool) error {
	return sweepAfter(ctx, js, s, filter, 0, do)
}

// sweepAfter is sweep for the messages behind a sequence.
func sweepAfter(ctx context.Context, js jetstream.JetStream, s Store, filter string, at uint64, do func(*stored) bool) error {
	read := readOne
	if s.Direct {
		read = readBatch
	}
	for round, silent := 0, 0; round < rounds; {
		last, err := lastMessage(ctx, js, s.Stream(), filter)
		if err != nil {
			return err
		}
		if last == nil || last.Sequence <= at {
			return nil
		}
		before := at // the sequence read last
		for more := true; more && at < last.Sequence; {
			var goOn bool
			if at, more, goOn, err = read(ctx, js, s, filter, span{at, last.Sequence, batch}, do); err != nil || !goOn {
				return err
			}
		}
		if at > before {
			silent = 0
			if at >= last.Sequence {
				round++
			}
			continue
		}
		if silent++; silent == patience {
			return fmt.Errorf("replicas of %s lack what its leader has for %s", s.Name, patience*lag)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lag):
		}
	}
	return nil
}

// span is what is read of a stream: behind a sequence, as far as another, so many messages at most.
type span struct {
	after, last uint64
	most        int
}

// wait bounds how long an answer may take. A server goes over all subjects before the first, half a microsecond each and many times that
// on busy processors; the last sequence bounds their number. A small store waits no longer than any other request for a server
// that is gone.
func (s span) wait() time.Duration {
	return min(requestTime+time.Duration(s.last)*50*time.Microsecond, time.Minute)
}

// readOne reads the next message of a span, from the leader. next is then its sequence; more
// says that there was one, and goOn what do said.
func readOne(ctx context.Context, js jetstream.JetStream, s Store, filter string, of span, do func(*stored) bool) (
	next uint64, more, goOn bool, err error,
) {
	m, err := message(ctx, js, s.Stream(), getRequest{Sequence: of.after + 1, Next: filter})
	if err != nil || m == nil {
		return of.after, false, true, err
	}
	return m.Sequence, true, do(m), nil
}

// readBatch is readOne for many messages, which any replica may answer. more is false where the answer
// ended before its last message came.
func readBatch(ctx context.Context, js jetstream.JetStream, s Store, filter string, of span, do func(*stored) bool) (
	next uint64, more, goOn bool, err error,
) {
	at := of.after
	ask, err := json.Marshal(getRequest{Sequence: at + 1, Next: filter, Batch: of.most, MaxBytes: batchBytes})
	if err != nil {
		return at, false, false, err
	}
	nc := js.Conn()
	inbox := nc.NewInbox()
	answers, err := nc.SubscribeSync(inbox)
	if err != nil {
		return at, false, false, fmt.Errorf("listen for a batch: %w", err)
	}
	defer answers.Unsubscribe() //nolint:errcheck // the connection is closed: the next request says so
	if err := nc.PublishRequest(api(js)+".DIRECT.GET."+s.Stream(), inbox, ask); err != nil {
		return at, false, false, fmt.Errorf("ask for a batch: %w", err)
	}
	var before uint64 // sequence of the message before in this batch
	for {
		waiting, done := within(ctx, of.wait())
		answer, err := answers.NextMsgWithContext(waiting)
		done()
		if err != nil {
			return at, false, false, fmt.Errorf("read a batch: %w", err)
		}
		switch status := answer.Header.Get("Status"); status {
		case "":
		case "204": // the end of the batch
			return at, true, true, nil
		case "404":
			return at, false, true, nil
		default:
			return at, false, false, fmt.Errorf("read a batch: %s %s", status, answer.Header.Get("Description"))
		}
		m, previous, err := direct(answer)
		if err != nil {
			return at, false, false, err
		}
		if previous != before { // some were lost with a connection: ask for them again
			return at, false, true, nil
		}
		before, at = m.Sequence, m.Sequence
		if !do(m) {
			return at, false, false, nil
		}
	}
}

// direct reads a message of a batch, and the sequence of the one before it.
func direct(answer *nats.Msg) (m *stored, previous uint64, err error) {
	m = &stored{Subject: answer.Header.Get(jetstream.SubjectHeader), Data: answer.Data, header: answer.Header}
	m.Sequence, err = strconv.ParseUint(answer.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err == nil {
		previous, err = strconv.ParseUint(answer.Header.Get(jetstream.LastSequenceHeader), 10, 64)
	}
	if err == nil {
		m.Time, err = time.Parse(time.RFC3339Nano, answer.Header.Get(jetstream.TimeStampHeaer))
	}
	if err == nil && m.Subject == "" {
		err = errors.New("it names no subject")
	}
	if err != nil {
		return nil, 0, fmt.Errorf("message of a batch: %w", err)
	}
	return m, previous, nil
}
