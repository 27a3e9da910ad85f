package main

import (
	"context"
	"errors"

	"lineup/config"
	"lineup/internal/commands"
	"lineup/internal/node"
)

// Up runs all roles in one process.
type Up struct {
	Listen commands.Address `placeholder:"ADDR" help:"Address of the API and the page (default: 127.0.0.1:8080)."`
}

// Run serves until it is told to stop.
func (c *Up) Run(ctx context.Context, app *App) error {
	app.listen(c.Listen)
	app.Make = true
	return node.Serve(ctx, app.Options, node.Roles{Scrape: true, Index: true, Query: true}, nil)
}

// Index runs an indexer.
type Index struct{}

// Run indexes until it is told to stop.
func (*Index) Run(ctx context.Context, app *App) error {
	return app.role(ctx, node.Roles{Index: true})
}

// Query runs the query daemon.
type Query struct {
	Listen commands.Address `placeholder:"ADDR" help:"Address of the API and the page (default: 127.0.0.1:8080)."`
}

// Run serves until it is told to stop.
func (c *Query) Run(ctx context.Context, app *App) error {
	app.listen(c.Listen)
	return app.role(ctx, node.Roles{Query: true})
}

// role plays one role in a process of its own, which only an external cluster joins to the others.
func (a *App) role(ctx context.Context, play node.Roles) error {
	if a.Config.NATS.URL == "" {
		return exitError{exitMisuse, errors.New("a role of its own needs the others' NATS: set nats.url (docs/configuration.md), or run all " +
			"roles in one process with lineup up")}
	}
	return node.Serve(ctx, a.Options, play, nil)
}

func (a *App) listen(at commands.Address) {
	address := string(at)
	if address == "" {
		return
	}
	a.Config.Listen = address
	read := a.Reload
	a.Reload = func() (config.Config, error) {
		c, err := read()
		c.Listen = address
		return c, err
	}
}
