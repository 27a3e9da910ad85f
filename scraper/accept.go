package scraper

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"

	"lineup/schemas"
)

// acceptDrafts takes in the registrants of a list page or file; how many it gave one by one.
func (c *Crawl) acceptDrafts(ctx context.Context, page Page, parsed Parsed) (int, error) {
	for _, same := range byKey(parsed.Drafts) {
		var pages []schemas.CapturedPage
		for _, d := range same {
			pages = append(pages, evidence(page, d))
		}
		if err := c.take(ctx, join(same), pages); err != nil {
			return 0, err
		}
	}
	rows := 0
	if parsed.Rows == nil {
		return 0, nil
	}
	for d, err := range parsed.Rows {
		if err != nil {
			c.errors.add(err)
			return rows, err
		}
		rows++
		if err := c.take(ctx, d, []schemas.CapturedPage{evidence(page, d)}); err != nil {
			return rows, err
		}
	}
	return rows, nil
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

// take accepts a registrant of a list page, or puts it aside where parts may still follow.
func (c *Crawl) take(ctx context.Context, d Draft, pages []schemas.CapturedPage) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if c.info.Manners.JoinPages {
		return c.spool.add(d, pages)
	}
	c.mu.Lock()
	_, twice := c.seen[keyHash(d.Record.Key)]
	if twice {
		c.sum.Dropped["listed twice"]++
	}
	c.mu.Unlock()
	if twice {
		return nil
	}
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
		if capture.Photos, err = c.takePhotos(ctx, d, listing); err != nil {
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
			{len(capture.Photos) > 0 && (capture.Photos[0].Data != nil || capture.Photos[0].Unchanged != ""), &c.sum.WithPhoto},
			{!capture.Record.Birth.IsZero() || capture.Record.Age.Years > 0, &c.sum.WithBirth},
			{len(capture.Record.Offenses) > 0, &c.sum.WithOffense},
		} {
			if has.it {
				*has.count++
			} else if len(c.without[i]) < driftSample {
				c.without[i] = append(c.without[i], key)
			}
		}
		if !capture.Record.Placed() {
			c.sum.WithoutAddress++
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

// join makes one draft of the parts of one registrant: lists are joined without repeats, single
// values are taken from the first part that has them.
func join(parts []Draft) Draft {
	whole := parts[0]
	for _, part := range parts[1:] {
		into, from := reflect.ValueOf(&whole.Record).Elem(), reflect.ValueOf(part.Record)
		// Photos go together with their requests, below.
		photos := whole.Record.Photos
		for i := range into.NumField() {
			joinValue(into.Field(i), from.Field(i))
		}
		whole.Record.Photos = photos
		for i, p := range part.Record.Photos {
			known := false
			for _, q := range whole.Record.Photos {
				known = known || q.URL == p.URL
			}
			if !known {
				whole.Record.Photos = append(whole.Record.Photos[:len(whole.Record.Photos):len(whole.Record.Photos)], p)
				whole.Photos = append(whole.Photos[:len(whole.Photos):len(whole.Photos)], part.Photos[i])
			}
		}
	}
	return whole
}

func joinValue(into, from reflect.Value) {
	if into.Kind() != reflect.Slice {
		if into.IsZero() {
			into.Set(from)
		}
		return
	}
	for i := range from.Len() {
		known := false
		for k := range into.Len() {
			known = known || reflect.DeepEqual(into.Index(k).Interface(), from.Index(i).Interface())
		}
		if !known {
			into.Set(reflect.Append(into.Slice3(0, into.Len(), into.Len()), from.Index(i)))
		}
	}
}

// stored is the head of a stored page: with the body after it, it can be parsed again.
type stored struct {
	Rule        string            `json:"rule"`
	Carry       map[string]string `json:"carry,omitempty"`
	Status      int               `json:"status"`
	ContentType string            `json:"contentType,omitempty"`
	Registrant  string            `json:"registrant"`
}

// evidence is what is kept of page for d: one line of JSON, then the bytes.
func evidence(page Page, d Draft) schemas.CapturedPage {
	head, _ := json.Marshal(stored{Rule: page.Request.Rule, Carry: page.Request.Carry, Status: page.Status,
		ContentType: page.Header.Get("Content-Type"), Registrant: d.Record.Key}) // strings and numbers always encode
	return schemas.CapturedPage{URL: page.URL, Data: append(append(head, '\n'), d.Evidence...), Read: page.Read}
}

// StoredPage makes a page of what evidence kept, for Parse.
func StoredPage(url string, data []byte) (Page, error) {
	line, body, ok := bytes.Cut(data, []byte("\n"))
	var head stored
	if !ok {
		return Page{}, errors.New("stored page without a head")
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return Page{}, fmt.Errorf("head of a stored page: %w", err)
	}
	page := Page{Request: Request{Rule: head.Rule, URL: url, Carry: head.Carry, Registrant: head.Registrant}, URL: url, Status: head.Status,
		Body: body, Header: map[string][]string{}}
	if head.ContentType != "" {
		page.Header.Set("Content-Type", head.ContentType)
	}
	return page, nil
}

// spool keeps drafts on disk until all parts of a registrant can be there: in memory stands
// only where each begins.
type spool struct {
	file  *os.File
	w     *bufio.Writer
	at    int64
	parts map[string][]int64
	order []string
}

// maxSpool bounds what a crawl puts aside on disk, in bytes.
const maxSpool = 16 << 30

// spooled is one part on disk.
type spooled struct {
	Draft Draft                  `json:"draft"`
	Pages []schemas.CapturedPage `json:"pages"`
}

func (s *spool) add(d Draft, pages []schemas.CapturedPage) error {
	if s.file == nil {
		f, err := os.CreateTemp("", "lineup-spool-*")
		if err != nil {
			return fmt.Errorf("make a spool: %w: %w", errSink, err)
		}
		s.file, s.w, s.parts = f, bufio.NewWriterSize(f, 1<<20), map[string][]int64{}
	}
	data, err := json.Marshal(spooled{d, pages})
	if err == nil {
		_, err = s.w.Write(append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write the spool: %w: %w", errSink, err)
	}
	if s.at > maxSpool {
		return fmt.Errorf("%w: over %d bytes of parts of registrants", errEndless, int64(maxSpool))
	}
	key := d.Record.Key
	if s.parts[key] == nil {
		s.order = append(s.order, key)
	}
	s.parts[key] = append(s.parts[key], s.at)
	s.at += int64(len(data)) + 1
	return nil
}

// get reads the parts of key back.
func (s *spool) get(key string) ([]Draft, []schemas.CapturedPage, error) {
	var drafts []Draft
	var pages []schemas.CapturedPage
	for _, at := range s.parts[key] {
		var one spooled
		if err := json.NewDecoder(io.NewSectionReader(s.file, at, s.at-at)).Decode(&one); err != nil {
			return nil, nil, fmt.Errorf("read the spool: %w: %w", errSink, err)
		}
		drafts, pages = append(drafts, one.Draft), append(pages, one.Pages...)
	}
	return drafts, pages, nil
}

func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
		os.Remove(s.file.Name())
		*s = spool{}
	}
}

// acceptSpool accepts what was put aside, once every list has been read.
func (c *Crawl) acceptSpool(ctx context.Context) error {
	if c.spool.file == nil {
		return nil
	}
	if err := c.spool.w.Flush(); err != nil {
		return fmt.Errorf("write the spool: %w: %w", errSink, err)
	}
	for _, key := range c.spool.order {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		drafts, pages, err := c.spool.get(key)
		if err != nil {
			return err
		}
		listing, known, err := c.known(ctx, key)
		if err != nil {
			return err
		}
		if known && listing.Run == c.run {
			if err := c.note(ctx, key, nil); err != nil {
				return err
			}
			continue
		}
		if err := c.accept(ctx, join(drafts), pages, listing); err != nil {
			return err
		}
	}
	return nil
}
