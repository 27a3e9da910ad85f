package search

import (
	"cmp"
	"context"
	"slices"

	"lineup/indexer/index"
	"lineup/indexer/score"
)

// rounded is an engine whose distances are score.Rounded, so that every engine gives the same answer.
type rounded struct{ index.Reader }

// Nearest rounds the engine's distances and orders faces whose distances are then equal by their ID.
func (r rounded) Nearest(ctx context.Context, embedding []float32, k int, f index.Filter) ([]index.Neighbour, index.Generation, error) {
	neighbours, generation, err := r.Reader.Nearest(ctx, embedding, k, f)
	for i := range neighbours {
		neighbours[i].Distance = score.Rounded(neighbours[i].Distance)
	}
	slices.SortFunc(neighbours, func(a, b index.Neighbour) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.Face.ID, b.Face.ID))
	})
	return neighbours, generation, err
}
