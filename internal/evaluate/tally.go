package evaluate

import (
	"math"
	"slices"

	"lineup/indexer/score"
	"lineup/schemas"
)

// levels are the similarities in the report.
var levels = map[string]float64{"80": 80, "90": 90, "95": 95, "97.5": 97.5}

// promised are the expected false matches at which the promise is compared with the measurement.
var promised = []float64{0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3}

func newCounts() *counts {
	return &counts{mates: map[string]int{}, mateless: map[string]int{}, promise: make([]int, len(promised))}
}

// tally adds sightings up, for all and for each group.
type tally struct {
	model    schemas.Model
	people   []person
	unusable []Unusable
	against  *Against
	all      *counts
	groups   map[string]*counts
}

func newTally(model schemas.Model, people []person) *tally {
	t := &tally{model: model, people: people, all: newCounts(), groups: map[string]*counts{}}
	for _, p := range people {
		for _, c := range t.of(p.group) {
			c.people++
			c.photos += len(p.shots)
			for _, s := range p.shots {
				if !s.probes {
					c.undetected++
				}
			}
		}
		for _, s := range p.shots {
			if s.problem != nil {
				t.unusable = append(t.unusable, Unusable{Person: s.Person, Photo: s.Path, Code: string(s.problem.Code), Why: s.problem.Text,
					Enrolled: s.embedding != nil})
			}
		}
	}
	return t
}

// of returns the counts that a person of a group adds to.
func (t *tally) of(group string) []*counts {
	if group == "" {
		return []*counts{t.all}
	}
	if t.groups[group] == nil {
		t.groups[group] = newCounts()
	}
	return []*counts{t.all, t.groups[group]}
}

func (t *tally) add(person int, s sighting) {
	for i, c := range t.of(t.people[person].group) {
		strangers := &s.strangers
		if i > 0 { // a group's false matches are among its own
			strangers = &s.groupStrangers
		}
		c.add(s, strangers)
	}
}

func (c *counts) add(s sighting, strangers *histogram) {
	c.searches++
	if s.detected && s.enrolled {
		c.detected++
		c.mateDistances.add(s.mateDistance)
		c.mateScores[int(s.mate)]++
		if s.first {
			c.first++
		}
		if s.answered {
			c.answered++
			if !s.first {
				c.othersFirst++
			}
		}
	}
	for name, level := range levels {
		if s.detected && s.enrolled && s.mate >= level {
			c.mates[name]++
		}
	}
	if !s.detected {
		return
	}
	c.matelessSearches++
	c.matelessScores[int(s.stranger)]++
	c.strangers.merge(strangers)
	for name, level := range levels {
		if s.stranger >= level {
			c.mateless[name]++
		}
	}
	for i, e := range promised {
		if s.strangerExpected < e {
			c.promise[i]++
		}
	}
}

// targets are the false-match rates of the fmr and fnmr tables.
var targets = []float64{1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6}

func (c *counts) summary() Summary {
	s := Summary{People: c.people, Photos: c.photos, Undetected: c.undetected, Rank1: share(c.first, c.searches),
		Mateless: map[string]float64{}, Mates: map[string]float64{}, FMR: []Rate{}, FNMR: []Rate{},
		Searches: c.searches, Detected: c.detected, MatelessSearches: c.matelessSearches, Answered: c.answered,
		Rank1CI: wilson(c.first, c.searches), OthersFirst: share(c.othersFirst, c.answered), OthersFirstCI: wilson(c.othersFirst, c.answered),
		MatelessCI: map[string]Interval{}, MatesCI: map[string]Interval{}, MatesDetected: map[string]float64{},
		MatesDetectedCI: map[string]Interval{},
		rank1Detected:   share(c.first, c.detected), counts: c}
	for name := range levels {
		s.Mateless[name], s.MatelessCI[name] = share(c.mateless[name], c.matelessSearches), wilson(c.mateless[name], c.matelessSearches)
		s.Mates[name], s.MatesCI[name] = share(c.mates[name], c.searches), wilson(c.mates[name], c.searches)
		s.MatesDetected[name], s.MatesDetectedCI[name] = share(c.mates[name], c.detected), wilson(c.mates[name], c.detected)
	}
	falseMatch, match := c.strangers.within(), c.mateDistances.within()
	for _, target := range targets {
		if float64(c.strangers.total)*target < 1 {
			break // too few pairs to see so small a rate
		}
		// the largest distance whose rate is still not above the target
		bin := slices.IndexFunc(falseMatch, func(rate float64) bool { return rate > target })
		if bin < 0 {
			bin = distanceBins
		}
		distance := float64(bin) / binsPerUnit
		rate, missed := 0.0, 1.0
		if bin > 0 {
			rate, missed = falseMatch[bin-1], max(0, 1-match[bin-1])
		}
		of := func(rate float64, h histogram) Interval {
			return wilson(int(math.Round(rate*float64(h.total))), int(h.total))
		}
		s.FMR = append(s.FMR, Rate{target, distance, rate, of(rate, c.strangers)})
		s.FNMR = append(s.FNMR, Rate{target, distance, missed, of(missed, c.mateDistances)})
	}
	return s
}

func (t *tally) report() Report {
	r := Report{Summary: t.all.summary(), Groups: map[string]Summary{}, Unusable: t.unusable, Against: t.against, model: t.model}
	for name, c := range t.groups {
		r.Groups[name] = c.summary()
	}
	return r
}

// expectedAt returns the E of a similarity: the inverse of Similarity.
func expectedAt(level float64) float64 {
	low, high := 0.0, 1000.0
	for range 80 {
		middle := (low + high) / 2
		if score.Similarity(middle) > level {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}
