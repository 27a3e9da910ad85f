package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"lineup/internal/node"
)

// Doctor checks the configuration and every engine, from here.
type Doctor struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Help says what the exit codes mean.
func (c *Doctor) Help() string {
	return "Checks everything even when something fails, and changes nothing but what it removes again.\nExit codes: 0 all is well (advice " +
		"apart), 1 something is wrong. Where the configuration is wrong, the engines are not looked at."
}

// Run prints a line for each check; one that is wrong makes it exit with 1.
func (c *Doctor) Run(ctx context.Context, app *App) error {
	found := node.Examine(ctx, app.Options, app.loaded, app.invalid)
	if c.JSON {
		if err := app.printJSON(found); err != nil {
			return err
		}
	} else {
		w := tabwriter.NewWriter(app.Stdout, 0, 4, 2, ' ', 0)
		for _, f := range found {
			fmt.Fprintf(w, "%s\t%s\t%s\n", f.State, f.What, f.Say)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	for _, f := range found {
		if f.State == "wrong" {
			return exitError{code: exitFailed}
		}
	}
	return nil
}
