package evaluate

import (
	"encoding/json"
	"maps"
	"math"
	"slices"

	"lineup/schemas"
)

// Report is what Run measured; Groups holds the same for each group of people.
type Report struct {
	Summary
	Groups   map[string]Summary
	Unusable []Unusable // photos that could not be searched with, in the order of Read
	Against  *Against   // what searching a real gallery gave, when that was asked for
	model    schemas.Model
}

// Unusable is a photo that could not be searched with.
type Unusable struct {
	Person   string `json:"person"`
	Photo    string `json:"photo"`
	Code     string `json:"code"`     // of face.Problem
	Why      string `json:"why"`      // in words
	Enrolled bool   `json:"enrolled"` // it was still good enough to be enrolled
}

// Summary is one set of figures. Shares are 0 to 1, with 95 % intervals beside them. A photo without a
// usable face counts as a miss in Rank1 and Mates, and not in MatesDetected.
type Summary struct {
	People     int                `json:"people"`
	Photos     int                `json:"photos"`
	Undetected int                `json:"undetected"` // photos that cannot be searched with
	Rank1      float64            `json:"rank1"`      // searches by enrolled people whose own record comes first
	Mateless   map[string]float64 `json:"mateless"`   // by similarity: searches by people not enrolled that return anything at or above
	Mates      map[string]float64 `json:"mates"`      // by similarity: searches by enrolled people whose own record comes at or above
	FMR        []Rate             `json:"fmr"`        // comparisons of strangers at or below a distance
	FNMR       []Rate             `json:"fnmr"`       // comparisons of mates above the same distances

	MatesDetected map[string]float64 `json:"matesDetected"` // Mates among searches with a face at both ends
	// of the answers above 80 to enrolled people, those that name somebody else first
	OthersFirst      float64             `json:"othersFirst"`
	Searches         int                 `json:"searches"`         // by enrolled people, of all draws
	Detected         int                 `json:"detected"`         // of them, those with a face at both ends
	Answered         int                 `json:"answered"`         // of them, those with an answer above 80
	MatelessSearches int                 `json:"matelessSearches"` // by people not enrolled, of all draws
	Rank1CI          Interval            `json:"rank1CI"`
	MatelessCI       map[string]Interval `json:"matelessCI"`
	MatesCI          map[string]Interval `json:"matesCI"`
	MatesDetectedCI  map[string]Interval `json:"matesDetectedCI"`
	OthersFirstCI    Interval            `json:"othersFirstCI"`

	rank1Detected float64
	counts        *counts
}

// Rate is an error rate of comparing two photos at the largest distance whose false-match rate
// is at most Target. Distances are in steps of 0.001.
type Rate struct {
	Target   float64  `json:"target"`
	Distance float64  `json:"distance"`
	Rate     float64  `json:"rate"`
	RateCI   Interval `json:"rateCI"`
}

// MarshalJSON gives the keys of Summary, the same again for each group under groups, the unusable
// photos, and against where a real gallery was searched. Shares are rounded to six digits.
func (r Report) MarshalJSON() ([]byte, error) {
	groups := map[string]Summary{}
	for name, s := range r.Groups {
		groups[name] = s.rounded()
	}
	type whole struct {
		Summary
		Groups   map[string]Summary `json:"groups"`
		Unusable []Unusable         `json:"unusable"`
		Against  *Against           `json:"against,omitempty"`
	}
	return json.Marshal(whole{r.Summary.rounded(), groups, append([]Unusable{}, r.Unusable...), r.Against})
}

// MarshalJSON rounds to six digits.
func (i Interval) MarshalJSON() ([]byte, error) {
	return json.Marshal([2]float64{rounded(i[0]), rounded(i[1])})
}

func rounded(x float64) float64 { return math.Round(x*1e6) / 1e6 }

func (s Summary) rounded() Summary {
	all := func(m map[string]float64) map[string]float64 {
		m = maps.Clone(m)
		for k, v := range m {
			m[k] = rounded(v)
		}
		return m
	}
	s.Rank1, s.Mateless, s.Mates, s.MatesDetected, s.OthersFirst = rounded(s.Rank1), all(s.Mateless), all(s.Mates), all(s.MatesDetected),
		rounded(s.OthersFirst)
	s.FMR, s.FNMR = slices.Clone(s.FMR), slices.Clone(s.FNMR)
	for _, rates := range [][]Rate{s.FMR, s.FNMR} {
		for i := range rates {
			rates[i].Rate = rounded(rates[i].Rate)
		}
	}
	return s
}

// counts is what one set of searches adds up to.
type counts struct {
	people, photos, undetected int
	searches, detected         int // mate searches: all, and those with a face at both ends
	first                      int
	answered, othersFirst      int // mate searches with an answer above 80, and those that name somebody else first
	mates                      map[string]int
	matelessSearches           int
	mateless                   map[string]int
	mateDistances              histogram
	strangers                  histogram
	mateScores, matelessScores [101]int // best similarity, rounded down
	promise                    []int    // mateless searches with best E below promised[i]
}

// Against is what every photo that can be searched with finds in a real gallery. The people of the
// album are taken not to be in it, so whatever a search finds is a stranger: somebody who is listed
// after all counts as a false match.
type Against struct {
	Generation  string                         `json:"generation"`
	Registrants int                            `json:"registrants"`
	Searches    map[string]int                 `json:"searches"`   // by group; "all" is everybody
	Mateless    map[string]map[string]float64  `json:"mateless"`   // by group and similarity
	MatelessCI  map[string]map[string]Interval `json:"matelessCI"` // likewise
}
