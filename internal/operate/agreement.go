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

// Agreement is how the answers of a generation of another model differ from those of the serving generation. Both are
// searched with a sample of the gallery's own photos, each time with that photo left out.
type Agreement struct {
	Before  string                    `json:"before"`      // the serving generation
	After   string                    `json:"after"`       // the new one
	Models  [2]string                 `json:"models"`      // of both
	Learnt  [2]index.Calibration      `json:"calibration"` // of both
	Groups  map[string]AgreementGroup `json:"groups"`      // "all", by sex as the records say it, "labelled" and its groups
	Missing int                       `json:"missing"`     // sampled and labelled photos in which the serving model found no face
}

// Probe is a labelled photo to search with in generations of two models.
type Probe struct {
	Group      string               // the group to report it in, besides all labelled photos; "" for none
	Embeddings map[string][]float32 // by the id of the model; none where that model found no face
}

// AgreementGroup is the agreement among the photos of one group.
type AgreementGroup struct {
	Photos   int     `json:"photos"`
	Stay     int     `json:"stay"`     // searches whose first registrant is the same in both
	Answered [2]int  `json:"answered"` // searches that return somebody above 80, before and after
	Moved    float64 `json:"moved"`    // median of log10(E after / E before) of the first match; 0: no change
}

// Share is the share of first matches that stay the same, 0 to 1: the lower one of that among the gallery's own photos
// and that among the labelled ones. It is 1 if nothing was compared.
func (a Agreement) Share() float64 {
	least := 1.0
	for _, name := range []string{"all", "labelled"} {
		if g := a.Groups[name]; g.Photos > 0 {
			least = min(least, float64(g.Stay)/float64(g.Photos))
		}
	}
	return least
}

// String returns the report for the operator, one line per group.
func (a Agreement) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s) beside the serving %s (%s), searched with the gallery's own photos and those given:\n", a.After, a.Models[1],
		a.Before, a.Models[0])
	for _, name := range slices.Sorted(maps.Keys(a.Groups)) {
		g := a.Groups[name]
		fmt.Fprintf(&b, "  %s: the first match stays in %d of %d searches; %d answered above 80 before, %d after; its E is 10^%+.1f times what "+
			"it was (median)\n", name, g.Stay, g.Photos, g.Answered[0], g.Answered[1], g.Moved)
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

// agreement compares a generation of another model with the serving one. It is nil if none serves, or if the serving
// one has the same model.
func (s *Stores) agreement(ctx context.Context, g index.Generation, old []index.Generation, b Rebuild) (*Agreement, error) {
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
	faces, err := s.sample(ctx, g, b.Sample)
	if err != nil {
		return nil, err
	}
	said := tallies{a: a, moved: map[string][]float64{}}
	for _, f := range faces {
		earlier, err := s.sameFace(ctx, before, f)
		if err != nil {
			return nil, err
		}
		if earlier.ID == "" {
			a.Missing++
			continue
		}
		groups, err := s.groupsOf(ctx, f.Registrant)
		if err != nil {
			return nil, err
		}
		if err := said.compare(ctx, s, before, g, earlier, f, groups); err != nil {
			return nil, err
		}
	}
	for _, probe := range b.Labelled {
		was, is := probe.Embeddings[before.Model.ID], probe.Embeddings[g.Model.ID]
		if was == nil || is == nil {
			a.Missing++
			continue
		}
		groups := []string{"labelled"}
		if probe.Group != "" {
			groups = append(groups, "labelled "+probe.Group)
		}
		if err := said.compare(ctx, s, before, g, schemas.Face{Embedding: was}, schemas.Face{Embedding: is}, groups); err != nil {
			return nil, err
		}
	}
	said.finish()
	return a, nil
}

// tallies counts matches for an Agreement.
type tallies struct {
	a     *Agreement
	moved map[string][]float64 // by group, how far each E moved
}

// compare searches each generation with its own embedding of one photo and counts what came first.
func (t tallies) compare(ctx context.Context, s *Stores, before, after index.Generation, was, is schemas.Face, groups []string) error {
	earlier, err := s.first(ctx, before, was)
	if err != nil {
		return err
	}
	now, err := s.first(ctx, after, is)
	if err != nil {
		return err
	}
	for _, name := range groups {
		group := t.a.Groups[name]
		group.Photos++
		if earlier.Face.Registrant == now.Face.Registrant {
			group.Stay++
		}
		for i, c := range []score.Candidate{earlier, now} {
			if c.Similarity > score.Floor {
				group.Answered[i]++
			}
		}
		t.a.Groups[name] = group
		if earlier.ExpectedFalseMatches > 0 && now.ExpectedFalseMatches > 0 {
			t.moved[name] = append(t.moved[name], math.Log10(now.ExpectedFalseMatches/earlier.ExpectedFalseMatches))
		}
	}
	return nil
}

// finish computes the median shift of E in each group.
func (t tallies) finish() {
	for name, list := range t.moved {
		slices.Sort(list)
		group := t.a.Groups[name]
		group.Moved = list[len(list)/2]
		t.a.Groups[name] = group
	}
}

// sameFace returns the face of the same photo of the same registrant in another generation; its ID is "" if there is
// none.
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

// first returns the first match of a search with a face whose own photo, if enrolled, is left out; zero if nobody is
// within the model's reach.
func (s *Stores) first(ctx context.Context, g index.Generation, f schemas.Face) (score.Candidate, error) {
	near, err := s.Index.Search(ctx, g.Name, f.Embedding, score.K+1)
	if err != nil {
		return score.Candidate{}, err
	}
	near = slices.DeleteFunc(near, func(n index.Neighbour) bool { return f.ID != "" && (n.Face.ID == f.ID || n.Face.Photo == f.Photo) })
	counts := g.Calibration.Registrants
	found := score.Of(near[:min(len(near), score.K)], g.Model, score.GalleryOf(g, max(counts, len(near))))
	if len(found.Candidates) == 0 {
		return score.Candidate{}, nil
	}
	return found.Candidates[0], nil
}

// groupsOf returns the groups in which somebody counts.
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
