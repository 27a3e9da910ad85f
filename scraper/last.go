package scraper

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"lineup/schemas"
	"lineup/scraper/fetch"
)

// lastRun is the summary of the run before, however it ended; none for a first run.
func (c *Crawl) lastRun(ctx context.Context) (schemas.RunSummary, error) {
	last, err := c.Sink.LastRun(ctx, c.info.ID)
	if errors.Is(err, fs.ErrNotExist) {
		return schemas.RunSummary{}, nil
	}
	if err != nil {
		return last, fmt.Errorf("look at the last run of %s: %w", c.info.ID, err)
	}
	return last, nil
}

// lastComplete is the summary of the last complete run; none for a source that never had one.
func (c *Crawl) lastComplete(ctx context.Context) (schemas.RunSummary, error) {
	last, err := c.Sink.LastComplete(ctx, c.info.ID)
	if errors.Is(err, fs.ErrNotExist) {
		return schemas.RunSummary{}, nil
	}
	if err != nil {
		return last, fmt.Errorf("look at the last complete run of %s: %w", c.info.ID, err)
	}
	return last, nil
}

// stillBlocked says whether the site refused the last run: a program does not ask again by
// itself. Errors: fetch.ErrBlocked.
func (c *Crawl) stillBlocked(ctx context.Context) error {
	last, err := c.lastRun(ctx)
	if err == nil && c.Now().Before(last.NotBefore) && c.Unblock == "" {
		return fmt.Errorf("%s: %w", c.info.ID, &fetch.WaitError{Until: last.NotBefore})
	}
	if err != nil || last.State != schemas.RunBlocked || c.Unblock != "" {
		return err
	}
	return fmt.Errorf("%s refused the run of %s (%s): %w; look at %s, and once it may be asked again: lineup scrape %s --once --unblock "+
		"REASON",
		c.info.ID, last.Started.Format("2006-01-02 15:04"), last.Reason, fetch.ErrBlocked, c.info.Home, c.info.ID)
}

// quota counts the requests of the last hour, whichever process made them.
func (c *Crawl) quota(ctx context.Context) error {
	if c.info.Manners.PerHour == 0 || len(c.Fetcher.Asked) > 0 {
		return nil // no quota, or the checkpoint knows
	}
	last, err := c.lastRun(ctx)
	c.Fetcher.Asked = last.Asked
	return err
}
