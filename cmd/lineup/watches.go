package main

import (
	"context"

	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/internal/operate/text"
)

// Watches is about deliveries to webhooks of watches that were given up.
type Watches struct {
	Retry bool `xor:"do" help:"Try them again, with all attempts."`
	Empty bool `xor:"do" help:"Discard them."`
	JSON  bool `name:"json" help:"Print JSON."`
}

// Help says when a delivery is given up.
func (*Watches) Help() string {
	return "A failed delivery is tried eight times over a day and a half. The watch continues: its holder can still ask for the same news,\n" +
		"and later news is delivered."
}

// Run lists them, and does what is asked.
func (c *Watches) Run(ctx context.Context, app *App) error {
	return tell(ctx, app, c.JSON, text.DeadHooks, func(n *node.Node) ([]operate.DeadHook, error) { return n.DeadHooks(ctx, c.Retry, c.Empty) })
}
