package main

import (
	"context"

	"lineup/internal/evaluate"
	"lineup/internal/node"
	"lineup/internal/progress"
)

// Evaluate measures how well faces are told apart on the operator's own labelled photos.
type Evaluate struct {
	Photos  string `arg:"" type:"existing" placeholder:"DIR|CSV" help:"Folder with one folder of photos per person, or a CSV file with the columns person, photo and, optionally, group."`
	Groups  string `placeholder:"COLUMN" help:"CSV column to report results by (default: group, if there is one)."`
	Out     string `short:"o" type:"path" placeholder:"DIR" help:"Folder to write report.json, report.txt and the plots to."`
	Format  string `enum:"svg,png" default:"svg" help:"Format of the plots: svg or png."`
	Against bool   `help:"Also search the serving index with every photo. Whoever it finds counts as a stranger."`
	Seed    uint64 `default:"1" help:"Random seed for choosing the enrolled photos: the same seed chooses the same ones."`
	JSON    bool   `name:"json" help:"Print the report as JSON."`
}

// Help says what is measured.
func (Evaluate) Help() string {
	return `People with one photo are enrolled only. Of everybody else one photo, chosen at random, is enrolled and the others
are searched with, twice: as they are, and with the person's record taken out. This is repeated for five draws.
The table shows how many searches found the person's own record, and how many by people who are not enrolled
returned anybody, at similarity 80, 90, 95 and 97.5: the promise is at most 63, 10, 1 and 0.1 %. Shares have
95 % intervals; photos that could not be used are named with the reason. --against also searches the serving
index and counts everybody it returns as a stranger: first take people who are listed out of the album.
The photos stay on this machine and nothing of them is kept. Only --against needs a running lineup.`
}

// Run prints the report and, with --out, writes it and the plots.
func (e *Evaluate) Run(ctx context.Context, app *App) error {
	if !e.Against {
		return e.evaluate(ctx, app, nil)
	}
	return app.withNode(ctx, func(n *node.Node) error { return e.evaluate(ctx, app, n.Index) })
}

// evaluate does the work, over gallery besides unless that is nil.
func (e *Evaluate) evaluate(ctx context.Context, app *App, gallery evaluate.Gallery) error {
	photos, err := evaluate.Read(e.Photos, e.Groups)
	if err != nil {
		return err
	}
	faces, err := app.OpenFaces(ctx)
	if err != nil {
		return err
	}
	defer faces.Close()
	report, err := e.shown(app, func(o evaluate.Options) (evaluate.Report, error) {
		o.Against = gallery
		return evaluate.Run(ctx, faces, photos, o)
	})
	if err != nil {
		return err
	}
	if e.Out != "" {
		if err := report.WriteFiles(e.Out, e.Format); err != nil {
			return err
		}
	}
	if e.JSON {
		return app.printJSON(report)
	}
	return report.Write(app.Stdout)
}

// shown shows a bar for each stage while do runs.
func (e *Evaluate) shown(app *App, do func(evaluate.Options) (evaluate.Report, error)) (evaluate.Report, error) {
	var shown *progress.Task
	stage := ""
	report, err := do(evaluate.Options{Seed: e.Seed, Workers: app.Workers(), Progress: func(now string, done, all int) {
		if now != stage {
			shown.End()
			stage, shown = now, progress.Show(app.Stderr, now, int64(all))
		}
		shown.Set(int64(done), int64(all))
	}})
	shown.End()
	return report, err
}
