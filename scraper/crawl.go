package scraper

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"lineup/internal/tracing"
	"lineup/schemas"
	"lineup/scraper/fetch"
)

// Progress is how far a crawl is.
type Progress struct {
	Source      string
	Run         string
	Started     time.Time
	Registrants int // read so far
	Claimed     int // what the source says it has so far; 0 when it says nothing
	Pages       int
	Photos      int
	Bytes       int64
}

// Left estimates the time to the end from the rate so far; 0 when nothing can be said.
func (p Progress) Left(now time.Time) time.Duration {
	if p.Registrants == 0 || p.Claimed <= p.Registrants {
		return 0
	}
	return time.Duration(float64(now.Sub(p.Started)) / float64(p.Registrants) * float64(p.Claimed-p.Registrants))
}

// Crawl reads one source once. Its fields are settings; Run may be called once.
type Crawl struct {
	Source     Source
	Sink       Sink
	Fetcher    fetch.Config // Manners are filled from the source
	Permission *schemas.Permission
	TermsRead  *Word    // who read the terms, where that is asked
	Checked    *Word    // who held an unverified definition against the site
	Resume     bool     // go on with an interrupted run if there is one
	AcceptDrop string   // a human's reason to delist beyond the source's maximum drop
	Unblock    string   // a human's reason to ask a site that refused the last run
	Beside     []string // ids of the other sources at the same host: one that asks to be left alone is left alone by all
	DryRun     bool     // the summary says so; give a DryRun as Sink
	Progress   func(Progress)
	Logger     *slog.Logger
	Now        func() time.Time // nil is time.Now

	CheckpointEvery time.Duration // shortest time between two checkpoints; 0 is 10 s

	fetcher *fetch.Fetcher
	info    Info
	run     string
	errors  *errorBook
	pending *pending
	spool   *spool
	asking  chan struct{} // holds one for each photo that is being asked for
	most    int           // entries that the source's lists may have

	mu       sync.Mutex // guards the following
	sum      schemas.RunSummary
	seen     map[uint64]struct{}    // keys read in this run
	taking   map[uint64]struct{}    // keys of those who are being accepted from a list page
	asked    map[uint64]struct{}    // requests made in this run
	photos   map[schemas.Digest]int // people who have it
	captured int                    // captures accepted by this process
	unread   map[string]Request     // by key: registrants that a list names and that could not be read yet
	refused  map[string]int         // photos refused in a row, by host
	layouts  int                    // registrants' pages in a row without their marker
	without  [3][]string            // keys of some without a photo, a birth date, an offense
	saved    time.Time

	boundary boundary // what a checkpoint keeps
}

// Run crawls the source to its end and returns what it did. The summary's State says if a run could not be finished;
// the error is for what the operator must fix. Errors: ErrPermission, and fetch.ErrBlocked if the last run was
// refused, both before anything is requested; schemas.ErrLeased, fetch.ErrBlocked, ErrLayout, ErrWindow,
// fetch.ErrRules, fetch.ErrDown, *fetch.WaitError, and errors of the sink or the network.
func (c *Crawl) Run(ctx context.Context) (schemas.RunSummary, error) {
	if err := c.Permitted(); err != nil {
		return schemas.RunSummary{}, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if err := c.inWindow(); err != nil {
		return schemas.RunSummary{}, err
	}
	if err := c.stillBlocked(ctx); err != nil {
		return schemas.RunSummary{}, err
	}
	most, err := c.longest(ctx)
	if err != nil {
		return schemas.RunSummary{}, err
	}
	start, err := c.Source.Start()
	if err != nil {
		return schemas.RunSummary{}, fmt.Errorf("start %s: %w", c.info.ID, err)
	}
	run, note, err := c.Sink.Begin(ctx, c.info.ID, c.Resume)
	if err != nil {
		return schemas.RunSummary{}, fmt.Errorf("begin a run over %s: %w", c.info.ID, err)
	}
	c.begin(run)
	c.most = most
	defer c.spool.close()
	resumed := c.restore(note)
	if err := c.quota(ctx); err != nil {
		return c.end(ctx, err)
	}
	c.Fetcher.Hosts, c.Fetcher.Local = c.info.Hosts, c.info.Local
	if c.info.Hosts == nil {
		for _, r := range start {
			if u, err := url.Parse(r.URL); err == nil {
				c.Fetcher.Hosts = append(c.Fetcher.Hosts, u.Host)
			}
		}
	}
	c.Fetcher.Manners, c.Fetcher.Refusals, c.Fetcher.Logger = c.info.Manners.Manners, c.info.Blocked, c.Logger
	if c.fetcher, err = fetch.New(c.Fetcher); err == nil {
		defer c.fetcher.Close()
		if !resumed {
			c.pending.start(c.onlyIfChanged(ctx, start))
		}
		err = c.walk(ctx)
		if resumed && err != nil && ctx.Err() == nil && (errors.Is(err, ErrLayout) || !ends(err)) {
			// Pages of an old session may no longer work, so go through the lists again. Registrants accepted before are
			// skipped.
			c.Logger.Info("crawl starts over", "source", c.info.ID, "reason", err)
			c.forget()
			c.pending.start(start)
			err = c.walk(ctx)
		}
		if err == nil {
			err = c.secondLook(ctx, start, resumed)
		}
		if err == nil {
			err = c.settle(ctx)
		}
	}
	return c.end(ctx, err)
}

func (c *Crawl) begin(run string) {
	c.run = run
	c.pending = &pending{}
	c.errors = newErrorBook()
	c.spool = &spool{}
	c.asking = make(chan struct{}, c.atOnce())
	c.photos, c.refused = map[schemas.Digest]int{}, map[string]int{}
	c.sum = schemas.RunSummary{Schema: 1, Run: run, Source: c.info.ID, Started: c.Now().UTC(), State: schemas.RunRunning, DryRun: c.DryRun,
		Version:  c.info.Version,
		MinCount: c.info.Guards.MinCount, MaxDrop: c.info.Guards.MaxDrop, AcceptDrop: c.AcceptDrop, Unblock: c.Unblock}
	c.saved = c.Now()
	c.forget()
	c.boundary = boundary{sum: c.sum}
}

// forget resets the run as if nothing had been read. What the sink has stored stays.
func (c *Crawl) forget() {
	c.seen, c.taking, c.asked = map[uint64]struct{}{}, map[uint64]struct{}{}, map[uint64]struct{}{}
	sum := c.sum
	c.sum = schemas.RunSummary{Schema: sum.Schema, Run: sum.Run, Source: sum.Source, Started: sum.Started, State: sum.State,
		DryRun: sum.DryRun, Version: sum.Version,
		MinCount: sum.MinCount, MaxDrop: sum.MaxDrop, AcceptDrop: sum.AcceptDrop, Unblock: sum.Unblock, Pages: sum.Pages, Fetched: sum.Fetched,
		Photos: map[string]int{}, Dropped: map[string]int{}, Errors: map[string]int{}, Leftovers: map[string]int{}, Filled: map[string]int{}}
	c.unread, c.layouts, c.captured = map[string]Request{}, 0, 0
	*c.pending = pending{}
}

// secondLook goes through the lists once more if they may have changed while their pages were read: somebody may have
// moved from a page still to be read to one already read. Registrants' own pages are not requested again.
func (c *Crawl) secondLook(ctx context.Context, start []Request, resumed bool) error {
	again := resumed || c.pending.moved()
	if !again && c.pending.pages > 1 && len(c.sum.Unlisted) == 0 {
		var err error
		if again, err = c.misses(ctx); err != nil {
			return err
		}
	}
	if !again {
		return nil
	}
	c.lookAgain(start)
	return c.walk(ctx)
}

// misses reports whether anybody is listed whom this run's lists did not name: they left, or were missed between two pages.
func (c *Crawl) misses(ctx context.Context) (bool, error) {
	for listing, err := range c.Sink.Listings(ctx, c.info.ID) {
		if errors.Is(err, schemas.ErrNewerSchema) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("%w: %w", errSink, err)
		}
		_, read := c.seen[keyHash(listing.Key)]
		_, unread := c.unread[listing.Key]
		if listing.Listed && !read && !unread {
			return true, nil
		}
	}
	return false, nil
}

// lookAgain makes the lists due once more, and keeps what was read of registrants.
func (c *Crawl) lookAgain(start []Request) {
	c.seen, c.asked = map[uint64]struct{}{}, map[uint64]struct{}{}
	c.sum.Registrants, c.sum.Dropped = 0, map[string]int{}
	c.spool.close()
	c.pending.start(start)
}

// walk reads pending list pages until there are none, and everything each leads to.
func (c *Crawl) walk(ctx context.Context) error {
	for {
		item, ok := c.pending.top()
		if !ok {
			return c.acceptSpool(ctx)
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := c.inWindow(); err != nil {
			return err
		}
		more, err := c.readList(ctx, item)
		if err != nil && !ends(err) && !errors.Is(err, ErrLayout) && !errors.Is(err, errSame) && ctx.Err() == nil {
			more, err = nil, c.skipList(item, err)
		}
		if err != nil {
			return err
		}
		if c.pending.done(more); len(c.pending.items) > maxPending {
			return fmt.Errorf("%w: over %d list pages wait", errEndless, maxPending)
		}
		c.mark()
		if err := c.checkpoint(ctx, false); err != nil {
			return err
		}
	}
}

// readList reads one page that is not a single registrant's, accepts all it gives and leads to,
// and returns the further list pages.
func (c *Crawl) readList(ctx context.Context, item listItem) (_ []listItem, err error) {
	ctx, span := tracing.Root(ctx, "page", tracing.Source(c.info.ID), tracing.Step(item.Request.Rule))
	defer func() { span.End(err) }()
	parsed, page, err := c.read(ctx, item.Request)
	if err != nil {
		return nil, fmt.Errorf("read a page of step %q: %w", item.Request.Rule, err)
	}
	rows, err := c.acceptDrafts(ctx, page, parsed)
	if err != nil {
		return nil, err
	}
	var lists []listItem
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(c.atOnce())
	for _, next := range parsed.Next {
		if !c.first(next) {
			continue
		}
		if key := registrantOf(next); key != "" {
			if inner.Err() != nil {
				break
			}
			group.Go(func() error { return c.readOne(inner, next, key, false) })
			continue
		}
		part := item.Part
		if next.Rule != item.Request.Rule {
			part = requestHash(next)
		}
		lists = append(lists, listItem{Request: next, Part: part})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := c.loseRows(ctx, &parsed); err != nil {
		return nil, err
	}
	if parsed.Misfits > 0 {
		c.mu.Lock()
		c.sum.Unlisted = append(c.sum.Unlisted, fmt.Sprintf("%d rows of step %s that do not fit the header", parsed.Misfits, page.Request.Rule))
		c.mu.Unlock()
	}
	if parsed.CutOff {
		c.mu.Lock()
		c.sum.Unlisted = append(c.sum.Unlisted, fmt.Sprintf("an answer of step %s that the site cut off", page.Request.Rule))
		c.mu.Unlock()
	}
	for _, key := range parsed.Unnamed {
		if err := c.lose(key, Request{}, errUnnamed); err != nil {
			return nil, err
		}
	}
	if named := c.pending.count(item.Part, parsed, rows); len(lists) > 0 && named > c.most {
		return nil, fmt.Errorf("%w: %d entries, at most %d are believed", errEndless, named, c.most)
	}
	return lists, nil
}

// atOnce is how many registrants, or photos, of the site are read at once: one is accepted while the others wait for the site.
func (c *Crawl) atOnce() int { return max(c.info.Manners.Concurrency, 1) + 1 }

// registrantOf is the key of the one registrant the answer to r speaks of, "" for a list.
func registrantOf(r Request) string {
	if r.Registrant != "" {
		return r.Registrant
	}
	return r.Carry["key"]
}

// first notes r as asked and reports whether it was not before.
func (c *Crawl) first(r Request) bool {
	h := requestHash(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.asked[h]; ok {
		return false
	}
	c.asked[h] = struct{}{}
	return true
}

// fetch asks the site for r.
func (c *Crawl) fetch(ctx context.Context, r Request) (Page, error) {
	got, err := c.fetcher.Fetch(ctx, fetch.Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: r.Body, Told: r.Told})
	if foreign := (*fetch.HostError)(nil); errors.As(err, &foreign) {
		c.leftover(r.Rule+": address of a host that the definition does not name (hosts:)", foreign.Host)
	}
	for _, at := range r.Earlier {
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		got, err = c.fetcher.Fetch(ctx, fetch.Request{Method: r.Method, URL: at, Header: r.Header, Body: r.Body})
	}
	return Page{Request: r, URL: got.URL, Status: got.Status, Header: got.Header, Body: got.Body, Read: got.Read}, err
}

// maxLeftovers is how many kinds of values that no rule reads a summary names.
const maxLeftovers = 200

// leftover counts a value that no rule reads.
func (c *Crawl) leftover(where, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if name = where + " " + name; len(c.sum.Leftovers) < maxLeftovers || c.sum.Leftovers[name] > 0 {
		c.sum.Leftovers[name]++
	}
}

// read fetches and parses one page.
func (c *Crawl) read(ctx context.Context, r Request) (Parsed, Page, error) {
	fetching, span := tracing.Start(ctx, "fetch", tracing.Step(r.Rule))
	page, err := c.fetch(fetching, r)
	span.Set(tracing.Status(page.Status))
	span.End(err)
	if err != nil {
		c.errors.add(err)
		return Parsed{}, page, err
	}
	if page.Status == http.StatusNotModified {
		return Parsed{}, page, errSame
	}
	page.Read = c.Now().UTC()
	c.validators(r, page)
	_, span = tracing.Start(ctx, "parse", tracing.Step(r.Rule))
	parsed, err := c.Source.Parse(page)
	span.End(err)
	c.mu.Lock()
	c.sum.Pages++
	c.sum.Fetched++
	for name, n := range parsed.Dropped {
		c.sum.Dropped[name] += n
	}
	c.mu.Unlock()
	for _, l := range parsed.Leftover {
		c.leftover(l.Where, l.Name)
	}
	if err != nil {
		c.errors.add(err)
	}
	return parsed, page, err
}

// readOne reads everything about one registrant and accepts it. If they need not be read now, it sights them; if they
// could not be read, it notes that. With again, it also reads registrants who were sighted in this run.
func (c *Crawl) readOne(ctx context.Context, r Request, key string, again bool) (err error) {
	ctx, span := tracing.Root(ctx, "page", tracing.Source(c.info.ID), tracing.Step(r.Rule))
	defer func() { span.End(err) }()
	if err := c.inWindow(); err != nil {
		return err
	}
	listing, known, err := c.known(ctx, key)
	if err != nil {
		return err
	}
	if known && listing.Run == c.run && !again {
		return c.note(ctx, key, nil) // accepted before the run was interrupted
	}
	if known && !c.due(listing, r) {
		return c.sight(ctx, key, true)
	}
	drafts, evidence, unnamed, err := c.gather(ctx, r)
	switch {
	case err != nil && ends(err), ctx.Err() != nil:
		return errors.Join(err, context.Cause(ctx))
	case err != nil:
		c.Logger.Warn("registrant not read", "source", c.info.ID, "registrant", schemas.RegistrantID(c.info.ID, key), "error", err)
		return c.lose(key, r, err)
	case len(drafts) == 0 && unnamed:
		return c.lose(key, r, errUnnamed)
	case len(drafts) == 0:
		return nil // left out by a rule
	}
	c.found()
	return c.accept(ctx, join(drafts), evidence, listing)
}

// gather reads r and the pages it leads to, all of one registrant. unnamed says that a page does not name them.
func (c *Crawl) gather(ctx context.Context, r Request) (drafts []Draft, pages []schemas.CapturedPage, unnamed bool, err error) {
	asked := map[uint64]bool{requestHash(r): true}
	for todo := []Request{r}; len(todo) > 0; {
		parsed, page, err := c.read(ctx, todo[0])
		if err != nil {
			return nil, nil, false, err
		}
		unnamed = unnamed || len(parsed.Unnamed) > 0
		for _, d := range parsed.Drafts {
			drafts, pages = append(drafts, d), append(pages, evidence(page, d))
		}
		todo = todo[1:]
		for _, next := range parsed.Next {
			if h := requestHash(next); !asked[h] {
				asked[h] = true
				todo = append(todo, next)
			}
		}
		if len(pages) > maxPages {
			return nil, nil, false, fmt.Errorf("more than %d pages about one registrant: %w", maxPages, ErrLayout)
		}
	}
	return drafts, pages, unnamed, nil
}

// maxPages bounds how many pages one registrant may have.
const maxPages = 100

func (c *Crawl) known(ctx context.Context, key string) (schemas.Listing, bool, error) {
	s, err := c.Sink.Known(ctx, c.info.ID, key)
	if errors.Is(err, fs.ErrNotExist) {
		return schemas.Listing{}, false, nil
	}
	if err != nil {
		return s, false, fmt.Errorf("%w: %w", errSink, err)
	}
	return s, s.Listed, nil
}

// due reports whether a rolling source's registrant is to be read again: its page is older than
// three quarters of the refresh time, or the list says it changed since.
func (c *Crawl) due(s schemas.Listing, r Request) bool {
	if c.info.Manners.Refresh == 0 || c.Now().Sub(s.Sighted) > c.info.Manners.Refresh*3/4 {
		return true
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if at, err := time.Parse(layout, r.Modified); err == nil {
			return !at.Before(s.Sighted.Truncate(24 * time.Hour))
		}
	}
	return false
}

func (c *Crawl) sight(ctx context.Context, key string, fresh bool) error {
	if err := c.Sink.Sight(ctx, c.info.ID, c.run, key); err != nil {
		return fmt.Errorf("%w: %w", errSink, err)
	}
	if fresh {
		c.mu.Lock()
		c.sum.NotModified++
		c.mu.Unlock()
	}
	return c.note(ctx, key, nil)
}
