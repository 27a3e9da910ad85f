package indexer

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"lineup/indexer/index"
	"lineup/indexer/score"
)

// calibrationCheck is how often an indexer looks whether the serving generation has changed so
// much that its calibration is due: a list and a count, so it costs little.
const calibrationCheck = 5 * time.Second

// Serve measures a generation and lets it serve: daemons score by its calibration from their
// first answer on.
func Serve(ctx context.Context, ix index.Index, name string) error {
	if _, err := calibrate(ctx, ix, name); err != nil {
		return err
	}
	if err := ix.Switch(ctx, name); err != nil {
		return fmt.Errorf("let generation %s serve: %w", name, err)
	}
	return nil
}

// Calibrate measures the serving generation anew when that is due, and tells its calibration.
// Without a serving generation it does nothing.
func Calibrate(ctx context.Context, ix index.Index) (c index.Calibration, measured bool, err error) {
	all, err := ix.Generations(ctx)
	if err != nil {
		return c, false, fmt.Errorf("list the generations: %w", err)
	}
	serving, none := index.ServingOf(all)
	if none != nil {
		return c, false, nil
	}
	registrants, err := ix.Enrolled(ctx, index.Filter{})
	if err != nil {
		return c, false, fmt.Errorf("count the gallery: %w", err)
	}
	if c = serving.Calibration; !score.Stale(c, registrants) {
		return c, false, nil
	}
	c, err = calibrate(ctx, ix, serving.Name)
	return c, err == nil, err
}

func calibrate(ctx context.Context, ix index.Index, name string) (index.Calibration, error) {
	c, err := score.Measure(ctx, ix, name)
	if err != nil {
		return c, fmt.Errorf("measure generation %s: %w", name, err)
	}
	return c, ix.Calibrate(ctx, name, c)
}

// keepCalibrated measures the serving generation at once and whenever it is due, until ctx ends.
// An index that does not answer leaves the stored calibration in place. Several indexers may do
// so: each measures the same, and the last to store it wins.
func (w *Worker) keepCalibrated(ctx context.Context) {
	tick := time.NewTicker(calibrationCheck)
	defer tick.Stop()
	for {
		c, measured, err := Calibrate(ctx, w.Index)
		switch {
		case err != nil && ctx.Err() == nil:
			w.Log.WarnContext(ctx, "gallery not calibrated", "error", err)
		case err == nil:
			w.Metrics.calibrated(c)
		}
		if measured {
			logCalibration(ctx, w.Log, c)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func logCalibration(ctx context.Context, log *slog.Logger, c index.Calibration) {
	log.InfoContext(ctx, "gallery calibrated", "registrants", c.Registrants, "probes", c.Probes, "slope", c.Slope, "a", c.Offset, "s", c.Power)
}
