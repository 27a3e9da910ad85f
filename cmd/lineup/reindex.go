package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"lineup/indexer/index"
	"lineup/ingest"
)

// Reindex builds a new generation.
type Reindex struct {
	DropOld bool `help:"Delete the generation that served before, after the switch."`
	Sample  int  `default:"100" help:"Faces to search for in the new generation before the switch."`
}

// Help says what it does.
func (c *Reindex) Help() string {
	return "The serving generation answers until the new one holds everything; then they switch.\nInterrupted, it goes on where it was when it is called again. Photos embedded by the same model are not embedded anew."
}

// Run does it.
func (c *Reindex) Run(ctx context.Context, app *App) error {
	return app.withHouse(ctx, func(h *House) error {
		if !h.Alone || app.Config.NATS.URL != "" {
			return c.build(ctx, app, h)
		}
		return app.withWorker(ctx, h, func(ctx context.Context) error { return c.build(ctx, app, h) })
	})
}

func (c *Reindex) build(ctx context.Context, app *App, h *House) error {
	g, old, err := c.generation(ctx, app, h)
	if err != nil {
		return err
	}
	target := target(g)
	if _, err := h.Ingest.Reconcile(ctx, "", []ingest.Target{target}); err != nil {
		return err
	}
	shown := app.progress("reindexing", 0)
	defer shown.end()
	for {
		due, all, err := h.due(ctx, "", target)
		if err != nil {
			return err
		}
		left, err := h.Queue.Left(ctx)
		if err != nil {
			return err
		}
		shown.set(int64(max(all-due, 0)), int64(all))
		if due == 0 {
			break
		}
		if left == 0 {
			return fmt.Errorf("%d registrants cannot be indexed in %s, so it does not serve (lineup jobs dead shows why; lineup reindex goes on)", due, g.Name)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	if err := c.check(ctx, h, g, old); err != nil {
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

// generation is the one being built, or a new one beside the others.
func (c *Reindex) generation(ctx context.Context, app *App, h *House) (g index.Generation, old []index.Generation, err error) {
	all, err := h.Index.Generations(ctx)
	if err != nil {
		return g, nil, err
	}
	faces, err := app.openFaces(ctx)
	if err != nil {
		return g, nil, err
	}
	model := faces.Model()
	if err := faces.Close(); err != nil {
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
	g = index.Generation{Name: "g" + strconv.Itoa(last+1), Model: model}
	return g, old, h.Index.Create(ctx, g)
}

// check compares the new generation with the serving one: it must hold every sampled face.
func (c *Reindex) check(ctx context.Context, h *House, g index.Generation, old []index.Generation) error {
	counts, err := h.Index.Count(ctx, g.Name)
	if err != nil {
		return err
	}
	for _, o := range old {
		if o.State != index.Serving {
			continue
		}
		before, err := h.Index.Count(ctx, o.Name)
		if err != nil {
			return err
		}
		if o.Model.ID == g.Model.ID && counts.Faces < before.Faces*99/100 {
			return fmt.Errorf("%s has %d faces, the serving generation %d: not switched (lineup audit tells more)", g.Name, counts.Faces, before.Faces)
		}
		sample, err := h.Index.Sample(ctx, c.Sample, 1)
		if err != nil {
			return err
		}
		missing := 0
		for _, f := range sample {
			held, _, err := h.Index.Held(ctx, g.Name, f.Photo)
			if err != nil {
				return err
			}
			if len(held) == 0 {
				missing++
			}
		}
		if missing*100 > len(sample) {
			return fmt.Errorf("%s lacks %d of %d sampled faces: not switched", g.Name, missing, len(sample))
		}
		return nil
	}
	return nil
}
