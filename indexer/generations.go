package indexer

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"lineup/indexer/index"
	"lineup/schemas"
)

// Prepare makes the generation that this version needs, if it is missing: the first one, when the index has none that
// is being filled or serves (it is new, or came back empty); or one beside the serving generation, when that was made
// with older features. The faces of the latter are copied, not embedded again. Nothing that Prepare makes serves yet:
// see Promote.
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

// Promote lets the oldest complete generation serve if none serves: an index that came back empty answers nothing
// until it is complete, because a partial one would report no match for people who are listed. It also lets a
// complete generation replace the serving one if both have the same model and its features are newer.
func Promote(ctx context.Context, ix index.Index, tally func(index.Generation) (*Tally, error)) error {
	all, err := ix.Generations(ctx)
	if err != nil {
		return fmt.Errorf("list the generations: %w", err)
	}
	serving, none := index.ServingOf(all)
	for _, g := range all {
		if none == nil && (g.State != index.Building || g.Model.ID != serving.Model.ID || g.Features <= serving.Features) {
			continue
		}
		counted, err := tally(g)
		if err != nil {
			return fmt.Errorf("look whether generation %s is whole: %w", g.Name, err)
		}
		if err := NoteStragglers(ctx, ix, g, counted); err != nil {
			return err
		}
		if !counted.Whole() {
			continue
		}
		return Serve(ctx, ix, g.Name)
	}
	return nil
}

// NoteStragglers stores with a generation how many registrants it lacks and why, so that daemons can report it.
func NoteStragglers(ctx context.Context, ix index.Index, g index.Generation, counted *Tally) error {
	if now := counted.Stragglers(); now != g.Stragglers {
		return ix.Note(ctx, g.Name, now)
	}
	return nil
}

// Listings is what a Tally needs of the ledger.
type Listings interface {
	Each(ctx context.Context, source string) iter.Seq2[schemas.Listing, error]
}
