package node

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"time"

	"lineup/internal/operate"
)

// Status tells how everything stands, with what the operator configured of the sources: enabled ones that
// were never crawled are there too.
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
		if p := configured.Permission; p != nil {
			row.Permission = &operate.Permission{Who: p.Who, When: p.When, Reference: p.Reference, Terms: p.Terms}
		}
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
	report.Attend(time.Now())
	return report, nil
}

// next is when a source is crawled next, zero while it is not.
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
