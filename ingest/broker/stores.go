package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Names of what Lineup keeps in JetStream, by what it holds.
const (
	Listings = "lineup-standings" // who is listed, by source and registrant; named when listings were called standings
	Runs     = "lineup-runs"      // of the crawls, by source
	Leases   = "lineup-leases"    // who crawls a source now
	Keys     = "lineup_keys"      // API keys, hashed
	Watches  = "lineup_watches"   // of the holders of keys, by key and watch
	Hooks    = "lineup_hooks"     // webhooks of watches, and what is to be told by them, by key and watch
	Usage    = "lineup_usage"     // requests, by key and day
	Evidence = "lineup_evidence"  // of matches, by search
	Signing  = "lineup_signing"   // the private key that signs evidence
	Jobs     = "lineup-jobs"      // registrants to index
	Dead     = "lineup-dead"      // jobs that failed for good
	Changes  = "lineup-changes"   // which listings changed, by source and registrant; a message holds nothing else

	Sweeps  = "lineup-sweeps"  // which indexer sweeps for all
	Swept   = "lineup-swept"   // what the last sweep counted, and where one that was interrupted goes on
	Notices = "lineup-notices" // what needs a human, and whether somebody was told

	SigningRemovals = "lineup-signing-removals" // the private key that signs receipts and the log of removals
)

// Consumer is the consumer of Jobs that all indexers share.
const Consumer = "indexer"

// How long entries are kept.
const (
	LeaseTime    = 60 * time.Second
	UsageTime    = 400 * 24 * time.Hour
	EvidenceTime = 30 * 24 * time.Hour
	ChangesTime  = 30 * 24 * time.Hour
)

// Kind says what a store is for JetStream.
type Kind string

// The kinds of a store. All keep the newest message of a subject only.
const (
	KeyValue  Kind = "bucket"     // changed by compare-and-set
	WorkQueue Kind = "work queue" // a message leaves when it is acknowledged
	Letters   Kind = "letters"    // a message stays until it is purged, or its time is over
)

// Store is a stream, or the stream below a bucket. All have as many replicas as nats.replicas says.
type Store struct {
	Name string
	Kind Kind
	// TTL is after how long an entry goes by itself, 0 for never.
	TTL time.Duration
	// Direct says that any replica may answer a request that is put to all of them, as Each does to read
	// in batches. Get asks the leader all the same, of every store: who was delisted must not answer, and a
	// revoked key must not open.
	Direct bool
	// Backup says that a backup holds it: neither a crawl nor a reindex brings it back.
	Backup bool
}

// Stores are all that Lineup keeps in JetStream. prepare, backup, doctor and the rights in
// deploy/nats are tested against it.
func Stores() []Store {
	return []Store{
		{Name: Listings, Kind: KeyValue, Direct: true, Backup: true},
		{Name: Runs, Kind: KeyValue, Backup: true},
		{Name: Leases, Kind: KeyValue, TTL: LeaseTime},
		{Name: Sweeps, Kind: KeyValue, TTL: LeaseTime},
		{Name: Swept, Kind: KeyValue},
		{Name: Keys, Kind: KeyValue, Direct: true, Backup: true},
		{Name: Watches, Kind: KeyValue, Direct: true, Backup: true},
		{Name: Hooks, Kind: KeyValue, Direct: true, Backup: true},
		{Name: Usage, Kind: KeyValue, TTL: UsageTime, Direct: true},
		{Name: Evidence, Kind: KeyValue, TTL: EvidenceTime, Direct: true},
		{Name: Signing, Kind: KeyValue, Direct: true, Backup: true},
		{Name: SigningRemovals, Kind: KeyValue, Backup: true},
		{Name: Notices, Kind: KeyValue},
		{Name: Jobs, Kind: WorkQueue},
		{Name: Dead, Kind: Letters},
		{Name: Changes, Kind: Letters, TTL: ChangesTime, Direct: true},
	}
}

// StoreNamed is the store of that name.
func StoreNamed(name string) (Store, error) {
	for _, s := range Stores() {
		if s.Name == name {
			return s, nil
		}
	}
	return Store{}, fmt.Errorf("no store is called %s", name)
}

// Stream is the name of its stream.
func (s Store) Stream() string {
	if s.Kind == KeyValue {
		return "KV_" + s.Name
	}
	return s.Name
}

// Subject is what the subjects of its messages begin with, the dot at the end included.
func (s Store) Subject() string {
	switch {
	case s.Kind == KeyValue:
		return "$KV." + s.Name + "."
	case s.Name == Jobs:
		return "lineup.jobs."
	case s.Name == Changes:
		return "lineup.changes."
	default:
		return "lineup.dead."
	}
}

// config is the stream with so many replicas.
func (s Store) config(replicas int) jetstream.StreamConfig {
	c := jetstream.StreamConfig{
		Name: s.Stream(), Subjects: []string{s.Subject() + "*.*"}, MaxMsgsPerSubject: 1, MaxAge: s.TTL,
		Storage: jetstream.FileStorage, Replicas: max(replicas, 1), AllowDirect: s.Direct,
	}
	switch s.Kind {
	case KeyValue:
		// A full bucket refuses what is new instead of dropping what is old.
		c.Subjects, c.Discard, c.Compression = []string{s.Subject() + ">"}, jetstream.DiscardNew, jetstream.S2Compression
	case WorkQueue:
		// The newest job of a registrant takes the place of an older one, so the stream holds at most
		// one message a registrant and needs no limit that could drop jobs.
		c.Retention, c.Discard = jetstream.WorkQueuePolicy, jetstream.DiscardOld
	case Letters:
		c.Discard = jetstream.DiscardOld
	}
	return c
}

// ackWait is how long an indexer may be silent about a job before another gets it.
const ackWait = 60 * time.Second

// maxInFlight bounds the unfinished jobs of all indexers together.
const maxInFlight = 1024

// Prepare makes all stores with so many replicas, and the consumer of the jobs, and brings those that
// are there to it.
func Prepare(ctx context.Context, js jetstream.JetStream, replicas int) error {
	for _, s := range Stores() {
		if _, err := open(ctx, js, s, replicas); err != nil {
			return err
		}
	}
	_, err := makeConsumer(ctx, js)
	return err
}

// OpenConsumer opens the consumer of the jobs, making it where it is missing.
func OpenConsumer(ctx context.Context, js jetstream.JetStream) (jetstream.Consumer, error) {
	consumer, err := js.Consumer(ctx, Jobs, Consumer)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return makeConsumer(ctx, js)
	}
	if err != nil {
		return nil, fmt.Errorf("open the consumer of the jobs: %w", err)
	}
	return consumer, nil
}

func makeConsumer(ctx context.Context, js jetstream.JetStream) (jetstream.Consumer, error) {
	// The server's own count of deliveries never ends a job: the queue does, so that a job whose indexer
	// died each time is counted too.
	consumer, err := js.CreateOrUpdateConsumer(ctx, Jobs, jetstream.ConsumerConfig{
		Durable: Consumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait, MaxDeliver: -1, MaxAckPending: maxInFlight,
	})
	if err != nil {
		return nil, fmt.Errorf("make the consumer of the jobs: %w (a role may not: run lineup prepare as admin)", err)
	}
	return consumer, nil
}

// OpenStream opens the stream of a store, making or changing it where it is not as it should be.
func OpenStream(ctx context.Context, js jetstream.JetStream, name string, replicas int) (jetstream.Stream, error) {
	s, err := StoreNamed(name)
	if err != nil {
		return nil, err
	}
	return open(ctx, js, s, replicas)
}

func open(ctx context.Context, js jetstream.JetStream, s Store, replicas int) (jetstream.Stream, error) {
	want := s.config(replicas)
	// A role without the right to change streams may still use those that are there.
	have, err := js.Stream(ctx, want.Name)
	if err == nil && same(have.CachedInfo().Config, want) {
		return have, nil
	}
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("look at %s: %w", s.Name, err)
	}
	if err == nil {
		// The server never lifts these two.
		want.DenyDelete, want.DenyPurge = have.CachedInfo().Config.DenyDelete, have.CachedInfo().Config.DenyPurge
		want.Metadata = ours(have.CachedInfo().Config.Metadata)
	} else if s.Name == Listings {
		want.Metadata = noting(nil, Upgrades)
	}
	made, err := js.CreateOrUpdateStream(ctx, want)
	if err != nil {
		return nil, fmt.Errorf("make %s: %w (a role may not: run lineup prepare as admin)", s.Name, err)
	}
	return made, nil
}

// Upgrades counts all that upgrades have asked of operators so far: internal/operate/upgrade lists it. A ledger notes at its
// making how many there were, for none of those concerns it.
const Upgrades = 19

// upgradesKey is the metadata of the ledger's stream that says how many of Upgrades are done, or were never to be done.
const upgradesKey = "lineup_upgrades"

// noting is metadata that says how many of Upgrades are done.
func noting(metadata map[string]string, done int) map[string]string {
	if metadata == nil {
		metadata = map[string]string{}
	}
	metadata[upgradesKey] = strconv.Itoa(done)
	return metadata
}

// ours is what the server did not put there itself.
func ours(metadata map[string]string) map[string]string {
	metadata = maps.Clone(metadata)
	maps.DeleteFunc(metadata, func(key, _ string) bool { return strings.HasPrefix(key, "_nats.") })
	return metadata
}

// same reports whether a stream needs no change.
func same(have, want jetstream.StreamConfig) bool {
	return have.Replicas == want.Replicas && have.MaxAge == want.MaxAge && have.MaxMsgsPerSubject == want.MaxMsgsPerSubject &&
		have.Retention == want.Retention && have.Discard == want.Discard && have.AllowDirect == want.AllowDirect &&
		have.AllowRollup == want.AllowRollup && slices.Equal(have.Subjects, want.Subjects)
}

// Condition is how a store stands.
type Condition struct {
	Store    Store
	Missing  bool
	Differs  bool     // it is not as this version and nats.replicas want it: lineup prepare mends it
	Replicas int      // it has
	Leader   bool     // one answers for it; without, more than half of the servers are away
	Behind   []string // servers whose replica lags or is away
}

// Examine looks how every store stands, and changes nothing. A store that this connection may not
// look at is left out.
func Examine(ctx context.Context, js jetstream.JetStream, replicas int) ([]Condition, error) {
	var found []Condition
	for _, s := range Stores() {
		// What a role may not ask is never answered.
		looking, done := context.WithTimeout(ctx, askTime)
		stream, err := js.Stream(looking, s.Stream())
		done()
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			found = append(found, Condition{Store: s, Missing: true})
			continue
		}
		if forbidden(ctx, err) {
			continue
		}
		if err != nil {
			return found, fmt.Errorf("look at %s: %w", s.Name, err)
		}
		info := stream.CachedInfo()
		c := Condition{Store: s, Differs: !same(info.Config, s.config(replicas)), Replicas: info.Config.Replicas, Leader: true}
		if info.Cluster != nil {
			c.Leader = info.Cluster.Leader != ""
			for _, peer := range info.Cluster.Replicas {
				if peer.Offline || !peer.Current {
					c.Behind = append(c.Behind, peer.Name)
				}
			}
		}
		found = append(found, c)
	}
	return found, nil
}

// forbidden reports whether a request of JetStream's API was not answered at all, as one that an
// account does not import is, while the connection is well.
func forbidden(ctx context.Context, err error) bool {
	return ctx.Err() == nil && (errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, context.DeadlineExceeded))
}
