package search

import (
	"context"

	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/schemas"
)

// advise says which filters would help an inconclusive search; nil for any other.
func (e *Engine) advise(ctx context.Context, scored score.Scored, neighbours []index.Neighbour) ([]score.Advice, error) {
	if scored.Outcome != score.Inconclusive {
		return nil, nil
	}
	ids := make([]schemas.UUID, len(neighbours))
	for i, n := range neighbours {
		ids[i] = n.Face.Registrant
	}
	docs, err := e.lookup(ctx, ids...)
	if err != nil {
		return nil, err
	}
	facts := make([]score.Facts, len(docs))
	for i, d := range docs {
		_, born := d.Record.BirthYears()
		facts[i] = score.Facts{State: d.Record.State(), Sex: d.Record.Sex.Value, Born: born}
	}
	return score.Advise(scored, facts), nil
}
