package search

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/internal/tracing"
)

// metrics is what searches count. No label names a person, a key or a registrant.
type metrics struct {
	stage    *prometheus.HistogramVec // by stage: read, embed, nearest, score, lookup, find, rank, ledger, photo
	outcomes *prometheus.CounterVec   // of face searches
	problems *prometheus.CounterVec   // of probes, by code
	delisted prometheus.Counter
	evidence prometheus.Counter
}

// buckets run from 1 ms to 30 s.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		stage: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "lineup_query_stage_seconds", Buckets: buckets,
			Help: "Time spent in one stage of an answer."}, []string{"stage"}),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lineup_query_face_outcomes_total",
			Help: "Face searches by outcome: match, no_match, inconclusive, nobody_searched."}, []string{"outcome"}),
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lineup_query_probe_problems_total",
			Help: "Probes refused, by photo problem."}, []string{"code"}),
		delisted: prometheus.NewCounter(prometheus.CounterOpts{Name: "lineup_query_delisted_total",
			Help: "Registrants left out of an answer because the ledger no longer lists them while the index still holds them."}),
		evidence: prometheus.NewCounter(prometheus.CounterOpts{Name: "lineup_query_evidence_failures_total",
			Help: "Searches whose evidence could not be stored."}),
	}
	for _, c := range []prometheus.Collector{m.stage, m.outcomes, m.problems, m.delisted, m.evidence} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register query metrics: %w", err)
		}
	}
	return m, nil
}

// timed observes how long a stage took; use it as defer m.timed(ctx, "embed")().
func (m *metrics) timed(ctx context.Context, stage string) func() {
	start := time.Now()
	_, span := tracing.Start(ctx, stage)
	return func() {
		span.End(nil)
		m.stage.WithLabelValues(stage).Observe(time.Since(start).Seconds())
	}
}
