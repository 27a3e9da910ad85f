package serve

import (
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics is what is counted of every request. No label names a person, a key or a registrant.
type metrics struct {
	requests *prometheus.CounterVec   // by endpoint and status
	latency  *prometheus.HistogramVec // by endpoint
	refused  *prometheus.CounterVec   // by limit
	unnamed  prometheus.Counter
}

// buckets run from 1 ms to 30 s.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lineup_query_requests_total",
			Help: "Requests answered, by endpoint and HTTP status."}, []string{"endpoint", "status"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "lineup_query_request_seconds", Buckets: buckets,
			Help: "Time from the request's headers to the end of the answer, by endpoint."}, []string{"endpoint"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lineup_query_refused_total",
			Help: "Requests and connections refused before anything was done for them, by limit: address, connections, bodies."},
			[]string{"limit"}),
		unnamed: prometheus.NewCounter(prometheus.CounterOpts{Name: "lineup_query_unnamed_proxy_requests_total",
			Help: "Requests with X-Forwarded-For from a peer that query.proxies does not name."}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.latency, m.refused, m.unnamed} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register query metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) answered(endpoint string, status int, took time.Duration) {
	m.requests.WithLabelValues(endpoint, strconv.Itoa(status)).Inc()
	m.latency.WithLabelValues(endpoint).Observe(took.Seconds())
}
