package main

import (
	"context"

	"lineup/internal/evaluate"
	"lineup/internal/node"
	"lineup/internal/progress"
)

// Evaluate measures how well faces are told apart on the operator's own labelled photos.
type Evaluate struct {
	Photos  string `arg:"" type:"existing" placeholder:"DIR|CSV" help:"Folder that holds one folder of photos a person, or a CSV with the columns person, photo and, if you like, group."`
	Groups  string `placeholder:"COLUMN" help:"Column of the CSV whose values are reported apart (default: group, if there is one)."`
	Out     string `short:"o" type:"path" placeholder:"DIR" help:"Also write report.json, report.txt and the plots there."`
	Format  string `enum:"svg,png" default:"svg" help:"Format of the plots: svg or png."`
	Against bool   `help:"Also search the serving index with every photo, as strangers to it."`
	Seed    uint64 `default:"1" help:"Which enrolled photos are drawn; the same seed draws the same."`
	JSON    bool   `name:"json" help:"Print the report as JSON."`
}

// Help says what is measured.
func (Evaluate) Help() string {
	return `People with one photo are enrolled only; of everybody else one photo drawn at random is enrolled
and the others are searched with, twice: as they are, and with their person's record taken out. Five
draws. The table says how many found their own record, and how many searches by people who are not
enrolled returned anything, at similarity 80, 90, 95 and 97.5: at most 63, 10, 1 and .1 % is promised.
Shares have 95 % intervals, photos that could not be used are named with the reason. --against searches
the serving index besides: whoever it answers counts as a stranger, so take out of the album who is listed.
The photos stay on this machine, nothing of them is kept, and but for --against no running lineup is needed.`
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
