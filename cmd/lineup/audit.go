package main

import (
	"context"
	"fmt"

	"lineup/internal/node"
)

// Audit compares ledger, index and blobs in both directions.
type Audit struct {
	Repair bool    `help:"Queue jobs for what differs; never changes anything itself."`
	Sample float64 `default:"0.01" help:"Share of the blobs that are read and compared with their digests; 1 reads all. That they are there is always checked."`
	JSON   bool    `name:"json" help:"Print JSON."`
}

// Help says what the exit codes mean.
func (c *Audit) Help() string {
	return "Exit codes: 0 everything agrees, 1 differences found, 3 could not tell.\nDifferences that waiting jobs will mend are counted as due, not as differences; pages that the object store\n" +
		"expires by s3.page_days are counted as expired. May run beside everything else; takes about 250 MB a million registrants.\n\n" +
		"Kinds: listed_not_in_index, index_revision_differs, in_index_not_listed: lineup audit --repair queues jobs for them.\n" +
		"missing_photo, missing_record, missing_page, corrupt_...: the next crawl reads and stores them again.\n" +
		"blob_without_registrant: what a crash left; indexers sweep it up within some hours.\n" +
		"newer_schema: written by a newer version of lineup and left alone."
}

// Run prints what differs; the exit code says whether anything does.
func (c *Audit) Run(ctx context.Context, app *App) (err error) {
	if c.Sample < 0 || c.Sample > 1 {
		return exitError{exitMisuse, fmt.Errorf("--sample %v: want a share from 0 to 1", c.Sample)}
	}
	n, err := node.Open(ctx, app.Options)
	if err != nil {
		return exitError{exitUnknown, err}
	}
	defer func() {
		if closing := n.Close(); closing != nil && err == nil {
			err = exitError{exitUnknown, closing}
		}
	}()
	report, err := n.Audit(ctx, c.Sample, c.Repair)
	if err != nil {
		return exitError{exitUnknown, fmt.Errorf("audit: could not tell: %w (lineup doctor looks at every engine)", err)}
	}
	if c.JSON {
		err = app.printJSON(report)
	} else {
		fmt.Fprintf(app.Stdout, "%d registrants, %d waiting to be indexed, %d pages expired\n", report.Registrants, report.Due, report.Expired)
		for _, d := range report.Differences {
			fmt.Fprintf(app.Stdout, "%-28s %6d  e.g. %v\n", d.Kind, d.Count, d.Examples)
		}
		switch {
		case c.Repair:
			fmt.Fprintf(app.Stdout, "%d jobs queued\n", report.Enqueued)
		case len(report.Differences) == 0:
			fmt.Fprintln(app.Stdout, "no differences")
		}
	}
	if err != nil {
		return exitError{exitUnknown, err}
	}
	if len(report.Differences) > 0 {
		return exitError{code: exitFailed}
	}
	return nil
}
