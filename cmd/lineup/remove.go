package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"lineup/ingest"
	"lineup/schemas"
)

// Remove removes a registrant for ever.
type Remove struct {
	UUID   string `arg:"" help:"The registrant's uuid, as answers show it."`
	Reason string `required:"" help:"Why; kept with the mark that forbids to list the registrant again."`
}

// Help says what happens when.
func (c *Remove) Help() string {
	return "At once, nobody is answered with the registrant any more. Photos, pages and record are deleted before the command\n" +
		"ends; it then waits up to a minute for the index to let go. The source id is never listed again. Prints a signed receipt\n" +
		"that names what was removed by digests only; lineup removal verify checks it. Removing again changes nothing."
}

// indexWait is how long a removal waits for the indexers.
const indexWait = time.Minute

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
	} else if err := h.letGo(ctx, removed.Listing); err != nil {
		fmt.Fprintf(app.Stderr, "removed, and nobody is answered with it; but the index still holds it: %v (lineup status shows whether an indexer runs)\n", err)
	}
	receipt, err := app.receipt(ctx, h, removed)
	if err != nil {
		return err
	}
	return app.printJSON(receipt)
}

// letGo waits until every live generation agrees that the registrant is gone.
func (h *Node) letGo(ctx context.Context, was schemas.Listing) error {
	generations, err := h.Index.Generations(ctx)
	if err != nil {
		return err
	}
	for end := time.Now().Add(indexWait); ; {
		s, err := h.Ledger.Listing(ctx, was.Source, was.ID)
		if err != nil {
			return err
		}
		if !ingest.Due(s, live(generations)) {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("no indexer answered within %s", indexWait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(poll):
		}
	}
}
