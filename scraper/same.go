package scraper

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// errSame says that the source's one file has not changed since the last complete run.
var errSame = errors.New("not modified")

// sameFor is how long a file that does not change is believed to list the same people without
// being read again.
const sameFor = 7 * 24 * time.Hour

// onlyIfChanged makes the one request of a source that is one file ask on the condition that it
// changed since the last complete run of the same definition.
func (c *Crawl) onlyIfChanged(ctx context.Context, start []Request) []Request {
	if len(start) != 1 || c.DryRun {
		return start
	}
	last, err := c.Sink.LastComplete(ctx, c.info.ID)
	if err != nil || last.Version != c.info.Version || c.Now().Sub(last.Ended) > sameFor {
		return start
	}
	r := start[0]
	r.Header = r.Header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if last.ETag != "" {
		r.Header.Set("If-None-Match", last.ETag)
	}
	if last.LastModified != "" {
		r.Header.Set("If-Modified-Since", last.LastModified)
	}
	return []Request{r}
}

// validators keeps what a later onlyIfChanged needs: only a run of one page is one file.
func (c *Crawl) validators(r Request, page Page) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sum.ETag, c.sum.LastModified = "", ""
	if c.sum.Pages == 0 && (r.Method == "" || r.Method == http.MethodGet) {
		c.sum.ETag, c.sum.LastModified = page.Header.Get("ETag"), page.Header.Get("Last-Modified")
	}
}
