package main

import (
	"context"
	"errors"
	"fmt"

	"lineup/queryd/evidence"
)

// Prepare makes what the roles may not make.
type Prepare struct{}

// Help says when.
func (Prepare) Help() string {
	return "Run it before the roles start for the first time and before they are upgraded: their rights let them use streams and\n" +
		"buckets, not make or change them. What is as it should be is left alone. The all-in-one does this by itself."
}

// Run does it.
func (Prepare) Run(ctx context.Context, app *App) (err error) {
	h, err := app.Open(ctx) // makes those of ledger, queue and keys
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	if err := evidence.Prepare(ctx, h.JS, evidenceKept, app.Config.NATS.Replicas); err != nil {
		return err
	}
	_, err = fmt.Fprintln(app.Stdout, "streams and buckets are as this version needs them")
	return err
}
