package scraper

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"lineup/schemas"
	"lineup/scraper/fetch"
)

// end closes the run with the sink, by how it went.
func (c *Crawl) end(ctx context.Context, err error) (schemas.RunSummary, error) {
	sum := c.summary()
	sum.Ended = c.Now().UTC()
	last := context.WithoutCancel(ctx)
	wait := (*fetch.WaitError)(nil)
	if err == nil {
		sum.State = schemas.RunComplete
		if why := c.incomplete(); why != "" {
			sum.State, sum.Reason = schemas.RunPartial, why
		} else if err = c.drift(last, &sum); err == nil && sum.State == schemas.RunRefused {
			return sum, c.Sink.Abandon(last, c.info.ID, c.run, sum)
		}
	}
	switch {
	case err == nil && sum.State == schemas.RunComplete:
		done, ferr := c.Sink.Finish(last, c.info.ID, c.run, sum)
		if ferr != nil {
			return done, fmt.Errorf("finish the run over %s: %w", c.info.ID, ferr)
		}
		return done, nil
	case err == nil:
	case errors.Is(err, errSame):
		err = nil
		sum.State, sum.Reason, sum.NotModified = schemas.RunSame, "the source says that nothing changed since its last complete run", 1
	case errors.Is(err, fetch.ErrBlocked):
		sum.State, sum.Reason = schemas.RunBlocked, err.Error()
	case errors.Is(err, errTooMany), errors.Is(err, errEndless):
		sum.State, sum.Reason = schemas.RunPartial, err.Error()
		sum.Drift = append(sum.Drift, err.Error())
		err = nil
	case errors.As(err, &wait):
		sum.State, sum.Reason, sum.Interrupted, sum.NotBefore = schemas.RunPartial, wait.Error()+"; the next run goes on from here", true, wait.Until.UTC()
	case ctx.Err() != nil || errors.Is(err, ErrWindow):
		sum.State, sum.Reason, sum.Interrupted = schemas.RunPartial, "stopped; the next run goes on from here", true
	case sum.Registrants > 0 && !errors.Is(err, ErrLayout):
		// The network or the site, not what the site says: what was read so far need not be read again.
		sum.State, sum.Reason, sum.Interrupted = schemas.RunPartial, err.Error()+"; the next run goes on from here", true
	default:
		sum.State, sum.Reason = schemas.RunFailed, err.Error()
	}
	if sum.Interrupted {
		if cerr := c.checkpoint(last, true); cerr != nil {
			err = errors.Join(err, cerr)
		}
	}
	if aerr := c.Sink.Abandon(last, c.info.ID, c.run, sum); aerr != nil {
		err = errors.Join(err, fmt.Errorf("abandon the run over %s: %w", c.info.ID, aerr))
	}
	return sum, err
}

// summary is a copy of the counts so far.
func (c *Crawl) summary() schemas.RunSummary {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := c.sum
	if c.captured > 0 && c.captured < sum.Registrants {
		// Who was only seen counts as those who were read: shares stay comparable.
		for _, n := range []*int{&sum.WithPhoto, &sum.WithBirth, &sum.WithOffense, &sum.WithoutAddress} {
			*n = min(*n*sum.Registrants/max(c.captured, 1), sum.Registrants)
		}
	}
	sum.Errors = c.errors.counts()
	sum.Photos, sum.Dropped, sum.Leftovers = maps.Clone(sum.Photos), maps.Clone(sum.Dropped), maps.Clone(sum.Leftovers)
	sum.Claimed, sum.Unread = c.pending.claimed(), len(c.unread)
	sum.Drift = append(sum.Drift[:len(sum.Drift):len(sum.Drift)], c.shared()...)
	if c.fetcher != nil {
		sum.Bytes, sum.Asked = c.fetcher.Received(), c.fetcher.Recent()
	}
	return sum
}
