package indexer

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"lineup/indexer/index"
	"lineup/ingest/queue"
	"lineup/schemas"
)

// Prepare sees to it that there is a generation that can become what this version searches best: one is
// made to be filled when the index has none that is written to, as when it is new or came back empty,
// and one beside the serving generation when that was made with older features. Its faces are then
// copied from there. What is made does not serve yet: see Promote.
func Prepare(ctx context.Context, ix index.Index, model schemas.Model) error {
	all, err := ix.Generations(ctx)
	if err != nil {
		return fmt.Errorf("list the generations: %w", err)
	}
	for _, g := range all {
		if g.State == index.Building || g.State == index.Serving && g.Features >= index.FeatureVersion {
			return nil
		}
	}
	if serving, err := index.ServingOf(all); err == nil {
		model = serving.Model // a newer version changes no model by itself
	}
	err = ix.Create(ctx, index.Generation{Name: index.NextName(all), Model: model})
	if err != nil && !errors.Is(err, index.ErrExists) { // another indexer was faster
		return fmt.Errorf("make a generation: %w", err)
	}
	return nil
}

// Promote lets the oldest generation that is complete serve, when none does: an index that came
// back empty answers nothing until it holds all again, rather than telling of some that nobody
// matches. It also lets one follow the serving generation that has the same model and newer features.
func Promote(ctx context.Context, ix index.Index, complete func(index.Generation) (bool, error)) error {
	all, err := ix.Generations(ctx)
	if err != nil {
		return fmt.Errorf("list the generations: %w", err)
	}
	serving, none := index.ServingOf(all)
	for _, g := range all {
		if none == nil && (g.State != index.Building || g.Model.ID != serving.Model.ID || g.Features <= serving.Features) {
			continue
		}
		if whole, err := complete(g); err != nil {
			return fmt.Errorf("look whether generation %s is complete: %w", g.Name, err)
		} else if !whole {
			continue
		}
		return Serve(ctx, ix, g.Name)
	}
	return nil
}

// maxDeadLetters bounds the dead jobs that Complete looks at.
const maxDeadLetters = 10000

// Listings is what Complete needs of the ledger.
type Listings interface {
	Each(ctx context.Context, source string) iter.Seq2[schemas.Listing, error]
}

// DeadLetters is what Complete needs of the queue.
type DeadLetters interface {
	DeadLetters(ctx context.Context, limit int) ([]queue.DeadLetter, error)
}

// Complete reports whether a generation may serve: it holds what the ledger had when it was made, but for
// registrants whose jobs are dead. Who changed since is on the way, as with any generation that
// serves: where registries are crawled all day there is always somebody.
func Complete(ctx context.Context, listings Listings, dead DeadLetters, t schemas.Target) (bool, error) {
	due := make(map[schemas.UUID]bool)
	for s, err := range listings.Each(ctx, "") {
		if errors.Is(err, schemas.ErrNewerSchema) {
			continue // for the newer version to index
		}
		if err != nil {
			return false, err
		}
		if (t.Built.IsZero() || s.Changed.Before(t.Built)) && s.Due(t) != schemas.DueNot {
			due[s.ID] = true
		}
		if len(due) > maxDeadLetters {
			return false, nil
		}
	}
	if len(due) == 0 {
		return true, nil
	}
	letters, err := dead.DeadLetters(ctx, maxDeadLetters)
	if err != nil {
		return false, err
	}
	for _, l := range letters {
		delete(due, l.ID)
	}
	return len(due) == 0, nil
}
