package scraper

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"golang.org/x/sync/errgroup"

	"lineup/internal/tracing"
	"lineup/schemas"
)

// accepting is how many registrants of a list page or file are accepted at once. Each spends most of its time waiting
// for disks and brokers, which confirm several writes in hardly more time than one.
const accepting = 16

// several runs the functions that work yields, some of them concurrently, and returns when all have ended. After an
// error it starts no more, and waits for those that are running. A dry run waits for no disk, so it runs them one by
// one, in the order of the site.
func (c *Crawl) several(ctx context.Context, work iter.Seq2[func() error, error]) error {
	group, going := errgroup.WithContext(ctx)
	group.SetLimit(accepting)
	if c.DryRun {
		group.SetLimit(1)
	}
	for do, err := range work {
		if err != nil {
			return errors.Join(err, group.Wait())
		}
		if going.Err() != nil {
			break
		}
		group.Go(do)
	}
	err := group.Wait()
	if ctx.Err() != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	return err
}

// acceptDrafts accepts the registrants of a list page or file. It returns how many the page yielded one by one.
func (c *Crawl) acceptDrafts(ctx context.Context, page Page, parsed Parsed) (rows int, err error) {
	err = c.several(ctx, func(yield func(func() error, error) bool) {
		for _, same := range byKey(parsed.Drafts) {
			var pages []schemas.CapturedPage
			for _, d := range same {
				pages = append(pages, evidence(page, d))
			}
			if !yield(c.take(ctx, join(same), pages)) {
				return
			}
		}
		if parsed.Rows == nil {
			return
		}
		for d, err := range parsed.Rows {
			if err != nil {
				c.errors.add(err)
				yield(nil, err)
				return
			}
			rows++
			row, span := tracing.Root(ctx, "row", tracing.Source(c.info.ID)) // a trace of its own, since a file may have a million rows
			do, err := c.take(row, d, []schemas.CapturedPage{evidence(page, d)})
			whole := func() error {
				err := do()
				span.End(err)
				return err
			}
			if !yield(whole, err) {
				return
			}
		}
	})
	return rows, err
}

// byKey puts drafts of one registrant together, in the order of first appearance.
func byKey(drafts []Draft) [][]Draft {
	at := make(map[string]int, len(drafts))
	var out [][]Draft
	for _, d := range drafts {
		i, ok := at[d.Record.Key]
		if !ok {
			i = len(out)
			at[d.Record.Key] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], d)
	}
	return out
}

// take returns the function that accepts a registrant of a list page, after claiming their key, or puts them aside if
// further parts may follow.
func (c *Crawl) take(ctx context.Context, d Draft, pages []schemas.CapturedPage) (accept func() error, err error) {
	if c.info.Manners.JoinPages {
		return done, c.spool.add(d, pages)
	}
	key := keyHash(d.Record.Key)
	c.mu.Lock()
	_, twice := c.seen[key]
	_, under := c.taking[key]
	if twice || under {
		c.sum.Dropped["listed twice"]++
	} else {
		c.taking[key] = struct{}{}
	}
	c.mu.Unlock()
	if twice || under {
		return done, nil
	}
	return func() error {
		defer func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			delete(c.taking, key)
		}()
		return c.acceptOnce(ctx, d, pages)
	}, nil
}

// done is returned for registrants who were put aside or dropped: nothing is left to do.
func done() error { return nil }

// acceptOnce accepts a registrant whom this run has not accepted yet.
func (c *Crawl) acceptOnce(ctx context.Context, d Draft, pages []schemas.CapturedPage) error {
	listing, known, err := c.known(ctx, d.Record.Key)
	if err != nil {
		return err
	}
	if known && listing.Run == c.run {
		return c.note(ctx, d.Record.Key, nil)
	}
	return c.accept(ctx, d, pages, listing)
}

// accept fetches the draft's photos as needed and brings the capture to the sink.
func (c *Crawl) accept(ctx context.Context, d Draft, pages []schemas.CapturedPage, listing schemas.Listing) error {
	if c.info.Policy.NoCoords {
		for i := range d.Record.Addresses {
			d.Record.Addresses[i].Lat, d.Record.Addresses[i].Lon = nil, nil
		}
	}
	if !listing.Listed {
		listing = schemas.Listing{}
	}
	capture := schemas.Capture{Record: d.Record, Pages: pages, Read: c.Now().UTC()}
	if c.info.Policy.KeepPages < 0 {
		capture.Pages = nil
	}
	var err error
	for again := range 2 {
		fetching, span := tracing.Start(ctx, "photos")
		capture.Photos, err = c.takePhotos(fetching, d, listing)
		span.End(err)
		if err != nil {
			return err
		}
		var outcome schemas.Outcome
		outcome, err = c.Sink.Accept(ctx, c.run, capture)
		if err == nil {
			c.outcome(outcome)
			return c.note(ctx, d.Record.Key, &capture)
		}
		if again == 0 && errors.Is(err, schemas.ErrPhotoNeeded) {
			listing.Photos = nil // fetch them all
			continue
		}
		break
	}
	return fmt.Errorf("%w: %w", errSink, err)
}

func (c *Crawl) outcome(o schemas.Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch o {
	case schemas.OutcomeNew:
		c.sum.New++
	case schemas.OutcomeChanged:
		c.sum.Changed++
	case schemas.OutcomeUnchanged:
		c.sum.Unchanged++
	case schemas.OutcomeReturned:
		c.sum.Returned++
	case schemas.OutcomeRefused:
		c.sum.Refused++
	}
}

// note counts a registrant as read, or as only seen when capture is nil.
func (c *Crawl) note(ctx context.Context, key string, capture *schemas.Capture) error {
	c.mu.Lock()
	if _, ok := c.seen[keyHash(key)]; !ok {
		c.seen[keyHash(key)] = struct{}{}
		c.sum.Registrants++
	}
	if capture != nil {
		c.captured++
		for i, has := range []struct {
			it    bool
			count *int
		}{
			{hasPhoto(capture), &c.sum.WithPhoto},
			{!capture.Record.Birth.IsZero() || capture.Record.Age.Years > 0, &c.sum.WithBirth},
			{len(capture.Record.Offenses) > 0, &c.sum.WithOffense},
		} {
			if has.it {
				*has.count++
			} else {
				c.without[i] = foremost(c.without[i], key)
			}
		}
		if !capture.Record.Placed() {
			c.sum.WithoutAddress++
		}
		for _, field := range capture.Record.Filled() {
			c.sum.Filled[field]++
		}
		if hasPhoto(capture) {
			c.sum.Filled["photo"]++
		}
	}
	progress := Progress{Source: c.info.ID, Run: c.run, Started: c.sum.Started, Registrants: c.sum.Registrants, Pages: c.sum.Pages,
		Photos: c.sum.Photos["fetched"]}
	c.mu.Unlock()
	if c.Progress != nil {
		progress.Claimed, progress.Bytes = c.pending.claimed(), c.fetcher.Received()
		c.Progress(progress)
	}
	return c.checkpoint(ctx, false)
}

// acceptSpool accepts what was put aside, once every list has been read.
func (c *Crawl) acceptSpool(ctx context.Context) error {
	if c.spool.file == nil {
		return nil
	}
	if err := c.spool.w.Flush(); err != nil {
		return fmt.Errorf("write the spool: %w: %w", errSink, err)
	}
	return c.several(ctx, func(yield func(func() error, error) bool) {
		for _, key := range c.spool.order {
			drafts, pages, err := c.spool.get(key)
			if !yield(func() error { return c.acceptOnce(ctx, join(drafts), pages) }, err) {
				return
			}
		}
	})
}

// hasPhoto reports whether a capture brings its registrant's current photo, or says that it is the one stored.
func hasPhoto(c *schemas.Capture) bool {
	return len(c.Photos) > 0 && (c.Photos[0].Data != nil || c.Photos[0].Unchanged != "")
}
