package main

import (
	"context"
	"errors"
	"fmt"

	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/internal/progress"
)

// Reindex builds a new generation.
type Reindex struct {
	Model   string `placeholder:"ID" help:"Model of the new generation (lineup status shows the serving one's); default: the configured one."`
	Source  string `placeholder:"ID" help:"Index this source's registrants again in the generations there are, instead of building a new one."`
	DropOld bool   `help:"Delete the generations that served before, after the switch."`
	Sample  int    `default:"100" help:"Faces to search for in the new generation before the switch."`
	Hold    bool   `help:"Build, check and report, and do not switch; the same command without --hold does."`

	LeastAgreement float64 `placeholder:"SHARE" help:"With another model: switch only if so large a share (0 to 1) of first matches stays (default: any)."`
}

// Help says what it does.
func (c *Reindex) Help() string {
	return "The serving generation answers until the new one holds everything and a sample of its faces is found in it; then\n" +
		"they switch, for all daemons at once. Interrupted, it goes on where it was when it is called again. Photos embedded by the\n" +
		"same model are not embedded anew. Beside a running Lineup its indexers do the work; otherwise this command does.\n" +
		"Before a switch to another model it reports, on the sampled photos and by group, how many first matches stay, how the expected\n" +
		"false matches move, and the self-calibration of both: --hold stops there.\n" +
		"The old generation is kept, and told of who leaves, until a later --drop-old."
}

// Run builds a generation and switches to it, or with --source has the registrants of one source indexed again.
func (c *Reindex) Run(ctx context.Context, app *App) error {
	if c.Source != "" && (c.Model != "" || c.DropOld) {
		return exitError{exitMisuse, errors.New("--source works on the generations there are: leave --model and --drop-old out")}
	}
	if c.LeastAgreement < 0 || c.LeastAgreement > 1 {
		return exitError{exitMisuse, fmt.Errorf("--least-agreement %g: want a share from 0 to 1", c.LeastAgreement)}
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
	if _, _, err := app.Source(c.Source); err != nil {
		return err
	}
	shown := progress.Show(app.Stderr, "reindexing", 0)
	done, err := n.IndexAgain(ctx, c.Source, shown.Set)
	shown.End()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(app.Stdout, "%d registrants of %s are indexed again\n", done, c.Source)
	return err
}

func (c *Reindex) build(ctx context.Context, app *App, n *node.Node) error {
	model, err := app.Model(ctx, c.Model)
	if err != nil {
		return exitError{exitMisuse, fmt.Errorf("--model: %w", err)}
	}
	shown := progress.Show(app.Stderr, "reindexing", 0)
	done, err := n.Reindex(ctx, operate.Rebuild{Model: model, DropOld: c.DropOld, Sample: c.Sample, Shown: shown.Set,
		LeastAgreement: c.LeastAgreement, Hold: c.Hold})
	shown.End()
	if done.Checked != nil {
		fmt.Fprintf(app.Stdout, "%s: %s\n", done.Generation, done.Checked)
	}
	if done.Agreement != nil {
		fmt.Fprint(app.Stdout, done.Agreement)
	}
	if c.Hold && err == nil && !done.Serves {
		fmt.Fprintf(app.Stdout, "%s does not serve yet (the same command without --hold switches to it)\n", done.Generation)
	}
	if done.Serves {
		fmt.Fprintf(app.Stdout, "%s serves\n", done.Generation)
	}
	for _, gone := range done.Dropped {
		fmt.Fprintf(app.Stdout, "%s is deleted\n", gone)
	}
	return err
}
