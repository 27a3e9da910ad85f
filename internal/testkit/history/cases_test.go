package history

import (
	"context"
	"fmt"
	"testing"

	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/fetch"
)

// TestOneFaultAtATime crawls twenty people while all is well, then with one fault, then with all well again. They are
// listed all the time, so nobody is ever delisted, and the last run is complete.
func TestOneFaultAtATime(t *testing.T) {
	h := open(t)
	for i, tc := range []struct {
		fault  fault
		at     string
		state  schemas.RunState
		unread int
	}{
		{pageFails, "P0007", schemas.RunComplete, 1},
		{pageMissing, "P0007", schemas.RunComplete, 1},
		{pageBlank, "P0003", schemas.RunComplete, 1},
		{pageOther, "P0003", schemas.RunComplete, 1},
		{photoNo, "P0005", schemas.RunComplete, 0},
		{twice, "P0005", schemas.RunComplete, 0},
		{listFails, "2", schemas.RunPartial, 0},
		{wait, "", schemas.RunPartial, 0},
	} {
		m := &machine{house: h, site: &site{id: fmt.Sprintf("us-yy%d", i), age: map[string]int{}, faults: map[fault]string{}}}
		m.add(20)
		run := func() schemas.RunSummary {
			c := scraper.Crawl{Source: m.site, Sink: h.door, Resume: true, Unblock: "looked",
				Fetcher: fetch.Config{Version: "test", Transport: m.site, Tries: 1}}
			sum, err := c.Run(context.Background())
			if err != nil && tc.fault != wait {
				t.Errorf("%s: %v", tc.fault, err)
			}
			return sum
		}
		run()
		m.site.faults[tc.fault] = tc.at
		if sum := run(); sum.State != tc.state || sum.Unread != tc.unread || sum.Delisted != 0 {
			t.Errorf("%s: %s (%s), %d unread, %d delisted", tc.fault, sum.State, sum.Reason, sum.Unread, sum.Delisted)
		}
		clear(m.site.faults)
		if sum := run(); sum.State != schemas.RunComplete || sum.Registrants != 20 || sum.Delisted != 0 || sum.Unread != 0 {
			t.Errorf("after %s: %s (%s), %d registrants, %d delisted", tc.fault, sum.State, sum.Reason, sum.Registrants, sum.Delisted)
		}
	}
}

// TestTwentyReplacedByTwoHundred holds that the drop is one of the twenty who were listed before, run after run.
func TestTwentyReplacedByTwoHundred(t *testing.T) {
	h := open(t)
	m := &machine{house: h, site: &site{id: "us-xx", age: map[string]int{}, faults: map[fault]string{}}}
	run := func() schemas.RunSummary {
		c := scraper.Crawl{Source: m.site, Sink: h.door, Resume: true, Fetcher: fetch.Config{Version: "test", Transport: m.site, Tries: 1}}
		sum, err := c.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	m.add(20)
	run()
	m.site.people = nil
	m.add(200)
	for range 2 {
		if sum := run(); sum.State != schemas.RunRefused || sum.Delisted != 0 {
			t.Errorf("%s (%s), %d delisted", sum.State, sum.Reason, sum.Delisted)
		}
	}
}
