package node

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/indexer/index"
	"lineup/internal/operate"
)

// galleryNight is how often an indexer checks those it enrolled since.
const galleryNight = 24 * time.Hour

// checkNightly looks every day at who was enrolled or changed that day, until ctx ends, and tells
// the counts only: who it is about is for whoever runs `lineup gallery check`.
func (n *Node) checkNightly(ctx context.Context) error {
	findings := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lineup_gallery_findings",
		Help: "What the last nightly check of newly enrolled faces found, by kind; lineup gallery check names them."}, []string{"kind"})
	if err := n.Metrics.Register(findings); err != nil {
		return err
	}
	tick := time.NewTicker(galleryNight)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		report, err := n.CheckGallery(ctx, operate.GalleryCheck{Since: time.Now().Add(-galleryNight)})
		switch {
		case errors.Is(err, index.ErrNoneServing) || ctx.Err() != nil:
		case err != nil:
			n.Log.Warn("gallery not checked", "error", err)
		default:
			for kind, count := range report.Counts {
				findings.WithLabelValues(kind).Set(float64(count))
			}
			n.Log.Info("gallery checked", "registrants", report.Looked, "faces", report.Faces, "alone", report.Counts[operate.FindingAlone],
				"disagree", report.Counts[operate.FindingDisagree], "shared", report.Counts[operate.FindingShared], "duplicate",
				report.Counts[operate.FindingDuplicate])
		}
	}
}
