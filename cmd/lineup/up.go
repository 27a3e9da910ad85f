package main

import (
	"context"

	"lineup/internal/node"
)

// Up runs all roles in one process.
type Up struct {
	Listen string `placeholder:"ADDR" help:"Address of the API and the page (default: 127.0.0.1:8080)."`
}

// Run serves until it is told to stop.
func (c *Up) Run(ctx context.Context, app *App) error {
	app.listen(c.Listen)
	return node.Serve(ctx, app.Options, node.Roles{Scrape: true, Index: true, Query: true}, nil)
}

// Index runs an indexer.
type Index struct{}

// Run indexes until it is told to stop.
func (*Index) Run(ctx context.Context, app *App) error {
	return node.Serve(ctx, app.Options, node.Roles{Index: true}, nil)
}

// Query runs the query daemon.
type Query struct {
	Listen string `placeholder:"ADDR" help:"Address of the API and the page (default: 127.0.0.1:8080)."`
}

// Run serves until it is told to stop.
func (c *Query) Run(ctx context.Context, app *App) error {
	app.listen(c.Listen)
	return node.Serve(ctx, app.Options, node.Roles{Query: true}, nil)
}

func (a *App) listen(address string) {
	if address != "" {
		a.Config.Listen = address
	}
}
