package operate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"lineup/indexer"
	"lineup/indexer/index"
	"lineup/schemas"
)

// Thresholds of the check before a switch.
const (
	ownFound   = 0.99 // share of sampled faces that find themselves
	likeBefore = 0.97 // recall@20 against the serving generation of the same model
	checkedK   = 20
)

// Rebuild says how to build a generation.
type Rebuild struct {
	Model   schemas.Model // that the generation's faces are of
	DropOld bool          // delete the generations that served before, after the switch
	Sample  int           // faces to search for in the new generation before the switch
	Shown   Progress
	// LeastAgreement is the share of first matches that must stay the same when the model changes; 0 for any. With Hold
	// nothing switches: the operator reads the agreement first and calls again.
	LeastAgreement float64
	Hold           bool
	Labelled       []Probe // photos to compare the models with, besides the gallery's own
}

// Rebuilt is what a rebuild has done. After an error it holds what was done until then.
type Rebuilt struct {
	Generation string     `json:"generation"`
	Checked    *Checked   `json:"checked,omitempty"`
	Agreement  *Agreement `json:"agreement,omitempty"` // with a serving generation of another model
	Serves     bool       `json:"serves"`
	Dropped    []string   `json:"dropped"` // generations
}

// Checked is the result of searching a generation for a sample of faces.
type Checked struct {
	Sampled int `json:"sampled"` // faces
	Own     int `json:"own"`     // how many of them find themselves
	// Expected counts what the serving generation of the same model finds near the sample, and Found how
	// much of it the new one finds; both are 0 where there is no such generation.
	Found    int `json:"found"`
	Expected int `json:"expected"`
}

// String returns the result for the operator.
func (c Checked) String() string {
	text := fmt.Sprintf("%d of %d sampled faces find themselves", c.Own, c.Sampled)
	if c.Expected > 0 {
		text += fmt.Sprintf(", recall@%d %.3f against the serving generation", checkedK, float64(c.Found)/float64(c.Expected))
	}
	return text
}

// good reports whether the generation may serve.
func (c Checked) good() bool {
	return float64(c.Own) >= ownFound*float64(c.Sampled) && float64(c.Found) >= likeBefore*float64(c.Expected)
}

// IndexAgain has every listed registrant of a source indexed again in the existing generations, waits until the
// indexers have done so, and returns how many there were.
func (s *Stores) IndexAgain(ctx context.Context, source string, shown Progress) (int, error) {
	generations, err := s.Index.Generations(ctx)
	if err != nil {
		return 0, err
	}
	enqueued := 0
	for listing, err := range s.Ledger.Each(ctx, source) {
		if errors.Is(err, schemas.ErrNewerSchema) || err == nil && !listing.Listed {
			continue
		}
		if err != nil {
			return enqueued, err
		}
		if err := errors.Join(s.Ledger.Unmark(ctx, source, listing.ID), s.Queue.Publish(ctx, source, listing.ID)); err != nil {
			return enqueued, err
		}
		enqueued++
	}
	for _, target := range Live(generations) {
		if err := s.awaitIndexed(ctx, source, target, shown); err != nil {
			return enqueued, err
		}
	}
	return enqueued, nil
}

// Reindex builds a generation beside the serving one, or continues one that was begun. It waits until the indexers
// have filled it, searches it for a sample of its faces, and switches to it.
func (s *Stores) Reindex(ctx context.Context, b Rebuild) (done Rebuilt, err error) {
	g, old, err := s.building(ctx, b.Model)
	if err != nil {
		return done, err
	}
	done.Generation = g.Name
	target := g.Target()
	if _, err := s.Ingest.Reconcile(ctx, "", []schemas.Target{target}, nil); err != nil {
		return done, err
	}
	if err := s.awaitIndexed(ctx, "", target, b.Shown); err != nil {
		return done, err
	}
	checked, err := s.check(ctx, g, old, b.Sample)
	if err != nil {
		return done, err
	}
	if !checked.good() {
		return done, fmt.Errorf("%s: %s: not switched (lineup audit tells more; lineup reindex tries again)", g.Name, checked)
	}
	done.Checked = &checked
	if done.Agreement, err = s.agreement(ctx, g, old, b); err != nil {
		return done, err
	}
	if done.Agreement != nil && done.Agreement.Share() < b.LeastAgreement {
		return done, fmt.Errorf("%s: the first match stays in %.3f of the sampled searches, less than %g: not switched (a lower "+
			"--least-agreement, or index.least_agreement in the configuration, lets it serve)", g.Name, done.Agreement.Share(), b.LeastAgreement)
	}
	if b.Hold {
		return done, nil
	}
	if err := indexer.Serve(ctx, s.Index, g.Name); err != nil {
		return done, err
	}
	done.Serves = true
	if !b.DropOld {
		return done, nil
	}
	for _, gone := range old {
		if err := s.Index.Drop(ctx, gone.Name); err != nil {
			return done, err
		}
		done.Dropped = append(done.Dropped, gone.Name)
	}
	return done, nil
}

// awaitIndexed waits until target holds everything of source ("" for all), and shows the indexers' progress.
func (s *Stores) awaitIndexed(ctx context.Context, source string, target schemas.Target, shown Progress) error {
	_, all, err := s.due(ctx, source, target)
	for err == nil {
		left, lerr := s.Queue.Left(ctx)
		if lerr != nil {
			return lerr
		}
		if shown != nil {
			shown(int64(max(all-left, 0)), int64(all))
		}
		if left == 0 {
			// Sweeping a large ledger takes seconds, so it is swept only when no indexer is at work.
			due := 0
			if due, _, err = s.due(ctx, source, target); err != nil || due == 0 {
				break
			}
			return fmt.Errorf("%d registrants cannot be indexed in %s (lineup jobs dead shows why, lineup jobs retry enqueues them again; "+
				"the same command goes on)", due, target.Generation)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	return err
}

// building returns the generation of a model that is being built, or a new one.
func (s *Stores) building(ctx context.Context, model schemas.Model) (g index.Generation, old []index.Generation, err error) {
	all, err := s.Index.Generations(ctx)
	if err != nil {
		return g, nil, err
	}
	for _, other := range all {
		if other.State == index.Building && other.Model.ID == model.ID {
			g = other
		} else {
			old = append(old, other)
		}
	}
	if g.Name != "" {
		return g, old, nil
	}
	name := index.NextName(all)
	if err := s.Index.Create(ctx, index.Generation{Name: name, Model: model}); err != nil {
		return g, nil, err
	}
	// Marks hold when their generation was created, which only the index knows.
	if all, err = s.Index.Generations(ctx); err != nil {
		return g, nil, err
	}
	for _, made := range all {
		if made.Name == name {
			return made, old, nil
		}
	}
	return g, nil, fmt.Errorf("generation %s was made and is not there (another lineup may have dropped it: try again)", name)
}

// check searches a new generation for a sample of its faces before it serves: each must find itself,
// and what the serving generation of the same model finds near it.
func (s *Stores) check(ctx context.Context, g index.Generation, old []index.Generation, sample int) (done Checked, err error) {
	same, err := s.comparable(ctx, g, old)
	if err != nil {
		return done, err
	}
	faces, err := s.sample(ctx, g, sample)
	if err != nil {
		return done, err
	}
	done.Sampled = len(faces)
	for _, f := range faces {
		near, err := s.Index.Search(ctx, g.Name, f.Embedding, checkedK)
		if err != nil {
			return done, err
		}
		found := make(map[schemas.UUID]bool)
		for _, n := range near {
			found[n.Face.ID] = true
		}
		if found[f.ID] {
			done.Own++
		}
		if !same {
			continue
		}
		before, _, err := s.Index.Nearest(ctx, f.Embedding, checkedK, index.Filter{})
		if err != nil {
			return done, err
		}
		for _, n := range before {
			done.Expected++
			if found[n.Face.ID] {
				done.Found++
			}
		}
	}
	return done, nil
}

// comparable reports whether a generation of the same model serves. g must then have about its size.
func (s *Stores) comparable(ctx context.Context, g index.Generation, old []index.Generation) (same bool, err error) {
	counts, err := s.Index.Count(ctx, g.Name)
	if err != nil {
		return false, err
	}
	for _, o := range old {
		if o.State != index.Serving || o.Model.ID != g.Model.ID {
			continue
		}
		same = true
		before, err := s.Index.Count(ctx, o.Name)
		if err != nil {
			return same, err
		}
		if counts.Faces < before.Faces*99/100 {
			return same, fmt.Errorf("%s has %d faces, the serving generation %d: not switched (lineup audit tells more)", g.Name, counts.Faces,
				before.Faces)
		}
	}
	return same, nil
}

// sample picks so many random faces of a generation, with their embeddings.
func (s *Stores) sample(ctx context.Context, g index.Generation, most int) (faces []schemas.Face, err error) {
	var photos []index.PhotoOutcome
	seen := 0
	for doc, err := range s.Index.Walk(ctx, g.Name, "") {
		if err != nil {
			return nil, err
		}
		for _, p := range doc.Photos {
			if p.Face == "" {
				continue
			}
			if seen++; len(photos) < most {
				photos = append(photos, p)
			} else if at := rand.IntN(seen); at < len(photos) {
				photos[at] = p
			}
		}
	}
	for _, p := range photos {
		held, _, err := s.Index.Held(ctx, g.Name, p.Photo)
		if err != nil {
			return nil, err
		}
		for _, f := range held {
			if f.ID == p.Face {
				faces = append(faces, f)
			}
		}
	}
	return faces, nil
}
