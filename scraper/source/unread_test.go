package source_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"lineup/internal/testkit/scrapertest"
	"lineup/schemas"
	"lineup/scraper/definition/read"
	"lineup/scraper/source"
)

// TestAFewUnreadOverHTTP: of fifty people three whose pages fail are kept, and the run still delists who left; with four it is
// partial and delists nobody.
func TestAFewUnreadOverHTTP(t *testing.T) {
	site := &nebraska{people: numbered("P", 50), asked: map[string]int{}}
	m := newMocked(t, "us-ne", site)
	if sum, err := m.crawl(t); err != nil || sum.State != schemas.RunComplete || sum.New != 50 {
		t.Fatalf("%+v, %v", sum, err)
	}
	site.people = site.people[:49] // one leaves
	site.broken = []string{"P0001", "P0002", "P0003", "P0004"}
	if sum, err := m.crawl(t); err != nil || sum.State != schemas.RunPartial || sum.Unread != 4 || sum.Delisted != 0 ||
		m.sink.Listed("us-ne") != 50 {
		t.Errorf("four unread: %s (%s), %d unread, %d delisted, %d listed, %v", sum.State, sum.Reason, sum.Unread, sum.Delisted,
			m.sink.Listed("us-ne"), err)
	}
	site.broken = site.broken[:3]
	if sum, err := m.crawl(t); err != nil || sum.State != schemas.RunComplete || sum.Unread != 3 || sum.Delisted != 1 ||
		m.sink.Listed("us-ne") != 49 {
		t.Errorf("three unread: %s (%s), %d unread, %d delisted, %d listed, %v", sum.State, sum.Reason, sum.Unread, sum.Delisted,
			m.sink.Listed("us-ne"), err)
	}
}

// TestUnreadOutlivesAnInterruption: who could not be read is still to be read when an interrupted run goes on, though no list names them
// any more: they are kept and counted in that run.
func TestUnreadOutlivesAnInterruption(t *testing.T) {
	site := &nebraska{people: numbered("P", 30), asked: map[string]int{}}
	m := newMocked(t, "us-ne", site)
	if sum, err := m.crawl(t); err != nil || sum.State != schemas.RunComplete {
		t.Fatalf("%+v, %v", sum, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	site.broken = []string{seventh}
	site.onPage = func(id string) {
		if id == "P0020" { // of the second page
			stop()
		}
	}
	first, err := m.crawlUntil(ctx)
	if err == nil || !first.Interrupted || first.Unread != 1 {
		t.Fatalf("interrupted: %+v, %v", first, err)
	}
	site.onPage = nil
	site.people = slices.DeleteFunc(site.people, func(id string) bool { return id == seventh })
	sum, err := m.crawl(t)
	if err != nil || sum.Run != first.Run || sum.State != schemas.RunComplete || sum.Unread != 1 || sum.Delisted != 0 ||
		m.sink.Listed("us-ne") != 30 {
		t.Errorf("gone on: %s (%s), %d unread, %d delisted, %d listed, %v", sum.State, sum.Reason, sum.Unread, sum.Delisted,
			m.sink.Listed("us-ne"), err)
	}
	if sum, err := m.crawl(t); err != nil || sum.State != schemas.RunComplete || sum.Delisted != 1 {
		t.Errorf("the run after: %s (%s), %d delisted, %v", sum.State, sum.Reason, sum.Delisted, err)
	}
}

// TestAFirstListThatMoves: in a first run nobody is missed whom somebody knew, but the pages claim different totals.
func TestAFirstListThatMoves(t *testing.T) {
	site := &nebraska{people: numbered("P", 24), asked: map[string]int{}}
	m := newMocked(t, "us-ne", site)
	var once sync.Once
	site.onPage = func(id string) {
		if id == "P0012" { // the last of the first page
			once.Do(func() { site.people = slices.Clone(site.people[1:]) })
		}
	}
	if sum, err := m.crawl(t); err != nil || sum.State != schemas.RunComplete || sum.Registrants != 23 {
		t.Errorf("%s (%s), %d registrants, %v", sum.State, sum.Reason, sum.Registrants, err)
	}
	if _, ok := m.sink.Records["P0013"]; !ok {
		t.Error("who moved to a page that had been read is not listed")
	}
}

// TestAListThatMovesUnderTheCrawl: somebody leaves the front of the list and somebody comes to its end, while its pages are read or
// between an interrupted run and the one that goes on: who moved to a page that had been read is met in a second look.
func TestAListThatMovesUnderTheCrawl(t *testing.T) {
	for _, interrupted := range []bool{false, true} {
		for _, comes := range []bool{false, true} {
			site := &nebraska{people: numbered("P", 24), asked: map[string]int{}}
			m := newMocked(t, "us-ne", site)
			if sum, err := m.crawl(t); err != nil || sum.State != schemas.RunComplete {
				t.Fatalf("%+v, %v", sum, err)
			}
			ctx, stop := context.WithCancel(t.Context())
			var once sync.Once
			moves := func() {
				people := slices.Clone(site.people[1:])
				if comes {
					people = append(people, "P0099")
				}
				site.people = people
			}
			at := "P0012" // the last of the first page
			if interrupted {
				at = "page 2" // of which nobody is read yet
			}
			site.onPage = func(id string) {
				if id == at {
					once.Do(func() {
						if moves(); interrupted {
							stop()
						}
					})
				}
			}
			sum, err := m.crawlUntil(ctx)
			if interrupted {
				if !sum.Interrupted {
					t.Fatalf("not interrupted: %+v, %v", sum, err)
				}
				sum, err = m.crawl(t)
			}
			stop()
			if err != nil || sum.State != schemas.RunComplete || sum.Registrants != len(site.people) {
				t.Errorf("interrupted %t, comes %t: %s (%s), %d registrants, %v", interrupted, comes, sum.State, sum.Reason, sum.Registrants, err)
			}
			for _, key := range site.people {
				if _, ok := m.sink.Records[key]; !ok {
					t.Errorf("interrupted %t, comes %t: %s is not listed", interrupted, comes, key)
				}
			}
		}
	}
}

// TestSharesOutliveAnInterruption: a run that was interrupted and went on says what one at a stretch says of how many have each field.
func TestSharesOutliveAnInterruption(t *testing.T) {
	site := &nebraska{people: numbered("P", 36), mode: "every other birth", asked: map[string]int{}}
	m := newMocked(t, "us-ne", site)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	site.onPage = func(id string) {
		if id == "P0016" {
			stop()
		}
	}
	if sum, err := m.crawlUntil(ctx); err == nil || !sum.Interrupted {
		t.Fatalf("%+v, %v", sum, err)
	}
	site.onPage = nil
	sum, err := m.crawl(t)
	births := sum.WithBirth // who was read on a page that was begun again is only seen: the share is that of the others
	want := map[string]int{"birth": births, "photo": 36, "offense": 36, "address": 36, "sex": 36}
	if err != nil || sum.State != schemas.RunComplete || sum.Registrants != 36 || births < 15 || births > 21 || sum.WithPhoto != 36 ||
		sum.WithOffense != 36 || !maps.Equal(sum.Filled, want) {
		t.Errorf("%s (%s), %d registrants, %d with a birth date, %d with a photo, %d with an offense, fields %v, %v", sum.State, sum.Reason,
			sum.Registrants, sum.WithBirth, sum.WithPhoto, sum.WithOffense, sum.Filled, err)
	}
}

// TestARowThatIsBrokenForEver: a file without ids whose one row has a cell too many, run after run, keeps whom it may speak of, and
// nobody else: who left goes. A broken row that may speak of nobody known keeps everybody.
func TestARowThatIsBrokenForEver(t *testing.T) {
	const header = "NAME,SEX,RACE,YEAR OF BIRTH,HEIGHT,WEIGHT,EYE COLOR,HAIR COLOR,STREET NUMBER,STREET,CITY,STATE,ZIP CODE,COUNTY," +
		"REGISTRATION DATE,CRIME,CONVICTION DATE,CONVICTION STATE,INCARCERATED,PREDATOR,ABSCONDER,RES VERIFICATION DATE,LEVELING\n"
	row := func(name, crime string) string {
		return name + ",MALE,WHITE,1970,511,180,BRO,BRO,1,UNREAL ST,NOTOWN,GA,30001,SAMPLE,01/02/2010," + crime +
			",03/04/2005,GEORGIA, , , ,01/02/2020,LEVEL 1\n"
	}
	body := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/csv")
		io.WriteString(w, body)
	}))
	defer server.Close()
	text, err := source.YAML("us-ga")
	if err != nil {
		t.Fatal(err)
	}
	src, err := read.Load("us-ga", bytes.Replace(text, []byte("min_count: 10000"), []byte("min_count: 1"), 1))
	if err != nil {
		t.Fatal(err)
	}
	if src, err = src.Sample(server.URL); err != nil {
		t.Fatal(err)
	}
	sink := scrapertest.NewSink()
	people := func(n int) string {
		all := header
		for i := range n {
			all += row(fmt.Sprintf(`"FAKE, WENDELL%c"`, 'A'+i), "INVENTED")
		}
		return all
	}
	for _, step := range []struct {
		what, body       string
		state            schemas.RunState
		unread, delisted int
		listed           int
	}{
		{"all is well", people(20) + row(`"BROKEN, ODO"`, "INVENTED"), schemas.RunComplete, 0, 0, 21},
		{"a comma without quotes", people(20) + row(`"BROKEN, ODO"`, "SODOMY, 1ST"), schemas.RunComplete, 1, 0, 21},
		{"in the name, and one leaves", people(19) + row(`BROKEN, ODO`, "INVENTED"), schemas.RunComplete, 1, 1, 20},
		{"a cell is lost", people(19) + strings.Replace(row(`"BROKEN, ODO"`, "INVENTED"), "NOTOWN,", "", 1) + people(1)[len(header):],
			schemas.RunComplete, 1, 0, 20},
		{"of nobody known, and one leaves", people(18) + row(`UNHEARD, OF`, "INVENTED") + row(`"BROKEN, ODO"`, "INVENTED"),
			schemas.RunPartial, 0, 0, 20},
		{"mended", people(18) + row(`"BROKEN, ODO"`, "INVENTED"), schemas.RunComplete, 0, 1, 19},
	} {
		body = step.body
		sum := run(t, src, sink, nil)
		if sum.State != step.state || sum.Unread != step.unread || sum.Delisted != step.delisted || sink.Listed("us-ga") != step.listed {
			t.Errorf("%s: %s (%s), %d unread, %d delisted, %d listed; want %+v", step.what, sum.State, sum.Reason, sum.Unread, sum.Delisted,
				sink.Listed("us-ga"), step)
		}
	}
}
