package main

import (
	"context"
	"fmt"
	"time"

	"lineup/ingest/queue"
	"lineup/internal/node"
)

// Jobs is about dead jobs.
type Jobs struct {
	Dead  JobsDead  `cmd:"" help:"List dead jobs."`
	Retry JobsRetry `cmd:"" help:"Queue every dead job again."`
}

// JobsDead lists dead jobs.
type JobsDead struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Help says what a dead job is.
func (c *JobsDead) Help() string {
	return "A job is dead when its last attempt failed, about a quarter of an hour after the first, or at once where trying again is\n" +
		"useless. Its registrant stays in the index as last indexed; delisting and removal hold all the same. It is forgotten\n" +
		"as soon as any later job of the same registrant succeeds."
}

// Run lists the dead jobs, and what each class of them wants of the operator.
func (c *JobsDead) Run(ctx context.Context, app *App) error {
	return app.withNode(ctx, func(n *node.Node) error {
		dead, newer, err := n.DeadJobs(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return app.printJSON(dead)
		}
		for _, l := range dead {
			fmt.Fprintf(app.Stdout, "%s  %s  %s  %s  attempts %d\n", l.At.Format(time.RFC3339), l.Source, l.ID, l.Class, l.Attempts)
		}
		fmt.Fprintf(app.Stdout, "%d dead jobs\n", len(dead))
		seen := make(map[queue.Class]bool)
		for _, l := range dead {
			if advice := l.Class.Advice(); advice != "" && !seen[l.Class] {
				fmt.Fprintf(app.Stdout, "%s: %s\n", l.Class, advice)
			}
			seen[l.Class] = true
		}
		if newer > 0 {
			fmt.Fprintf(app.Stdout, "%d more were written by a newer version of lineup and are left alone\n", newer)
		}
		return nil
	})
}

// JobsRetry queues dead jobs again.
type JobsRetry struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Help says when that helps.
func (c *JobsRetry) Help() string {
	return "After what lineup jobs dead names has been mended. The running indexers do the jobs; over a stopped all-in-one, lineup up will."
}

// Run queues every dead job again.
func (c *JobsRetry) Run(ctx context.Context, app *App) error {
	return app.withNode(ctx, func(n *node.Node) error {
		retried, err := n.RetryJobs(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return app.printJSON(map[string]int{"queued": retried})
		}
		_, err = fmt.Fprintf(app.Stdout, "%d jobs queued again\n", retried)
		return err
	})
}
