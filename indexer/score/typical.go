package score

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"lineup/indexer/index"
	"lineup/schemas"
)

// sampleSize is how many of the gallery's own faces are searched to learn its typical slope:
// the median of 200 slopes is known to a few percent.
const sampleSize = 200

// Searcher is what a typical slope is measured with.
type Searcher interface {
	Nearest(ctx context.Context, embedding []float32, k int, f index.Filter) ([]index.Neighbour, index.Generation, error)
	Sample(ctx context.Context, n int, seed uint64) ([]schemas.Face, error)
}

// Index is what Typical watches; index.Reader has it.
type Index interface {
	Searcher
	Generations(ctx context.Context) ([]index.Generation, error)
	Enrolled(ctx context.Context, f index.Filter) (int, error)
}

// MeasureSlope is the median slope over a sample of the gallery's own faces used as probes,
// each with its own registrant and photo left out; registrants is the size of the gallery. It
// is 0, nil when the gallery is too small to have one.
func MeasureSlope(ctx context.Context, ix Searcher, registrants int) (float64, error) {
	if registrants <= minNeighbours {
		return 0, nil
	}
	faces, err := ix.Sample(ctx, sampleSize, 1)
	if err != nil {
		return 0, fmt.Errorf("sample the gallery: %w", err)
	}
	var slopes []float64
	for _, f := range faces {
		neighbours, _, err := ix.Nearest(ctx, f.Embedding, K, index.Filter{})
		if err != nil {
			return 0, fmt.Errorf("search the gallery for a face of its own: %w", err)
		}
		strangers := slices.DeleteFunc(neighbours, func(n index.Neighbour) bool {
			return n.Face.Registrant == f.Registrant || n.Face.Photo == f.Photo || n.Distance == 0
		})
		if line, ok := Fit(Strangers(strangers), registrants); ok {
			slopes = append(slopes, line.Slope)
		}
	}
	if len(slopes) == 0 {
		return 0, nil
	}
	slices.Sort(slopes)
	return (slopes[(len(slopes)-1)/2] + slopes[len(slopes)/2]) / 2, nil
}

// Typical holds the measured typical slope of the serving gallery and keeps it fresh.
type Typical struct {
	ix    Index
	log   *slog.Logger
	every time.Duration

	mu         sync.Mutex
	generation string // that was measured
	size       int    // its registrants then
	slope      float64
}

// NewTypical makes a holder that knows nothing yet. Run compares the gallery's size with the
// measured one once in every.
func NewTypical(ix Index, log *slog.Logger, every time.Duration) *Typical {
	return &Typical{ix: ix, log: log, every: every}
}

// Gallery describes a search among registrants of the gallery, fewer than all under a filter.
// The slope grows with the number searched, so a measured one is carried over to theirs in
// the proportion of TypicalSlope.
func (t *Typical) Gallery(registrants int) Gallery {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := Gallery{Registrants: registrants}
	if t.slope > 0 {
		g.Slope = t.slope * TypicalSlope(registrants) / TypicalSlope(t.size)
	}
	return g
}

// Refresh measures anew when another generation serves, or when the gallery has changed by a
// tenth since the last time. No gallery is not an error.
func (t *Typical) Refresh(ctx context.Context) error {
	generation, size, err := t.serving(ctx)
	if err != nil || generation == "" {
		return err
	}
	t.mu.Lock()
	fresh := t.generation == generation && 10*abs(size-t.size) < max(t.size, 1)
	t.mu.Unlock()
	if fresh {
		return nil
	}
	slope, err := MeasureSlope(ctx, t.ix, size)
	if err != nil {
		return err
	}
	t.mu.Lock()
	t.generation, t.size, t.slope = generation, size, slope
	t.mu.Unlock()
	t.log.InfoContext(ctx, "typical slope measured", "generation", generation, "registrants", size, "slope", slope)
	return nil
}

// serving is the name and size of the serving generation, "" when there is none.
func (t *Typical) serving(ctx context.Context) (string, int, error) {
	all, err := t.ix.Generations(ctx)
	if err != nil {
		return "", 0, fmt.Errorf("list generations: %w", err)
	}
	i := slices.IndexFunc(all, func(g index.Generation) bool { return g.State == index.Serving })
	if i < 0 {
		return "", 0, nil
	}
	size, err := t.ix.Enrolled(ctx, index.Filter{})
	if err != nil {
		return "", 0, fmt.Errorf("count the gallery: %w", err)
	}
	return all[i].Name, size, nil
}

// Run refreshes at once and then from time to time, until ctx ends; it returns nil then. An
// index that cannot be read leaves what is known in place.
func (t *Typical) Run(ctx context.Context) error {
	tick := time.NewTicker(t.every)
	defer tick.Stop()
	for {
		if err := t.Refresh(ctx); err != nil && ctx.Err() == nil {
			t.log.WarnContext(ctx, "typical slope not measured", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func abs(n int) int { return max(n, -n) }
