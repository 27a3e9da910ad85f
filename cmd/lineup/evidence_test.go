package main

import (
	"bytes"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lineup/ingest"
	"lineup/ingest/blob"
	"lineup/internal/node"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/definition/read"
	"lineup/scraper/fetch"
)

// planted are answers in which every text that may not be stored is marked DENIED.
var planted = map[string]struct{ step, body string }{
	"html": {"as: html, marker: dl, labels: {layout: dl}, ignore: [Weapon], key: {label: Id}, record: {name: {label: Name}, offenses: " +
		"[{description: {label: Crime}, victim: {label: Victim Age}}]}",
		`<html><p>Supervising officer: DENIED</p><dl><dt>Id</dt><dd>7</dd><dt>Name</dt><dd>A B</dd><dt>Crime</dt><dd>c</dd><dt>Victim Age</dt>` +
			`<dd>DENIED 12</dd><dt>Employer</dt><dd>DENIED</dd><dt>Weapon</dt><dd>DENIED</dd><dt>License Plate</dt><dd>DENIED</dd></dl></html>`},
	"json": {"as: json, marker: id, ignore: [weapon], key: {path: id}, record: {name: {path: name}, offenses: [{description: {path: crime}, " +
		"victim: {path: victim_age}}]}",
		`{"id":"7","name":"A B","crime":"c","victim_age":"DENIED 12","victim_sex":"DENIED","driver_license":"DENIED","weapon":"DENIED",` +
			`"supervision":{"officer":"DENIED"}}`},
	"xml": {"as: xml, marker: //P, ignore: [Weapon], key: {xpath: //Id}, record: {name: {xpath: //Name}, offenses: [{description: {xpath: " +
		"//Crime}, victim: {xpath: //VictimAge}}]}",
		`<P><Id>7</Id><Name>A B</Name><Crime>c</Crime><VictimAge>DENIED 12</VictimAge><ShoeSize>DENIED</ShoeSize><Weapon>DENIED</Weapon></P>`},
	"csv": {"as: csv, ignore: [WEAPON], key: {column: ID}, record: {name: {column: NAME}, offenses: [{description: {column: CRIME}, victim: " +
		"{column: VICTIM AGE}}]}",
		"ID,NAME,CRIME,VICTIM AGE,EMPLOYER NAME,WEAPON\n7,A B,c,DENIED 12,DENIED,DENIED\n"},
	"fixed": {"as: fixed, ignore: [WEAPON], key: {column: ID}, record: {name: {column: NAME}, offenses: [{description: {column: CRIME}, " +
		"victim: {column: VICTIM AGE}}]}",
		"ID NAME CRIME VICTIM AGE CASE NUMBER WEAPON\n-- ---- ----- ---------- ----------- ------\n7  A B  c     DENIED 12  DENIED      " +
			"DENIED\n"},
}

type answers string

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	body, status := string(a), http.StatusOK
	if r.URL.Path != "/p" {
		body, status = "", http.StatusNotFound // robots.txt
	}
	return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// Nothing in the whole data directory holds what is never stored, and the archive gives the
// records again.
func TestNothingDeniedReachesTheDisk(t *testing.T) {
	data := t.TempDir()
	app := testApp(t, data, "http://127.0.0.1")
	h, err := node.Open(t.Context(), app.Options)
	if err != nil {
		t.Fatal(err)
	}
	for form, page := range planted {
		src, err := read.Load(form, []byte(`{id: t-`+form+`, name: t, jurisdiction: XX, home: "https://x.example", mode: enabled,
verified: {by: public_code, from: [a test]}, base: "http://x.invalid/",
 guards: {min_count: 1}, policy: {evidence: test, terms_read: "2026-11-27", keep_pages: 24h}, start: p,
steps: {p: {request: {url: p}, `+page.step+`}}}`))
		if err != nil {
			t.Fatal(err)
		}
		sum, err := h.CrawlSource(t.Context(), src, &scraper.Crawl{Fetcher: fetch.Config{Transport: answers(page.body)}})
		if err != nil || sum.State != schemas.RunComplete || sum.New != 1 {
			t.Fatalf("%s: %+v %v", form, sum, err)
		}
		reread := scraper.Reread{Source: src, Sink: h.Ingest}
		if sum, err = reread.Run(t.Context()); err != nil || sum.Unchanged != 1 {
			t.Errorf("%s from the archive: %+v %v", form, sum, err)
		}
	}
	pages := 0
	for info, err := range h.Blobs.Walk(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		content, err := h.Blobs.Get(t.Context(), info.Ref)
		if err != nil {
			t.Fatal(err)
		}
		if info.Ref.Kind == blob.Page {
			pages++
			if content, err = ingest.Unpack(content); err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(content, []byte("A B")) || !bytes.Contains(content, []byte("minor")) {
				t.Errorf("a page without its registrant: %s", content)
			}
		}
		if bytes.Contains(content, []byte("DENIED")) {
			t.Errorf("%s holds a denied text: %s", info.Ref.Kind, content)
		}
	}
	if pages != len(planted) {
		t.Errorf("%d pages kept, want %d", pages, len(planted))
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(data, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(name)
		if bytes.Contains(content, []byte("DENIED")) {
			t.Errorf("%s holds a denied text", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
