package main

import (
	"context"
	"time"

	"lineup/internal/node"
	"lineup/internal/operate/report"
	"lineup/internal/operate/text"
	"lineup/schemas"
)

// Runs shows the reports of runs.
type Runs struct {
	Source string `arg:"" optional:"" complete:"source" help:"Id of a source (default: all)."`
	Last   int    `short:"n" default:"10" placeholder:"N" help:"Number of reports per source, newest first. Fifty are kept."`
	JSON   bool   `name:"json" help:"Print the full reports as JSON."`
}

// Run shows the reports, the newest of each source first.
func (c *Runs) Run(ctx context.Context, app *App) error {
	return tell(ctx, app, c.JSON, text.Runs, func(n *node.Node) ([]schemas.RunSummary, error) { return n.Runs(ctx, c.Source, c.Last) })
}

// Report sums up a year.
type Report struct {
	Year int  `placeholder:"YYYY" help:"Year in UTC (default: the current year so far)."`
	JSON bool `name:"json" help:"Print JSON."`
}

// Run prints the counts.
func (c *Report) Run(ctx context.Context, app *App) error {
	return tell(ctx, app, c.JSON, text.Report,
		func(n *node.Node) (report.Report, error) { return report.Of(ctx, &n.Stores, c.Year, time.Now()) })
}
