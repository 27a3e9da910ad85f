package node

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"time"

	"lineup/internal/operate"
	"lineup/internal/operate/canary"
	"lineup/queryd/keys"
	"lineup/schemas"
)

// Status returns how everything stands, with what the operator configured for the sources. Enabled sources that were
// never crawled are included.
func (n *Node) Status(ctx context.Context) (operate.StatusReport, error) {
	report, err := n.Stores.Status(ctx)
	report.Version = n.Version
	if err != nil {
		return report, err
	}
	for _, id := range slices.Sorted(maps.Keys(n.Config.Sources)) {
		configured := n.Config.Sources[id]
		at := slices.IndexFunc(report.Sources, func(s operate.SourceStatus) bool { return s.Source == id })
		if at < 0 && !configured.Enabled {
			continue
		}
		if at < 0 {
			at = len(report.Sources)
			report.Sources = append(report.Sources, operate.SourceStatus{Source: id})
		}
		row := &report.Sources[at]
		row.Enabled = configured.Enabled
		row.Permission = configured.Permission
		if row.Enabled {
			if row.Next, err = n.next(ctx, id); err != nil {
				return report, err
			}
		}
	}
	for i := range report.Sources {
		row := &report.Sources[i]
		if s, err := n.Definitions().Get(row.Source); err == nil {
			row.Definition, row.Shadows = s.Info().File, s.Info().Shadows
		}
	}
	report.Disk, report.Certificates, report.Audit = n.disk(), operate.Certificates(n.Config), n.lastAudit()
	if every := n.Config.Canary.Every; every > 0 {
		s, err := canary.Load(ctx, n.JS)
		if err != nil {
			return report, err
		}
		report.Canary = &operate.CanaryStatus{State: s}
		if !s.Since.IsZero() {
			report.Canary.Late = s.Late(time.Now(), every)
		}
	}
	report.Attend(time.Now())
	return report, nil
}

// next returns when a source is crawled next; zero if it is not crawled.
func (n *Node) next(ctx context.Context, id string) (time.Time, error) {
	when, err := n.timetable(id)
	if err != nil {
		return time.Time{}, err
	}
	runs, err := n.Ledger.Runs(ctx, id)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, err
	}
	at, blocked := when.Due(runs, time.Now())
	if blocked {
		return time.Time{}, nil
	}
	return at, nil
}

// Canary returns the canary for this node. Without canary.url it asks address, where the API listens in this process.
func (n *Node) Canary(ctx context.Context, address string) (*canary.Canary, error) {
	c := &canary.Canary{Ingest: n.Ingest, Ledger: n.Ledger, JS: n.JS, Client: http.DefaultClient, URL: n.Config.Canary.URL,
		Key: n.Config.Canary.Key,
		Now: time.Now, Remove: func(ctx context.Context, id schemas.UUID) error {
			_, err := n.Remove(ctx, id, schemas.Removal{Reason: "other", Note: "canary"})
			return err
		}}
	if c.URL == "" {
		if address == "" {
			return nil, errors.New("the canary has nobody to ask: set canary.url to the address of the query daemon")
		}
		c.URL = "http://" + address
	}
	if c.Key != "" {
		return c, nil
	}
	if n.Config.NATS.URL != "" {
		return nil, errors.New("the canary has no key: make one with lineup keys add canary --canary, and set canary.key (or canary.key_file)")
	}
	var err error
	c.Key, err = n.ownKey(ctx, "canary", keys.Limits{Canary: true})
	return c, err
}

// Sing runs the canary's steps at their intervals until ctx ends, if the configuration has it.
func (n *Node) Sing(ctx context.Context, address string) error {
	every := n.Config.Canary.Every
	if every <= 0 {
		return nil
	}
	c, err := n.Canary(ctx, address)
	if err != nil {
		return err
	}
	metrics, err := canary.NewMetrics(n.Metrics)
	if err != nil {
		return err
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		s, err := c.Round(ctx, false)
		if err != nil && ctx.Err() == nil && !errors.Is(err, schemas.ErrLeased) {
			n.Log.Warn("the canary could not prove that everything works, trying again", "error", err)
		}
		metrics.Tell(s)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// CanaryNow runs every step of the canary at once, and then a permanent removal if that is asked for.
func (n *Node) CanaryNow(ctx context.Context, remove bool) (canary.State, error) {
	c, err := n.Canary(ctx, n.Config.Listen)
	if err != nil {
		return canary.State{}, err
	}
	if remove {
		return c.RoundWithRemoval(ctx)
	}
	return c.Round(ctx, true)
}
