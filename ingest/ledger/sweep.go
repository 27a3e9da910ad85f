package ledger

import (
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"strings"

	"lineup/ingest/broker"
	"lineup/schemas"
)

// eachAtOnce bounds how many listings Each remembers that it has yielded, some 20 bytes each. A larger ledger is read several times, by
// parts.
const eachAtOnce = 2_000_000

// Each yields every listing of source, or of all sources when it is "", once each, as it was
// at some moment of the sweep. A listing of a newer schema is yielded as that error, with ID
// and Source set, and the sweep goes on; any other error ends it.
func (l *Ledger) Each(ctx context.Context, source string) iter.Seq2[schemas.Listing, error] {
	return func(yield func(schemas.Listing, error) bool) {
		parts, err := l.Parts(ctx, l.atOnce)
		if err != nil {
			yield(schemas.Listing{}, err)
			return
		}
		for _, part := range parts {
			for s, err := range l.EachOf(ctx, source, part) {
				if !yield(s, err) {
					return
				}
			}
		}
	}
}

// Parts divides everybody into parts of about most listings at most: so many does a sweep hold in memory that goes over one part after
// the other. No part is smaller than a shard.
func (l *Ledger) Parts(ctx context.Context, most int) ([]schemas.Part, error) {
	state, err := l.State(ctx)
	if err != nil {
		return nil, err
	}
	n := min(max((state.Entries+most-1)/most, 1), schemas.Shards)
	parts := make([]schemas.Part, n)
	for i := range parts {
		parts[i] = schemas.Part{From: i * schemas.Shards / n, To: (i + 1) * schemas.Shards / n}
	}
	return parts, nil
}

// EachOf is Each for a part of the registrants. The others' listings are passed over undecoded.
func (l *Ledger) EachOf(ctx context.Context, source string, part schemas.Part) iter.Seq2[schemas.Listing, error] {
	return l.each(ctx, source, part, 0)
}

// EachAfter is Each for the listings that were written after a revision of the ledger (broker.State.Last).
func (l *Ledger) EachAfter(ctx context.Context, revision uint64) iter.Seq2[schemas.Listing, error] {
	return l.each(ctx, "", schemas.Everybody(), revision)
}

func (l *Ledger) each(ctx context.Context, source string, part schemas.Part, after uint64) iter.Seq2[schemas.Listing, error] {
	filter := ""
	if source != "" {
		filter = key(source, "*")
	}
	return func(yield func(schemas.Listing, error) bool) {
		// A listing that is written meanwhile comes twice. Of two whose keys have the same hash, which is one pair in 10^19, the second
		// is left out; not by the next sweep, which has another seed.
		seed, seen := maphash.MakeSeed(), make(map[uint64]struct{})
		err := l.listings.EachAfter(ctx, filter, after, func(e broker.Entry) bool {
			from, id, _ := strings.Cut(e.Key, ".")
			if !part.Has(schemas.UUID(id)) {
				return true
			}
			hash := maphash.String(seed, e.Key)
			if _, again := seen[hash]; again {
				return true
			}
			seen[hash] = struct{}{}
			s, err := schemas.DecodeListing(e.Value)
			if err != nil {
				s = schemas.Listing{ID: schemas.UUID(strings.Clone(id)), Source: broker.Named(from)}
			}
			return yield(s, err)
		})
		if err != nil {
			yield(schemas.Listing{}, fmt.Errorf("sweep the ledger: %w", err))
		}
	}
}
