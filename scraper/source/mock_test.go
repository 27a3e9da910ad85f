package source_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lineup/internal/testkit/scrapertest"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/definition/read"
	"lineup/scraper/fetch"
	"lineup/scraper/samplesite/faces"
	"lineup/scraper/source"
)

// nebraska is a registry in the shape of Nebraska's over HTTP, with a fault on demand. Set its fields between runs.
type nebraska struct {
	mode   string
	people []string
	other  string          // a server on this machine that is not the registry's
	broken []string        // whose pages fail
	onPage func(id string) // called when somebody's page, or "page 2" of the list, is asked for, if not nil

	mu    sync.Mutex
	asked map[string]int // by path
}

const cards = 12 // a list page

func (n *nebraska) asks(path string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked[path]
}

func (n *nebraska) reset(mode string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mode, n.asked = mode, map[string]int{}
}

// ServeHTTP answers as the mode says.
func (n *nebraska) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	n.asked[r.URL.Path]++
	n.mu.Unlock()
	switch path, last := r.URL.Path, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]; {
	case path == "/robots.txt" && n.mode == "robots elsewhere":
		http.Redirect(w, r, n.other+"/robots.txt", http.StatusFound)
	case path == "/robots.txt":
		http.NotFound(w, r)
	case path == "/Registry/RegionSearch" && n.mode == "redirect":
		http.Redirect(w, r, n.other+"/latest/meta-data/", http.StatusFound)
	case path == "/Registry/RegionSearch":
		fmt.Fprint(w, `<html><body><script>var county_options = [{"Text":"S","Value":"1"}];</script></body></html>`)
	case path == "/Registry/Search":
		n.list(w, r)
	case strings.HasPrefix(path, "/Registry/Offender/"):
		n.detail(w, last)
	case strings.HasPrefix(path, "/Image/"):
		n.photo(w, r, last)
	default:
		http.NotFound(w, r)
	}
}

func (n *nebraska) list(w http.ResponseWriter, r *http.Request) {
	page, _ := strconv.Atoi(r.URL.Query().Get("Page"))
	if n.onPage != nil {
		n.onPage(fmt.Sprint("page ", page))
	}
	ids := n.people
	total, from, to := len(ids), min((page-1)*cards, len(ids)), min(page*cards, len(ids))
	switch n.mode {
	case "a card twice":
		ids = slices.Insert(slices.Clone(ids), 6, ids[5])
		total, to = len(ids), min(page*cards, len(ids))
	case "infinite":
		ids, total, from, to = nil, 99999999, 0, cards
		for i := range cards {
			ids = append(ids, fmt.Sprintf("X%05d%02d", page, i))
		}
	}
	if from == to {
		fmt.Fprint(w, `<html><body><div id="results"><h2>Search results</h2><p>No results found.</p></div></body></html>`)
		return
	}
	fmt.Fprintf(w, `<html><body><div id="results"><h2>Search results</h2><p class="count">Results %d-%d of %d</p>`, from+1, to, total)
	for _, id := range ids[from:to] {
		fmt.Fprintf(w, `<div class="card"><a href="/Registry/Offender/%s">Fake %[1]s</a><p>1 Unreal</p></div>`, id)
	}
	fmt.Fprint(w, `</div></body></html>`)
}

// seventh and others are whose pages and photos have the fault.
const (
	third   = "P0003"
	seventh = "P0007"
	eighth  = "P0008"
)

func (n *nebraska) detail(w http.ResponseWriter, id string) {
	name, photo := "Wendell Fakename"+id, "/Image/"+id
	if n.onPage != nil {
		n.onPage(id)
	}
	switch {
	case slices.Contains(n.broken, id):
		http.Error(w, "oops", http.StatusInternalServerError)
		return
	case n.mode == "asks to wait" && id > eighth:
		w.Header().Set("Retry-After", "4000")
		http.Error(w, "slow", http.StatusTooManyRequests)
		return
	case n.mode == "page fails" && id == seventh:
		http.Error(w, "oops", http.StatusInternalServerError)
		return
	case n.mode == "page blank" && id == third:
		name = ""
	}
	born := `<div class="info_line">Date of Birth: 01/02/1970</div>`
	if n.mode == "every other birth" && id[len(id)-1]%2 == 0 {
		born = ""
	}
	fmt.Fprintf(w, `<html><body><h1>%s</h1><img src="%s">%s
<div class="info_line">Sex: Male</div><h2>Addresses</h2><div id="addresses"><div class="address">1 Unreal St<br>Notown, NE 68001</div></div>
<h2>Sex Crime Conviction(s)</h2><div class="info_line">Crime: Invented</div></body></html>`, name, photo, born)
}

func (n *nebraska) photo(w http.ResponseWriter, r *http.Request, id string) {
	number, _ := strconv.Atoi(strings.TrimLeft(id, "PNX0"))
	data, err := faces.Files.ReadFile(fmt.Sprintf("p%03da.jpg", number%30+1))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	switch {
	case n.mode == "photo padded":
		data = append(data, make([]byte, 4096)...)
	case n.mode == "photo without its end":
		data = data[:len(data)-2]
	case n.mode == "photo forbidden" && id == seventh:
		http.Error(w, "no", http.StatusForbidden)
		return
	case n.mode == "photo elsewhere":
		http.Redirect(w, r, n.other+"/"+id+".jpg", http.StatusFound)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Write(data)
}

// mocked crawls a source of this binary at a server that a test made.
type mocked struct {
	src  *read.Source
	sink *scrapertest.Sink
}

// newMocked serves handler as the site of source id.
func newMocked(t *testing.T, id string, handler http.Handler) *mocked {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	src, err := source.Get(id)
	if err == nil {
		src, err = src.Sample(server.URL)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &mocked{src, scrapertest.NewSink()}
}

func (m *mocked) crawl(t *testing.T) (schemas.RunSummary, error) {
	t.Helper()
	return m.crawlUntil(t.Context())
}

func (m *mocked) crawlUntil(ctx context.Context) (schemas.RunSummary, error) {
	c := scraper.Crawl{Source: m.src, Sink: m.sink, Resume: true, Unblock: "test",
		Fetcher: fetch.Config{Version: "test", Tries: 1, Backoff: time.Nanosecond}}
	return c.Run(ctx)
}

func numbered(prefix string, n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("%s%04d", prefix, i+1))
	}
	return ids
}

// TestFaultsOverHTTP crawls twenty people of Nebraska's shape while all is well, then with a fault, then with all well again.
// The site lists them all the time: nobody is delisted, whatever comes.
func TestFaultsOverHTTP(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	for _, tc := range []struct {
		mode   string
		state  schemas.RunState
		unread int
		photos int // that records have in the run of the fault, first of all: those of the run before are forgotten
	}{
		{"page fails", schemas.RunComplete, 1, 19},
		{"page blank", schemas.RunComplete, 1, 19},
		{"a card twice", schemas.RunComplete, 0, 20},
		{"photo padded", schemas.RunComplete, 0, 20},
		{"photo without its end", schemas.RunComplete, 0, 20},
		{"photo forbidden", schemas.RunComplete, 0, 19},
		{"photo elsewhere", schemas.RunComplete, 0, 0},
		{"redirect", schemas.RunFailed, 0, 0},
		{"robots elsewhere", schemas.RunFailed, 0, 0},
		{"asks to wait", schemas.RunPartial, 0, 8},
	} {
		t.Run(tc.mode, func(t *testing.T) {
			site := &nebraska{people: numbered("P", 20), other: other.URL}
			first := newMocked(t, "us-ne", site) // the fault in a first run: what is stored of it
			site.reset(tc.mode)
			sum, _ := first.crawl(t)
			withPhoto := 0
			for _, r := range first.sink.Records {
				withPhoto += min(len(slices.DeleteFunc(r.Photos, func(p schemas.Photo) bool { return p.Digest == "" })), 1)
			}
			if sum.State != tc.state || withPhoto != tc.photos && (tc.state == schemas.RunComplete || withPhoto > tc.photos) {
				t.Errorf("first run: %s (%s), %d with a photo, want %s and %d", sum.State, sum.Reason, withPhoto, tc.state, tc.photos)
			}
			if tc.mode == "photo elsewhere" && !alarms(sum, "0 of 20 records have a photo") {
				t.Errorf("a first run without photos of a source that publishes photos: alarms %q", sum.Alarms())
			}
			if tc.mode == "asks to wait" {
				if site.asks("/Registry/Offender/P0020") > 0 || sum.NotBefore.IsZero() {
					t.Errorf("asked on while it should wait, until %s", sum.NotBefore)
				}
				site.reset(tc.mode)
				c := scraper.Crawl{Source: first.src, Sink: first.sink, Resume: true, Fetcher: fetch.Config{Version: "test", Tries: 1}}
				wait := (*fetch.WaitError)(nil)
				if _, err := c.Run(t.Context()); !errors.As(err, &wait) || len(site.asked) > 0 {
					t.Errorf("another run before that time: %v, asked %v", err, site.asked)
				}
			}

			m := newMocked(t, "us-ne", site)
			site.reset("")
			if sum, err := m.crawl(t); err != nil || sum.State != schemas.RunComplete || sum.Registrants != 20 {
				t.Fatalf("all well: %+v, %v", sum, err)
			}
			site.reset(tc.mode)
			if sum, err := m.crawl(t); sum.Unread != tc.unread || sum.Delisted != 0 ||
				tc.photos >= 19 && (sum.State != tc.state || sum.Registrants != 20) {
				t.Errorf("with the fault: %s (%s), %d registrants, %d unread, %d delisted, %v", sum.State, sum.Reason, sum.Registrants, sum.Unread,
					sum.Delisted, err)
			}
			site.reset("")
			sum, err := m.crawl(t)
			if sum.State != schemas.RunComplete && tc.mode != "asks to wait" || sum.Delisted != 0 || m.sink.Listed("us-ne") != 20 ||
				sum.State == schemas.RunComplete && (sum.Registrants != 20 || sum.Unread != 0) {
				t.Errorf("all well again: %s (%s), %d registrants, %d delisted, %v", sum.State, sum.Reason, sum.Registrants, sum.Delisted, err)
			}
			if tc.mode == "page fails" && site.asks("/Registry/Offender/"+seventh) == 0 {
				t.Error("whose page failed is not asked for again")
			}
		})
	}
	if n := elsewhere.Load(); n > 0 {
		t.Errorf("an address that is not the source's own was asked %d times", n)
	}
}

// hosts answers for several hosts, without a network.
type hosts map[string]http.Handler

// RoundTrip answers a request; a host that is not there is an error.
func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	handler, ok := h[r.URL.Host]
	if !ok {
		return nil, fmt.Errorf("no host %s", r.URL.Host)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	out := w.Result()
	out.Request = r
	return out, nil
}

// TestPhotosOnOtherHosts: Montana's photos lie on hosts that its definition names; one on another host is not asked for, the
// record stays, and the run says which host that was.
func TestPhotosOnOtherHosts(t *testing.T) {
	src, err := source.Get("us-mt")
	if err == nil {
		src, err = src.Sample("http://127.0.0.1:1")
	}
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]int{}
	picture := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			http.NotFound(w, r)
			return
		}
		asked[r.URL.Host]++
		data, err := faces.Files.ReadFile("p001a.jpg")
		if err != nil {
			t.Error(err)
		}
		w.Write(data)
	}
	const rows = `{"features": [{"attributes": {"OBJECTID": 1, "PERS_SID": "1", "NAME": "FAKE, ONE", "OFF_TYP": "Sexual", "TIER_LVL": "1",
"DESIGNATION": null, "NONCOMPLIANT": null, "ADDRESS": "1 UNREAL", "CITY": "NOTOWN", "ZIP": "59000",
"COUNTY": "S", "LATITUDE": 46.0, "LONGITUDE": -110.0,
"ALIAS_LAST_NAME_LIST": null, "PHOTO_URL": "https://app.doj.mt.gov/apps/svow/1.jpg"}},
{"attributes": {"OBJECTID": 2, "PERS_SID": "2", "NAME": "FAKE, TWO", "OFF_TYP": "Sexual",
"PHOTO_URL": "https://elsewhere.example/2.jpg"}}]}`
	transport := hosts{
		"127.0.0.1:1": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/robots.txt":
				http.NotFound(w, r)
			case r.URL.Query().Get("returnCountOnly") == "true":
				fmt.Fprint(w, `{"count": 2}`)
			default:
				fmt.Fprint(w, rows)
			}
		}),
		"app.doj.mt.gov": http.HandlerFunc(picture), "elsewhere.example": http.HandlerFunc(picture),
	}
	sink := scrapertest.NewSink()
	sum := run(t, src, sink, transport)
	one, two := sink.Records["1"].Photos, sink.Records["2"].Photos
	if len(one) != 1 || one[0].Digest == "" || len(two) != 1 || two[0].Digest != "" || sum.State != schemas.RunComplete {
		t.Errorf("%s (%s): photos %+v and %+v", sum.State, sum.Reason, one, two)
	}
	if asked["app.doj.mt.gov"] != 1 || asked["elsewhere.example"] != 0 {
		t.Errorf("asked %v", asked)
	}
	if !alarms(sum, "hosts:", "elsewhere.example") {
		t.Errorf("nothing names the host: %q", sum.Alarms())
	}
}

// TestNewIDsOverHTTP: twenty people are replaced by two hundred under other ids: the drop is one of the twenty.
func TestNewIDsOverHTTP(t *testing.T) {
	site := &nebraska{people: numbered("P", 20), asked: map[string]int{}}
	m := newMocked(t, "us-ne", site)
	if sum, err := m.crawl(t); err != nil || sum.State != schemas.RunComplete {
		t.Fatalf("%+v, %v", sum, err)
	}
	site.people = numbered("N", 200)
	for range 2 {
		if sum, err := m.crawl(t); err != nil || sum.State != schemas.RunRefused || sum.Delisted != 0 {
			t.Errorf("%s (%s), %d delisted, %v", sum.State, sum.Reason, sum.Delisted, err)
		}
	}
}

// TestInfiniteListOverHTTP: pages of ever new people end by themselves, with an alarm, and nobody is delisted.
func TestInfiniteListOverHTTP(t *testing.T) {
	site := &nebraska{people: numbered("P", 20), asked: map[string]int{}}
	m := newMocked(t, "us-ne", site)
	if sum, err := m.crawl(t); err != nil || sum.State != schemas.RunComplete {
		t.Fatalf("%+v, %v", sum, err)
	}
	site.reset("infinite")
	sum, err := m.crawl(t)
	if err != nil || sum.State != schemas.RunPartial || sum.Delisted != 0 || len(sum.Drift) == 0 || m.sink.Listed("us-ne") < 20 {
		t.Errorf("%s (%s), alarms %q, %v", sum.State, sum.Reason, sum.Drift, err)
	}
	if n := site.asks("/Registry/Search"); n > 500/cards+2 {
		t.Errorf("%d pages of the list were asked for", n)
	}
}

// mapServer is Montana's map layer over HTTP: rows numbered by OBJECTID, at most a thousand a page.
type mapServer struct {
	rows    int
	fault   string
	counted atomic.Int32 // questions for the number of rows
}

const layerPage = 1000

// ServeHTTP answers a query of the layer.
func (l *mapServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !strings.HasSuffix(r.URL.Path, "/query") {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if q.Get("returnCountOnly") == "true" {
		l.counted.Add(1)
		if l.fault == "no count" {
			fmt.Fprint(w, `{"error": {"code": 400, "message": "Invalid query"}}`)
			return
		}
		fmt.Fprintf(w, `{"count": %d}`, l.rows)
		return
	}
	ids := make([]int, l.rows)
	for i := range ids {
		ids[i] = i + 1
	}
	from, _ := strconv.Atoi(q.Get("resultOffset"))
	shift := map[string]int{"no order": 60, "almost in order": 5}[l.fault]
	if q.Get("orderByFields") == "" {
		shift = 60
	}
	if from > 0 { // the later pages come by another plan
		ids = append(slices.Clone(ids[shift:]), ids[:shift]...)
	}
	to := min(from+layerPage, l.rows)
	features := []map[string]any{}
	for _, id := range ids[min(from, l.rows):to] {
		features = append(features, map[string]any{"attributes": map[string]any{"OBJECTID": id, "PERS_SID": 100000 + id, "LOC_ID": 1,
			"NAME": fmt.Sprintf("FAKE%05d, PERSON", id), "OFF_TYP": "Sexual", "TIER_LVL": "1", "DESIGNATION": nil, "NONCOMPLIANT": nil,
			"ADDRESS": "1 UNREAL", "CITY": "NOTOWN", "ZIP": "59000",
			"COUNTY": "S", "LATITUDE": 46.0, "LONGITUDE": -110.0, "PHOTO_URL": nil,
			"ALIAS_LAST_NAME_LIST": nil}})
	}
	answer := map[string]any{"features": features}
	if to < l.rows && l.fault != "cut short" {
		answer["exceededTransferLimit"] = true
	}
	data, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Write(data)
}

// TestMapLayersAreReadWhole: what a map server leaves out, because its pages have no order or it forgets to say that there is more,
// is noticed, since it is asked how many rows there are; the run is partial and delists nobody.
func TestMapLayersAreReadWhole(t *testing.T) {
	site := &mapServer{rows: 2600}
	m := newMocked(t, "us-mt", site)
	sum, err := m.crawl(t)
	if err != nil || sum.State != schemas.RunComplete || sum.Registrants != 2600 || sum.Claimed != 2600 || site.counted.Load() != 1 {
		t.Fatalf("a layer that is well: %s (%s), %d of %d, asked for the number %d times, %v", sum.State, sum.Reason, sum.Registrants,
			sum.Claimed, site.counted.Load(), err)
	}
	for fault, state := range map[string]schemas.RunState{"no order": schemas.RunPartial, "almost in order": schemas.RunPartial,
		"cut short": schemas.RunPartial,
		"no count":  schemas.RunFailed} {
		site.fault = fault
		fresh := newMocked(t, "us-mt", site)
		for name, m := range map[string]*mocked{"first": fresh, "later": m} {
			if sum, err := m.crawl(t); sum.State != state || sum.Delisted != 0 || sum.Reason == "" {
				t.Errorf("%s, %s run: %s (%s), %d read, %d delisted, %v", fault, name, sum.State, sum.Reason, sum.Registrants, sum.Delisted, err)
			}
		}
	}
	if site.fault = ""; m.sink.Listed("us-mt") != 2600 {
		t.Errorf("%d are listed", m.sink.Listed("us-mt"))
	}
	site.rows = 2599 // somebody left
	if sum, err := m.crawl(t); err != nil || sum.State != schemas.RunComplete || sum.Delisted != 1 {
		t.Errorf("one fewer: %s (%s), %d delisted, %v", sum.State, sum.Reason, sum.Delisted, err)
	}
}

// alarms reports whether one alarm of a run holds all texts.
func alarms(sum schemas.RunSummary, texts ...string) bool {
	return slices.ContainsFunc(sum.Alarms(), func(alarm string) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(alarm, text) })
	})
}
