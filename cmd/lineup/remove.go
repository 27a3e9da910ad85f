package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"lineup/schemas"
)

// Remove removes a registrant for ever.
type Remove struct {
	UUID   string `arg:"" help:"The registrant's uuid, as answers show it."`
	Reason string `required:"" help:"Why; kept with the mark that forbids to list the registrant again."`
}

// Run does it.
func (c *Remove) Run(ctx context.Context, app *App) (err error) {
	id, err := schemas.ParseUUID(c.UUID)
	if err != nil {
		return fmt.Errorf("%w (it is the uuid of an answer, not a face id)", err)
	}
	h, err := app.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	removed, err := h.Ingest.Remove(ctx, id, c.Reason)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: nobody of that uuid was ever listed here", err)
	}
	if err != nil {
		return err
	}
	if h.Alone {
		if err := app.settle(ctx, h, nil); err != nil {
			return err
		}
	}
	receipt, err := app.receipt(ctx, h, removed)
	if err != nil {
		return err
	}
	return app.printJSON(receipt)
}
