package main

import (
	"context"

	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/internal/operate/text"
	"lineup/schemas"
)

// Link explains how registrants are linked.
type Link struct {
	Show LinkShow `cmd:"" help:"Show the registrants of a personUuid, and which fields agree."`
}

// LinkShow shows.
type LinkShow struct {
	UUID string `arg:"" help:"A personUuid, or the uuid of one registrant."`
	JSON bool   `name:"json" help:"Print as JSON."`
}

// Run shows.
func (c *LinkShow) Run(ctx context.Context, app *App) error {
	id, err := schemas.ParseUUID(c.UUID)
	if err != nil {
		return schemas.Misuse("%w (it is the personUuid or uuid of an answer, not a face id)", err)
	}
	return tell(ctx, app, c.JSON, text.Link, func(n *node.Node) (operate.Linked, error) { return n.Link(ctx, id) })
}
