package index

import (
	"context"
	"errors"
)

// StragglersOf are those of the serving generation, none while none serves.
func StragglersOf(ctx context.Context, r Reader) (Stragglers, error) {
	all, err := r.Generations(ctx)
	if err != nil {
		return Stragglers{}, err
	}
	g, err := ServingOf(all)
	if errors.Is(err, ErrNoneServing) {
		return Stragglers{}, nil
	}
	return g.Stragglers, err
}
