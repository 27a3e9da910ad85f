package indexer

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"lineup/indexer/index"
	"lineup/indexer/score"
)

// calibrationCheck is how often an indexer checks whether the serving generation has changed enough to be calibrated
// again. A check costs one list and one count.
const calibrationCheck = 5 * time.Second

// Serve calibrates a generation and then lets it serve, so that daemons have its calibration from their first answer
// on.
func Serve(ctx context.Context, ix index.Index, name string) error {
	if _, err := calibrate(ctx, ix, name); err != nil {
		return err
	}
	if err := ix.Switch(ctx, name); err != nil {
		return fmt.Errorf("let generation %s serve: %w", name, err)
	}
	return nil
}

// Calibrate calibrates the serving generation if that is due, and exports the result as metrics. Without a serving
// generation it does nothing.
func Calibrate(ctx context.Context, ix index.Index) (c index.Calibration, measured bool, err error) {
	all, err := ix.Generations(ctx)
	if err != nil {
		return c, false, fmt.Errorf("list the generations: %w", err)
	}
	serving, none := index.ServingOf(all)
	if none != nil {
		return c, false, nil
	}
	registrants, _, err := ix.Enrolled(ctx, index.Filter{})
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

// keepCalibrated calibrates the serving generation at once and whenever it is due, until ctx ends. If the index does
// not answer, the stored calibration stays. Several indexers may do this at once: they measure the same, and the last
// one's result stays.
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
