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
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lineup/ingest"
	"lineup/ingest/ledger"
	"lineup/internal/testkit/loopback"
	"lineup/internal/testkit/stores"
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
	ahead  time.Duration // of the real time: weeks pass by adding to it
}

// now is the clock of the crawl and of the ingester. It goes on by itself, so no two runs begin at one time.
func (h *house) now() time.Time { return time.Now().Add(h.ahead) }

const (
	day         = 24 * time.Hour
	keepRecords = 30*day + day/2 // how long a record is kept that was not read again
	keepPages   = 10*day + day/2
	refresh     = 20*day + day/2 // how long a rolling source's record is believed before it is read again
)

func open(t *testing.T) *house {
	t.Helper()
	s, log := stores.Open(t), slog.New(slog.DiscardHandler)
	h := &house{ledger: s.Ledger}
	h.reopen = func() *ingest.Ingester { return ingest.New(s.Blobs, s.Ledger, s.Queue, log).At(h.now) }
	h.door = h.reopen()
	return h
}

// behind returns when the ledger has taken in what a process had on its way to it when it was killed: a write of its own, which no
// other call with this key makes at the same time, comes behind that.
func (h *house) behind(key string) error {
	const source = "us-behind"
	_, err := h.ledger.Update(context.Background(), source, schemas.RegistrantID(source, key), func(s *schemas.Listing) error {
		s.Key, s.Revision, s.Changed = key, s.Revision+1, h.now()
		return nil
	})
	return err
}

// errDead is what a killed process hears of its stores.
var errDead = errors.New("killed")

// mortal is a sink whose process is killed after some calls: nothing it does afterwards is done.
type mortal struct {
	scraper.Sink
	left int
	kill func()
	mu   sync.Mutex // guards left: a crawl calls from several goroutines
}

func (m *mortal) dead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
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

// witness is a sink that notes when each registrant was read and stored.
type witness struct {
	scraper.Sink
	m *machine
}

func (w *witness) Accept(ctx context.Context, run string, c schemas.Capture) (schemas.Outcome, error) {
	outcome, err := w.Sink.Accept(ctx, run, c)
	if err != nil {
		if err := w.m.behind(c.Record.Key); err != nil {
			return outcome, err
		}
	}
	// A process may be killed behind the listing and before the job: then it was stored, whatever the error.
	l, lerr := w.m.ledger.Listing(context.WithoutCancel(ctx), c.Record.Source, schemas.RegistrantID(c.Record.Source, c.Record.Key))
	if err == nil || lerr == nil && l.Listed && l.Run == run {
		w.m.reading.Lock()
		defer w.m.reading.Unlock()
		w.m.model.read[c.Record.Key] = w.m.now()
	}
	return outcome, err
}

// model says who must be listed. It knows what the site has shown, and which runs say that they were complete.
type model struct {
	kept     map[string]bool      // listed by the site ever since the ledger listed them: never to be delisted
	absent   map[string]int       // left by the site: complete runs that began since
	believed map[string]bool      // listed when the last complete run ended; nil before the first
	read     map[string]time.Time // when each was last read and stored
}

func newModel() model {
	return model{kept: map[string]bool{}, absent: map[string]int{}, read: map[string]time.Time{}}
}

// machine is one history.
type machine struct {
	*house
	site  *site
	model model
	next  int       // number of the next registrant
	begun string    // the run that is under way or interrupted
	ran   time.Time // when a crawl last went on with it

	reading  sync.Mutex // guards model.read: a crawl accepts several at once
	agencies []*machine // whose files are read by one definition, under keys that are equal
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
	c.Source, c.Resume, c.CheckpointEvery, c.Now = m.site, true, time.Nanosecond, m.now
	c.Fetcher = fetch.Config{Version: "test", Transport: m.site, Tries: 1, Backoff: time.Nanosecond}
	if c.Sink == nil {
		c.Sink = m.sink()
	}
	others := map[*machine]map[string]bool{}
	for _, other := range m.agencies {
		if other != m {
			others[other] = other.listed(t)
		}
	}
	began := m.now()
	sum, err := c.Run(ctx)
	if err := m.behind("a run"); err != nil {
		t.Fatal(err)
	}
	now := m.listed(t)
	for other, were := range others {
		if !maps.Equal(were, other.listed(t)) {
			t.Fatalf("a run over %s changed who is listed of %s", m.site.id, other.site.id)
		}
	}
	t.Logf("%s %s (%s) %v: %d on the site, %d listed, %d delisted, %d unread", sum.Run, sum.State, sum.Reason, err,
		len(m.site.people), len(now),
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
	if gone > 0 && len(now) < m.site.floor {
		t.Fatalf("%d listed after %d were delisted, and the source's floor is %d", len(now), gone, m.site.floor)
	}
	if sum.Run != "" && sum.Source != m.site.id || sum.Run == "" && sum.State != "" {
		t.Fatalf("a summary of run %q over %q: %s", sum.Run, sum.Source, sum.State)
	}
	fresh := sum.Run != m.begun // it did not begin before this crawl
	if sum.Run != "" {          // else the site was not asked, and an interrupted run may go on later
		if idle := began.Sub(m.ran); !fresh && idle > ingest.Resumable {
			t.Fatalf("run %s goes on after %s", sum.Run, idle)
		}
		m.begun, m.ran = sum.Run, m.now()
	}
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
		if fresh && m.site.stop == nil {
			m.upToDate(t, now)
		}
	}
	for _, key := range m.site.people {
		if now[key] {
			m.model.kept[key] = true
		}
	}
}

// sink is where a crawl of this process brings what it reads.
func (m *machine) sink() scraper.Sink { return &witness{Sink: m.door, m: m} }

// upToDate holds that a complete run has brought everybody of the site whose own page or row is well, and left nobody as they
// were for longer than the source is refreshed.
func (m *machine) upToDate(t *rapid.T, now map[string]bool) {
	broken := slices.Collect(maps.Values(m.site.faults))
	for _, key := range m.site.people {
		if slices.Contains(broken, key) {
			continue
		}
		if !now[key] {
			t.Fatalf("%s is on the site, and a complete run has not listed them", key)
		}
		if old := m.now().Sub(m.model.read[key]); m.site.rolling && old > refresh {
			t.Fatalf("%s was last read %s ago, and a complete run has passed", key, old)
		}
	}
}

// retain applies the retention time, and holds that it takes those whose record was not read again in time, and nobody else.
func (m *machine) retain(t *rapid.T) {
	before := m.listed(t)
	done, err := m.door.Retain(context.Background(), m.site.id, ingest.Keep{Records: keepRecords, Pages: keepPages})
	if err != nil {
		t.Fatal(err)
	}
	now := m.listed(t)
	t.Logf("retention: %d of %d delisted, %d pages", done.Delisted, len(before), done.Pages)
	if done.Delisted != len(before)-len(now) {
		t.Fatalf("retention tells of %d who went, and %d did", done.Delisted, len(before)-len(now))
	}
	for key := range before {
		old := m.now().Sub(m.model.read[key])
		if over := old > keepRecords; now[key] == over {
			t.Fatalf("%s was last read %s ago, and is listed after retention: %t", key, old, now[key])
		} else if over {
			delete(m.model.kept, key)
		}
	}
	if len(now) > len(before) {
		t.Fatalf("retention listed somebody")
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
// model: nobody whom the site lists all the time is delisted unless their record was not read in its retention time, nobody stays
// who was gone from two complete views or beyond that time, and no run delists many without a human's word.
func TestHistories(t *testing.T) {
	h := open(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		m := &machine{house: h, site: &site{id: fmt.Sprintf("us-zz%d", n), age: map[string]int{}, faults: map[fault]string{}},
			model: newModel()}
		m.site.file, m.site.rolling = rapid.Bool().Draw(t, "is a file"), rapid.Bool().Draw(t, "is rolling")
		m.site.floor = rapid.IntRange(0, 12).Draw(t, "floor")
		m.add(rapid.IntRange(1, 25).Draw(t, "people"))
		for _, name := range []string{"first", "second.example"} {
			id, err := schemas.AgencySource(fmt.Sprintf("import-zz%d", n), name)
			if err != nil {
				t.Fatal(err)
			}
			agency := &machine{house: h, site: &site{id: id, age: map[string]int{}, faults: map[fault]string{}},
				model: newModel()}
			agency.add(rapid.IntRange(1, 15).Draw(t, "people of the agency "+name))
			m.agencies = append(m.agencies, agency)
		}
		for _, agency := range m.agencies {
			agency.agencies = append([]*machine{m}, m.agencies...)
		}
		t.Repeat(m.actions())
	})
}

func (m *machine) actions() map[string]func(*rapid.T) {
	// with does something with one of the site's people, nothing where there is nobody.
	with := func(do func(t *rapid.T, key string)) func(*rapid.T) {
		return func(t *rapid.T) {
			if len(m.site.people) > 0 {
				do(t, rapid.SampledFrom(m.site.people).Draw(t, "who"))
			}
		}
	}
	crawl := func(t *rapid.T) {
		m.crawl(context.Background(), t, &scraper.Crawl{AcceptDrop: word(t, "accept"), Unblock: word(t, "unblock")})
	}
	well := func(t *rapid.T) {
		clear(m.site.faults)
		m.crawl(context.Background(), t, &scraper.Crawl{Unblock: "unblock"})
	}
	pass := func(t *rapid.T) { m.ahead += time.Duration(rapid.IntRange(1, 25).Draw(t, "days")) * day }
	return map[string]func(*rapid.T){
		"crawl":              crawl,
		"crawl once more":    crawl,
		"crawl, all is well": well,
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
		"crawl, and meanwhile one leaves from the front, one comes": with(func(t *rapid.T, _ string) {
			m.site.asked, m.site.at = 0, rapid.IntRange(2, 60).Draw(t, "request")
			m.site.stop = func() { m.leave(m.site.people[0]); m.add(1) }
			m.crawl(context.Background(), t, &scraper.Crawl{Unblock: "unblock"})
			m.site.stop = nil
		}),
		"crawl, killed": func(t *rapid.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			killed := &mortal{Sink: m.sink(), left: rapid.IntRange(1, 60).Draw(t, "calls"), kill: cancel}
			m.crawl(ctx, t, &scraper.Crawl{Unblock: "unblock", Sink: killed})
			if err := m.ledger.BreakLeases(context.Background()); err != nil { // as they run out
				t.Fatal(err)
			}
			m.door = m.reopen()
		},
		"an agency hands over its files": func(t *rapid.T) {
			agency := rapid.SampledFrom(m.agencies).Draw(t, "agency")
			agency.door = m.door // the process that runs now
			switch people := agency.site.people; rapid.IntRange(0, 3).Draw(t, "what became of its people") {
			case 0:
				agency.add(rapid.IntRange(1, 20).Draw(t, "how many come"))
			case 1:
				agency.leave(slices.Clone(people[:rapid.IntRange(0, len(people)).Draw(t, "how many leave")])...)
			}
			agency.crawl(context.Background(), t, &scraper.Crawl{AcceptDrop: word(t, "accept")})
		},
		"some come":  func(t *rapid.T) { m.add(rapid.IntRange(1, 4).Draw(t, "how many")) },
		"many come":  func(t *rapid.T) { m.add(rapid.IntRange(10, 40).Draw(t, "how many")) },
		"one leaves": with(func(_ *rapid.T, key string) { m.leave(key) }),
		"one leaves from the front, one comes": with(func(*rapid.T, string) {
			m.leave(m.site.people[0])
			m.add(1)
		}),
		"all get new numbers": func(t *rapid.T) {
			n := len(m.site.people)
			m.leave(slices.Clone(m.site.people)...)
			m.add(n)
		},
		"days pass":              pass,
		"days pass, retention":   func(t *rapid.T) { pass(t); m.retain(t) },
		"weeks pass, all well":   func(t *rapid.T) { pass(t); well(t); pass(t); well(t); m.retain(t) },
		"one changes":            with(func(_ *rapid.T, key string) { m.site.age[key]++ }),
		"the definition changes": func(*rapid.T) { m.site.version++ },
		"the order turns":        func(t *rapid.T) { slices.Reverse(m.site.people) },
		"something breaks": with(func(t *rapid.T, key string) {
			f := rapid.SampledFrom(faultsOf[m.site.file]).Draw(t, "fault")
			if m.site.faults[f] = key; f == listFails {
				m.site.faults[f] = fmt.Sprint(rapid.IntRange(0, (len(m.site.people)-1)/perPage).Draw(t, "page"))
			}
		}),
		"something is mended": func(t *rapid.T) {
			if len(m.site.faults) > 0 {
				delete(m.site.faults, rapid.SampledFrom(slices.Sorted(maps.Keys(m.site.faults))).Draw(t, "fault"))
			}
		},
	}
}
