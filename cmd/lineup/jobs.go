package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Jobs is about dead jobs.
type Jobs struct {
	Dead  JobsDead  `cmd:"" help:"List dead jobs."`
	Retry JobsRetry `cmd:"" help:"Ring again for every dead job."`
}

// maxDeadLetters bounds the dead jobs one command handles at a time.
const maxDeadLetters = 10000

// JobsDead lists dead jobs.
type JobsDead struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// causes say what a class of dead job wants of the operator.
var causes = map[string]string{
	"corrupt_blob":  "stored bytes are damaged: put the object back from a backup, or crawl the source again; then lineup jobs retry",
	"missing_blob":  "a stored object is gone: put it back from a backup, or crawl the source again; then lineup jobs retry",
	"newer_schema":  "a newer version of lineup wrote this: upgrade the indexers, then lineup jobs retry",
	"unknown_model": "a generation's model is not one this version computes: upgrade the indexers, then lineup jobs retry",
	"no_generation": "the index has no generation: see lineup doctor, then lineup jobs retry",
	"moved":         "the registrant changed at each attempt: lineup jobs retry",
	"engine":        "an engine failed at each attempt: the indexers' log says which, lineup doctor what to do; then lineup jobs retry",
}

// Help says what a dead job is.
func (c *JobsDead) Help() string {
	return "A job is dead when its last attempt failed, about a quarter of an hour after the first, or at once where trying again is\n" +
		"useless. Its registrant stays in the index as last indexed; delisting and removal hold all the same. It is forgotten\n" +
		"as soon as any later job of the same registrant succeeds."
}

// Run does it.
func (c *JobsDead) Run(ctx context.Context, app *App) (err error) {
	h, err := app.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	dead, err := h.Queue.DeadLetters(ctx, maxDeadLetters)
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
	seen := make(map[string]bool)
	for _, l := range dead {
		if cause := causes[l.Class]; cause != "" && !seen[l.Class] {
			fmt.Fprintf(app.Stdout, "%s: %s\n", l.Class, cause)
		}
		seen[l.Class] = true
	}
	counts, err := h.Queue.Count(ctx)
	if left := counts.Dead - len(dead); err == nil && left > 0 && len(dead) < maxDeadLetters {
		fmt.Fprintf(app.Stdout, "%d more were written by a newer version of lineup and are left alone\n", left)
	}
	return err
}

// JobsRetry rings again.
type JobsRetry struct{}

// Help says when that helps.
func (c *JobsRetry) Help() string {
	return "After what lineup jobs dead names has been mended. The running indexers answer; over a stopped all-in-one, lineup up will."
}

// Run does it.
func (c *JobsRetry) Run(ctx context.Context, app *App) (err error) {
	h, err := app.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	started, rung := time.Now(), 0
	for {
		dead, err := h.Queue.DeadLetters(ctx, maxDeadLetters)
		if err != nil {
			return err
		}
		again := 0
		for _, l := range dead {
			if l.At.After(started) {
				continue // died again meanwhile
			}
			if err := h.Queue.Retry(ctx, l); err != nil {
				return err
			}
			again++
		}
		if rung += again; again == 0 {
			break
		}
	}
	_, err = fmt.Fprintf(app.Stdout, "rang again for %d jobs\n", rung)
	return err
}
