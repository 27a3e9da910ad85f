package main

import (
	"context"
	"fmt"

	"lineup/internal/node"
)

// Backup writes ledger, keys and removal list to a directory.
type Backup struct {
	Dir  string `arg:"" help:"Directory to make."`
	JSON bool   `name:"json" help:"Print the manifest as JSON."`
}

// Help says what is in it.
func (c *Backup) Help() string {
	return "Writes the ledger with its removal list, runs, API keys (hashed) and the signing key as files of JSON lines.\n" +
		"It holds secrets: keep it as such. Blobs are the object store's to back up (all-in-one: the directory blobs below\n" +
		"the data directory); the index is rebuilt. Lineup may be running."
}

// Run writes the backup and prints how much is in each file.
func (c *Backup) Run(ctx context.Context, app *App) error {
	return app.withNode(ctx, func(n *node.Node) error {
		m, err := n.Backup(ctx, c.Dir, version)
		if err != nil {
			return err
		}
		if c.JSON {
			return app.printJSON(m)
		}
		for _, file := range m.Files {
			fmt.Fprintf(app.Stdout, "%-28s %8d entries\n", file.Name, file.Entries)
		}
		return nil
	})
}

// Restore reads a backup back.
type Restore struct {
	Dir  string `arg:"" type:"existingdir" help:"Directory that lineup backup wrote."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Help says what happens to what is there.
func (c *Restore) Help() string {
	return "Adds what is missing and leaves what is there, so a removal made after the backup stays. Restore into an empty\n" +
		"data directory or cluster, before anything else runs there, to get all of it, the signing key included. The next\n" +
		"reconcile queues a job for everybody, and the index follows; photos must be back in the object store by then."
}

// Run reads the backup and prints what it added.
func (c *Restore) Run(ctx context.Context, app *App) error {
	app.Make = true
	return app.withNode(ctx, func(n *node.Node) error {
		m, done, err := n.Restore(ctx, c.Dir)
		if err != nil {
			return err
		}
		if c.JSON {
			return app.printJSON(done)
		}
		fmt.Fprintf(app.Stdout, "restored the backup of %s: %d entries added, %d the same, %d kept as they are\n",
			m.Made.Format("2006-01-02 15:04 MST"), done.Added, done.Same, done.Kept)
		if done.Kept > 0 {
			fmt.Fprintln(app.Stdout, "what was kept is newer than the backup, or of another Lineup")
		}
		return nil
	})
}
