package main

import (
	"context"
	"fmt"
	"io"

	"lineup/internal/commands"
	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/internal/operate/text"
	"lineup/internal/progress"
)

// Audit compares ledger, index and blobs in both directions.
type Audit struct {
	Repair bool           `help:"Queue jobs that mend the differences. Nothing else is changed."`
	Sample commands.Share `default:"0.01" help:"Share of the blobs to read and compare with their digests, from 0 to 1. Whether each blob exists is always checked."`
	JSON   bool           `name:"json" help:"Print JSON."`
}

// Help says what the exit codes mean.
func (c *Audit) Help() string {
	return "Exit codes: 0 everything agrees, 1 differences found, 3 could not tell.\n" +
		"Differences that queued jobs will mend are counted as due. Pages that the object store deleted after s3.page_days are counted\n" +
		"as expired. Safe to run while Lineup runs. It needs some 100 MB of memory at most, however many there are.\n\n" +
		"Kinds: listed_not_in_index, index_revision_differs, in_index_not_listed: lineup audit --repair queues jobs for them.\n" +
		"missing_photo, missing_record, missing_page, corrupt_...: the next crawl reads and stores them again.\n" +
		"blob_without_registrant: left behind by a crash; indexers delete it once a day.\n" +
		"newer_schema: written by a newer version of lineup and left alone."
}

// Run prints what differs; the exit code says whether anything does.
func (c *Audit) Run(ctx context.Context, app *App) (err error) {
	n, err := node.Open(ctx, app.Options)
	if err != nil {
		return exitError{exitUnknown, err}
	}
	defer func() {
		if closing := n.Close(); closing != nil && err == nil {
			err = exitError{exitUnknown, closing}
		}
	}()
	shown := progress.Show(app.Stderr, "auditing", 0)
	report, err := n.Audit(ctx, operate.Share(float64(c.Sample)), c.Repair, shown.Set)
	shown.End()
	if err != nil {
		return exitError{exitUnknown, fmt.Errorf("audit: could not tell: %w (lineup doctor looks at every engine)", err)}
	}
	err = show(app, c.JSON, report, func(w io.Writer, r operate.AuditReport) error { return text.Audit(w, r, c.Repair) })
	if err != nil {
		return exitError{exitUnknown, err}
	}
	if len(report.Differences) > 0 {
		return exitError{code: exitFailed}
	}
	return nil
}
