package operate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/schemas"
)

// Agreement is how the answers of a generation of another model differ from the serving one's, on a
// sample of the gallery's own photos, each searched with in both with that photo left out.
type Agreement struct {
	Before  string                    // the serving generation, its model, and its calibration
	After   string                    // the new one
	Models  [2]string                 // of both
	Learnt  [2]index.Calibration      // of both
	Groups  map[string]AgreementGroup // "all", and by sex as the records say it
	Missing int                       // sampled photos in which the serving model found no face
}

// AgreementGroup is the agreement among the photos of one group.
type AgreementGroup struct {
	Photos   int
	Stay     int     // searches whose first registrant is the same in both
	Answered [2]int  // searches that return somebody above 80, before and after
	Moved    float64 // median of log10 of the first one's E after over before; 0: no change
}

// Share is how many first matches stay, 0 to 1; 1 where nothing was compared.
func (a Agreement) Share() float64 {
	all := a.Groups["all"]
	if all.Photos == 0 {
		return 1
	}
	return float64(all.Stay) / float64(all.Photos)
}

// String is the report for the operator, a line a group.
func (a Agreement) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s) beside the serving %s (%s), searched with the gallery's own photos:\n", a.After, a.Models[1], a.Before, a.Models[0])
	for _, name := range slices.Sorted(maps.Keys(a.Groups)) {
		g := a.Groups[name]
		fmt.Fprintf(&b, "  %s: the first match stays in %d of %d searches; %d answered above 80 before, %d after; its E is 10^%+.1f times what it was (median)\n",
			name, g.Stay, g.Photos, g.Answered[0], g.Answered[1], g.Moved)
	}
	if a.Missing > 0 {
		fmt.Fprintf(&b, "  %d more photos have a face in the new generation alone\n", a.Missing)
	}
	for i, when := range []string{"before", "after"} {
		c := a.Learnt[i]
		fmt.Fprintf(&b, "  calibration %s: slope %.1f, a %.2f, s %.2f from %d self-probes\n", when, c.Slope, c.Offset, c.Power, c.Probes)
	}
	return b.String()
}

// agreement compares a generation of another model with the serving one; nil when none serves, or one
// of the same model.
func (s *Stores) agreement(ctx context.Context, g index.Generation, old []index.Generation, sample int) (*Agreement, error) {
	before, err := index.ServingOf(old)
	if errors.Is(err, index.ErrNoneServing) || before.Model.ID == g.Model.ID {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if g.Calibration, err = score.Measure(ctx, s.Index, g.Name); err != nil {
		return nil, err
	}
	a := &Agreement{Before: before.Name, After: g.Name, Models: [2]string{before.Model.ID, g.Model.ID},
		Learnt: [2]index.Calibration{before.Calibration, g.Calibration}, Groups: map[string]AgreementGroup{}}
	faces, err := s.sample(ctx, g, sample)
	if err != nil {
		return nil, err
	}
	moved := map[string][]float64{}
	for _, f := range faces {
		earlier, err := s.sameFace(ctx, before, f)
		if err != nil {
			return nil, err
		}
		if earlier.ID == "" {
			a.Missing++
			continue
		}
		was, err := s.first(ctx, before, earlier)
		if err != nil {
			return nil, err
		}
		is, err := s.first(ctx, g, f)
		if err != nil {
			return nil, err
		}
		groups, err := s.groupsOf(ctx, f.Registrant)
		if err != nil {
			return nil, err
		}
		for _, name := range groups {
			group := a.Groups[name]
			group.Photos++
			if was.Face.Registrant == is.Face.Registrant {
				group.Stay++
			}
			for i, c := range []score.Candidate{was, is} {
				if c.Similarity > score.Floor {
					group.Answered[i]++
				}
			}
			a.Groups[name] = group
			if was.ExpectedFalseMatches > 0 && is.ExpectedFalseMatches > 0 {
				moved[name] = append(moved[name], math.Log10(is.ExpectedFalseMatches/was.ExpectedFalseMatches))
			}
		}
	}
	for name, list := range moved {
		slices.Sort(list)
		group := a.Groups[name]
		group.Moved = list[len(list)/2]
		a.Groups[name] = group
	}
	return a, nil
}

// sameFace is the face of the same photo of the same registrant in another generation; its ID is ""
// when there is none.
func (s *Stores) sameFace(ctx context.Context, g index.Generation, f schemas.Face) (schemas.Face, error) {
	held, _, err := s.Index.Held(ctx, g.Name, f.Photo)
	if err != nil {
		return schemas.Face{}, err
	}
	for _, other := range held {
		if other.Registrant == f.Registrant {
			return other, nil
		}
	}
	return schemas.Face{}, nil
}

// first is what a search with a face returns first when its photo is left out; zero for nobody within
// the model's reach.
func (s *Stores) first(ctx context.Context, g index.Generation, f schemas.Face) (score.Candidate, error) {
	near, err := s.Index.Search(ctx, g.Name, f.Embedding, score.K+1)
	if err != nil {
		return score.Candidate{}, err
	}
	near = slices.DeleteFunc(near, func(n index.Neighbour) bool { return n.Face.ID == f.ID || n.Face.Photo == f.Photo })
	counts := g.Calibration.Registrants
	found := score.Of(near[:min(len(near), score.K)], g.Model, score.GalleryOf(g, max(counts, len(near))))
	if len(found.Candidates) == 0 {
		return score.Candidate{}, nil
	}
	return found.Candidates[0], nil
}

// groupsOf are the groups somebody counts in.
func (s *Stores) groupsOf(ctx context.Context, id schemas.UUID) ([]string, error) {
	docs, err := s.Index.Lookup(ctx, id)
	if err != nil || len(docs) == 0 {
		return []string{"all"}, err
	}
	if sex := index.FactsOf(docs[0].Record).Sex; sex != "" {
		return []string{"all", sex}, nil
	}
	return []string{"all", "sex not stated"}, nil
}
