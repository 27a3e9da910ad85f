package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Errors of a Bucket.
var (
	// ErrNoEntry is returned by Get for a key that has no value.
	ErrNoEntry = errors.New("no such entry")
	// ErrRaced is returned by Create, Update and Delete when the entry is not as the caller knew it.
	ErrRaced = errors.New("somebody else was faster")
)

// Bucket is a JetStream key-value bucket: one value a key, changed by compare-and-set. What it
// stores is what the client library's KeyValue does. Unlike that, it reads every entry from the
// leader of the stream, never from a replica that may lag, and lists keys without a consumer: the
// right to make consumers is the right to have messages delivered to any subject.
// Its methods may be called from many goroutines.
type Bucket struct {
	js    jetstream.JetStream
	store Store
}

// OpenBucket opens the bucket of that name, making or changing it where it is not as it should be.
func OpenBucket(ctx context.Context, js jetstream.JetStream, name string, replicas int) (*Bucket, error) {
	s, err := StoreNamed(name)
	if err != nil {
		return nil, err
	}
	if s.Kind != KeyValue {
		return nil, fmt.Errorf("%s is a %s, not a bucket", name, s.Kind)
	}
	if _, err := open(ctx, js, s, replicas); err != nil {
		return nil, err
	}
	return &Bucket{js, s}, nil
}

// UseBucket is a bucket that is there already, as it is.
func UseBucket(js jetstream.JetStream, name string) (*Bucket, error) {
	s, err := StoreNamed(name)
	if err != nil {
		return nil, err
	}
	return &Bucket{js, s}, nil
}

// Name is the bucket's name.
func (b *Bucket) Name() string { return b.store.Name }

// Entry is a value and what a compare-and-set needs to know of it.
type Entry struct {
	Key      string
	Value    []byte
	Revision uint64 // 1 or more, growing with each change in the bucket
	Written  time.Time
}

// operation is the header that marks an entry as deleted, as the client library writes it.
const operation = "KV-Operation"

// Get reads an entry. key may have wildcards: then it is the entry written last that matches.
// Errors: ErrNoEntry.
func (b *Bucket) Get(ctx context.Context, key string) (Entry, error) {
	message, err := lastMessage(ctx, b.js, b.store.Stream(), b.store.Subject()+key)
	if err != nil {
		return Entry{}, fmt.Errorf("read %s: %w", b.store.Name, err)
	}
	if message == nil || message.deleted() {
		return Entry{}, fmt.Errorf("%s has no such entry: %w", b.store.Name, ErrNoEntry)
	}
	return b.entry(message), nil
}

func (b *Bucket) entry(m *stored) Entry {
	return Entry{strings.TrimPrefix(m.Subject, b.store.Subject()), m.Data, m.Sequence, m.Time}
}

// Create writes an entry that has no value and returns its revision. Errors: ErrRaced.
func (b *Bucket) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	revision, err := b.write(ctx, key, value, 0, "")
	if !errors.Is(err, ErrRaced) {
		return revision, err
	}
	// A deleted entry leaves a marker, which is what must be replaced then.
	message, gerr := lastMessage(ctx, b.js, b.store.Stream(), b.store.Subject()+key)
	if gerr != nil || message == nil || !message.deleted() {
		return 0, errors.Join(err, gerr)
	}
	return b.write(ctx, key, value, message.Sequence, "")
}

// Update replaces the value of an entry that is at the revision given, and returns the new one. Errors: ErrRaced.
func (b *Bucket) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return b.write(ctx, key, value, revision, "")
}

// Delete takes away the value of an entry that is at the revision given. Errors: ErrRaced.
func (b *Bucket) Delete(ctx context.Context, key string, revision uint64) error {
	_, err := b.write(ctx, key, nil, revision, "DEL")
	return err
}

func (b *Bucket) write(ctx context.Context, key string, value []byte, revision uint64, op string) (uint64, error) {
	message := nats.NewMsg(b.store.Subject() + key)
	message.Data = value
	if op != "" {
		message.Header.Set(operation, op)
	}
	ack, err := b.js.PublishMsg(ctx, message, jetstream.WithExpectLastSequencePerSubject(revision))
	if raced(err) {
		return 0, fmt.Errorf("write %s: %w", b.store.Name, ErrRaced)
	}
	if err != nil {
		return 0, fmt.Errorf("write %s: %w", b.store.Name, err)
	}
	return ack.Sequence, nil
}

// raced reports whether a compare-and-set failed because the entry is at another revision. A stream with
// replicas has a code of its own for that.
func raced(err error) bool {
	api := (*jetstream.APIError)(nil)
	return errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// Each hands every entry whose key matches filter ("" for all) to do, until do returns false.
// An entry that is written meanwhile may be handed over twice.
func (b *Bucket) Each(ctx context.Context, filter string, do func(Entry) bool) error {
	return b.EachAfter(ctx, filter, 0, do)
}

// EachAfter is Each for the entries that were written after a revision.
func (b *Bucket) EachAfter(ctx context.Context, filter string, revision uint64, do func(Entry) bool) error {
	if filter == "" {
		filter = ">"
	}
	err := sweepAfter(ctx, b.js, b.store, b.store.Subject()+filter, revision, func(m *stored) bool { return m.deleted() || do(b.entry(m)) })
	if err != nil {
		return fmt.Errorf("sweep %s: %w", b.store.Name, err)
	}
	return nil
}

// Keys are the keys of all entries, in no order, and of those that were deleted: their values are not read.
func (b *Bucket) Keys(ctx context.Context) ([]string, error) {
	ctx, cancel := limited(ctx)
	defer cancel()
	stream, err := b.js.Stream(ctx, b.store.Stream())
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", b.store.Name, err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(b.store.Subject()+">"))
	if err != nil {
		return nil, fmt.Errorf("list the keys of %s: %w", b.store.Name, err)
	}
	var keys []string
	for subject := range info.State.Subjects {
		if key := strings.TrimPrefix(subject, b.store.Subject()); key != fillerKey {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// State is how much a bucket holds.
type State struct {
	Entries int       // deleted ones that left a marker included
	Last    uint64    // revision of the entry written last
	Made    time.Time // when the bucket was; one that is made anew counts its revisions from one
}

// State looks how much the bucket holds.
func (b *Bucket) State(ctx context.Context) (State, error) {
	ctx, cancel := limited(ctx)
	defer cancel()
	stream, err := b.js.Stream(ctx, b.store.Stream())
	if err != nil {
		return State{}, fmt.Errorf("look at %s: %w", b.store.Name, err)
	}
	info := stream.CachedInfo()
	return State{int(info.State.Msgs), info.State.LastSeq, info.Created}, nil
}

// Purge takes all entries away. It needs the right to purge the stream.
func (b *Bucket) Purge(ctx context.Context) error {
	stream, err := b.js.Stream(ctx, b.store.Stream())
	if err == nil {
		err = stream.Purge(ctx)
	}
	if err != nil {
		return fmt.Errorf("purge %s: %w", b.store.Name, err)
	}
	return nil
}

// stored is a message as JetStream's API gives it.
type stored struct {
	Subject  string    `json:"subject"`
	Sequence uint64    `json:"seq"`
	Headers  []byte    `json:"hdrs"`
	Data     []byte    `json:"data"`
	Time     time.Time `json:"time"`

	header nats.Header
}

func (m *stored) deleted() bool {
	op := m.header.Get(operation)
	return op == "DEL" || op == "PURGE"
}

// getRequest is what STREAM.MSG.GET and DIRECT.GET are asked.
type getRequest struct {
	Sequence uint64 `json:"seq,omitempty"`
	Last     string `json:"last_by_subj,omitempty"`
	Next     string `json:"next_by_subj,omitempty"`
	Batch    int    `json:"batch,omitempty"`
	MaxBytes int    `json:"max_bytes,omitempty"`
}

// codeNoMessage is the server's error code for a message that is not there.
const codeNoMessage = 10037

// lastMessage reads the newest message of a subject, which may have wildcards, from the leader; nil when
// there is none.
func lastMessage(ctx context.Context, js jetstream.JetStream, stream, subject string) (*stored, error) {
	return message(ctx, js, stream, getRequest{Last: subject})
}

func message(ctx context.Context, js jetstream.JetStream, stream string, ask getRequest) (*stored, error) {
	data, err := json.Marshal(ask)
	if err != nil {
		return nil, err
	}
	ctx, cancel := limited(ctx)
	defer cancel()
	answer, err := js.Conn().RequestWithContext(ctx, api(js)+".STREAM.MSG.GET."+stream, data)
	if err != nil {
		return nil, err
	}
	var got struct {
		Error   *jetstream.APIError `json:"error"`
		Message *stored             `json:"message"`
	}
	if err := json.Unmarshal(answer.Data, &got); err != nil {
		return nil, fmt.Errorf("decode the answer: %w", err)
	}
	switch {
	case got.Error != nil && got.Error.ErrorCode == codeNoMessage:
		return nil, nil
	case got.Error != nil:
		return nil, got.Error
	case got.Message == nil:
		return nil, errors.New("the answer holds no message")
	}
	if len(got.Message.Headers) > 0 {
		if got.Message.header, err = nats.DecodeHeadersMsg(got.Message.Headers); err != nil {
			return nil, fmt.Errorf("decode the headers: %w", err)
		}
	}
	return got.Message, nil
}

// requestTime bounds one request where the caller set no bound.
const requestTime = 5 * time.Second

func limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return within(ctx, requestTime)
}

func within(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	if _, bounded := ctx.Deadline(); bounded {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, most)
}
