package scraper

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"lineup/schemas"
)

// A run loses two kinds of things. An unlisted part is a page of the source's list that could not be read: nobody knows
// whom it names, so the run is partial and delists nobody. An unread registrant is named by a list, but their own page
// fails or does not name them: they stay as last read, and a complete run may have a few of them.

const (
	maxUnread   = 100 // registrants that may fail before a run ends; more where a source is larger
	maxUnlisted = 20  // list pages that may fail before a run ends
	layoutsLost = 10  // registrants' pages in a row without their marker: the site has changed
)

// lose notes that the registrant of key could not be read. r asks for their page once more at the end of the run;
// without a URL there is none. Errors: errTooMany, and ErrLayout once no page is as it should be.
func (c *Crawl) lose(key string, r Request, why error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unread[key] = r
	if errors.Is(why, ErrLayout) {
		c.layouts++
	}
	switch {
	case c.layouts >= layoutsLost:
		return fmt.Errorf("%d registrants' pages in a row: %w", c.layouts, why)
	case len(c.unread) >= max(maxUnread, schemas.Unreadable(c.sum.Registrants)):
		return fmt.Errorf("%w: %d registrants, the last: %w", errTooMany, len(c.unread), why)
	}
	return nil
}

// loseRows notes rows that do not fit: where one may speak of somebody who is listed, they could not be read. One that may speak of
// nobody who is known counts among parsed.Misfits: somebody is listed there, and nobody knows who.
func (c *Crawl) loseRows(ctx context.Context, parsed *Parsed) error {
	for _, keys := range parsed.Perhaps {
		whose := false
		for _, key := range keys {
			_, known, err := c.known(ctx, key)
			if err == nil && known {
				whose, err = true, c.lose(key, Request{}, errUnnamed)
			}
			if err != nil {
				return err
			}
		}
		if !whose {
			parsed.Misfits++
		}
	}
	return nil
}

// found notes that a page was as it should be.
func (c *Crawl) found() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.layouts = 0
}

// settle asks once more for the pages of those who could not be read, and sights who still cannot: a list names them, so
// they are listed. Errors: what ends the run.
func (c *Crawl) settle(ctx context.Context) error {
	c.mu.Lock()
	unread := c.unread
	c.unread, c.layouts = map[string]Request{}, 0
	c.mu.Unlock()
	lost := map[string]Request{}
	for _, key := range slices.Sorted(maps.Keys(unread)) {
		r := unread[key]
		if _, ok := c.seen[keyHash(key)]; ok {
			continue // read meanwhile, from another page
		}
		if r.URL == "" {
			lost[key] = r
			continue
		}
		if err := c.readOne(ctx, r, key, true); err != nil {
			c.mu.Lock()
			maps.Copy(c.unread, unread) // as it was: a later run goes on with them
			c.mu.Unlock()
			return err
		}
		if again, ok := c.unread[key]; ok {
			lost[key] = again
		}
	}
	c.unread = lost
	for key := range lost {
		_, known, err := c.known(ctx, key)
		if err != nil {
			return err
		}
		if known {
			if err := c.sight(ctx, key, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// skipList notes that a list page could not be read, by its step and why, and goes on with the others. Errors: err where
// nothing is left to go on with, errTooMany.
func (c *Crawl) skipList(item listItem, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending.items) == 1 && c.sum.Registrants == 0 {
		return err
	}
	c.sum.Unlisted = append(c.sum.Unlisted, fmt.Sprintf("a page of step %s: %s", item.Request.Rule, errorClass(err)))
	if len(c.sum.Unlisted) >= maxUnlisted {
		return fmt.Errorf("%w: %d list pages, the last: %w", errTooMany, len(c.sum.Unlisted), err)
	}
	return nil
}

// incomplete says why a run that ended well did not read everything, "" when it did.
func (c *Crawl) incomplete() string {
	if n := len(c.sum.Unlisted); n > 0 {
		return fmt.Sprintf("%d parts of the list could not be read", n)
	}
	if n := len(c.unread); n > schemas.Unreadable(c.sum.Registrants) {
		return fmt.Sprintf("%d registrants could not be read, at most %d may be", n, schemas.Unreadable(c.sum.Registrants))
	}
	return c.pending.short()
}

// Bounds of a list that does not end by itself.
const (
	growth       = 3       // times the registrants of the last complete run
	smallList    = 500     // is never too long
	firstGrowth  = 20      // times the floor, in a first run
	firstAtLeast = 200_000 // entries
)

// longest is how many entries the source's lists may have before the run ends.
func (c *Crawl) longest(ctx context.Context) (int, error) {
	last, err := c.lastComplete(ctx)
	switch {
	case err != nil:
		return 0, err
	case last.Registrants > 0:
		return max(growth*last.Registrants, smallList), nil
	}
	return max(firstGrowth*c.info.Guards.MinCount, firstAtLeast), nil
}
