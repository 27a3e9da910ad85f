package score

import (
	"math"

	"lineup/schemas"
)

// Expected is how many strangers are to be expected by distance from one probe.
type Expected struct {
	Calibration string
	line        Line
	self        Self
	model       schemas.Model
	registrants int
}

// Expectation learns from the distances of a probe's distinct neighbours, increasing. With
// fewer than 20 of them, or when they make no sense as a line, it falls back to the model's
// false-match curve times the number of registrants searched.
func Expectation(distances []float64, model schemas.Model, g Gallery) Expected {
	e := Expected{Calibration: FromGlobal, model: model, registrants: max(g.Registrants, len(distances))}
	line, ok := Fit(distances, e.registrants)
	if !ok {
		return e
	}
	typical := g.Slope
	if !(typical > 0) {
		typical = TypicalSlope(e.registrants)
	}
	e.Calibration, e.line, e.self = FromNeighbours, line.turned(typical), g.Self
	if g.Self.N > 0 {
		e.Calibration = FromNeighboursAndSelf
	}
	if e.registrants < largeGallery {
		// Somebody listed several times fills early ranks of a small gallery too. When the line
		// through later ranks says of two neighbours that they stand alone, the early ones are not
		// strangers'. Two strangers so near are one search in two hundred.
		if late, ok := fit(distances, 5, 18); ok && late.turned(typical).at(distances[1]) < 0.1 {
			e.line = late.turned(typical)
		}
	}
	return e
}

// At is the number of strangers expected at distance or nearer: 0 at distance 0, an exact
// duplicate.
func (e Expected) At(distance float64) float64 {
	if distance <= 0 {
		return 0
	}
	if e.Calibration != FromGlobal {
		return e.self.corrected(e.line.at(distance))
	}
	return float64(e.registrants) * falseMatchRate(e.model.FalseMatch, distance)
}

// Line is the power law log(rank - 0.5) = LogRank + Slope * (log distance - LogDistance).
type Line struct {
	LogDistance float64 // mean over the fitted points
	LogRank     float64 // mean over the fitted points
	Slope       float64
}

// turned is the line about its middle, its slope half-way to the typical one on a logarithmic
// scale: one probe's slope is noisy, the gallery's typical one blind to where the probe lies.
// Between them fewest are missed, and no group pays for another (measured).
func (l Line) turned(typical float64) Line {
	l.Slope = math.Sqrt(max(l.Slope, 1) * typical)
	return l
}

func (l Line) at(distance float64) float64 {
	return math.Exp(l.LogRank + l.Slope*(math.Log(distance)-l.LogDistance))
}

// Fit lays a least-squares line through the ranks that a person's own records hardly fill in a
// gallery of so many registrants. ok is false when there are too few distances or the line
// does not rise.
func Fit(distances []float64, registrants int) (line Line, ok bool) {
	first, last := window(registrants)
	return fit(distances, first, last)
}

func fit(distances []float64, first, last int) (line Line, ok bool) {
	if len(distances) < minNeighbours {
		return Line{}, false
	}
	last = min(last, len(distances))
	var xs, ys []float64
	for rank := first; rank <= last; rank++ {
		if d := distances[rank-1]; d > 0 {
			xs = append(xs, math.Log(d))
			ys = append(ys, math.Log(float64(rank)-0.5))
		}
	}
	return leastSquares(xs, ys)
}

// leastSquares lays the line through points; ok is false when there are too few or it does not rise.
func leastSquares(xs, ys []float64) (line Line, ok bool) {
	if len(xs) < 2 {
		return Line{}, false
	}
	mx, my := mean(xs), mean(ys)
	var sxx, sxy float64
	for i := range xs {
		sxx += (xs[i] - mx) * (xs[i] - mx)
		sxy += (xs[i] - mx) * (ys[i] - my)
	}
	slope := sxy / sxx
	if !(slope > 0) || math.IsInf(slope, 0) {
		return Line{}, false
	}
	return Line{LogDistance: mx, LogRank: my, Slope: slope}, true
}

// window gives the first and last rank to fit. In a small gallery nearly everybody is listed
// once, and rank 40 would already be in its middle, where the power law ends: 2..15 (best of
// those tried at 66 people). In a large one a person may be listed by several states and under
// several photos: 5..40. Any window from 2..15 to 10..60 is as good from 10,000 people on.
// They meet at 200 registrants, where rank 40 is the same share of the gallery (a fifth) that
// rank 15 is at 66.
func window(registrants int) (first, last int) {
	if registrants < largeGallery {
		return 2, 15
	}
	return 5, 40
}

// TypicalSlope is the slope to expect in a gallery of so many registrants before it was
// measured: 13.7 at 66 people (measured), 20, 28, 35 and 39 at 1,000 to 400,000 (simulated from
// measured groups), linear in the logarithm of the size between and beyond.
func TypicalSlope(registrants int) float64 {
	table := []struct{ registrants, slope float64 }{
		{66, 13.7}, {1_000, 20}, {10_000, 28}, {100_000, 35}, {400_000, 39},
	}
	n := math.Log(float64(max(registrants, minNeighbours)))
	i := 1
	for i < len(table)-1 && n > math.Log(table[i].registrants) {
		i++
	}
	a, b := table[i-1], table[i]
	return a.slope + (b.slope-a.slope)*(n-math.Log(a.registrants))/(math.Log(b.registrants)-math.Log(a.registrants))
}

// falseMatchRate reads a false-match curve, the logarithm of the rate being linear in the
// distance between its points and beyond them; never above 1. A curve of fewer than two
// points says nothing, and nothing is claimed from it: 1.
func falseMatchRate(curve []schemas.CurvePoint, distance float64) float64 {
	if len(curve) < 2 {
		return 1
	}
	i := 1
	for i < len(curve)-1 && distance > curve[i].Distance {
		i++
	}
	a, b := curve[i-1], curve[i]
	perUnit := (math.Log(b.Rate) - math.Log(a.Rate)) / (b.Distance - a.Distance)
	rate := math.Exp(math.Log(a.Rate) + perUnit*(distance-a.Distance))
	if math.IsNaN(rate) {
		return 1
	}
	return min(1, rate)
}

func mean(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}
