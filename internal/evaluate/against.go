package evaluate

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/schemas"
)

// Gallery is a real gallery to search; index.Reader has it.
type Gallery interface {
	Nearest(ctx context.Context, embedding []float32, k int, f index.Filter) ([]index.Neighbour, index.Generation, error)
	Enrolled(ctx context.Context, f index.Filter) (int, index.Generation, error)
}

// searchAgainst searches the gallery once with every photo. Errors: of the gallery, and a gallery
// of another model.
func searchAgainst(ctx context.Context, model schemas.Model, g Gallery, shots []shot) (*Against, error) {
	registrants, _, err := g.Enrolled(ctx, index.Filter{})
	if err != nil {
		return nil, fmt.Errorf("count the gallery: %w", err)
	}
	a := &Against{Registrants: registrants, Searches: map[string]int{}, Mateless: map[string]map[string]float64{},
		MatelessCI: map[string]map[string]Interval{}}
	found := map[string]map[string]int{}
	for _, s := range shots {
		if !s.probes {
			continue
		}
		neighbours, generation, err := g.Nearest(ctx, s.embedding, score.K, index.Filter{})
		if err != nil {
			return nil, fmt.Errorf("search the gallery: %w", err)
		}
		if generation.Model.ID != model.ID {
			return nil, fmt.Errorf("the serving generation %s is of model %s, the photos were embedded by %s: run lineup reindex, or the version "+
				"that made it",
				generation.Name, generation.Model.ID, model.ID)
		}
		a.Generation = generation.Name
		best := 0.0
		if scored := score.Of(neighbours, model, score.GalleryOf(generation, registrants)); len(scored.Candidates) > 0 {
			best = scored.Candidates[0].Similarity
		}
		for _, group := range slices.Compact([]string{"all", cmp.Or(s.Group, "all")}) {
			a.Searches[group]++
			if found[group] == nil {
				found[group] = map[string]int{}
			}
			for name, level := range levels {
				if best >= level {
					found[group][name]++
				}
			}
		}
	}
	for group, n := range a.Searches {
		a.Mateless[group], a.MatelessCI[group] = map[string]float64{}, map[string]Interval{}
		for name := range levels {
			a.Mateless[group][name], a.MatelessCI[group][name] = rounded(share(found[group][name], n)), wilsonOnce(found[group][name], n)
		}
	}
	return a, nil
}
