package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/temoto/robotstxt"
)

// robotsLife is how long a robots.txt is believed (RFC 9309 §2.4).
const robotsLife = 24 * time.Hour

// robots is one host's robots.txt.
type robots struct {
	mu    sync.Mutex
	read  time.Time
	group *robotstxt.Group
}

// allowed asks the host's robots.txt whether u may be read (RFC 9309): a status 4xx allows
// everything, 5xx and no answer forbid everything. Errors: ErrRobots; when robots.txt cannot be
// read now, what the network says.
func (f *Fetcher) allowed(ctx context.Context, u *url.URL) error {
	origin := u.Scheme + "://" + u.Host
	f.mu.Lock()
	r := f.robots[origin]
	if r == nil {
		r = &robots{}
		f.robots[origin] = r
	}
	f.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.group == nil || time.Since(r.read) > robotsLife {
		if err := f.readRobots(ctx, origin, r); err != nil {
			return fmt.Errorf("%s: %w: %w", u.Host, ErrRules, err)
		}
	}
	if !r.group.Test(u.EscapedPath()) || u.RawQuery != "" && !r.group.Test(u.EscapedPath()+"?"+u.RawQuery) {
		return ErrRobots
	}
	return nil
}

func (f *Fetcher) readRobots(ctx context.Context, origin string, r *robots) error {
	ask := Request{URL: origin + "/robots.txt"}
	status, body := 0, []byte(nil)
	for range maxRedirects + 1 {
		page, location, err := f.once(ctx, ask)
		var failed *StatusError
		switch {
		case errors.As(err, &failed) && failed.Status < 500 && failed.Status != http.StatusTooManyRequests:
			status = http.StatusNotFound
		case errors.Is(err, ErrBlocked) && page.Status >= 400 && page.Status < 500:
			status = http.StatusNotFound // RFC 9309 §2.3.1.3: unavailable is no rule; the pages will say if they refuse
		case err != nil:
			return err
		case location != "":
			to, err := url.Parse(ask.URL)
			if err == nil {
				to, err = to.Parse(location)
			}
			if err == nil {
				to, err = webAddress(to.String())
			}
			if err == nil {
				err = f.mayAsk(to)
			}
			if err != nil {
				return fmt.Errorf("it is said to be elsewhere: %w", err)
			}
			ask.URL = to.String()
			continue
		default:
			status, body = page.Status, page.Body[:min(len(page.Body), 512<<10)]
		}
		break
	}
	if status == 0 {
		status = http.StatusNotFound // RFC 9309 §2.3.1.2: too many redirects are "unavailable"
	}
	data, err := robotstxt.FromStatusAndBytes(status, body)
	if err != nil {
		return fmt.Errorf("read its rules: %w", err)
	}
	r.group, r.read = data.FindGroup("Lineup"), time.Now()
	if r.group.CrawlDelay > 0 {
		f.pace.slower(r.group.CrawlDelay)
	}
	return nil
}
