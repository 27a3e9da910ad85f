package node

import (
	"io"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"lineup/config"
	"lineup/indexer/face/dlib/blas"
)

// NewMetrics is a registry with what every process tells of itself.
func NewMetrics() *prometheus.Registry {
	kernel, slow := blas.Current(), 0.0
	if kernel.Slow {
		slow = 1
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "lineup_matrix_kernel_slow",
			Help:        "1 where embedding uses a matrix kernel made for older processors than this one, else 0.",
			ConstLabels: prometheus.Labels{"library": kernel.Library, "kernel": kernel.Name}}, func() float64 { return slow }))
	return metrics
}

// NewLog writes to w what is configured.
func NewLog(c config.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // validated with the configuration
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
