package evaluate

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/schemas"
)

// Gallery is a real gallery to search; index.Reader has it.
type Gallery interface {
	Nearest(ctx context.Context, embedding []float32, k int, f index.Filter) ([]index.Neighbour, index.Generation, error)
	Enrolled(ctx context.Context, f index.Filter) (int, error)
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

// searchAgainst searches the gallery once with every photo. Errors: of the gallery, and a gallery
// of another model.
func searchAgainst(ctx context.Context, model schemas.Model, g Gallery, shots []shot) (*Against, error) {
	registrants, err := g.Enrolled(ctx, index.Filter{})
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

// write prints the table; nothing for nil.
func (a *Against) write(w io.Writer) {
	if a == nil {
		return
	}
	fmt.Fprintf(w, "\nagainst the serving generation %s, %d registrants, each photo searched with once:\n\n", a.Generation, a.Registrants)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "group\tsearches\tmateless 80\t90\t95\t97.5\t")
	for _, group := range slices.Sorted(maps.Keys(a.Searches)) {
		fmt.Fprintf(t, "%s\t%d\t", group, a.Searches[group])
		for _, level := range columns {
			fmt.Fprint(t, shown(a.Mateless[group][level], a.MatelessCI[group][level]), "\t")
		}
		fmt.Fprintln(t)
	}
	writePromise(t, 1)
	_ = t.Flush()
}
