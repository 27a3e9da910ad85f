package main

import (
	"context"

	"lineup/internal/node"
	"lineup/internal/operate/canary"
	"lineup/internal/operate/text"
)

// Status shows how everything stands.
type Status struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Help says what the columns and exit codes mean.
func (c *Status) Help() string {
	return "DUE registrants are not yet indexed as they are listed now; most have a job WAITING, and lineup jobs dead lists the\n" +
		"FAILED ones. REMOVED ones are removed for ever. A ? means that the index does not answer, or that its generation has not\n" +
		"been counted yet (-1 in JSON). More than 20,000 registrants are counted by the indexer, every index.reconcile: then\n" +
		"a line says how long ago, and how often listings were written since.\n" +
		"The scores of a generation rest on the SLOPE of its neighbourhoods and on N searches with its own faces, log E' = A + S log E,\n" +
		"CALIBRATED AT that many registrants; they are measured again when that number has changed by a tenth.\n" +
		"The scrape role exports the same as metrics on the private address.\n\n" +
		"Exit codes: 0 all is well, 1 something needs a human: the last lines say what."
}

// Run shows the status; what needs a human makes it exit with 1.
func (c *Status) Run(ctx context.Context, app *App) error {
	return app.withNode(ctx, func(n *node.Node) error {
		report, err := n.Status(ctx)
		if err != nil {
			return err
		}
		err = show(app, c.JSON, report, text.Status)
		if len(report.Attention) > 0 && err == nil {
			err = exitError{code: exitFailed}
		}
		return err
	})
}

// Canary proves that everything works.
type Canary struct {
	Remove bool `help:"Finally also remove the canary for ever, and list it under a new key."`
	JSON   bool `name:"json" help:"Print JSON."`
}

// Help says what is done.
func (c *Canary) Help() string {
	return "Lists a rendered face that only the canary's own key sees, finds it with another photo, fetches its photo, changes, delists\n" +
		"and lists it again, through the running query daemon and indexer. With canary.every the scrape role does this by itself.\n\n" +
		"Exit codes: 0 all of it works, 1 it does not."
}

// Run takes every step now.
func (c *Canary) Run(ctx context.Context, app *App) error {
	return tell(ctx, app, c.JSON, text.Canary, func(n *node.Node) (canary.State, error) { return n.CanaryNow(ctx, c.Remove) })
}
