package main

import (
	"context"
	"fmt"

	"lineup/internal/node"
)

// Prepare makes what the roles may not make.
type Prepare struct{}

// Help says when.
func (Prepare) Help() string {
	return "Run it before the roles start for the first time and before they are upgraded: their rights let them use streams and\n" +
		"buckets, not make or change them. What is as it should be is left alone. The all-in-one does this by itself."
}

// Run makes and changes streams and buckets, and says that they are as they should be.
func (Prepare) Run(ctx context.Context, app *App) error {
	app.Make = true
	return app.withNode(ctx, func(n *node.Node) error { // opening makes those of ledger, queue and keys
		if err := n.Prepare(ctx); err != nil {
			return err
		}
		_, err := fmt.Fprintln(app.Stdout, "streams and buckets are as this version needs them")
		return err
	})
}
