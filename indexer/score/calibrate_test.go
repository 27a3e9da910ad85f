package score_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/schemas"
)

// gallery is an exact scan over the faces of one generation.
type gallery struct {
	faces   []schemas.Face
	persons map[schemas.UUID]schemas.UUID
	broken  error
	asked   int // persons looked up
}

// uniform fills a gallery with n registrants drawn from a normal distribution in so many
// dimensions: the number of neighbours within d grows like d^dims.
func uniform(n, dims int) *gallery {
	r := rand.New(rand.NewPCG(1, 2))
	g := &gallery{persons: map[schemas.UUID]schemas.UUID{}}
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

// again enrols everybody a second time as change says, with a photo nearly like the first.
func (g *gallery) again(change func(f *schemas.Face)) {
	for _, f := range slices.Clone(g.faces) {
		f.ID += "-2"
		f.Photo += "-2"
		f.Embedding = slices.Clone(f.Embedding)
		f.Embedding[0] += 0.01
		change(&f)
		g.faces = append(g.faces, f)
	}
}

func (g *gallery) Count(context.Context, string) (index.Counts, error) {
	seen := map[schemas.UUID]bool{}
	for _, f := range g.faces {
		seen[f.Registrant] = true
	}
	return index.Counts{WithFace: len(seen), Faces: len(g.faces)}, g.broken
}

func (g *gallery) Search(_ context.Context, _ string, e []float32, k int) ([]index.Neighbour, error) {
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
	return all[:min(k, len(all))], nil
}

func (g *gallery) Sample(_ context.Context, _ string, n int, _ uint64) ([]schemas.Face, error) {
	return slices.Clone(g.faces[:min(n, len(g.faces))]), nil
}

func (g *gallery) Persons(_ context.Context, _ string, ids ...schemas.UUID) (map[schemas.UUID]schemas.UUID, error) {
	g.asked += len(ids)
	return g.persons, nil
}

func measure(t *testing.T, g *gallery) index.Calibration {
	t.Helper()
	c, err := score.Measure(t.Context(), g, "g1")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheTypicalSlopeIsTheDimensionOfTheGallery(t *testing.T) {
	for _, dims := range []int{2, 4} {
		near(t, fmt.Sprint("slope in ", dims, " dimensions"), measure(t, uniform(2000, dims)).Slope, float64(dims), 0.35)
	}
}

// TestOwnRecordsAreNotStrangers: what somebody's own photos, copies of them, and other records of
// the same person would say about strangers is left out.
func TestOwnRecordsAreNotStrangers(t *testing.T) {
	want := measure(t, uniform(300, 3))
	if want.Probes < 190 || !(want.Power > 0) {
		t.Fatalf("a plain gallery gives %+v", want)
	}
	for _, c := range []struct {
		name   string
		change func(g *gallery, f *schemas.Face)
	}{
		{"a second photo of the registrant", func(*gallery, *schemas.Face) {}},
		{"another registrant who shares the person", func(g *gallery, f *schemas.Face) {
			g.persons[f.Registrant], g.persons[f.Registrant+"-alias"] = f.Registrant+"-person", f.Registrant+"-person"
			f.Registrant += "-alias"
		}},
		{"another registrant with the same photo", func(_ *gallery, f *schemas.Face) {
			f.Embedding[0] -= 0.01
			f.Registrant += "-alias"
		}},
		{"another registrant whom nothing links", func(_ *gallery, f *schemas.Face) { f.Registrant += "-alias" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := uniform(300, 3)
			g.again(func(f *schemas.Face) { c.change(g, f) })
			got := measure(t, g)
			// of the 80 faces fetched half are second ones: the fit sees fewer strangers, and that is all
			near(t, "slope", got.Slope, want.Slope, 0.5)
			if c.name == "another registrant whom nothing links" {
				// their E is below what strangers have, so nearly all of those probes count for nothing
				if got.Probes > 150 {
					t.Errorf("%d self-probes count, though each has its own record nearest", got.Probes)
				}
				return
			}
			if got.Probes < 190 {
				t.Errorf("only %d self-probes count", got.Probes)
			}
			if c.name != "another registrant who shares the person" { // there every stranger is two, which E must learn
				near(t, "a", got.Offset, want.Offset, 0.25)
			}
			near(t, "s", got.Power, want.Power, 0.25)
		})
	}
}

func TestTheSelfCalibrationOfAnHonestGalleryIsNearNone(t *testing.T) {
	c := measure(t, uniform(5000, 4))
	near(t, "a", c.Offset, 0, 0.35)
	near(t, "s", c.Power, 1, 0.25)
}

func TestMeasuringIsTheSameTwice(t *testing.T) {
	one, two := measure(t, uniform(400, 6)), measure(t, uniform(400, 6))
	two.Measured = one.Measured
	if one != two {
		t.Errorf("the same gallery gives %+v and %+v", one, two)
	}
}

func TestATinyGalleryHasNoSlopeButIsMeasured(t *testing.T) {
	c := measure(t, uniform(20, 3))
	if c.Slope != 0 || c.Probes != 0 || c.Registrants != 20 || score.Stale(c, 20) {
		t.Errorf("20 people give %+v", c)
	}
	g := score.GalleryOf(index.Generation{Calibration: c}, 20)
	if g.Slope != 0 || g.Self.N != 0 {
		t.Errorf("a gallery without slope is scored with %+v", g)
	}
}

func TestAnIndexThatDoesNotAnswerIsAnError(t *testing.T) {
	g := uniform(100, 3)
	g.broken = errors.New("engine away")
	if _, err := score.Measure(t.Context(), g, "g1"); !errors.Is(err, g.broken) {
		t.Errorf("error %v", err)
	}
}

func TestStale(t *testing.T) {
	c := measure(t, uniform(100, 3))
	for registrants, want := range map[int]bool{100: false, 91: false, 90: true, 109: false, 110: true, 0: true} {
		if got := score.Stale(c, registrants); got != want {
			t.Errorf("measured at 100, now %d: stale = %v", registrants, got)
		}
	}
	if !score.Stale(index.Calibration{}, 0) {
		t.Error("what was never measured is not stale")
	}
	c.Version++
	if !score.Stale(c, 100) {
		t.Error("what another version measured is not stale")
	}
	if g := score.GalleryOf(index.Generation{Calibration: c}, 100); g.Slope != 0 || g.Self != (score.Self{}) {
		t.Errorf("what another version measured is used: %+v", g)
	}
}

func TestAFilterLeavesAFlatterSlope(t *testing.T) {
	g := index.Generation{Calibration: measure(t, uniform(1000, 5))}
	all, some := score.GalleryOf(g, 1000).Slope, score.GalleryOf(g, 66).Slope
	near(t, "share", some/all, 13.7/20, 1e-9)
}

// Worked by hand: as the first of TestWorkedExamples, E = 0.010121, and for the strangers below
// log E' = w a + (1 + w (s - 1)) log E with w = n/(n + 75).
func TestSelfCalibrationByHand(t *testing.T) {
	for _, c := range []struct {
		name     string
		self     score.Self
		expected float64
	}{
		{"none", score.Self{}, 0.010121},
		{"nothing to correct", score.Self{A: 0, S: 1, N: 200}, 0.010121},
		// w = 75/150; exp(-0.05 + 1.25 * -4.59314)
		{"half believed", score.Self{A: -0.1, S: 1.5, N: 75}, 0.0030536},
		// w = 225/300; exp(0.375 + 0.9 * -4.59314): more careful
		{"E was too small", score.Self{A: 0.5, S: 0.8666666666666667, N: 225}, 0.023311},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := score.Of(append(crowd(0.4, 16, 2, 64), neighbour("mate", 0.2)), model, score.Gallery{Registrants: 66, Slope: 4, Self: c.self})
			near(t, "E", s.Candidates[0].ExpectedFalseMatches, c.expected, c.expected/1000)
			want := score.FromNeighbours
			if c.self.N > 0 {
				want = score.FromNeighboursAndSelf
			}
			if s.Calibration != want || (s.Self != nil) != (c.self.N > 0) || s.Self != nil && *s.Self != c.self {
				t.Errorf("calibration %q with %+v, want %q with %+v", s.Calibration, s.Self, want, c.self)
			}
		})
	}
	few := score.Of([]index.Neighbour{neighbour("a", 0.341)}, model, score.Gallery{Registrants: 1000, Self: score.Self{A: -1, S: 2, N: 200}})
	near(t, "E by the global curve", few.Candidates[0].ExpectedFalseMatches, 0.1, 1e-9)
	if few.Calibration != score.FromGlobal || few.Self != nil {
		t.Errorf("calibration %q with %+v, want %q alone", few.Calibration, few.Self, score.FromGlobal)
	}
	same := score.Of(append(crowd(0.4, 16, 2, 64), neighbour("mate", 0)), model,
		score.Gallery{Registrants: 66, Slope: 4, Self: score.Self{A: 1, S: 0.5, N: 200}})
	if math.Abs(same.Candidates[0].Similarity-100) > 0 {
		t.Errorf("an exact duplicate has %g", same.Candidates[0].Similarity)
	}
}
