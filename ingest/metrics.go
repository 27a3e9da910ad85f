package ingest

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the figures of the whole installation: the age of each source, waiting jobs, what an audit found, which
// engines can be used. All are gauges that others set from time to time; this type reads no store.
type Metrics struct {
	complete, registrants *prometheus.GaugeVec
	changed               *prometheus.GaugeVec
	alarms, runs          *prometheus.GaugeVec
	waiting, dead         prometheus.Gauge
	differences           *prometheus.GaugeVec
	audited               prometheus.Gauge
	engines               *prometheus.GaugeVec
	stragglers            *prometheus.GaugeVec
}

// NewMetrics makes and registers them.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		complete: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lineup_source_complete_timestamp_seconds",
			Help: "When the last complete run over a source ended, in Unix time."}, []string{"source"}),
		changed: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lineup_source_last_change_timestamp_seconds",
			Help: "When a complete run last found anybody new, changed, returned or gone, in Unix time."}, []string{"source"}),
		registrants: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lineup_source_registrants",
			Help: "Registrants of a source by state: listed, with_photo, with_face, due, removed."}, []string{"source", "state"}),
		alarms: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lineup_source_alarms",
			Help: "What of the last run over a source wants a look: values no rule reads, shares that moved, nothing new for long."},
			[]string{"source"}),
		runs: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lineup_source_run_state",
			Help: "1 for the state of the last run over a source: complete, partial, failed, blocked and others."}, []string{"source", "state"}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{Name: "lineup_jobs_waiting",
			Help: "Jobs not done yet."}),
		dead: prometheus.NewGauge(prometheus.GaugeOpts{Name: "lineup_jobs_dead",
			Help: "Jobs that failed for good and wait for an operator."}),
		differences: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lineup_audit_differences",
			Help: "Differences between ledger, index and blobs that the last audit found, by kind."}, []string{"kind"}),
		audited: prometheus.NewGauge(prometheus.GaugeOpts{Name: "lineup_audit_timestamp_seconds",
			Help: "When the last audit ended, in Unix time."}),
		engines: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lineup_engine_up",
			Help: "1 when an engine can be used from here, 0 when not: nats, blobs, index, and its serving generation."}, []string{"engine"}),
		stragglers: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lineup_generation_stragglers",
			Help: "Registrants the serving generation lacks because they cannot be indexed, and those it holds without a photo that cannot " +
				"be read, by what is lacking: registrant, photo."}, []string{"lacking"}),
	}
	for _, c := range []prometheus.Collector{m.complete, m.changed, m.registrants, m.alarms, m.runs, m.waiting, m.dead,
		m.differences, m.audited,
		m.engines, m.stragglers} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register the metrics of the stores: %w", err)
		}
	}
	return m, nil
}

// Source sets the figures of one source. A zero complete or changed leaves its age unknown.
func (m *Metrics) Source(source string, complete, changed time.Time, registrants map[string]int) {
	if !changed.IsZero() {
		m.changed.WithLabelValues(source).Set(float64(changed.Unix()))
	}
	if !complete.IsZero() {
		m.complete.WithLabelValues(source).Set(float64(complete.Unix()))
	}
	for state, n := range registrants {
		m.registrants.WithLabelValues(source, state).Set(float64(n))
	}
}

// Run sets how the last run over a source ended, or that it is under way.
func (m *Metrics) Run(source, state string) {
	m.runs.DeletePartialMatch(prometheus.Labels{"source": source})
	m.runs.WithLabelValues(source, state).Set(1)
}

// Alarms sets how many alarms the last run over a source raised.
func (m *Metrics) Alarms(source string, n int) { m.alarms.WithLabelValues(source).Set(float64(n)) }

// Jobs sets how many jobs wait and are dead.
func (m *Metrics) Jobs(waiting, dead int) {
	m.waiting.Set(float64(waiting))
	m.dead.Set(float64(dead))
}

// Audit sets what an audit found when it ended. Kinds that only the previous audit found are dropped.
func (m *Metrics) Audit(ended time.Time, differences map[string]int) {
	m.differences.Reset()
	for kind, n := range differences {
		m.differences.WithLabelValues(kind).Set(float64(n))
	}
	m.audited.Set(float64(ended.Unix()))
}

// Engine sets whether an engine can be used.
func (m *Metrics) Engine(name string, usable bool) {
	up := 0.0
	if usable {
		up = 1
	}
	m.engines.WithLabelValues(name).Set(up)
}

// Stragglers sets how many registrants the serving generation lacks, and how many it holds without a photo of theirs.
func (m *Metrics) Stragglers(registrants, photos int) {
	m.stragglers.WithLabelValues("registrant").Set(float64(registrants))
	m.stragglers.WithLabelValues("photo").Set(float64(photos))
}
