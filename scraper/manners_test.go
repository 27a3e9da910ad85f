package scraper_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"testing"
	"time"

	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/fetch"
	"lineup/scraper/samplesite"
	"lineup/scraper/samplesite/faces"
)

const details = "/SomsSUBDirectory/offenderDetails.jsp"

// What passes in a moment is waited for; nobody is lost and nobody is asked twice as much.
func TestPassingTrouble(t *testing.T) {
	detail := "offenderDetails.jsp?offenderid=10007"
	for name, fault := range map[string]samplesite.Fault{
		"too many requests, with Retry-After": {Kind: samplesite.TooMany, Path: detail, Times: 1},
		"unavailable, with Retry-After":       {Kind: samplesite.Unavailable, Path: "search_index", Times: 1},
		"every page fails for a while":        {Kind: samplesite.ServerError, Path: "Soms", Times: 2},
		"a page is slow":                      {Kind: samplesite.Slow, Path: detail, Times: 1, Delay: time.Minute},
		"robots.txt fails once":               {Kind: samplesite.ServerError, Path: "robots.txt", Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 0)
			b.source.Is.Manners.Timeout = 2 * time.Second
			b.fault(t, fault)
			sum := b.run(t)
			if sum.State != schemas.RunComplete || b.sink.Listed("us-sample") != 44 {
				t.Errorf("%s (%s), %d listed", sum.State, sum.Reason, b.sink.Listed("us-sample"))
			}
			if n := b.site.Requests(details); n > 44+2 {
				t.Errorf("%d requests for 44 pages", n)
			}
		})
	}
}

// A robots.txt that appears, or that cannot be read, ends the run before any page is asked for.
func TestRobotsForbid(t *testing.T) {
	for _, tc := range []struct {
		fault samplesite.Fault
		err   error
		state schemas.RunState
	}{
		{samplesite.Fault{Kind: samplesite.Robots}, fetch.ErrRobots, schemas.RunBlocked},
		{samplesite.Fault{Kind: samplesite.ServerError, Path: "robots.txt"}, fetch.ErrRules, schemas.RunFailed},
	} {
		b := newBench(t, 0)
		b.run(t)
		asked := b.site.Requests("/SomsSUBDirectory/*")
		b.fault(t, tc.fault)
		sum, err := b.crawl().Run(t.Context())
		if !errors.Is(err, tc.err) || sum.State != tc.state || b.sink.Listed("us-sample") != 44 {
			t.Errorf("%s: %s, %v", tc.fault.Kind, sum.State, err)
		}
		if now := b.site.Requests("/SomsSUBDirectory/*"); now != asked {
			t.Errorf("%s: %d pages were asked for", tc.fault.Kind, now-asked)
		}
	}
}

// A site that dies in the middle is left alone after some requests, and read on from there.
func TestDeadSiteIsLeftAlone(t *testing.T) {
	b := newBench(t, 300)
	b.fault(t, samplesite.Fault{Kind: samplesite.ServerError, Path: "offenderDetails.jsp", Skip: 100})
	sum, err := b.crawl().Run(t.Context())
	if !errors.Is(err, fetch.ErrDown) || sum.State != schemas.RunPartial || sum.Delisted != 0 {
		t.Fatalf("dead site: %s (%s), %v", sum.State, sum.Reason, err)
	}
	if n := b.site.Requests(details); n > 100+(10+2*5)*3 {
		t.Errorf("%d requests to a site that answers 100", n)
	}
	b.site.Heal()
	before, taken := b.site.Requests(details), b.sink.Accepted // a page whose photo was under way is read once more
	if sum := b.run(t); sum.State != schemas.RunComplete || b.sink.Listed("us-sample") != 300 {
		t.Fatalf("healed: %s (%s), %d listed", sum.State, sum.Reason, b.sink.Listed("us-sample"))
	}
	if again := b.site.Requests(details) - before; again < 300-taken || again > 300-taken+5 {
		t.Errorf("read %d pages after going on, want %d", again, 300-taken)
	}
}

// Requests of an earlier run count against the hourly quota of the next.
func TestQuotaOutlivesARun(t *testing.T) {
	b := newBench(t, 0)
	b.source.Is.Manners.PerHour = 1000
	b.run(t)
	asked := b.site.Requests("*")
	last, err := b.sink.LastRun(t.Context(), "us-sample")
	if err != nil || len(last.Asked) != asked {
		t.Fatalf("%d requests kept of %d: %v", len(last.Asked), asked, err)
	}
	b.source.Is.Manners.PerHour = asked
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	if _, err := b.crawl().Run(ctx); !errors.Is(err, context.DeadlineExceeded) || b.site.Requests("*") != asked {
		t.Errorf("%d requests over the quota: %v", b.site.Requests("*")-asked, err)
	}
}

// inline is the source with its photos in the pages themselves.
type inline struct{ scraper.Source }

func (s inline) Parse(page scraper.Page) (scraper.Parsed, error) {
	parsed, err := s.Source.Parse(page)
	for _, d := range parsed.Drafts {
		for i := range d.Photos {
			data, rerr := faces.Files.ReadFile(fmt.Sprintf("p%03da.jpg", 1+i))
			if rerr != nil {
				return parsed, rerr
			}
			d.Photos[i].URL = "data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(append(data, d.Record.Key...))
		}
	}
	return parsed, err
}

func TestPhotosInThePage(t *testing.T) {
	b := newBench(t, 0)
	c := b.crawl()
	c.Source = inline{b.source}
	sum, err := c.Run(t.Context())
	if err != nil || sum.Photos["fetched"] != 47 || b.site.Requests("/SomsSUBDirectory/offenderDetailsServletOther") != 0 {
		t.Errorf("photos in pages: %v, %d asked for, %v", sum.Photos, b.site.Requests("/SomsSUBDirectory/offenderDetailsServletOther"), err)
	}
	if n := len(b.sink.Records["10005"].Photos); n != 2 {
		t.Errorf("a registrant with two pictures has %d", n)
	}
}
