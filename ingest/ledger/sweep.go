package ledger

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"lineup/ingest/broker"
	"lineup/schemas"
)

// Each yields every listing of source, or of all sources when it is "", once each, as it was
// at some moment of the sweep. A listing of a newer schema is yielded as that error, with ID
// and Source set, and the sweep goes on; any other error ends it.
func (l *Ledger) Each(ctx context.Context, source string) iter.Seq2[schemas.Listing, error] {
	filter := ""
	if source != "" {
		filter = key(source, "*")
	}
	return func(yield func(schemas.Listing, error) bool) {
		seen := make(map[string]struct{})
		err := l.listings.Each(ctx, filter, func(e broker.Entry) bool {
			if _, again := seen[e.Key]; again {
				return true
			}
			seen[e.Key] = struct{}{}
			s, err := schemas.DecodeListing(e.Value)
			if err != nil {
				from, id, _ := strings.Cut(e.Key, ".")
				s = schemas.Listing{ID: schemas.UUID(id), Source: from}
			}
			return yield(s, err)
		})
		if err != nil {
			yield(schemas.Listing{}, fmt.Errorf("sweep the ledger: %w", err))
		}
	}
}
