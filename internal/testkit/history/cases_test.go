package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

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

// TestAListThatMovesUnderTheCrawl: while the pages of a list are read one leaves from its front and one comes at its end, so that
// somebody moves from a page still to be read to one that was read. All but the first are listed all the time; the first was seen in that
// run,
// and goes in the next.
func TestAListThatMovesUnderTheCrawl(t *testing.T) {
	h := open(t)
	m := &machine{house: h, site: &site{id: "us-yx", age: map[string]int{}, faults: map[fault]string{}}}
	m.model = newModel()
	m.add(20)
	for round, want := range []int{0, 0, 1} {
		m.site.asked, m.site.at = 0, 8 // behind the first list page and its people
		if round == 1 {
			m.site.stop = func() { m.leave(m.site.people[0]); m.add(1) }
		}
		c := scraper.Crawl{Source: m.site, Sink: h.door, Resume: true, Fetcher: fetch.Config{Version: "test", Transport: m.site, Tries: 1}}
		sum, err := c.Run(context.Background())
		if m.site.stop = nil; err != nil || sum.State != schemas.RunComplete || sum.Delisted != want {
			t.Errorf("run %d: %s (%s), %d delisted, %v", round, sum.State, sum.Reason, sum.Delisted, err)
		}
		for _, key := range m.site.people {
			l, err := h.ledger.Listing(context.Background(), m.site.id, schemas.RegistrantID(m.site.id, key))
			if err != nil || !l.Listed {
				t.Errorf("run %d: %s is not listed, %v", round, key, err)
			}
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

// TestAResumedRunKeepsItsGuards kills a crawl in the middle of the first page of all, where no page has been counted yet. The run that goes
// on from there is the same one, under the source's floor, and hears what the operator says this time.
func TestAResumedRunKeepsItsGuards(t *testing.T) {
	for _, file := range []bool{true, false} {
		h := open(t)
		m := &machine{house: h, site: &site{id: "us-xw", file: file, floor: 20, age: map[string]int{}, faults: map[fault]string{}}}
		m.model = newModel()
		m.add(20)
		crawl := func(accept string, kill int) (schemas.RunSummary, error) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			c := scraper.Crawl{Source: m.site, Sink: h.door, Resume: true, CheckpointEvery: time.Nanosecond, AcceptDrop: accept,
				Fetcher: fetch.Config{Version: "test", Transport: m.site, Tries: 1}}
			if kill > 0 {
				c.Sink = &mortal{Sink: h.door, left: kill, kill: cancel}
			}
			sum, err := c.Run(ctx)
			if kill > 0 {
				if err := h.ledger.BreakLeases(context.Background()); err != nil {
					t.Fatal(err)
				}
				h.door = h.reopen()
			}
			return sum, err
		}
		if sum, err := crawl("", 0); err != nil || sum.State != schemas.RunComplete {
			t.Fatalf("%s (%s), %v", sum.State, sum.Reason, err)
		}
		m.leave(m.site.people[19])
		killed, _ := crawl("", 4)
		again, _ := crawl("", 3)
		sum, err := crawl("", 0)
		if err != nil || sum.Run != killed.Run || again.Run != killed.Run || sum.Source != m.site.id || sum.Started.IsZero() ||
			sum.State != schemas.RunRefused || sum.Delisted != 0 {
			t.Errorf("a file: %t. Killed as %q, resumed as %q of %q, begun %s: %s (%s), %d delisted, %v", file, killed.Run, sum.Run,
				sum.Source, sum.Started, sum.State, sum.Reason, sum.Delisted, err)
		}
		m.site.floor = 1
		m.leave(slices.Clone(m.site.people[14:])...) // before the kill: a file's rows are read side by side, so any of them may be seen by then
		if _, err = crawl("", 4); err == nil {
			t.Error("nothing was killed")
		}
		if sum, err = crawl("they moved", 0); err != nil || sum.State != schemas.RunComplete || sum.Delisted != 6 {
			t.Errorf("a file: %t. With the operator's word: %s (%s), %d delisted, %v", file, sum.State, sum.Reason, sum.Delisted, err)
		}
	}
}

// TestAHostIsLeftAloneByAllItsSources has one source of a host asked to wait for two hours: another at the same host is not asked
// before, and after that both are.
func TestAHostIsLeftAloneByAllItsSources(t *testing.T) {
	h := open(t)
	crawl := func(id, beside string, now time.Time, faults map[fault]string) (*site, schemas.RunSummary, error) {
		m := &machine{house: h, site: &site{id: id, age: map[string]int{}, faults: faults}}
		m.add(3)
		c := scraper.Crawl{Source: m.site, Sink: h.door, Resume: true, Beside: []string{beside}, Now: func() time.Time { return now },
			Fetcher: fetch.Config{Version: "test", Transport: m.site, Tries: 1}}
		sum, err := c.Run(context.Background())
		return m.site, sum, err
	}
	now := time.Now()
	if _, sum, err := crawl("us-xu", "us-xv", now, map[fault]string{wait: ""}); err == nil || sum.NotBefore.IsZero() {
		t.Fatalf("%s, until %s, %v", sum.State, sum.NotBefore, err)
	}
	for _, tc := range []struct {
		later time.Duration
		asked bool
	}{{time.Hour, false}, {3 * time.Hour, true}} {
		asked := (*fetch.WaitError)(nil)
		s, sum, err := crawl("us-xv", "us-xu", now.Add(tc.later), nil)
		if tc.asked != (s.asked > 0) || tc.asked == errors.As(err, &asked) {
			t.Errorf("after %s: %d requests, %s, %v", tc.later, s.asked, sum.State, err)
		}
	}
}

// TestACrawlUnderWayHearsOfItsHost has another process, which reads another source of the host, be asked to wait while this one crawls: it
// ends, and asks no more than was on its way.
func TestACrawlUnderWayHearsOfItsHost(t *testing.T) {
	h := open(t)
	crawl := func(id, beside string, s *site) (schemas.RunSummary, error) {
		m := &machine{house: h, site: s}
		s.id, s.age = id, map[string]int{}
		m.add(20)
		c := scraper.Crawl{Source: s, Sink: h.door, Resume: true, Beside: []string{beside}, CheckpointEvery: time.Nanosecond,
			Fetcher: fetch.Config{Version: "test", Transport: s, Tries: 1}}
		return c.Run(context.Background())
	}
	var other schemas.RunSummary
	s := &site{at: 6}
	s.stop = func() {
		var err error
		if other, err = crawl("us-xr", "us-xs", &site{faults: map[fault]string{wait: ""}}); err == nil || other.NotBefore.IsZero() {
			t.Errorf("the other: %s, until %s, %v", other.State, other.NotBefore, err)
		}
	}
	sum, err := crawl("us-xs", "us-xr", s)
	asked := (*fetch.WaitError)(nil)
	if !errors.As(err, &asked) || !sum.NotBefore.Equal(other.NotBefore) || !sum.Interrupted || s.asked > s.at+4 {
		t.Errorf("%s (%s), until %s, after %d requests, %v; the other until %s", sum.State, sum.Reason, sum.NotBefore, s.asked, err,
			other.NotBefore)
	}
}
