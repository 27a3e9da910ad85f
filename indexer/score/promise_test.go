package score_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/schemas"
)

// region is a group of people: how many, and how near to each other they lie.
type region struct {
	name   string
	people int
	spread float32 // standard deviation of its leading component
}

// city is a gallery of invented embeddings: 128 numbers whose components carry ever less
// (by e each 45), which gives the slopes that were measured on galleries of faces, in regions of
// their own, one enrolled photo a person.
type city struct {
	regions []region
	centres [][]float32
	scale   []float32 // of each component
	all     []float32 // embeddings one after the other
	owner   []int32   // region of each
}

const (
	cityDims = 128
	noise    = 0.30 // of one person's photos, as a share of an ordinary region's spread
)

func build(r *rand.Rand, regions []region) *city {
	c := &city{regions: regions}
	for j := range cityDims {
		c.scale = append(c.scale, float32(math.Exp(-float64(j)/45)))
	}
	for i, g := range regions {
		centre := make([]float32, cityDims)
		for j := range centre {
			centre[j] = float32(r.NormFloat64()) * 0.08 * c.scale[j]
		}
		c.centres = append(c.centres, centre)
		for range g.people {
			c.all = append(c.all, c.photo(r, c.person(r, i))...)
			c.owner = append(c.owner, int32(i))
		}
	}
	return c
}

func (c *city) person(r *rand.Rand, region int) []float32 {
	p := make([]float32, cityDims)
	for j := range p {
		p[j] = c.centres[region][j] + float32(r.NormFloat64())*c.regions[region].spread*c.scale[j]
	}
	return p
}

func (c *city) photo(r *rand.Rand, person []float32) []float32 {
	p := make([]float32, cityDims)
	for j := range p {
		p[j] = person[j] + float32(r.NormFloat64())*noise*c.regions[len(c.regions)-1].spread*c.scale[j]
	}
	return p
}

// nearest scans the whole gallery, leaving a face as soon as it is farther than the k-th. It only
// reads what nobody writes any more; watched by the race detector it would take a minute.
//
//go:norace
func (c *city) nearest(probe []float32, k int) []index.Neighbour {
	type hit struct {
		at      int
		squared float32
	}
	kept := make([]hit, 0, k+1)
	limit := float32(math.Inf(1))
	for i := 0; i < len(c.owner); i++ {
		v := c.all[i*cityDims : (i+1)*cityDims]
		var sum float32
		for j := 0; j < cityDims && sum < limit; j += 8 {
			a, b := probe[j:j+8:j+8], v[j:j+8:j+8]
			d0, d1, d2, d3 := a[0]-b[0], a[1]-b[1], a[2]-b[2], a[3]-b[3]
			d4, d5, d6, d7 := a[4]-b[4], a[5]-b[5], a[6]-b[6], a[7]-b[7]
			sum += d0*d0 + d1*d1 + d2*d2 + d3*d3 + d4*d4 + d5*d5 + d6*d6 + d7*d7
		}
		if sum >= limit {
			continue
		}
		at := len(kept)
		for at > 0 && kept[at-1].squared > sum {
			at--
		}
		kept = slices.Insert(kept, at, hit{i, sum})
		if len(kept) > k {
			kept = kept[:k]
		}
		if len(kept) == k {
			limit = kept[k-1].squared
		}
	}
	neighbours := make([]index.Neighbour, len(kept))
	for i, h := range kept {
		neighbours[i] = neighbour(fmt.Sprint(h.at), math.Sqrt(float64(h.squared)))
	}
	return neighbours
}

func (c *city) Nearest(_ context.Context, e []float32, k int, _ index.Filter) ([]index.Neighbour, index.Generation, error) {
	return c.nearest(e, k), index.Generation{}, nil
}

func (c *city) Sample(_ context.Context, n int, seed uint64) ([]schemas.Face, error) {
	var faces []schemas.Face
	for _, i := range rand.New(rand.NewPCG(seed, 9)).Perm(len(c.owner))[:min(n, len(c.owner))] {
		faces = append(faces, schemas.Face{Registrant: schemas.UUID(fmt.Sprint(i)), Embedding: c.all[i*cityDims : (i+1)*cityDims]})
	}
	return faces, nil
}

// reach is a model without a hard limit, so that nothing but E decides.
var reach = schemas.Model{Metric: "euclidean", MaxDistance: math.Inf(1), FalseMatch: model.FalseMatch}

// TestThePromiseHoldsInEveryRegion searches a gallery of 100,000 people, of whom a tenth
// lie crowded together, half at ordinary distances and the rest far apart, for people who are
// not in it. At similarity 80, 90 and 95 at most 63, 10 and 1 in a hundred such searches may
// find anything (the chance that a Poisson variable of mean 1, 0.1 and 0.01 is not 0), whichever
// region they come from. One global distance with the same false alarms overall is shown to
// load them on the crowded.
func TestThePromiseHoldsInEveryRegion(t *testing.T) {
	const probes = 400 // for each region
	r := rand.New(rand.NewPCG(2026, 11))
	c := build(r, []region{{"crowded", 10_000, 0.045}, {"ordinary", 50_000, 0.07}, {"empty", 40_000, 0.10}})
	slope, err := score.MeasureSlope(t.Context(), c, len(c.owner))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("typical slope %.1f", slope)
	g := score.Gallery{Registrants: len(c.owner), Slope: slope}

	type search struct {
		region  int
		probe   []float32
		nearest float64
		scored  score.Scored
	}
	var searches []search
	for i := range c.regions {
		for range probes {
			searches = append(searches, search{region: i, probe: c.photo(r, c.person(r, i))})
		}
	}
	var wait sync.WaitGroup
	for worker := range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := worker; i < len(searches); i += runtime.GOMAXPROCS(0) {
				near := c.nearest(searches[i].probe, score.K)
				searches[i].nearest, searches[i].scored = near[0].Distance, score.Of(near, reach, g)
			}
		})
	}
	wait.Wait()

	alarms := func(region int, alarm func(search) bool) float64 {
		n := 0
		for _, s := range searches {
			if s.region == region && alarm(s) {
				n++
			}
		}
		return float64(n) / probes
	}
	for _, level := range []struct{ similarity, expected float64 }{{80, 1}, {90, 0.1}, {95, 0.01}} {
		promised := 1 - math.Exp(-level.expected)
		slack := 2.6 * math.Sqrt(promised*(1-promised)/probes) // 99.5 % of honest runs stay below
		for i, region := range c.regions {
			got := alarms(i, func(s search) bool { return s.scored.Candidates[0].Similarity > level.similarity })
			t.Logf("similarity %g, %s: %.1f %% false alarms, promised %.1f %%", level.similarity, region.name, 100*got, 100*promised)
			if got > promised+slack {
				t.Errorf("similarity %g, %s: %.1f %% false alarms, promised %.1f %%", level.similarity, region.name, 100*got, 100*promised)
			}
		}
	}

	// The distance at which a tenth of all these searches raise a false alarm.
	distances := make([]float64, len(searches))
	for i, s := range searches {
		distances[i] = s.nearest
	}
	slices.Sort(distances)
	threshold := distances[len(distances)/10]
	worst, best := 0.0, 1.0
	for i, region := range c.regions {
		got := alarms(i, func(s search) bool { return s.nearest < threshold })
		t.Logf("one distance for all, %s: %.1f %% false alarms", region.name, 100*got)
		worst, best = max(worst, got), min(best, got)
	}
	if worst < 0.2 || best > 0.01 {
		t.Errorf("one distance for all: %.1f %% to %.1f %% false alarms; the regions do not differ enough to show anything", 100*best, 100*worst)
	}
}

// TestFourRecordsOfAPersonAreFoundAtScale: people listed by four states, one photo each, in an
// ordinary region of a gallery of 20,000.
func TestFourRecordsOfAPersonAreFoundAtScale(t *testing.T) {
	r := rand.New(rand.NewPCG(2026, 12))
	c := build(r, []region{{"crowded", 5_000, 0.045}, {"ordinary", 15_000, 0.07}})
	strangers := len(c.owner)
	var probes [][]float32
	for range 40 {
		p := c.person(r, 1)
		for range 4 {
			c.all = append(c.all, c.photo(r, p)...)
			c.owner = append(c.owner, 1)
		}
		probes = append(probes, c.photo(r, p))
	}
	slope, err := score.MeasureSlope(t.Context(), c, len(c.owner))
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	for i, p := range probes {
		scored := score.Of(c.nearest(p, score.K), reach, score.Gallery{Registrants: len(c.owner), Slope: slope})
		above := 0
		for _, m := range scored.Matches(20) {
			at := 0
			fmt.Sscan(string(m.Face.Registrant), &at)
			if at >= strangers && (at-strangers)/4 == i && m.Similarity > 90 {
				above++
			}
		}
		if above == 4 {
			all++
		}
	}
	t.Logf("all four records above 90 for %d of %d people", all, len(probes))
	if all < len(probes) {
		t.Errorf("all four records above 90 for %d of %d people", all, len(probes))
	}
}
