package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"os"

	"lineup/ingest"
	"lineup/queryd/evidence"
)

// Removal is about receipts of removals.
type Removal struct {
	Verify RemovalVerify `cmd:"" help:"Check a receipt that lineup remove printed."`
}

// RemovalVerify checks a receipt.
type RemovalVerify struct {
	File string `arg:"" type:"existingfile" help:"The receipt."`
}

// Run does it.
func (c *RemovalVerify) Run(ctx context.Context, app *App) error {
	data, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("read the receipt: %w", err)
	}
	var receipt ingest.Receipt
	if err := json.Unmarshal(data, &receipt); err != nil {
		return fmt.Errorf("read the receipt: %w (it must be what lineup remove printed)", err)
	}
	return app.withNode(ctx, func(h *Node) error {
		key, err := evidence.SigningKey(ctx, h.JS, app.Config.NATS.Replicas)
		if err != nil {
			return err
		}
		if err := receipt.Verify(key.Public().(ed25519.PublicKey)); err != nil {
			return err
		}
		listing, err := h.Ledger.Listing(ctx, receipt.Source, receipt.Registrant)
		if err != nil {
			return err
		}
		if listing.Listed || listing.Removal == nil {
			return fmt.Errorf("the receipt is genuine, but %s is not removed in this ledger", receipt.Registrant)
		}
		_, err = fmt.Fprintf(app.Stdout, "genuine: %s of %s was removed at %s and is still removed\n",
			receipt.Registrant, receipt.Source, receipt.Removed.Format("2006-01-02 15:04:05 MST"))
		return err
	})
}

// receipt signs what was removed with the house's key.
func (a *App) receipt(ctx context.Context, h *Node, r ingest.Removed) (ingest.Receipt, error) {
	key, err := evidence.SigningKey(ctx, h.JS, a.Config.NATS.Replicas)
	if err != nil {
		return ingest.Receipt{}, err
	}
	return r.Sign(key)
}
