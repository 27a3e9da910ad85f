package search

import (
	"cmp"
	"context"
	"math"
	"slices"

	"lineup/indexer/index"
)

// rounded is an engine whose distances are rounded to a millionth: engines add in different orders,
// and the same question must have the same answer over each, to the last digit of a similarity
// and the order of twins. A millionth is far below what tells two photos apart.
type rounded struct{ index.Reader }

// Nearest is the engine's, with rounded distances, and those that are equal now by face ID.
func (r rounded) Nearest(ctx context.Context, embedding []float32, k int, f index.Filter) ([]index.Neighbour, index.Generation, error) {
	neighbours, generation, err := r.Reader.Nearest(ctx, embedding, k, f)
	for i := range neighbours {
		neighbours[i].Distance = math.Round(neighbours[i].Distance*1e6) / 1e6
	}
	slices.SortFunc(neighbours, func(a, b index.Neighbour) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.Face.ID, b.Face.ID))
	})
	return neighbours, generation, err
}
