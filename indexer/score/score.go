// Package score turns the nearest neighbours of a probe into similarities that mean
// something: how many strangers one should expect at that distance, around this probe, in a
// gallery of this size.
//
// No distance threshold is fair: strangers of one group of people lie as near to each other
// as two photos of one person of another group. But a search fetches the probe's neighbours
// anyway, and nearly all of them are strangers: they tell how crowded the gallery is just
// there. Their number within a distance grows like a power of it, so a line through
// (log distance, log rank), fitted where the person's own records cannot be and followed down
// to a candidate's distance, gives E, the expected number of false matches at or below it
// (the E-value of sequence search). The similarity is E in other words:
//
//	similarity = 100 - 20 * E^log10(2)    80: E = 1   90: E = 0.1   95: E = 0.01   97.5: E = 0.001
//
// So above 80 fewer than one stranger a search is expected, and above 90 one in ten searches,
// whoever is searched for and however large the gallery is.
//
// The line is too careful at its strict end, and carefulness there is paid for in people who are
// not found. So the indexer searches each generation with a sample of its own faces (Measure),
// whose true number of false matches is known to be all they find, and stores with the generation
// how E must be bent for them; a search applies as much of that as the sample's size deserves.
//
// Prior work. The number of points within a distance growing like a power of it is the local
// intrinsic dimensionality of Amsaleg, Chelly, Furon, Girard, Houle, Kawarabayashi & Nett (KDD
// 2015). The regression of log(rank - 1/2) on log distance, and its standard error of the slope m
// times sqrt(2/n) (24 % for ranks 5..40, 38 % for 2..15), are Gabaix & Ibragimov's (Journal of
// Business & Economic Statistics 2011). E as the expected number of false alarms is a-contrario
// detection (Desolneux, Moisan & Morel, 2008; for matching Di Martino et al., 2014) and the
// E-value of sequence search (Karlin & Altschul, PNAS 1990). Deciding by the tail of the
// non-matches follows open-set recognition by extreme values (Scheirer, Rocha, Micheals & Boult,
// PAMI 2011). That a probe's quality should condition its score (Minaglia et al., 2025) is not
// taken up.
//
// The maximum-likelihood slope of the spacings (Rényi's representation; Hill's estimator) with an
// empirical prior was tried in the line's place. It finds a few more mates in galleries of 10,000
// and 100,000, and pays for them with false alarms of the most crowded people, above the promise;
// docs/benchmarks.md has the figures. Half-way to the typical slope stays.
//
// The functions here are pure, but for Measure, which asks an index. No other room
// knows a threshold.
package score

import (
	"math"
	"slices"
	"strings"

	"lineup/indexer/index"
	"lineup/schemas"
)

// K is how many neighbours a search should fetch for Of.
const K = 64

// Floor is the similarity above which a candidate is reported: one expected false match.
const Floor = 80

// minNeighbours is the number of distinct neighbours below which no line is fitted.
const minNeighbours = 20

// largeGallery is the number of registrants from which on the fit leaves out the first four
// ranks. See window.
const largeGallery = 200

// Where a similarity comes from.
const (
	FromNeighbours        = "neighbours"      // the probe's own neighbourhood
	FromNeighboursAndSelf = "neighbours+self" // the same, corrected by what the gallery's own searches taught
	FromGlobal            = "global"          // the model's false-match curve: too few neighbours to fit
)

// Outcome says in a word what a search found.
type Outcome string

// The outcomes. None of them is "clear": who is not found may still be listed. They speak of
// the gallery that was searched, which is what passes the search's filter.
const (
	Match        Outcome = "match"        // some candidate has E below 1
	NoMatch      Outcome = "no_match"     // nobody is within the model's reach
	Inconclusive Outcome = "inconclusive" // candidates are within reach, none who is listed has E below 1
)

// Gallery is what Of must know of the gallery that was searched.
type Gallery struct {
	Registrants int     // how many registrants with a face were searched, after filters
	Slope       float64 // typical slope of such a gallery (m0), 0 when it was not measured
	Self        Self    // its self-calibration, zero when it has none
}

// Candidate is the nearest face of one registrant, with its score.
type Candidate struct {
	index.Neighbour
	Similarity           float64 // percent, 0..100
	ExpectedFalseMatches float64 // strangers expected at this distance or nearer in one search, 0 or more
	Calibration          string  // one of the three constants
}

// Scored is the outcome of scoring one search.
type Scored struct {
	Candidates  []Candidate // all within the model's reach, best first, ties by registrant
	Outcome     Outcome
	Calibration string
	Self        *Self // what FromNeighboursAndSelf applied, else nil
}

// Matches are the candidates above Floor, at most limit.
func (s Scored) Matches(limit int) []Candidate {
	n := 0
	for n < len(s.Candidates) && n < limit && s.Candidates[n].Similarity > Floor {
		n++
	}
	return s.Candidates[:n]
}

// Without is s without the candidates who have left the registry since the index saw them. If
// nobody above Floor remains the outcome is Inconclusive, whoever left: that the index lags says
// nothing about who else is listed, so it must not read as if nobody had been within reach.
func (s Scored) Without(left func(schemas.UUID) bool) Scored {
	if len(s.Candidates) == 0 {
		return s
	}
	kept := make([]Candidate, 0, len(s.Candidates))
	for _, c := range s.Candidates {
		if !left(c.Face.Registrant) {
			kept = append(kept, c)
		}
	}
	s.Candidates, s.Outcome = kept, Inconclusive
	if len(kept) > 0 && kept[0].Similarity > Floor {
		s.Outcome = Match
	}
	return s
}

// Of scores the neighbours of one probe. They may come in any order and hold several faces
// of a registrant: its nearest one stands for it. Registrants who share a photo all become
// candidates, with the same similarity, but are counted once as strangers.
func Of(neighbours []index.Neighbour, model schemas.Model, g Gallery) Scored {
	nearest := nearestOfEach(neighbours)
	expected := Expectation(Strangers(neighbours), model, g)
	s := Scored{Outcome: NoMatch, Calibration: expected.Calibration}
	if expected.Calibration == FromNeighboursAndSelf {
		s.Self = &g.Self
	}
	for _, n := range nearest {
		if !(n.Distance <= model.MaxDistance) { // nor what is not a number
			continue
		}
		c := Candidate{Neighbour: n, Calibration: expected.Calibration}
		c.ExpectedFalseMatches = expected.At(n.Distance)
		c.Similarity = Similarity(c.ExpectedFalseMatches)
		s.Candidates = append(s.Candidates, c)
	}
	slices.SortStableFunc(s.Candidates, func(a, b Candidate) int {
		if a.Similarity != b.Similarity {
			if a.Similarity > b.Similarity {
				return -1
			}
			return 1
		}
		return strings.Compare(string(a.Face.Registrant), string(b.Face.Registrant))
	})
	if len(s.Candidates) > 0 {
		s.Outcome = Inconclusive
		if s.Candidates[0].Similarity > Floor {
			s.Outcome = Match
		}
	}
	return s
}

// Similarity is E as a percentage, 0..100: 100 for none expected, 80 for one, 0 from about 210.
func Similarity(expected float64) float64 {
	if math.IsNaN(expected) {
		return 0
	}
	return min(100, max(0, 100-20*math.Pow(max(expected, 0), math.Log10(2))))
}

// Rounded is a distance to a millionth. Engines add in different orders, and the same question
// must have the same answer over each, to the last digit of a similarity and the order of twins.
// A millionth is far below what tells two photos apart.
func Rounded(distance float64) float64 { return math.Round(distance*1e6) / 1e6 }

// nearestOfEach keeps the nearest face of every registrant, nearest first, ties by registrant.
func nearestOfEach(neighbours []index.Neighbour) []index.Neighbour {
	sorted := slices.Clone(neighbours)
	slices.SortStableFunc(sorted, func(a, b index.Neighbour) int {
		switch {
		case a.Distance < b.Distance:
			return -1
		case a.Distance > b.Distance:
			return 1
		}
		return strings.Compare(string(a.Face.Registrant), string(b.Face.Registrant))
	})
	seen := make(map[schemas.UUID]bool, len(sorted))
	kept := sorted[:0]
	for _, n := range sorted {
		if !seen[n.Face.Registrant] {
			seen[n.Face.Registrant] = true
			kept = append(kept, n)
		}
	}
	return kept
}

// Strangers are the distances that count in a fit, increasing: one a registrant, and one a
// photo. The same picture saved anew has another digest but the very same distance, so equal
// distances count once too.
func Strangers(neighbours []index.Neighbour) []float64 {
	nearest := nearestOfEach(neighbours)
	seen := make(map[schemas.Digest]bool, len(nearest))
	distances := make([]float64, 0, len(nearest))
	for _, n := range nearest {
		repeat := n.Face.Photo != "" && seen[n.Face.Photo] ||
			len(distances) > 0 && distances[len(distances)-1] == n.Distance
		seen[n.Face.Photo] = true
		if !repeat {
			distances = append(distances, n.Distance)
		}
	}
	return distances
}
