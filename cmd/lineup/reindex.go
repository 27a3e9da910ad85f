package main

import (
	"context"
	"errors"
	"fmt"

	"lineup/internal/commands"
	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/internal/operate/text"
	"lineup/internal/progress"
	"lineup/schemas"
)

// Reindex builds a new generation.
type Reindex struct {
	Model   string `placeholder:"ID" help:"Model of the new generation (lineup status shows the serving one's); default: the configured one."`
	Source  string `placeholder:"ID" complete:"source" help:"Index this source's registrants again in the existing generations, instead of building a new one."`
	DropOld bool   `help:"After the switch, delete the generations that served before."`
	Sample  uint16 `default:"100" help:"Number of faces to look for in the new generation before the switch."`
	Hold    bool   `help:"Build, check and report, but do not switch. Run the command again without --hold to switch."`
	JSON    bool   `name:"json" help:"Print JSON."`

	LeastAgreement *commands.Share `placeholder:"SHARE" help:"With another model: switch only if at least this share (0 to 1) of first matches stays the same (default: index.least_agreement)."`
	Labelled       string          `type:"existing" placeholder:"DIR|CSV" help:"With another model: also compare the two on these labelled photos, laid out as for lineup evaluate."`
}

// Help says what it does.
func (c *Reindex) Help() string {
	return "The serving generation answers until the new one is complete and a sample of its faces is found in it; then all daemons\n" +
		"switch at once. If it is interrupted, run it again: it continues where it stopped. Photos that the same model has embedded\n" +
		"are not embedded again. If lineup is running, its indexers do the work; otherwise this command does.\n" +
		"Before a switch to another model it reports, for the sampled photos, for those of --labelled and by group, how many first matches\n" +
		"stay the same, how the expected false matches change, and the calibration of both: --hold stops there.\n" +
		"The old generation is kept, and people who leave are still deleted from it, until you run it with --drop-old."
}

// Run builds a generation and switches to it, or with --source has the registrants of one source indexed again.
func (c *Reindex) Run(ctx context.Context, app *App) error {
	if c.Source != "" && (c.Model != "" || c.DropOld) {
		return schemas.Misuse("--source works on the generations there are: leave --model and --drop-old out")
	}
	if c.Source != "" {
		if _, _, err := app.Source(c.Source); err != nil {
			return err
		}
	}
	if _, err := app.Model(c.Model); err != nil { // before anything is opened
		return err
	}
	return app.withNode(ctx, func(n *node.Node) error {
		do := func(ctx context.Context) error { return c.build(ctx, app, n) }
		if c.Source != "" {
			do = func(ctx context.Context) error { return c.again(ctx, app, n) }
		}
		if !n.Single() {
			return do(ctx)
		}
		return n.WithWorker(ctx, do)
	})
}

func (c *Reindex) again(ctx context.Context, app *App, n *node.Node) error {
	shown := progress.Show(app.Stderr, "reindexing", 0)
	done, err := n.IndexAgain(ctx, c.Source, shown.Set)
	shown.End()
	if err != nil {
		return err
	}
	if c.JSON {
		return app.printJSON(map[string]any{"source": c.Source, "indexed": done})
	}
	_, err = fmt.Fprintf(app.Stdout, "%d registrants of %s are indexed again\n", done, c.Source)
	return err
}

func (c *Reindex) build(ctx context.Context, app *App, n *node.Node) error {
	model, err := app.Model(c.Model)
	if err != nil {
		return err
	}
	plan := operate.Rebuild{Model: model, DropOld: c.DropOld, Sample: int(c.Sample), Hold: c.Hold,
		LeastAgreement: float64(app.Config.Index.LeastAgreement) / 100}
	if c.LeastAgreement != nil {
		plan.LeastAgreement = float64(*c.LeastAgreement)
	}
	if c.Labelled != "" {
		if plan.Labelled, err = app.Labelled(ctx, c.Labelled); err != nil {
			return err
		}
	}
	shown := progress.Show(app.Stderr, "reindexing", 0)
	plan.Shown = shown.Set
	done, err := n.Reindex(ctx, plan)
	shown.End()
	if c.JSON {
		return errors.Join(err, app.printJSON(done))
	}
	err = errors.Join(err, text.Rebuilt(app.Stdout, done))
	if c.Hold && err == nil && !done.Serves {
		_, err = fmt.Fprintf(app.Stdout, "%s does not serve yet (the same command without --hold switches to it)\n", done.Generation)
	}
	return err
}
