package score_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/schemas"
)

// model has the false-match curve of matching by web photos: a decade each .051 and .057.
var model = schemas.Model{ID: "test", Dimensions: 2, Metric: "euclidean", MaxDistance: 0.6,
	FalseMatch: []schemas.CurvePoint{{Distance: 0.341, Rate: 1e-4}, {Distance: 0.392, Rate: 1e-3}, {Distance: 0.449, Rate: 1e-2}}}

func neighbour(registrant string, distance float64) index.Neighbour {
	return index.Neighbour{Distance: distance, Face: schemas.Face{
		ID: schemas.UUID("face-" + registrant), Registrant: schemas.UUID(registrant), Photo: schemas.Digest("photo-" + registrant)}}
}

// crowd are strangers at the ranks first..last whose distances follow the power law
// rank - 0.5 = (distance / unit)^slope exactly.
func crowd(unit, slope float64, first, last int) []index.Neighbour {
	var all []index.Neighbour
	for rank := first; rank <= last; rank++ {
		all = append(all, neighbour(fmt.Sprintf("stranger-%02d", rank), unit*math.Pow(float64(rank)-0.5, 1/slope)))
	}
	return all
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within || math.IsNaN(got) {
		t.Errorf("%s = %.6g, want %.6g", what, got, want)
	}
}

func TestSimilarityIsExpectedFalseMatchesInOtherWords(t *testing.T) {
	for _, c := range []struct{ expected, want float64 }{
		{0, 100}, {0.001, 97.5}, {0.01, 95}, {0.1, 90}, {1, 80}, {10, 60}, {100, 20}, {1000, 0}, {math.Inf(1), 0}, {math.NaN(), 0},
	} {
		near(t, fmt.Sprintf("Similarity(%g)", c.expected), score.Similarity(c.expected), c.want, 1e-9)
	}
}

// Worked by hand. With the crowd on a line of slope 16 through (unit, rank 1.5 - 0.5 = 1), a
// typical slope of 4 turns the line to slope 8 about its middle. Over ranks 2..15 the mean of
// log(rank - 0.5) is 26.6577/14 = 1.90412, so E(d) = exp(1.90412 (1 - 8/16)) (d/unit)^8
// = 2.5910 (d/unit)^8.
// Over ranks 5..40 it is 106.0193/36 = 2.94498, so E(d) = exp(2.94498/2) (d/unit)^8 = 4.3601 (d/unit)^8.
func TestWorkedExamples(t *testing.T) {
	for _, c := range []struct {
		name        string
		mate        float64
		gallery     score.Gallery
		expected    float64
		similarity  float64
		calibration string
	}{
		// 2.5910 / 2^8 = 0.010121; 100 - 20 * 0.010121^0.30103 = 100 - 20 * 0.25091
		{"small gallery, half the unit", 0.2, score.Gallery{Registrants: 66, Slope: 4}, 0.010121, 94.982, "neighbours"},
		// 2.5910 * 0.75^8 = 2.5910 * 0.100113 = 0.25939; 0.25939^0.30103 = 0.66613
		{"small gallery, three quarters", 0.3, score.Gallery{Registrants: 66, Slope: 4}, 0.25939, 86.677, "neighbours"},
		// The line of slope 16 unturned, as the typical slope agrees: (1/2)^16 = 1.5259e-5; ^0.30103 = 0.035483
		{"small gallery, slopes agree", 0.2, score.Gallery{Registrants: 66, Slope: 16}, 1.5259e-5, 99.291, "neighbours"},
		// 4.3601 / 2^8 = 0.017032; ^0.30103 = 0.29346
		{"large gallery, half the unit", 0.2, score.Gallery{Registrants: 1000, Slope: 4}, 0.017032, 94.131, "neighbours"},
		// no measured slope: 13.7 at 66; sqrt(16 * 13.7) = 14.8054; exp(1.90412 (1 - 14.8054/16)) / 2^14.8054 = 4.0246e-5; ^0.30103 = 0.04752
		{"typical slope from the table", 0.2, score.Gallery{Registrants: 66}, 4.0246e-5, 99.050, "neighbours"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := score.Of(append(crowd(0.4, 16, 2, 64), neighbour("mate", c.mate)), model, c.gallery)
			best := s.Candidates[0]
			if best.Face.Registrant != "mate" || s.Outcome != score.Match {
				t.Fatalf("best = %s, outcome = %s", best.Face.Registrant, s.Outcome)
			}
			near(t, "E", best.ExpectedFalseMatches, c.expected, c.expected/1000)
			near(t, "similarity", best.Similarity, c.similarity, 0.001)
			if best.Calibration != c.calibration || s.Calibration != c.calibration {
				t.Errorf("calibration = %q, %q, want %q", best.Calibration, s.Calibration, c.calibration)
			}
		})
	}
}

func TestFewNeighboursFallBackToTheModelsCurve(t *testing.T) {
	for _, c := range []struct {
		distance, expected, similarity float64
	}{ // one thousand registrants times the curve
		{0.290, 0.01, 95}, // a decade below the curve's first point
		{0.341, 0.1, 90},
		{0.3665, 0.316228, 85.8579}, // half-way: 10^-0.5, and 20 * 10^(-0.5 log10 2) = 20/sqrt 2
		{0.392, 1, 80},
		{0.449, 10, 60},
		{0.506, 100, 20}, // a decade beyond its last
		{0.599, 1000, 0}, // a rate is never above 1
	} {
		t.Run(fmt.Sprint(c.distance), func(t *testing.T) {
			s := score.Of([]index.Neighbour{neighbour("a", c.distance)}, model, score.Gallery{Registrants: 1000})
			near(t, "E", s.Candidates[0].ExpectedFalseMatches, c.expected, c.expected/1e4)
			near(t, "similarity", s.Candidates[0].Similarity, c.similarity, 0.001)
			if s.Calibration != score.FromGlobal || s.Candidates[0].Calibration != score.FromGlobal {
				t.Errorf("calibration = %q", s.Calibration)
			}
		})
	}
}

func TestCalibrationIsNamed(t *testing.T) {
	same := func(n int) (all []index.Neighbour) {
		for i := range n {
			all = append(all, neighbour(fmt.Sprint(i), 0.5))
		}
		return all
	}
	shared := crowd(0.4, 16, 1, 64)
	for i := range shared {
		shared[i].Face.Photo = schemas.Digest(fmt.Sprint("photo-", i/4))
	}
	oneRegistrant := crowd(0.4, 16, 1, 64)
	for i := range oneRegistrant {
		oneRegistrant[i].Face.Registrant = schemas.UUID(fmt.Sprint(i / 4))
	}
	for _, c := range []struct {
		name       string
		neighbours []index.Neighbour
		want       string
	}{
		{"none", nil, "global"},
		{"nineteen", crowd(0.4, 16, 1, 19), "global"},
		{"twenty", crowd(0.4, 16, 1, 20), "neighbours"},
		{"all at one distance", same(64), "global"},
		{"64 faces of 16 photos", shared, "global"},
		{"64 faces of 16 registrants", oneRegistrant, "global"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := score.Of(c.neighbours, model, score.Gallery{Registrants: 500}).Calibration; got != c.want {
				t.Errorf("calibration = %q, want %q", got, c.want)
			}
		})
	}
}

func TestAModelWithoutACurveClaimsNothing(t *testing.T) {
	bare := model
	bare.FalseMatch = nil
	s := score.Of([]index.Neighbour{neighbour("a", 0.1)}, bare, score.Gallery{Registrants: 1000})
	if got := s.Candidates[0].ExpectedFalseMatches; got != 1000 {
		t.Errorf("E = %g, want everybody: 1000", got)
	}
}

func TestAnExactDuplicateIsCertain(t *testing.T) {
	for _, neighbours := range [][]index.Neighbour{
		{neighbour("a", 0)},
		append(crowd(0.05, 16, 2, 64), neighbour("a", 0)),
	} {
		best := score.Of(neighbours, model, score.Gallery{Registrants: 100_000}).Candidates[0]
		if best.Face.Registrant != "a" || best.Similarity != 100 || best.ExpectedFalseMatches != 0 {
			t.Errorf("with %d neighbours: %s %g (E %g), want a at 100 (E 0)", len(neighbours), best.Face.Registrant, best.Similarity,
				best.ExpectedFalseMatches)
		}
	}
}

func TestNobodyBeyondTheModelsReachIsACandidate(t *testing.T) {
	lonely := crowd(3, 16, 2, 64) // a crowd so far off that E at 0.7 is tiny
	s := score.Of(append(lonely, neighbour("mate", 0.7)), model, score.Gallery{Registrants: 1000})
	if len(s.Candidates) != 0 || s.Outcome != score.NoMatch || len(s.Matches(20)) != 0 {
		t.Errorf("candidates = %v, outcome = %s", s.Candidates, s.Outcome)
	}
}

func TestOnePhotoUnderTwoRegistrantsIsTwoMatchesAndOneStranger(t *testing.T) {
	once := append(crowd(0.4, 16, 2, 40), neighbour("mate", 0.3))
	twice := append([]index.Neighbour{}, once...)
	for _, n := range once {
		n.Face.Registrant += "-again"
		n.Face.ID += "-again"
		twice = append(twice, n)
	}
	g := score.Gallery{Registrants: 1000}
	want, got := score.Of(once, model, g), score.Of(twice, model, g)
	if a, b := got.Candidates[0], got.Candidates[1]; a.Face.Registrant != "mate" || b.Face.Registrant != "mate-again" ||
		a.Similarity != b.Similarity || a.Similarity != want.Candidates[0].Similarity {
		t.Errorf("got %s %g and %s %g, want both mates at %g", a.Face.Registrant, a.Similarity, b.Face.Registrant, b.Similarity,
			want.Candidates[0].Similarity)
	}
	if diff := cmp.Diff(score.Strangers(once), score.Strangers(twice)); diff != "" {
		t.Errorf("strangers counted twice (-once +twice):\n%s", diff)
	}
}

func TestSeveralPhotosOfARegistrantAreOneCandidate(t *testing.T) {
	second := neighbour("mate", 0.35)
	second.Face.ID, second.Face.Photo = "face-2", "photo-2"
	s := score.Of(append(crowd(0.4, 16, 2, 40), second, neighbour("mate", 0.3)), model, score.Gallery{Registrants: 1000})
	n := 0
	for _, c := range s.Candidates {
		if c.Face.Registrant == "mate" {
			n++
			near(t, "distance", c.Distance, 0.3, 0)
		}
	}
	if n != 1 {
		t.Errorf("mate is a candidate %d times, want once", n)
	}
}

func TestListedByFourStatesStillScoresAbove90(t *testing.T) {
	all := crowd(0.4, 30, 5, 64)
	for i, d := range []float64{0.29, 0.30, 0.31, 0.33} {
		all = append(all, neighbour(fmt.Sprint("state-", i), d))
	}
	s := score.Of(all, model, score.Gallery{Registrants: 100_000})
	matches := s.Matches(20)
	if len(matches) < 4 {
		t.Fatalf("%d matches, want the four records at least", len(matches))
	}
	for i, m := range matches[:4] {
		if m.Similarity <= 90 || m.Face.Registrant != schemas.UUID(fmt.Sprint("state-", i)) {
			t.Errorf("place %d: %s with %g, want state-%d above 90", i+1, m.Face.Registrant, m.Similarity, i)
		}
	}
}

func TestListedByFourStatesInASmallGallery(t *testing.T) {
	all := crowd(0.5, 14, 5, 44)
	for i, d := range []float64{0.29, 0.30, 0.31, 0.33} {
		all = append(all, neighbour(fmt.Sprint("state-", i), d))
	}
	s := score.Of(all, model, score.Gallery{Registrants: 44})
	for i, c := range s.Candidates[:4] {
		if c.Similarity <= 90 || c.Face.Registrant != schemas.UUID(fmt.Sprint("state-", i)) {
			t.Errorf("place %d: %s with %g, want state-%d above 90", i+1, c.Face.Registrant, c.Similarity, i)
		}
	}
	if c := s.Candidates[4]; c.Similarity > 80 {
		t.Errorf("the nearest stranger has %g", c.Similarity)
	}
}

func TestOrderIsBySimilarityThenRegistrantWhateverTheInput(t *testing.T) {
	in := []index.Neighbour{neighbour("c", 0.3), neighbour("a", 0.3), neighbour("d", 0.2), neighbour("b", 0.3)}
	before := append([]index.Neighbour{}, in...)
	var got []schemas.UUID
	for _, c := range score.Of(in, model, score.Gallery{Registrants: 4}).Candidates {
		got = append(got, c.Face.Registrant)
	}
	if diff := cmp.Diff([]schemas.UUID{"d", "a", "b", "c"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, in); diff != "" {
		t.Errorf("the input was changed:\n%s", diff)
	}
}

func TestMatchesAreAboveTheFloorAndLimited(t *testing.T) {
	s := score.Of([]index.Neighbour{neighbour("a", 0.341), neighbour("b", 0.35), neighbour("c", 0.392), neighbour("d", 0.5)},
		model, score.Gallery{Registrants: 1000})
	if got := len(s.Matches(20)); got != 2 { // c has E = 1, which is 80 and not above
		t.Errorf("%d matches, want 2", got)
	}
	if got := len(s.Matches(1)); got != 1 {
		t.Errorf("%d matches of at most 1", got)
	}
}

func TestOutcome(t *testing.T) {
	for _, c := range []struct {
		name     string
		distance float64
		want     score.Outcome
	}{{"E below 1", 0.35, "match"}, {"E above 1", 0.45, "inconclusive"}, {"out of reach", 0.61, "no_match"}} {
		t.Run(c.name, func(t *testing.T) {
			s := score.Of([]index.Neighbour{neighbour("a", c.distance)}, model, score.Gallery{Registrants: 1000})
			if s.Outcome != c.want {
				t.Errorf("outcome = %s, want %s", s.Outcome, c.want)
			}
		})
	}
}

func TestTypicalSlopeTable(t *testing.T) {
	for _, c := range []struct {
		registrants int
		want        float64
	}{
		{66, 13.7}, {1_000, 20}, {10_000, 28}, {100_000, 35}, {400_000, 39},
		{31_623, 31.5},    // half-way between two points on the logarithmic scale
		{1_000_000, 41.6}, // 39 + 4 * log(2.5)/log(4)
		{20, 10.93}, {0, 10.93},
	} {
		near(t, fmt.Sprintf("TypicalSlope(%d)", c.registrants), score.TypicalSlope(c.registrants), c.want, 0.06)
	}
}
