package main

import (
	"context"
	"fmt"

	"lineup/indexer/face/dlib/weights"
)

// Models fetches and verifies the face models.
type Models struct {
	Check         bool   `help:"Only verify, fetch nothing."`
	Name          string `placeholder:"MODEL" help:"Fetch the weights of another embedder instead: sface, or a description file."`
	AcceptLicence string `placeholder:"NAME" help:"The licence of these weights that you accept."`
	JSON          bool   `name:"json" help:"Print JSON."`
}

// verified are files whose sums are right.
type verified struct {
	Dir   string         `json:"dir"`
	Files []weights.File `json:"files"`
}

// Run prints the name and SHA-256 of each verified file; a file that is missing or wrong is an error.
func (c *Models) Run(ctx context.Context, app *App) error {
	dir, err := app.ModelsDir()
	if err != nil {
		return err
	}
	if c.Name != "" {
		d, err := app.FetchModel(ctx, c.Name, c.AcceptLicence, dir)
		if err != nil {
			return err
		}
		if c.JSON {
			return app.printJSON(verified{dir, []weights.File{{Name: d.File, SHA256: d.SHA256}}})
		}
		_, err = fmt.Fprintf(app.Stdout, "%s  %s\n%s is verified in %s (licence: %s). %s\n", d.SHA256, d.File, d.ID, dir, d.Licence, d.Note)
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
	if c.JSON {
		return app.printJSON(verified{dir, weights.Files()})
	}
	for _, f := range weights.Files() {
		fmt.Fprintf(app.Stdout, "%s  %s\n", f.SHA256, f.Name)
	}
	_, err = fmt.Fprintf(app.Stdout, "verified in %s\n", dir)
	return err
}
