package node

import (
	"context"
	"time"

	"lineup/indexer/index"
	"lineup/ingest"
)

// How often the figures of the node are taken: sweeping a ledger of a million takes some
// seconds, an audit lists every blob.
const (
	engineFigures = 30 * time.Second
	sourceFigures = 5 * time.Minute
	auditFirst    = 10 * time.Minute
	auditFigures  = 24 * time.Hour
	figureTimeout = 20 * time.Second // of one engine's check
)

// figures keeps the metrics of the node up to date until ctx ends. What cannot be taken is
// logged and tried again; metrics then keep their last value.
func (n *Node) figures(ctx context.Context, m *ingest.Metrics) error {
	tick := time.NewTicker(engineFigures)
	defer tick.Stop()
	sources, audit := time.Now(), time.Now().Add(auditFirst)
	for {
		n.engineFigures(ctx, m)
		if now := time.Now(); !now.Before(sources) {
			sources = now.Add(sourceFigures)
			if err := n.sourceFigures(ctx, m); err != nil && ctx.Err() == nil {
				n.Log.Warn("figures of the sources not taken", "error", err)
			}
		}
		if now := time.Now(); !now.Before(audit) {
			audit = now.Add(auditFigures)
			if err := n.auditFigures(ctx, m); err != nil && ctx.Err() == nil {
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
		"generation": func(ctx context.Context) error { return index.Ready(ctx, n.Index) },
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

func (n *Node) sourceFigures(ctx context.Context, m *ingest.Metrics) error {
	rows, err := n.Sources(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		m.Source(row.Source, row.LastComplete, row.LastChange, map[string]int{"listed": row.Listed, "with_photo": row.WithPhoto,
			"with_face": row.WithFace, "due": row.Due, "removed": row.Removed})
		if row.Last != nil {
			m.Alarms(row.Source, len(row.Alarms))
			m.Run(row.Source, string(row.Last.State))
		}
	}
	return nil
}

// auditFigures audits without reading the blobs' bytes.
func (n *Node) auditFigures(ctx context.Context, m *ingest.Metrics) error {
	report, err := n.Audit(ctx, 0, false)
	if err != nil {
		return err
	}
	found := make(map[string]int, len(report.Differences))
	for _, d := range report.Differences {
		found[d.Kind] = d.Count
	}
	m.Audit(time.Now(), found)
	return nil
}
