package main

import (
	"context"
	"fmt"
	"os"

	"lineup/ingest"
	"lineup/internal/node"
	"lineup/internal/operate/text"
)

// Removal is about receipts of removals.
type Removal struct {
	Verify RemovalVerify `cmd:"" help:"Check a receipt that lineup remove printed."`
}

// RemovalVerify checks a receipt.
type RemovalVerify struct {
	File string `arg:"" type:"existingfile" help:"The receipt."`
	JSON bool   `name:"json" help:"Print the receipt again, as JSON, if it is genuine."`
}

// Run says whether a receipt is genuine and still holds; anything else is an error.
func (c *RemovalVerify) Run(ctx context.Context, app *App) error {
	data, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("read the receipt: %w", err)
	}
	return tell(ctx, app, c.JSON, text.Genuine, func(n *node.Node) (ingest.Receipt, error) { return n.VerifyReceipt(ctx, data) })
}
