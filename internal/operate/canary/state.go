package canary

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"lineup/ingest/broker"
	"lineup/internal/notify"
)

// State is what was last proven. All processes share it, and it outlives restarts.
type State struct {
	Since   time.Time        `json:"since"` // the first round
	Done    map[Step]Success `json:"done"`
	Failure string           `json:"failure,omitempty"` // of the last round
}

// Success is when a step last succeeded, and how long it took.
type Success struct {
	At      time.Time `json:"at"`
	Seconds float64   `json:"seconds"`
}

// last returns when a step last succeeded; zero if never.
func (s State) last(step Step) time.Time { return s.Done[step].At }

// step runs one step and records its success.
func (s *State) step(step Step, now func() time.Time, do func() error) error {
	began := now()
	if err := do(); err != nil {
		return fmt.Errorf("canary, %s: %w", step, err)
	}
	if s.Done == nil {
		s.Done = map[Step]Success{}
	}
	ended := now()
	s.Done[step] = Success{ended.UTC(), ended.Sub(began).Seconds()}
	return nil
}

// How long ago a step may have succeeded. A search is late after ten times its interval, but not before ten minutes.
const (
	lateLook   = 10 * time.Minute
	lateChange = 3 * time.Hour
	lateTurn   = 8 * 24 * time.Hour
)

// Late returns the steps that have not succeeded for too long, given how often a round is due.
func (s State) Late(now time.Time, every time.Duration) (late []Step) {
	for _, step := range Steps() {
		most := max(lateLook, 10*every)
		switch step {
		case Fresh:
			most = max(lateChange, most)
		case Delisted, Returned:
			most = lateTurn
		}
		since := s.last(step)
		if since.IsZero() {
			since = s.Since
		}
		if now.Sub(since) > most {
			late = append(late, step)
		}
	}
	return late
}

// key is the key of the state in the bucket of notices.
const key = notify.CanaryPrefix + "state"

// Load reads what was proven; the zero State before the first round.
func Load(ctx context.Context, js jetstream.JetStream) (State, error) {
	s, _, _, err := load(ctx, js)
	return s, err
}

func load(ctx context.Context, js jetstream.JetStream) (s State, bucket *broker.Bucket, revision uint64, err error) {
	if bucket, err = broker.UseBucket(js, broker.Notices); err != nil {
		return s, nil, 0, fmt.Errorf("open the canary's state: %w", err)
	}
	entry, err := bucket.Get(ctx, key)
	if errors.Is(err, broker.ErrNoEntry) {
		return s, bucket, 0, nil
	}
	if err == nil {
		err = json.Unmarshal(entry.Value, &s)
	}
	if err != nil {
		return s, nil, 0, fmt.Errorf("read the canary's state: %w", err)
	}
	return s, bucket, entry.Revision, nil
}

// saveTries bounds the attempts to write a state while other processes write it too.
const saveTries = 5

// save stores a state. If another process has stored one meanwhile, the later success of each step is kept.
func save(ctx context.Context, js jetstream.JetStream, s State) error {
	for range saveTries {
		known, bucket, revision, err := load(ctx, js)
		if err != nil {
			return err
		}
		for step, done := range known.Done {
			if done.At.After(s.last(step)) {
				s.Done[step] = done
			}
		}
		data, err := json.Marshal(s)
		if err != nil {
			return err
		}
		if revision == 0 {
			_, err = bucket.Create(ctx, key, data)
		} else {
			_, err = bucket.Update(ctx, key, data, revision)
		}
		if !errors.Is(err, broker.ErrRaced) {
			return err
		}
	}
	return nil // the others have proven as much
}

// Metrics export what was proven.
type Metrics struct{ at, took *prometheus.GaugeVec }

// NewMetrics creates and registers them.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		at: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lineup_canary_success_timestamp_seconds",
			Help: "When a step of the canary succeeded last, in Unix time, by step: search, photo, fresh, delisted, returned; before the first " +
				"time, when the canary began."}, []string{"step"}),
		took: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lineup_canary_seconds",
			Help: "How long a step of the canary took when it succeeded last."}, []string{"step"}),
	}
	for _, c := range []prometheus.Collector{m.at, m.took} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register the canary's metrics: %w", err)
		}
	}
	return m, nil
}

// Tell sets them.
func (m *Metrics) Tell(s State) {
	if s.Since.IsZero() {
		return
	}
	for _, step := range Steps() {
		at := s.last(step)
		if at.IsZero() {
			at = s.Since
		}
		m.at.WithLabelValues(string(step)).Set(float64(at.Unix()))
		m.took.WithLabelValues(string(step)).Set(s.Done[step].Seconds)
	}
}
