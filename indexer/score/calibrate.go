package score

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"lineup/indexer/index"
	"lineup/schemas"
)

// calibrationVersion is the version of what Measure measures. Raise it when the line of a search
// or the fit below changes: what was stored before then counts as not measured.
const calibrationVersion = 1

const (
	// sampleSize is how many of the gallery's own faces are searched. The median of 200 slopes is
	// known to a few percent, and 200 searches take seconds in the largest galleries.
	sampleSize = 200
	// sampleSeed makes one gallery give one sample, and so one calibration, every time.
	sampleSeed = 1
	// ownPhotos is how many neighbours beyond K are fetched, for the photos of the probe's own
	// person, which do not count.
	ownPhotos = 16
	// personRanks is how many of the nearest registrants are looked up for sharing the probe's
	// person. Beyond them somebody's own records are hardly ever found.
	personRanks = 10
)

const (
	// doubt is the number of self-probes at which half of what they say is believed. Measured on
	// labelled photos of 73 people: with 25 some draws break the promise, with 75 none did.
	doubt = 75
	// mostAlarms is the share of self-probes that may have a stranger above a similarity of 80
	// after the correction. It is below the 63 % promised, because groups differ: in simulated
	// galleries of 10,000 and 100,000 a correction up to 63 % over all put the most crowded people
	// at 67 %.
	mostAlarms = 0.56
	// unlinked is the E below which the best "stranger" of an enrolled face is taken for another
	// record of the same person that nothing links: it counts for nothing.
	unlinked = 1e-4
	// lowestTarget and highestTarget bound the expected false matches over which the line
	// log E' = a + s log E is fitted: below there are too few searches, above nobody asks.
	lowestTarget, highestTarget = 0.02, 2
	// flattest and steepest bound s: a line beyond them was fitted to something else than a gallery
	// of strangers.
	flattest, steepest = 0.5, 3
)

// Self is a gallery's calibration by its own faces: log E' = a + s log E, learnt from N searches.
// The zero value corrects nothing.
type Self struct {
	A float64 `json:"a"` // offset
	S float64 `json:"s"` // power
	N int     `json:"n"` // self-probes
}

// corrected is E with as much of the correction as so many searches deserve: n/(n + 75) of it.
func (s Self) corrected(expected float64) float64 {
	if s.N == 0 || expected <= 0 {
		return expected
	}
	w := believed(s.N)
	return math.Exp(w*s.A + (1+w*(s.S-1))*math.Log(expected))
}

// believed is how much of a correction learnt from n self-probes is applied.
func believed(n int) float64 { return float64(n) / float64(n+doubt) }

// GalleryOf describes a search among so many registrants of a generation, fewer than all under a
// filter. The slope grows with the number searched, so the measured one is carried over to theirs
// in the proportion of TypicalSlope.
func GalleryOf(g index.Generation, registrants int) Gallery {
	out, c := Gallery{Registrants: registrants}, g.Calibration
	if c.Version != calibrationVersion || !(c.Slope > 0) {
		return out
	}
	out.Slope = c.Slope * TypicalSlope(registrants) / TypicalSlope(c.Registrants)
	if c.Power > 0 {
		out.Self = Self{A: c.Offset, S: c.Power, N: c.Probes}
	}
	return out
}

// Stale reports whether a generation should be measured anew: it never was, it was in another
// way, or its number of registrants has changed by a tenth since.
func Stale(c index.Calibration, registrants int) bool {
	return c.Version != calibrationVersion || 10*max(registrants-c.Registrants, c.Registrants-registrants) >= max(c.Registrants, 1)
}

// Searcher is what a generation is measured with; index.Auditor has it.
type Searcher interface {
	Count(ctx context.Context, generation string) (index.Counts, error)
	Sample(ctx context.Context, generation string, n int, seed uint64) ([]schemas.Face, error)
	Search(ctx context.Context, generation string, embedding []float32, k int) ([]index.Neighbour, error)
	Persons(ctx context.Context, generation string, ids ...schemas.UUID) (map[schemas.UUID]schemas.UUID, error)
}

// Measure searches a generation with a sample of its own faces, each with its own registrant, its
// own photo and whoever shares its person left out, and learns from it the typical slope and the
// self-calibration. A generation of 20 registrants or fewer has neither, and one whose searches
// fit no line has no self-calibration. The same generation always gives the same figures.
func Measure(ctx context.Context, ix Searcher, generation string) (index.Calibration, error) {
	counts, err := ix.Count(ctx, generation)
	if err != nil {
		return index.Calibration{}, fmt.Errorf("count generation %s: %w", generation, err)
	}
	c := index.Calibration{Version: calibrationVersion, Registrants: counts.WithFace, Measured: time.Now().UTC()}
	if counts.WithFace <= minNeighbours {
		return c, nil
	}
	probes, err := selfProbes(ctx, ix, generation)
	if err != nil {
		return index.Calibration{}, err
	}
	var slopes []float64
	for _, strangers := range probes {
		if line, ok := Fit(strangers, counts.WithFace); ok {
			slopes = append(slopes, line.Slope)
		}
	}
	if len(slopes) == 0 {
		return c, nil
	}
	slices.Sort(slopes)
	c.Slope = (slopes[(len(slopes)-1)/2] + slopes[len(slopes)/2]) / 2
	var best []float64
	for _, strangers := range probes {
		e := Expectation(strangers, schemas.Model{}, Gallery{Registrants: counts.WithFace, Slope: c.Slope})
		if e.Calibration == FromNeighbours {
			best = append(best, e.At(strangers[0]))
		}
	}
	c.Offset, c.Power, c.Probes = selfFit(best)
	return c, nil
}

// selfProbes searches with a sample and gives each one's distances to strangers, increasing.
func selfProbes(ctx context.Context, ix Searcher, generation string) ([][]float64, error) {
	faces, err := ix.Sample(ctx, generation, sampleSize, sampleSeed)
	if err != nil {
		return nil, fmt.Errorf("sample generation %s: %w", generation, err)
	}
	found := make([][]index.Neighbour, len(faces))
	var ids []schemas.UUID
	for i, f := range faces {
		if found[i], err = ix.Search(ctx, generation, f.Embedding, K+ownPhotos); err != nil {
			return nil, fmt.Errorf("search generation %s for a face of its own: %w", generation, err)
		}
		ids = append(ids, f.Registrant)
		for rank, n := range nearestOfEach(found[i]) {
			if rank < personRanks {
				ids = append(ids, n.Face.Registrant)
			}
		}
	}
	slices.Sort(ids)
	persons, err := ix.Persons(ctx, generation, slices.Compact(ids)...)
	if err != nil {
		return nil, fmt.Errorf("look up who is one person in generation %s: %w", generation, err)
	}
	var probes [][]float64
	for i, f := range faces {
		own := persons[f.Registrant]
		others := slices.DeleteFunc(found[i], func(n index.Neighbour) bool {
			return n.Face.Registrant == f.Registrant || n.Face.Photo == f.Photo || n.Distance == 0 ||
				own != "" && persons[n.Face.Registrant] == own
		})
		for j := range others {
			others[j].Distance = Rounded(others[j].Distance)
		}
		strangers := Strangers(others[:min(K, len(others))])
		if len(strangers) > 0 {
			probes = append(probes, strangers)
		}
	}
	return probes, nil
}

// selfFit fits log E' = a + s log E so that of the searches a share of 1 - exp(-x) has its best
// E' below x, as the number of strangers nearer than they should be is a Poisson variable: least
// squares of log(-log(1-q)) on log E over the quantiles q. n is how many searches it rests on; all
// are 0 when they say nothing.
func selfFit(best []float64) (a, s float64, n int) {
	best = slices.DeleteFunc(slices.Clone(best), func(e float64) bool { return !(e >= unlinked) || math.IsInf(e, 1) })
	if len(best) < minNeighbours {
		return 0, 0, 0
	}
	slices.Sort(best)
	var xs, ys []float64
	for i, e := range best {
		q := (float64(i) + 0.5) / float64(len(best))
		if target := -math.Log1p(-q); target > lowestTarget && target < highestTarget {
			xs, ys = append(xs, math.Log(e)), append(ys, math.Log(target))
		}
	}
	line, ok := leastSquares(xs, ys)
	if !ok {
		return 0, 0, 0
	}
	s = min(max(line.Slope, flattest), steepest)
	a = line.LogRank - s*line.LogDistance
	// A lower offset would let more than mostAlarms of these searches find somebody above 80.
	w, edge := believed(len(best)), math.Log(best[int(mostAlarms*float64(len(best)))])
	return max(a, min(0, -(1+w*(s-1))*edge/w)), s, len(best)
}
