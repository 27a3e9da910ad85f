package main

import (
	"context"
	"fmt"
	"os"

	"lineup/internal/node"
)

// Removal is about receipts of removals.
type Removal struct {
	Verify RemovalVerify `cmd:"" help:"Check a receipt that lineup remove printed."`
}

// RemovalVerify checks a receipt.
type RemovalVerify struct {
	File string `arg:"" type:"existingfile" help:"The receipt."`
}

// Run says whether a receipt is genuine and still holds; anything else is an error.
func (c *RemovalVerify) Run(ctx context.Context, app *App) error {
	data, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("read the receipt: %w", err)
	}
	return app.withNode(ctx, func(n *node.Node) error {
		receipt, err := n.VerifyReceipt(ctx, data)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(app.Stdout, "genuine: %s of %s was removed at %s and is still removed\n",
			receipt.Registrant, receipt.Source, receipt.Removed.Format("2006-01-02 15:04:05 MST"))
		return err
	})
}
