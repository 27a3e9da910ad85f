package main

import (
	"context"
	"fmt"

	"lineup/internal/node"
	"lineup/schemas"
)

// Remove removes a registrant for ever.
type Remove struct {
	UUID   string `arg:"" help:"The registrant's uuid, as answers show it."`
	Reason reason `required:"" help:"Why; kept with the mark that forbids to list the registrant again."`
}

// Help says what happens when.
func (c *Remove) Help() string {
	return "At once, nobody is answered with the registrant any more. Photos, pages and record are deleted before the command\n" +
		"ends; it then waits up to a minute for the index to let go. The source id is never listed again. Prints a signed receipt\n" +
		"that names what was removed by digests only; lineup removal verify checks it. Removing again changes nothing."
}

// Run removes a registrant, waits for the index, and prints the receipt.
func (c *Remove) Run(ctx context.Context, app *App) error {
	id, err := schemas.ParseUUID(c.UUID)
	if err != nil {
		return fmt.Errorf("%w (it is the uuid of an answer, not a face id)", err)
	}
	return app.withNode(ctx, func(n *node.Node) error {
		removed, err := n.Remove(ctx, id, string(c.Reason))
		if err != nil {
			return err
		}
		if n.Alone {
			if err := n.Settle(ctx); err != nil {
				return err
			}
		} else if err := n.AwaitRemoval(ctx, removed.Listing); err != nil {
			fmt.Fprintf(app.Stderr, "removed, and nobody is answered with it; but the index still holds it: %v (lineup status shows whether an "+
				"indexer runs)\n", err)
		}
		receipt, err := n.Receipt(ctx, removed)
		if err != nil {
			return err
		}
		return app.printJSON(receipt)
	})
}
