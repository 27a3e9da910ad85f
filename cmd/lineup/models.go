package main

import (
	"context"
	"fmt"

	"lineup/indexer/face/dlib/weights"
)

// Models fetches and verifies the face models.
type Models struct {
	Check bool `help:"Only verify, fetch nothing."`
}

// Run does it.
func (c *Models) Run(ctx context.Context, app *App) error {
	dir, err := app.modelsDir()
	if err != nil {
		return err
	}
	if !c.Check {
		if err := app.fetchModels(ctx, dir); err != nil {
			return err
		}
	}
	if err := weights.Verify(dir); err != nil {
		return err
	}
	for _, f := range weights.Files() {
		fmt.Fprintf(app.Stdout, "%s  %s\n", f.SHA256, f.Name)
	}
	_, err = fmt.Fprintf(app.Stdout, "verified in %s\n", dir)
	return err
}

// fetchModels makes dir hold the verified models.
func (a *App) fetchModels(ctx context.Context, dir string) error {
	var shown *progress
	defer func() {
		if shown != nil {
			shown.end()
		}
	}()
	return weights.Ensure(ctx, dir, func(what string, done, total int64) {
		if shown == nil || shown.what != what {
			if shown != nil {
				shown.end()
			}
			shown = a.progress(what, total)
		}
		shown.set(done, total)
	})
}
