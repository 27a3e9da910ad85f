package scraper

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"lineup/schemas"
	"lineup/scraper/fetch"
)

// end closes the run with the sink, according to its outcome.
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
		sum.State, sum.Reason, sum.Interrupted, sum.NotBefore = schemas.RunPartial, wait.Error()+"; the next run goes on from here", true,
			wait.Until.UTC()
	case ctx.Err() != nil || errors.Is(err, ErrWindow):
		sum.State, sum.Reason, sum.Interrupted = schemas.RunPartial, "stopped; the next run goes on from here", true
	case sum.Registrants > 0 && !errors.Is(err, ErrLayout):
		// The network or the site failed, not the layout: what was read so far need not be read again.
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

// summary returns a copy of the counts so far. Registrants who were only sighted are counted like those who were read,
// so that shares stay comparable.
func (c *Crawl) summary() schemas.RunSummary {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := c.counts()
	if c.captured > 0 && c.captured < sum.Registrants {
		all := func(n int) int { return min(n*sum.Registrants/c.captured, sum.Registrants) }
		for _, n := range []*int{&sum.WithPhoto, &sum.WithBirth, &sum.WithOffense, &sum.WithoutAddress} {
			*n = all(*n)
		}
		for field, n := range sum.Filled {
			sum.Filled[field] = all(n)
		}
	}
	return sum
}

// mark notes that a whole page was read.
func (c *Crawl) mark() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.boundary = boundary{c.counts(), c.captured}
}

// counts is a copy of the counts as they are. c.mu is held.
func (c *Crawl) counts() schemas.RunSummary {
	sum := c.sum
	sum.Errors = c.errors.counts()
	sum.Photos, sum.Dropped, sum.Leftovers = maps.Clone(sum.Photos), maps.Clone(sum.Dropped), maps.Clone(sum.Leftovers)
	sum.Filled = maps.Clone(sum.Filled)
	sum.Claimed, sum.Unread = c.pending.claimed(), len(c.unread)
	sum.Drift = append(sum.Drift[:len(sum.Drift):len(sum.Drift)], c.shared()...)
	if c.fetcher != nil {
		sum.Bytes, sum.Asked = c.fetcher.Received(), c.fetcher.Recent()
	}
	return sum
}

// checkpoint stores the position of the run, not more often than CheckpointEvery unless now is set. As often it looks whether the host
// has asked another process meanwhile to be left alone. Errors: *fetch.WaitError.
func (c *Crawl) checkpoint(ctx context.Context, now bool) error {
	if c.fetcher == nil {
		return nil
	}
	c.mu.Lock()
	wait := !now && c.Now().Sub(c.saved) < cmp.Or(c.CheckpointEvery, checkpointEvery)
	if !wait {
		c.saved = c.Now()
	}
	note := checkpoint{Schema: checkpointSchema, Version: c.info.Version, Items: c.pending.items, Sum: c.boundary.sum,
		Captured: c.boundary.captured,
		Unread:   maps.Clone(c.unread), Asked: c.fetcher.Recent()}
	c.mu.Unlock()
	if wait {
		return nil
	}
	c.pending.mu.Lock()
	note.Parts = maps.Clone(c.pending.parts)
	c.pending.mu.Unlock()
	if c.info.Manners.JoinPages {
		note.Items, note.Parts, note.Unread = nil, nil, nil // the spool dies with the process: start over
	}
	data, err := json.Marshal(note)
	if err == nil && len(data) > maxCheckpoint {
		note.Items, note.Parts, note.Unread = nil, nil, nil
		data, err = json.Marshal(note)
	}
	if err == nil {
		err = c.Sink.Checkpoint(ctx, c.info.ID, c.run, data)
	}
	if err != nil {
		return fmt.Errorf("keep a checkpoint: %w: %w", errSink, err)
	}
	if now {
		return nil
	}
	return c.leftAlone(ctx, time.Time{})
}

// restore continues from a checkpoint; it returns false if there is none that can be used.
func (c *Crawl) restore(data []byte) bool {
	var note checkpoint
	if len(data) == 0 || json.Unmarshal(data, &note) != nil || note.Schema != checkpointSchema {
		return false
	}
	c.Fetcher.Asked = note.Asked
	if !note.Sum.Started.IsZero() {
		c.sum.Started = note.Sum.Started
	}
	if note.Version != c.info.Version || len(note.Items) == 0 {
		return false
	}
	now := c.sum // guards and the operator's reasons come from this process, only counts from the checkpoint
	c.sum, c.captured = note.Sum, note.Captured
	c.sum.Schema, c.sum.Run, c.sum.Source, c.sum.Started, c.sum.DryRun, c.sum.Version = now.Schema, now.Run, now.Source, now.Started,
		now.DryRun, now.Version
	c.sum.MinCount, c.sum.MaxDrop = now.MinCount, now.MaxDrop
	c.sum.AcceptDrop, c.sum.Unblock = cmp.Or(now.AcceptDrop, c.sum.AcceptDrop), cmp.Or(now.Unblock, c.sum.Unblock)
	c.sum.State, c.sum.Ended, c.sum.Errors, c.sum.Drift = schemas.RunRunning, time.Time{}, nil, nil
	for _, m := range []*map[string]int{&c.sum.Photos, &c.sum.Dropped, &c.sum.Leftovers, &c.sum.Filled} {
		if *m == nil {
			*m = map[string]int{}
		}
	}
	for key, r := range note.Unread {
		c.unread[key] = r
	}
	c.pending.items, c.pending.parts = note.Items, note.Parts
	if c.pending.parts == nil {
		c.pending.parts = map[uint64]part{}
	}
	for _, item := range note.Items {
		c.asked[requestHash(item.Request)] = struct{}{}
	}
	c.boundary = boundary{c.sum, c.captured}
	return true
}
