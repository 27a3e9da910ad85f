package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/internal/progress"
)

// Gallery looks after the enrolled faces.
type Gallery struct {
	Check GalleryCheck `cmd:"" help:"Look for faces and photos that look wrong."`
}

// GalleryCheck checks the serving generation.
type GalleryCheck struct {
	Since time.Duration `placeholder:"DURATION" help:"Only registrants whose record or photos changed so long ago at most, like 24h (default: everybody)."`
	JSON  bool          `name:"json" help:"Print JSON."`
}

// Help says what is looked for.
func (GalleryCheck) Help() string {
	return `Searches the serving index with each of its faces and names, by uuid only and for your eyes only: faces that
resemble nobody (the detector's slips), registrants with two photos that disagree, photos that stand with people
whose records contradict each other, and people whom nothing links but whose faces are so alike that fewer than 0.1
such pairs of strangers are expected in the whole gallery (possible duplicates: a likeness, never a proof). Nothing
is kept or changed. An indexer does so every night for whom it enrolled that day, and exports the counts as
lineup_gallery_findings. A check of everybody costs a search for each face.

Exit codes: 0 looked, whatever was found; 1 it could not look.`
}

// Run prints the findings.
func (c *GalleryCheck) Run(ctx context.Context, app *App) error {
	return app.withNode(ctx, func(n *node.Node) error {
		ask := operate.GalleryCheck{}
		if c.Since > 0 {
			ask.Since = time.Now().Add(-c.Since)
		}
		shown := progress.Show(app.Stderr, "checking", 0)
		ask.Shown = shown.Set
		report, err := n.CheckGallery(ctx, ask)
		shown.End()
		if err != nil {
			return err
		}
		if c.JSON {
			return app.printJSON(report)
		}
		return app.printGallery(report)
	})
}

func (a *App) printGallery(r operate.GalleryReport) error {
	fmt.Fprintf(a.Stdout, "%s: looked at %d registrants with %d faces\n", r.Generation, r.Looked, r.Faces)
	w := tabwriter.NewWriter(a.Stdout, 0, 4, 2, ' ', 0)
	head := func(kind, text string, listed int) {
		fmt.Fprintf(w, "\n%d %s\n", r.Counts[kind], text)
		if more := r.Counts[kind] - listed; more > 0 {
			fmt.Fprintf(w, "  (%d of them are not named)\n", more)
		}
	}
	head(operate.FindingAlone, "faces that resemble nobody", len(r.Alone))
	for _, f := range r.Alone {
		fmt.Fprintf(w, "  %s\tface %s\tnearest %.3f\n", f.Registrant, f.Face, f.Distance)
	}
	head(operate.FindingDisagree, "pairs of photos of one registrant that disagree", len(r.Disagree))
	for _, f := range r.Disagree {
		fmt.Fprintf(w, "  %s\tfaces %s %s\tapart %.3f\n", f.Registrant, f.Faces[0], f.Faces[1], f.Distance)
	}
	head(operate.FindingShared, "photos shared by people whose records contradict each other", len(r.Shared))
	for _, f := range r.Shared {
		fmt.Fprintf(w, "  %s\t%s\n", f.Registrants[0], f.Registrants[1])
	}
	head(operate.FindingDuplicate, "possible duplicates", len(r.Duplicates))
	for _, f := range r.Duplicates {
		fmt.Fprintf(w, "  %s\t%s\tapart %.3f\texpected pairs %.2g\n", f.Registrants[0], f.Registrants[1], f.Distance, f.ExpectedPairs)
	}
	return w.Flush()
}
