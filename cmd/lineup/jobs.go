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

// maxLetters bounds the dead jobs one command handles at a time.
const maxLetters = 10000

// JobsDead lists dead jobs.
type JobsDead struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Run does it.
func (c *JobsDead) Run(ctx context.Context, app *App) (err error) {
	h, err := app.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	letters, err := h.Queue.Letters(ctx, maxLetters)
	if err != nil {
		return err
	}
	if c.JSON {
		return app.printJSON(letters)
	}
	for _, l := range letters {
		fmt.Fprintf(app.Stdout, "%s  %s  %s  %s  attempts %d\n", l.At.Format(time.RFC3339), l.Source, l.ID, l.Class, l.Attempts)
	}
	fmt.Fprintf(app.Stdout, "%d dead jobs\n", len(letters))
	counts, err := h.Queue.Count(ctx)
	if left := counts.Dead - len(letters); err == nil && left > 0 && len(letters) < maxLetters {
		fmt.Fprintf(app.Stdout, "%d more were written by a newer version of lineup and are left alone\n", left)
	}
	return err
}

// JobsRetry rings again.
type JobsRetry struct{}

// Run does it.
func (c *JobsRetry) Run(ctx context.Context, app *App) (err error) {
	h, err := app.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	started, rung := time.Now(), 0
	for {
		letters, err := h.Queue.Letters(ctx, maxLetters)
		if err != nil {
			return err
		}
		again := 0
		for _, l := range letters {
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
