package main

import (
	"context"
	"fmt"

	"lineup/internal/commands"
	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/internal/operate/text"
	"lineup/schemas"
)

// Remove removes a registrant for ever.
type Remove struct {
	UUID   string          `arg:"" help:"The registrant's uuid, as shown in answers."`
	Reason commands.Reason `required:"" placeholder:"CODE" help:"Reason: court_order, agency, person, mistake, policy or other. It is kept with the entry that prevents the registrant from being listed again."`
	Note   string          `help:"A note, for example your case number. It is kept for ever and must not name the person."`
	DryRun bool            `help:"Only show what would be removed."`
}

// Help says what happens when.
func (c *Remove) Help() string {
	return "The registrant disappears from all answers at once. Photos, pages and record are deleted before the command ends; it\n" +
		"then waits up to a minute for the index, and erases evidence of matches and what the ledger held before. The source's id for the\n" +
		"registrant is never listed again. It prints a signed receipt that names what was removed by digests only and lists every place, with\n" +
		"a time limit where something stays for a while; lineup removal verify checks it. Run it again to erase what is left.\n\n" +
		"A ledger of 1,000,000 takes minutes to erase from; searches and crawls continue meanwhile."
}

// Run removes a registrant, waits for the index, and prints the receipt.
func (c *Remove) Run(ctx context.Context, app *App) error {
	id, err := schemas.ParseUUID(c.UUID)
	if err != nil {
		return schemas.Misuse("%w (it is the uuid of an answer, not a face id)", err)
	}
	return app.withNode(ctx, func(n *node.Node) error {
		why, err := n.Why(ctx, id, string(c.Reason), c.Note)
		if err != nil {
			return err
		}
		if c.DryRun {
			traces, err := n.Traces(ctx, id)
			if err != nil {
				return err
			}
			return app.printJSON(traces)
		}
		receipt, indexed, err := n.RemoveWhole(ctx, id, why)
		if indexed != nil {
			fmt.Fprintf(app.Stderr, "removed, and nobody is answered with it; but the index still holds it: %v (lineup status shows whether an "+
				"indexer runs)\n", indexed)
		}
		if err != nil {
			return err
		}
		return app.printJSON(receipt)
	})
}

// Scrub erases what is kept of those who are gone.
type Scrub struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Help says why.
func (c *Scrub) Help() string {
	return "Servers keep overwritten and deleted bytes in their files for a while. This erases what the ledger, the runs and evidence\n" +
		"held about people who are no longer listed. An all-in-one does it by itself after crawls that delist somebody; on a cluster run it\n" +
		"daily as administrator. lineup remove does it too. Everything keeps running meanwhile; a million registrants take minutes."
}

// Run scrubs and says how much that was.
func (c *Scrub) Run(ctx context.Context, app *App) error {
	return tell(ctx, app, c.JSON, text.Scrubbed, func(n *node.Node) (operate.Scrubbed, error) { return n.Scrub(ctx) })
}
