package index

import (
	"context"
	"strconv"
	"strings"

	"lineup/schemas"
)

// ErrNoneServing is returned for an index that cannot be searched yet. It is an fs.ErrNotExist.
var ErrNoneServing = schemas.NotFound("no generation serves yet (lineup index fills one, or lineup up)")

// Target is the generation as the ledger's marks name it.
func (g Generation) Target() schemas.Target {
	return schemas.Target{Generation: g.Name, Model: g.Model.ID, Features: g.Features, Built: g.Created}
}

// NextName is the name of a generation that is made beside all.
func NextName(all []Generation) string {
	last := 0
	for _, g := range all {
		if n, err := strconv.Atoi(strings.TrimPrefix(g.Name, "g")); err == nil {
			last = max(last, n)
		}
	}
	return "g" + strconv.Itoa(last+1)
}

// ServingOf is the generation that serves. Errors: ErrNoneServing.
func ServingOf(all []Generation) (Generation, error) {
	for _, g := range all {
		if g.State == Serving {
			return g, nil
		}
	}
	return Generation{}, ErrNoneServing
}

// Ready reports why an index cannot be searched, nil when it can. Errors: ErrNoneServing.
func Ready(ctx context.Context, r Reader) error {
	all, err := r.Generations(ctx)
	if err == nil {
		_, err = ServingOf(all)
	}
	return err
}
