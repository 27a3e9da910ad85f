package score_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/schemas"
)

// gallery is an exact scan over faces, in the model's plane of dims numbers.
type gallery struct {
	mu       sync.Mutex
	name     string
	faces    []schemas.Face
	broken   error
	searches int
}

// uniform fills a gallery with n registrants drawn evenly from a ball in so many dimensions: the
// number of neighbours within d grows like d^dims.
func uniform(n, dims int) *gallery {
	r := rand.New(rand.NewPCG(1, 2))
	g := &gallery{name: "g1"}
	for i := range n {
		v := make([]float32, dims)
		for j := range v {
			v[j] = float32(r.NormFloat64())
		}
		g.faces = append(g.faces, schemas.Face{ID: schemas.UUID(fmt.Sprint("f", i)), Registrant: schemas.UUID(fmt.Sprint("r", i)),
			Photo: schemas.Digest(fmt.Sprint("p", i)), Embedding: v})
	}
	return g
}

func (g *gallery) Generations(context.Context) ([]index.Generation, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.broken != nil {
		return nil, g.broken
	}
	if g.name == "" {
		return nil, nil
	}
	return []index.Generation{{Name: "old", State: index.Retired}, {Name: g.name, State: index.Serving}}, nil
}

func (g *gallery) Enrolled(context.Context, index.Filter) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.faces), nil
}

func (g *gallery) Nearest(_ context.Context, e []float32, k int, _ index.Filter) ([]index.Neighbour, index.Generation, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.searches++
	var all []index.Neighbour
	for _, f := range g.faces {
		all = append(all, index.Neighbour{Face: f, Distance: model.Distance(e, f.Embedding)})
	}
	slices.SortFunc(all, func(a, b index.Neighbour) int {
		if a.Distance < b.Distance {
			return -1
		}
		return 1
	})
	return all[:min(k, len(all))], index.Generation{Name: g.name}, nil
}

func (g *gallery) Sample(_ context.Context, n int, _ uint64) ([]schemas.Face, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.faces[:min(n, len(g.faces))]), nil
}

func (g *gallery) searched() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := g.searches
	g.searches = 0
	return n
}

func TestTheTypicalSlopeIsTheDimensionOfTheGallery(t *testing.T) {
	for _, dims := range []int{2, 4} {
		slope, err := score.MeasureSlope(t.Context(), uniform(2000, dims), 2000)
		if err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprint("slope in ", dims, " dimensions"), slope, float64(dims), 0.35)
	}
}

func TestOwnPhotosAreNotStrangers(t *testing.T) {
	plain, again := uniform(300, 3), uniform(300, 3)
	for _, f := range uniform(300, 3).faces { // each photo once more under the same registrant, and under another
		f.ID += "-2"
		again.faces = append(again.faces, f)
		f.ID, f.Registrant = f.ID+"-3", f.Registrant+"-alias"
		again.faces = append(again.faces, f)
	}
	want, err := score.MeasureSlope(t.Context(), plain, 300)
	if err != nil {
		t.Fatal(err)
	}
	got, err := score.MeasureSlope(t.Context(), again, 300)
	if err != nil {
		t.Fatal(err)
	}
	// 64 faces are now about 21 strangers: the window ends earlier, and that is all
	near(t, "slope", got, want, 0.5)
}

func TestTypicalIsMeasuredWhenTheGalleryChangesByATenth(t *testing.T) {
	g := uniform(100, 3)
	typical := score.NewTypical(g, slog.New(slog.DiscardHandler), time.Minute)
	if got := typical.Gallery(100); got.Slope != 0 || got.Registrants != 100 {
		t.Errorf("before measuring: %+v, want no slope", got)
	}
	step := func(what string, measures bool) {
		t.Helper()
		if err := typical.Refresh(t.Context()); err != nil {
			t.Fatal(what, err)
		}
		if got := g.searched() > 0; got != measures {
			t.Errorf("%s: measured = %v, want %v", what, got, measures)
		}
	}
	step("first", true)
	near(t, "slope of three dimensions", typical.Gallery(100).Slope, 3, 1)
	step("unchanged", false)
	g.faces = g.faces[:91]
	step("nine of a hundred left", false)
	g.faces = g.faces[:90]
	step("ten of a hundred left", true)
	g.name = "g2"
	step("another generation", true)
	g.faces = g.faces[:10]
	step("too small to have a slope", false)
	if got := typical.Gallery(10).Slope; got != 0 {
		t.Errorf("slope of a tiny gallery = %g, want none", got)
	}
	g.name = ""
	step("no gallery", false)
}

func TestAFilterLeavesAFlatterSlope(t *testing.T) {
	g := uniform(1000, 5)
	typical := score.NewTypical(g, slog.New(slog.DiscardHandler), time.Minute)
	if err := typical.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, some := typical.Gallery(1000).Slope, typical.Gallery(66).Slope
	near(t, "share", some/all, 13.7/20, 1e-9)
}

func TestRunMeasuresAtOnceSurvivesErrorsAndEnds(t *testing.T) {
	g := uniform(100, 3)
	g.broken = errors.New("engine away")
	typical := score.NewTypical(g, slog.New(slog.DiscardHandler), time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- typical.Run(ctx) }()
	g.mu.Lock()
	g.broken = nil
	g.mu.Unlock()
	for typical.Gallery(100).Slope == 0 {
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("never measured")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
