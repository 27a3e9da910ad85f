package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/ingest"
	"lineup/schemas"
)

// Reindex builds a new generation.
type Reindex struct {
	Model   string `placeholder:"ID" help:"Model of the new generation (lineup status shows the serving one's); default: the configured one."`
	Source  string `placeholder:"ID" help:"Index this source's registrants again in the generations there are, instead of building a new one."`
	DropOld bool   `help:"Delete the generations that served before, after the switch."`
	Sample  int    `default:"100" help:"Faces to search for in the new generation before the switch."`
}

// Help says what it does.
func (c *Reindex) Help() string {
	return "The serving generation answers until the new one holds everything and a sample of its faces is found in it; then\n" +
		"they switch, for all daemons at once. Interrupted, it goes on where it was when it is called again. Photos embedded by the\n" +
		"same model are not embedded anew. Beside a running house its indexers do the work; otherwise this command does.\n" +
		"The old generation is kept, and told of who leaves, until a later --drop-old."
}

// Thresholds of the check before a switch.
const (
	ownFound   = 0.99 // share of sampled faces that find themselves
	likeBefore = 0.97 // recall@20 against the serving generation of the same model
	checkedK   = 20
)

// Run does it.
func (c *Reindex) Run(ctx context.Context, app *App) error {
	do := c.build
	switch {
	case c.Source != "" && (c.Model != "" || c.DropOld):
		return exitError{2, errors.New("--source works on the generations there are: leave --model and --drop-old out")}
	case c.Source != "":
		do = c.again
	}
	return app.withNode(ctx, func(h *Node) error {
		if !h.Alone || app.Config.NATS.URL != "" {
			return do(ctx, app, h)
		}
		return app.withWorker(ctx, h, func(ctx context.Context) error { return do(ctx, app, h) })
	})
}

// again rings for every registrant of a source, with the marks taken away, and waits.
func (c *Reindex) again(ctx context.Context, app *App, h *Node) error {
	if _, _, err := app.source(c.Source); err != nil {
		return err
	}
	generations, err := h.Index.Generations(ctx)
	if err != nil {
		return err
	}
	rung := 0
	for s, err := range h.Ledger.Each(ctx, c.Source) {
		if errors.Is(err, schemas.ErrNewerSchema) || err == nil && !s.Listed {
			continue
		}
		if err != nil {
			return err
		}
		if err := errors.Join(h.Ledger.Unmark(ctx, c.Source, s.ID), h.Queue.Publish(ctx, c.Source, s.ID)); err != nil {
			return err
		}
		rung++
	}
	for _, target := range live(generations) {
		if err := c.wait(ctx, app, h, target); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(app.Stdout, "%d registrants of %s are indexed again\n", rung, c.Source)
	return err
}

func (c *Reindex) build(ctx context.Context, app *App, h *Node) error {
	g, old, err := c.generation(ctx, app, h)
	if err != nil {
		return err
	}
	target := target(g)
	if _, err := h.Ingest.Reconcile(ctx, "", []ingest.Target{target}); err != nil {
		return err
	}
	if err := c.wait(ctx, app, h, target); err != nil {
		return err
	}
	if err := c.check(ctx, app, h, g, old); err != nil {
		return err
	}
	if err := h.Index.Switch(ctx, g.Name); err != nil {
		return err
	}
	fmt.Fprintf(app.Stdout, "%s serves\n", g.Name)
	if !c.DropOld {
		return nil
	}
	for _, gone := range old {
		if err := h.Index.Drop(ctx, gone.Name); err != nil {
			return err
		}
		fmt.Fprintf(app.Stdout, "%s is deleted\n", gone.Name)
	}
	return nil
}

// wait shows how far the indexers are until target holds everything.
func (c *Reindex) wait(ctx context.Context, app *App, h *Node, target ingest.Target) error {
	shown := app.progress("reindexing", 0)
	defer shown.end()
	_, all, err := h.due(ctx, c.Source, target)
	for err == nil {
		left, lerr := h.Queue.Left(ctx)
		if lerr != nil {
			return lerr
		}
		shown.set(int64(max(all-left, 0)), int64(all))
		if left == 0 {
			// Sweeping the ledger takes seconds where it is large: only when nobody is at work.
			due := 0
			if due, all, err = h.due(ctx, c.Source, target); err != nil || due == 0 {
				break
			}
			return fmt.Errorf("%d registrants cannot be indexed in %s (lineup jobs dead shows why, lineup jobs retry rings again; the same command goes on)", due, target.Generation)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	return err
}

// generation is the one being built, or a new one beside the others.
func (c *Reindex) generation(ctx context.Context, app *App, h *Node) (g index.Generation, old []index.Generation, err error) {
	all, err := h.Index.Generations(ctx)
	if err != nil {
		return g, nil, err
	}
	model, err := c.model(ctx, app)
	if err != nil {
		return g, nil, err
	}
	last := 0
	for _, other := range all {
		if n, err := strconv.Atoi(strings.TrimPrefix(other.Name, "g")); err == nil {
			last = max(last, n)
		}
		if other.State == index.Building && other.Model.ID == model.ID {
			g = other
		} else {
			old = append(old, other)
		}
	}
	if g.Name != "" {
		return g, old, nil
	}
	name := "g" + strconv.Itoa(last+1)
	if err := h.Index.Create(ctx, index.Generation{Name: name, Model: model}); err != nil {
		return g, nil, err
	}
	// Marks say when their generation was made, which only the index knows.
	if all, err = h.Index.Generations(ctx); err != nil {
		return g, nil, err
	}
	for _, made := range all {
		if made.Name == name {
			return made, old, nil
		}
	}
	return g, nil, fmt.Errorf("generation %s was made and is not there (another lineup may have dropped it: try again)", name)
}

// model is the one that was asked for.
func (c *Reindex) model(ctx context.Context, app *App) (model schemas.Model, err error) {
	faces, err := app.openFaces(ctx)
	if err != nil {
		return model, err
	}
	defer func() { err = errors.Join(err, faces.Close()) }()
	var ids []string
	for _, e := range append([]face.Embedder{faces}, variants(faces)...) {
		if c.Model == "" || e.Model().ID == c.Model {
			return e.Model(), nil
		}
		ids = append(ids, e.Model().ID)
	}
	return model, exitError{2, fmt.Errorf("--model %s: this version computes %s", c.Model, strings.Join(ids, " and "))}
}

// check searches the new generation for a sample of its faces before it serves: each must find
// itself, and what the serving generation of the same model finds near it.
func (c *Reindex) check(ctx context.Context, app *App, h *Node, g index.Generation, old []index.Generation) error {
	counts, err := h.Index.Count(ctx, g.Name)
	if err != nil {
		return err
	}
	same := false
	for _, o := range old {
		if o.State != index.Serving || o.Model.ID != g.Model.ID {
			continue
		}
		same = true
		before, err := h.Index.Count(ctx, o.Name)
		if err != nil {
			return err
		}
		if counts.Faces < before.Faces*99/100 {
			return fmt.Errorf("%s has %d faces, the serving generation %d: not switched (lineup audit tells more)", g.Name, counts.Faces, before.Faces)
		}
	}
	sample, err := c.sample(ctx, h, g)
	if err != nil {
		return err
	}
	own, found, expected := 0, 0, 0
	for _, f := range sample {
		near, err := h.Index.Search(ctx, g.Name, f.Embedding, checkedK)
		if err != nil {
			return err
		}
		held := make(map[schemas.UUID]bool)
		for _, n := range near {
			held[n.Face.ID] = true
		}
		if held[f.ID] {
			own++
		}
		if !same {
			continue
		}
		before, _, err := h.Index.Nearest(ctx, f.Embedding, checkedK, index.Filter{})
		if err != nil {
			return err
		}
		for _, n := range before {
			expected++
			if held[n.Face.ID] {
				found++
			}
		}
	}
	text := fmt.Sprintf("%d of %d sampled faces find themselves", own, len(sample))
	if expected > 0 {
		text += fmt.Sprintf(", recall@%d %.3f against the serving generation", checkedK, float64(found)/float64(expected))
	}
	if float64(own) < ownFound*float64(len(sample)) || float64(found) < likeBefore*float64(expected) {
		return fmt.Errorf("%s: %s: not switched (lineup audit tells more; lineup reindex tries again)", g.Name, text)
	}
	_, err = fmt.Fprintf(app.Stdout, "%s: %s\n", g.Name, text)
	return err
}

// sample picks faces of a generation, with their embeddings.
func (c *Reindex) sample(ctx context.Context, h *Node, g index.Generation) (faces []schemas.Face, err error) {
	var photos []index.PhotoOutcome
	seen := 0
	for doc, err := range h.Index.Walk(ctx, g.Name) {
		if err != nil {
			return nil, err
		}
		for _, p := range doc.Photos {
			if p.Face == "" {
				continue
			}
			if seen++; len(photos) < c.Sample {
				photos = append(photos, p)
			} else if at := rand.IntN(seen); at < len(photos) {
				photos[at] = p
			}
		}
	}
	for _, p := range photos {
		held, _, err := h.Index.Held(ctx, g.Name, p.Photo)
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
