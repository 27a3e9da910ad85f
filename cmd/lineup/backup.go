package main

import (
	"context"
	"fmt"

	"lineup/ingest/backup"
	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/internal/operate/text"
)

// Backup writes ledger, keys and removal list to a directory.
type Backup struct {
	Dir  string `arg:"" type:"path" help:"Directory to create."`
	JSON bool   `name:"json" help:"Print the manifest as JSON."`
}

// Help says what is in it.
func (c *Backup) Help() string {
	return "Writes the ledger with its removal list, the runs, the API keys (hashed) and the signing keys as files of JSON lines.\n" +
		"It contains secrets: store it safely. It does not contain photos, pages and records: back up the object store as well (all-in-one:\n" +
		"blobs/ in the data directory). The index is rebuilt from both. Lineup may be running."
}

// Run writes the backup and prints how much is in each file.
func (c *Backup) Run(ctx context.Context, app *App) error {
	return tell(ctx, app, c.JSON, text.Backup, func(n *node.Node) (backup.Manifest, error) { return n.Backup(ctx, c.Dir, version) })
}

// Restore reads a backup back.
type Restore struct {
	Dir      string `arg:"" type:"existingdir" help:"Directory that lineup backup wrote."`
	Removals string `type:"existingfile" placeholder:"FILE" help:"A newer log of removals, or a file of receipts: what it names is removed and revoked again."`
	JSON     bool   `name:"json" help:"Print JSON."`
}

// Help says what happens to what is there.
func (c *Restore) Help() string {
	return "Adds what is missing and keeps what is there, so a removal made after the backup stays. Then it removes and revokes again\n" +
		"everything that the log of removals (removal_log) and --removals name, since the backup does not know what happened after it.\n" +
		"Use the newest log you have: copy it into the new data directory first, or name it with --removals. To get everything\n" +
		"back, the signing keys included, restore into an empty data directory or cluster before anything else runs there. The next\n" +
		"reconciliation queues a job for everybody and the index is rebuilt; the photos must be back in the object store by then."
}

// Run reads the backup and prints what it added.
func (c *Restore) Run(ctx context.Context, app *App) error {
	more, err := operate.ReadGiven(c.Removals)
	if err == nil {
		_, err = backup.Verify(c.Dir)
	}
	if err != nil {
		return err
	}
	app.Make = true
	return app.withNode(ctx, func(n *node.Node) error {
		_, done, err := n.Restore(ctx, c.Dir, more)
		if err != nil {
			return err
		}
		if err := show(app, c.JSON, done, text.Restored); err != nil || done.Honoured.Refused == 0 {
			return err
		}
		return fmt.Errorf("%d removals and revocations are signed by nobody known here and were not applied, such as: %s (look at them, and "+
			"remove and revoke by hand what they say)", done.Honoured.Refused, done.Honoured.Why)
	})
}
