package main

import (
	"context"
	"io"

	"lineup/ingest/queue"
	"lineup/internal/node"
	"lineup/internal/operate/text"
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
	return "A job is dead when its last attempt has failed, about 15 minutes after the first, or at once where a retry cannot help.\n" +
		"Its registrant stays in the index as last indexed; delisting and removal take effect all the same. A dead job is dropped\n" +
		"as soon as a later job for the same registrant succeeds."
}

// Run lists the dead jobs, and what each class of them wants of the operator.
func (c *JobsDead) Run(ctx context.Context, app *App) error {
	newer := 0
	say := func(w io.Writer, dead []queue.DeadLetter) error { return text.DeadJobs(w, dead, newer) }
	return tell(ctx, app, c.JSON, say, func(n *node.Node) (dead []queue.DeadLetter, err error) {
		dead, newer, err = n.DeadJobs(ctx)
		return dead, err
	})
}

// JobsRetry queues dead jobs again.
type JobsRetry struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Help says when that helps.
func (c *JobsRetry) Help() string {
	return "Use it once you have fixed what lineup jobs dead shows. Running indexers take the jobs; a stopped all-in-one does when it starts."
}

// Run queues every dead job again.
func (c *JobsRetry) Run(ctx context.Context, app *App) error {
	return tell(ctx, app, c.JSON, text.Retried, func(n *node.Node) (map[string]int, error) {
		retried, err := n.RetryJobs(ctx)
		return map[string]int{"queued": retried}, err
	})
}
