package indexer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/indexer/index"
	"lineup/ingest/queue"
)

// Metrics are an indexer's figures.
type Metrics struct {
	jobs   *prometheus.HistogramVec
	photos *prometheus.CounterVec
	embeds prometheus.Histogram
	gauge  *prometheus.GaugeVec
}

// NewMetrics makes and registers them.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		jobs: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "lineup_index_job_seconds",
			Help: "Time to do one job, by how it ended.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 9)}, []string{"outcome"}),
		photos: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lineup_index_photos_total",
			Help: "Photos looked at, by what became of them: enrolled, or the problem's code."}, []string{"outcome"}),
		embeds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "lineup_embed_seconds",
			Help: "Time to embed one photo.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 10)}),
		gauge: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lineup_gallery_calibration",
			Help: "The serving gallery's calibration by its own faces: typical slope; offset a, power s and number n of the self-probes; " +
				"registrants measured."},
			[]string{"figure"}),
	}
	m.jobs.WithLabelValues(string(ok))
	for _, class := range queue.Classes() {
		m.jobs.WithLabelValues(string(class))
	}
	m.photos.WithLabelValues("enrolled")
	for _, c := range []prometheus.Collector{m.jobs, m.photos, m.embeds, m.gauge} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *Metrics) done(class queue.Class, took time.Duration) {
	m.jobs.WithLabelValues(string(class)).Observe(took.Seconds())
}

func (m *Metrics) photo(problem string) {
	if problem == "" {
		problem = "enrolled"
	}
	m.photos.WithLabelValues(problem).Inc()
}

func (m *Metrics) embedded(took time.Duration) { m.embeds.Observe(took.Seconds()) }

// calibrated tells the serving generation's calibration.
func (m *Metrics) calibrated(c index.Calibration) {
	for figure, value := range map[string]float64{"slope": c.Slope, "a": c.Offset, "s": c.Power, "n": float64(c.Probes),
		"registrants": float64(c.Registrants)} {
		m.gauge.WithLabelValues(figure).Set(value)
	}
}
