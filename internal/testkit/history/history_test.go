package history

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"pgregory.net/rapid"

	"lineup/ingest"
	"lineup/ingest/blob/disk"
	"lineup/ingest/broker"
	"lineup/ingest/ledger"
	"lineup/ingest/queue"
	"lineup/internal/testkit/loopback"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/fetch"
)

var histories = flag.Int("histories", 30, "how many random histories are tried: 30 take about a minute")

// TestMain lets no test beyond this machine.
func TestMain(m *testing.M) {
	flag.Parse()
	for name, value := range map[string]string{"rapid.checks": strconv.Itoa(*histories), "rapid.steps": "25"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	loopback.Only()
	os.Exit(m.Run())
}

// house is the stores under a crawl. Killing the process that crawls leaves them.
type house struct {
	door   *ingest.Ingester
	ledger *ledger.Ledger
	reopen func() *ingest.Ingester
}

func open(t *testing.T) *house {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	log := slog.New(slog.DiscardHandler)
	b, err := broker.Start(t.TempDir(), log)
	must(err)
	t.Cleanup(b.Close)
	nc, err := b.Connect()
	must(err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	must(err)
	l, err := ledger.Open(t.Context(), js, 1)
	must(err)
	q, err := queue.Open(t.Context(), js, 1)
	must(err)
	blobs, err := disk.Open(t.TempDir())
	must(err)
	t.Cleanup(func() { blobs.Close() })
	h := &house{ledger: l, reopen: func() *ingest.Ingester { return ingest.New(blobs, l, q, log) }}
	h.door = h.reopen()
	return h
}

// errDead is what a killed process hears of its stores.
var errDead = errors.New("killed")

// mortal is a sink whose process is killed after some calls: nothing it does afterwards is done.
type mortal struct {
	scraper.Sink
	left int
	kill func()
}

func (m *mortal) dead() bool {
	if m.left--; m.left == 0 {
		m.kill()
	}
	return m.left <= 0
}

func (m *mortal) Accept(ctx context.Context, run string, c schemas.Capture) (schemas.Outcome, error) {
	if m.dead() {
		return "", errDead
	}
	return m.Sink.Accept(ctx, run, c)
}

func (m *mortal) Sight(ctx context.Context, source, run, key string) error {
	if m.dead() {
		return errDead
	}
	return m.Sink.Sight(ctx, source, run, key)
}

func (m *mortal) Checkpoint(ctx context.Context, source, run string, data []byte) error {
	if m.dead() {
		return errDead
	}
	return m.Sink.Checkpoint(ctx, source, run, data)
}

func (m *mortal) Finish(ctx context.Context, source, run string, s schemas.RunSummary) (schemas.RunSummary, error) {
	if m.dead() {
		return s, errDead
	}
	return m.Sink.Finish(ctx, source, run, s)
}

func (m *mortal) Abandon(ctx context.Context, source, run string, s schemas.RunSummary) error {
	if m.dead() {
		return errDead
	}
	return m.Sink.Abandon(ctx, source, run, s)
}

// model says who must be listed. It knows what the site has shown, and which runs say that they were complete.
type model struct {
	kept     map[string]bool // listed by the site ever since the ledger listed them: never to be delisted
	absent   map[string]int  // left by the site: complete runs that began since
	believed map[string]bool // listed when the last complete run ended; nil before the first
}

// machine is one history.
type machine struct {
	*house
	site  *site
	model model
	next  int    // number of the next registrant
	begun string // the run that is under way or interrupted
}

// listed are the keys that the ledger lists.
func (m *machine) listed(t *rapid.T) map[string]bool {
	keys := map[string]bool{}
	for l, err := range m.ledger.Each(context.Background(), m.site.id) {
		if err != nil {
			t.Fatal(err)
		}
		if l.Listed {
			keys[l.Key] = true
		}
	}
	return keys
}

func (m *machine) add(n int) {
	for range n {
		m.site.people = append(m.site.people, fmt.Sprintf("P%04d", m.next))
		m.next++
	}
}

// leave takes people off the site's list.
func (m *machine) leave(keys ...string) {
	for _, key := range keys {
		m.site.people = slices.DeleteFunc(m.site.people, func(other string) bool { return other == key })
		delete(m.model.kept, key)
		m.model.absent[key] = 0
	}
}

// crawl reads the site once, as c says, and holds what it did to the model.
func (m *machine) crawl(ctx context.Context, t *rapid.T, c *scraper.Crawl) {
	before := m.listed(t)
	c.Source, c.Resume, c.CheckpointEvery = m.site, true, time.Nanosecond
	c.Fetcher = fetch.Config{Version: "test", Transport: m.site, Tries: 1, Backoff: time.Nanosecond}
	if c.Sink == nil {
		c.Sink = m.door
	}
	sum, err := c.Run(ctx)
	now := m.listed(t)
	t.Logf("%s (%s) %v: %d on the site, %d listed, %d delisted, %d unread", sum.State, sum.Reason, err, len(m.site.people), len(now),
		sum.Delisted, sum.Unread)
	if c.DryRun {
		if !maps.Equal(before, now) {
			t.Fatalf("a dry run changed who is listed")
		}
		return
	}
	for key := range m.model.kept {
		if !now[key] {
			t.Fatalf("%s was delisted, and the site has listed them all the time", key)
		}
	}
	gone := 0
	for key := range m.model.believed {
		if before[key] && !now[key] {
			gone++
		}
	}
	if few := max(3, len(m.model.believed)/10); c.AcceptDrop == "" && gone > few {
		t.Fatalf("%d of %d were delisted and no human was asked", gone, len(m.model.believed))
	}
	fresh := sum.Run != m.begun // it did not begin before this crawl
	m.begun = sum.Run
	if err == nil && sum.State == schemas.RunComplete {
		for key := range m.model.absent {
			if fresh {
				m.model.absent[key]++
			}
			if now[key] && m.model.absent[key] >= 2 {
				t.Fatalf("%s is listed still, and was gone from two complete views", key)
			}
		}
		m.model.believed = now
	}
	for _, key := range m.site.people {
		if now[key] {
			m.model.kept[key] = true
		}
	}
}

// word is what an operator says, or nothing.
func word(t *rapid.T, what string) string {
	if rapid.IntRange(0, 3).Draw(t, what) == 0 {
		return what
	}
	return ""
}

// TestHistories lets a site, its faults, crashes and operators do what they like, and holds what becomes of people to the
// model: nobody whom the site lists all the time is delisted, nobody stays who was gone from two complete views, and no
// run delists many without a human's word.
func TestHistories(t *testing.T) {
	h := open(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		m := &machine{house: h, site: &site{id: fmt.Sprintf("us-zz%d", n), age: map[string]int{}, faults: map[fault]string{}},
			model: model{kept: map[string]bool{}, absent: map[string]int{}}}
		m.add(rapid.IntRange(1, 25).Draw(t, "people"))
		t.Repeat(m.actions())
	})
}

func (m *machine) actions() map[string]func(*rapid.T) {
	someone := func(t *rapid.T) string {
		if len(m.site.people) == 0 {
			t.Skip("nobody")
		}
		return rapid.SampledFrom(m.site.people).Draw(t, "who")
	}
	crawl := func(t *rapid.T) {
		m.crawl(context.Background(), t, &scraper.Crawl{AcceptDrop: word(t, "accept"), Unblock: word(t, "unblock")})
	}
	return map[string]func(*rapid.T){
		"crawl":           crawl,
		"crawl once more": crawl,
		"crawl, all is well": func(t *rapid.T) {
			clear(m.site.faults)
			m.crawl(context.Background(), t, &scraper.Crawl{Unblock: "unblock"})
		},
		"dry run": func(t *rapid.T) {
			m.crawl(context.Background(), t, &scraper.Crawl{DryRun: true, Sink: scraper.NewDryRun(m.door)})
		},
		"crawl, stopped": func(t *rapid.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			m.site.asked, m.site.at, m.site.stop = 0, rapid.IntRange(2, 60).Draw(t, "request"), cancel
			m.crawl(ctx, t, &scraper.Crawl{Unblock: "unblock"})
			m.site.stop = nil
		},
		"crawl, killed": func(t *rapid.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			m.crawl(ctx, t, &scraper.Crawl{Unblock: "unblock", Sink: &mortal{m.door, rapid.IntRange(1, 60).Draw(t, "calls"), cancel}})
			if err := m.ledger.BreakLeases(context.Background()); err != nil { // as they run out
				t.Fatal(err)
			}
			m.door = m.reopen()
		},
		"some come":  func(t *rapid.T) { m.add(rapid.IntRange(1, 4).Draw(t, "how many")) },
		"many come":  func(t *rapid.T) { m.add(rapid.IntRange(10, 40).Draw(t, "how many")) },
		"one leaves": func(t *rapid.T) { m.leave(someone(t)) },
		"one leaves from the front, one comes": func(t *rapid.T) {
			someone(t)
			m.leave(m.site.people[0])
			m.add(1)
		},
		"all get new numbers": func(t *rapid.T) {
			n := len(m.site.people)
			m.leave(slices.Clone(m.site.people)...)
			m.add(n)
		},
		"one changes":     func(t *rapid.T) { m.site.age[someone(t)]++ },
		"the order turns": func(t *rapid.T) { slices.Reverse(m.site.people) },
		"something breaks": func(t *rapid.T) {
			f := rapid.SampledFrom(everyFault).Draw(t, "fault")
			m.site.faults[f] = someone(t)
			if f == listFails {
				m.site.faults[f] = fmt.Sprint(rapid.IntRange(0, (len(m.site.people)-1)/perPage).Draw(t, "page"))
			}
		},
		"something is mended": func(t *rapid.T) {
			if len(m.site.faults) > 0 {
				delete(m.site.faults, rapid.SampledFrom(slices.Sorted(maps.Keys(m.site.faults))).Draw(t, "fault"))
			}
		},
	}
}
