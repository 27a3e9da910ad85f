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
	dir, err := app.ModelsDir()
	if err != nil {
		return err
	}
	if !c.Check {
		if err := app.FetchModels(ctx, dir); err != nil {
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
