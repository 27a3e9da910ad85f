package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"lineup/schemas"
	"lineup/scraper"
)

// fault is what is wrong with the site.
type fault string

const (
	pageFails   fault = "a registrant's page answers 500"
	pageMissing fault = "a registrant's page answers 404"
	pageBlank   fault = "a registrant's page names nobody"
	pageOther   fault = "a registrant's page has another layout"
	photoNo     fault = "a registrant's photo answers 403"
	listFails   fault = "a list page answers 500"
	totalOff    fault = "lists claim one more than they name"
	twice       fault = "a card is shown twice"
	robotsFail  fault = "robots.txt answers 500"
	robotsNo    fault = "robots.txt forbids everything"
	captcha     fault = "every page asks to prove to be human"
	wait        fault = "the site asks to be left alone for two hours"
	rowBroken   fault = "a row of a file has a cell too many, and may be a registrant's"
	rowLost     fault = "a row of a file has a cell too many, and may be anybody's"
)

// faultsOf are what can be wrong with a site of pages, and with one that is a file.
var faultsOf = map[bool][]fault{
	false: {pageFails, pageMissing, pageBlank, pageOther, photoNo, listFails, totalOff, twice, robotsFail, robotsNo, captcha, wait},
	true:  {rowBroken, rowLost, pageBlank, photoNo, listFails, captcha},
}

// perPage is how many cards a list page has.
const perPage = 4

// site is a registry in memory: list pages of cards with a total, a page and a photo for each registrant.
type site struct {
	id      string
	file    bool           // all registrants stand in one file, which is not sent again while it is the same
	rolling bool           // registrants' pages are read again only when they are old
	version int            // of the definition
	floor   int            // the fewest registrants that a run may read; 0 is 1
	people  []string       // keys, in the order of the list
	age     map[string]int // how often a record has changed
	faults  map[fault]string
	mu      sync.Mutex // held while a request is answered: a crawl makes several at once
	asked   int
	at      int    // the request at which stop is called
	stop    func() // interrupts the crawl, or changes the site under it
}

// whole is the file of all registrants.
func (s *site) whole() []byte {
	var rows []row
	for _, key := range s.people {
		r := row{Key: key, Name: "Testcase " + key, Age: s.age[key], Broken: s.has(rowBroken, key), Lost: s.has(rowLost, key)}
		if s.has(pageBlank, key) {
			r.Name = ""
		}
		rows = append(rows, r)
	}
	body, _ := json.Marshal(rows) // texts and numbers always encode
	return body
}

type row struct {
	Key, Name    string
	Age          int
	Broken, Lost bool
}

// parseFile reads the file: a definition would find out of itself what its rows say here.
func (s *site) parseFile(page scraper.Page) (scraper.Parsed, error) {
	var out scraper.Parsed
	var rows []row
	if err := json.Unmarshal(page.Body, &rows); err != nil {
		return out, errors.Join(err, scraper.ErrLayout)
	}
	for _, r := range rows {
		switch {
		case r.Lost:
			out.Misfits++
		case r.Broken:
			out.Perhaps = append(out.Perhaps, []string{"nobody known", r.Key})
		case r.Name == "":
			out.Keys, out.Unnamed = append(out.Keys, r.Key), append(out.Unnamed, r.Key)
		default:
			out.Keys = append(out.Keys, r.Key)
			out.Drafts = append(out.Drafts, s.draft(r.Key, r.Name, r.Age, page.Body))
		}
	}
	return out, nil
}

func (s *site) draft(key, name string, age int, evidence []byte) scraper.Draft {
	photo := base + "/photo?key=" + key
	return scraper.Draft{
		Record: schemas.Record{Source: s.id, Key: key, Name: schemas.Name{Full: name}, Designation: strconv.Itoa(age),
			Photos: []schemas.Photo{{URL: photo}}},
		Photos: []scraper.Request{{Rule: "photo", URL: photo}}, Evidence: evidence,
	}
}

// RoundTrip answers a request.
func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked++; s.stop != nil && s.asked == s.at {
		s.stop()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	status, body, header := s.answer(r)
	return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, Request: r,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}, nil
}

func (s *site) has(f fault, key string) bool {
	at, ok := s.faults[f]
	return ok && (at == key || key == "")
}

func (s *site) answer(r *http.Request) (int, string, http.Header) {
	header := http.Header{"Content-Type": {"text/html"}}
	path, key := r.URL.Path, r.URL.Query().Get("key")
	switch {
	case path == "/robots.txt" && s.has(robotsFail, ""):
		return http.StatusInternalServerError, "", header
	case path == "/robots.txt" && s.has(robotsNo, ""):
		return http.StatusOK, "User-agent: *\nDisallow: /\n", header
	case path == "/robots.txt":
		return http.StatusNotFound, "", header
	case s.has(captcha, ""):
		return http.StatusOK, `<html><body><h1>Verify you are human</h1><div class="g-recaptcha"></div></body></html>`, header
	case s.has(wait, "") && path == "/detail":
		header.Set("Retry-After", "7200")
		return http.StatusTooManyRequests, "", header
	case path == "/file" && s.has(listFails, ""):
		return http.StatusInternalServerError, "", header
	case path == "/file":
		body := s.whole()
		header.Set("ETag", `"`+string(schemas.DigestOf(body))+`"`)
		if r.Header.Get("If-None-Match") == header.Get("ETag") {
			return http.StatusNotModified, "", header
		}
		return http.StatusOK, string(body), header
	case path == "/list" && s.has(listFails, r.URL.Query().Get("page")):
		return http.StatusInternalServerError, "", header
	case path == "/list":
		return http.StatusOK, s.list(r.URL.Query().Get("page")), header
	case path == "/photo" && s.has(photoNo, key):
		return http.StatusForbidden, "", header
	case path == "/photo":
		return http.StatusOK, "picture of " + key, header
	case s.has(pageFails, key):
		return http.StatusInternalServerError, "", header
	case s.has(pageMissing, key) || !slices.Contains(s.people, key):
		return http.StatusNotFound, "", header
	case s.has(pageOther, key):
		return http.StatusOK, `{"new": "layout"}`, header
	case s.has(pageBlank, key):
		return http.StatusOK, `{"name": ""}`, header
	}
	return http.StatusOK, fmt.Sprintf(`{"name": "Testcase %s", "age": %d}`, key, s.age[key]), header
}

type listPage struct {
	Total int      `json:"total"`
	Cards []string `json:"cards"`
	More  bool     `json:"more"`
}

func (s *site) list(page string) string {
	cards := slices.Clone(s.people)
	if i := slices.Index(cards, s.faults[twice]); i >= 0 {
		cards = slices.Insert(cards, i, cards[i])
	}
	out := listPage{Total: len(cards)}
	if s.has(totalOff, "") {
		out.Total++
	}
	n, _ := strconv.Atoi(page) // the crawl asks for numbers alone
	from, to := min(n*perPage, len(cards)), min((n+1)*perPage, len(cards))
	out.Cards, out.More = cards[from:to], to < len(cards)
	body, _ := json.Marshal(out) // texts and numbers always encode
	return string(body)
}

// Info says that the site is a small registry.
func (s *site) Info() scraper.Info {
	info := scraper.Info{ID: s.id, Name: "Invented", Jurisdiction: "ZZ", Home: base, Mode: scraper.Enabled, Version: 1 + s.version,
		Guards: scraper.Guards{MinCount: max(1, s.floor)}}
	if s.rolling {
		info.Manners.Refresh = refresh
	}
	return info
}

const base = "http://registry.invalid"

// Start asks for the first list page.
func (s *site) Start() ([]scraper.Request, error) {
	if s.file {
		return []scraper.Request{{Rule: "file", URL: base + "/file"}}, nil
	}
	return []scraper.Request{{Rule: "list", URL: base + "/list?page=0", Carry: map[string]string{"page": "0"}}}, nil
}

// Parse reads a list page or a registrant's own. Errors: scraper.ErrLayout.
func (s *site) Parse(page scraper.Page) (scraper.Parsed, error) {
	var out scraper.Parsed
	if page.Request.Rule == "file" {
		return s.parseFile(page)
	}
	if page.Request.Rule == "list" {
		var list listPage
		if err := json.Unmarshal(page.Body, &list); err != nil {
			return out, errors.Join(err, scraper.ErrLayout)
		}
		out.Total, out.Keys, out.Entries = list.Total, list.Cards, len(list.Cards)
		for _, key := range list.Cards {
			out.Listed = append(out.Listed, key)
			out.Next = append(out.Next, scraper.Request{Rule: "detail", URL: base + "/detail?key=" + key, Registrant: key})
		}
		if list.More {
			n, err := strconv.Atoi(page.Request.Carry["page"])
			if err != nil {
				return out, err
			}
			next := strconv.Itoa(n + 1)
			out.Next = append(out.Next, scraper.Request{Rule: "list", URL: base + "/list?page=" + next, Carry: map[string]string{"page": next}})
		}
		return out, nil
	}
	var detail struct {
		Name *string
		Age  int
	}
	if err := json.Unmarshal(page.Body, &detail); err != nil || detail.Name == nil {
		return out, errors.Join(err, scraper.ErrLayout)
	}
	key := page.Request.Registrant
	if *detail.Name == "" {
		out.Unnamed = []string{key}
		return out, nil
	}
	out.Drafts = []scraper.Draft{s.draft(key, *detail.Name, detail.Age, page.Body)}
	return out, nil
}
