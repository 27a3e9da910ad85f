package node

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"lineup/config"
	"lineup/indexer/face/dlib/blas"
	"lineup/indexer/index"
	"lineup/ingest"
	"lineup/internal/operate"
)

// How often the metrics of the node are computed. Sweeping a ledger of a million takes some seconds, and an audit
// lists every blob.
const (
	engineFigures = 30 * time.Second
	sourceFigures = 5 * time.Minute
	auditFirst    = 10 * time.Minute
	auditFigures  = 24 * time.Hour
	figureTimeout = 20 * time.Second // of one engine's check
)

// figures keeps the metrics of the node up to date until ctx ends. Metrics that cannot be computed keep their last
// value; the error is logged and they are tried again.
func (n *Node) figures(ctx context.Context, m *ingest.Metrics) error {
	tick := time.NewTicker(engineFigures)
	defer tick.Stop()
	sources, audit := time.Now(), time.Now().Add(auditFirst)
	for {
		n.engineFigures(ctx, m)
		if now := time.Now(); !now.Before(sources) {
			sources = now.Add(sourceFigures)
			if err := n.timed("sources", func() error { return n.sourceFigures(ctx, m) }); err != nil && ctx.Err() == nil {
				n.Log.Warn("figures of the sources not taken", "error", err)
			}
		}
		if now := time.Now(); !now.Before(audit) {
			audit = now.Add(auditFigures)
			if err := n.timed("audit", func() error { return n.auditFigures(ctx, m) }); err != nil && ctx.Err() == nil {
				n.Log.Warn("audit failed, trying again tomorrow", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (n *Node) engineFigures(ctx context.Context, m *ingest.Metrics) {
	for name, check := range map[string]func(context.Context) error{
		"blobs": n.Blobs.Check, "index": n.Index.Check,
		"generation": func(ctx context.Context) error {
			return errors.Join(index.Ready(ctx, n.Index), n.stragglerFigures(ctx, m))
		},
		"nats": func(ctx context.Context) error {
			counts, err := n.Queue.Count(ctx)
			if err == nil {
				m.Jobs(counts.Waiting, counts.Dead)
			}
			return err
		},
	} {
		checking, cancel := context.WithTimeout(ctx, figureTimeout)
		err := check(checking)
		cancel()
		if ctx.Err() != nil {
			return
		}
		m.Engine(name, err == nil)
		if err != nil {
			n.Log.Warn("engine cannot be used", "engine", name, "error", err)
		}
	}
}

func (n *Node) stragglerFigures(ctx context.Context, m *ingest.Metrics) error {
	lacks, err := index.StragglersOf(ctx, n.Index)
	if err == nil {
		m.Stragglers(lacks.Registrants, lacks.Photos)
	}
	return err
}

func (n *Node) sourceFigures(ctx context.Context, m *ingest.Metrics) error {
	rows, err := n.Sources(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		counts := map[string]int{"listed": row.Listed, "with_photo": row.WithPhoto, "with_face": row.WithFace, "due": row.Due,
			"removed": row.Removed}
		maps.DeleteFunc(counts, func(_ string, n int) bool { return n < 0 }) // not known now: keep the last value
		m.Source(row.Source, row.LastComplete, row.LastChange, counts)
		if row.Last != nil {
			m.Alarms(row.Source, len(row.Alarms))
			m.Run(row.Source, string(row.Last.State))
		}
	}
	return nil
}

// auditFigures runs an audit that reads the blobs whose turn is today.
func (n *Node) auditFigures(ctx context.Context, m *ingest.Metrics) error {
	report, err := n.Audit(ctx, operate.Rolling(time.Now(), n.Config.AuditDays), false, nil)
	if err != nil {
		return err
	}
	found := make(map[string]int, len(report.Differences))
	for _, d := range report.Differences {
		found[d.Kind] = d.Count
	}
	ended := time.Now()
	m.Audit(ended, found)
	n.audited.Store(&operate.Audited{Ended: ended, Differences: found})
	return nil
}

// Metrics of the machine that a process runs on, read when they are collected.
var (
	certificateEnd = prometheus.NewDesc("lineup_certificate_end_timestamp_seconds",
		"When a certificate ends that the configuration names, by its key, in Unix time.", []string{"of"}, nil)
	certificateRefused = prometheus.NewDesc("lineup_certificate_refused",
		"1 where the certificate files of an engine cannot be used as they are, so that those read before stay in force, else 0.",
		[]string{"engine"}, nil)
	dataFree = prometheus.NewDesc("lineup_data_free_bytes", "Room below the data directory, where anything is kept there.", nil, nil)
	dataSize = prometheus.NewDesc("lineup_data_size_bytes", "Size of the data directory's disk, where anything is kept there.", nil, nil)
)

// hostFigures collects the metrics of the machine.
type hostFigures struct{ Options }

func (h hostFigures) Describe(to chan<- *prometheus.Desc) {
	to <- certificateEnd
	to <- certificateRefused
	to <- dataFree
	to <- dataSize
}

func (h hostFigures) Collect(to chan<- prometheus.Metric) {
	for _, c := range operate.Certificates(h.Config) {
		if c.Wrong != "" {
			continue
		}
		to <- prometheus.MustNewConstMetric(certificateEnd, prometheus.GaugeValue, float64(c.Ends.Unix()), c.Of)
	}
	for engine, c := range h.Certificates.Each() {
		refused := 0.0
		if c.Refused() != nil {
			refused = 1
		}
		to <- prometheus.MustNewConstMetric(certificateRefused, prometheus.GaugeValue, refused, engine)
	}
	if d := h.disk(); d != nil {
		to <- prometheus.MustNewConstMetric(dataFree, prometheus.GaugeValue, float64(d.Free))
		to <- prometheus.MustNewConstMetric(dataSize, prometheus.GaugeValue, float64(d.Size))
	}
}

// disk returns the space of the file system below the data directory; nil if nothing is kept there.
func (o Options) disk() *operate.Disk {
	if o.Config.NATS.URL != "" && o.Config.S3.Endpoint != "" && o.Config.Qdrant.Address != "" {
		return nil
	}
	return operate.DiskOf(o.Config.Data)
}

// lastAudit returns the result of the last audit by this process; nil before the first.
func (n *Node) lastAudit() *operate.Audited {
	if n.audited == nil {
		return nil
	}
	return n.audited.Load()
}

// NewMetrics returns a registry with the metrics that every process exports.
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

// NewLog returns a logger that writes to w as the configuration says.
func NewLog(c config.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // validated with the configuration
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
