package main

import (
	"context"
	"time"

	"lineup/internal/node"
	"lineup/internal/operate/gallery"
	"lineup/internal/operate/text"
	"lineup/internal/progress"
)

// Gallery looks after the enrolled faces.
type Gallery struct {
	Check GalleryCheck `cmd:"" help:"Look for faces and photos that look wrong."`
}

// GalleryCheck checks the serving generation.
type GalleryCheck struct {
	Since time.Duration `placeholder:"DURATION" help:"Check only registrants whose record or photos changed within this time, for example 24h (default: everybody)."`
	JSON  bool          `name:"json" help:"Print JSON."`
}

// Help says what is looked for.
func (GalleryCheck) Help() string {
	return `Searches the serving index with each of its own faces and reports by uuid only, for the operator's eyes: faces that
resemble nobody (mistakes of the detector), registrants with two photos that disagree, photos shared by people
whose records contradict each other, and people whom nothing links but whose faces are so alike that fewer than 0.1
such pairs of strangers are expected in the whole gallery (possible duplicates: a resemblance, not a proof). Nothing
is kept or changed. Every night an indexer checks the registrants it enrolled that day and exports the counts as
lineup_gallery_findings. A check of everybody takes one search per face.

Exit codes: 0 the check ran, whatever it found; 1 it could not run.`
}

// Run prints the findings.
func (c *GalleryCheck) Run(ctx context.Context, app *App) error {
	return tell(ctx, app, c.JSON, text.Gallery, func(n *node.Node) (gallery.Report, error) {
		ask := gallery.Check{}
		if c.Since > 0 {
			ask.Since = time.Now().Add(-c.Since)
		}
		shown := progress.Show(app.Stderr, "checking", 0)
		ask.Shown = shown.Set
		defer shown.End()
		return gallery.Look(ctx, n.Index, ask)
	})
}
