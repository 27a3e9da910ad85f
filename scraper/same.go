package scraper

import (
	"context"
	"net/http"
	"time"
)

// sameFor is how long a file that does not change is believed to list the same people without
// being read again.
const sameFor = 7 * 24 * time.Hour

// onlyIfChanged makes the request of a source that is a single file conditional: it is answered only if the file has
// changed since the last complete run with the same definition.
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

// validators keeps the headers that a later onlyIfChanged needs. Only a run of one page is a single file.
func (c *Crawl) validators(r Request, page Page) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sum.ETag, c.sum.LastModified = "", ""
	if c.sum.Pages == 0 && (r.Method == "" || r.Method == http.MethodGet) {
		c.sum.ETag, c.sum.LastModified = page.Header.Get("ETag"), page.Header.Get("Last-Modified")
	}
}
