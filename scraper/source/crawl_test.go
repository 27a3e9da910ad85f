package source_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lineup/internal/testkit/scrapertest"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/definition/read"
	"lineup/scraper/fetch"
	"lineup/scraper/samplesite"
	"lineup/scraper/samplesite/faces"
	"lineup/scraper/source"
)

func run(t *testing.T, src scraper.Source, sink *scrapertest.Sink, transport http.RoundTripper) schemas.RunSummary {
	t.Helper()
	crawl := scraper.Crawl{Source: src, Sink: sink, Fetcher: fetch.Config{Version: "test", Contact: "test@example.org", Transport: transport,
		Backoff: time.Millisecond}}
	sum, err := crawl.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestSampleSiteIsCrawledComplete(t *testing.T) {
	sink := scrapertest.NewSink()
	src := sample(t, "us-ny")
	sum := run(t, src, sink, nil)
	if sum.State != schemas.RunComplete || sum.Registrants != samplesite.DefaultPeople || len(sum.Leftovers) > 0 || len(sum.Errors) > 0 {
		t.Errorf("first run: %+v", sum)
	}
	if again := run(t, src, sink, nil); again.State != schemas.RunComplete || again.Unchanged != samplesite.DefaultPeople ||
		again.Photos["fetched"] > 0 {
		t.Errorf("second run: %+v", again)
	}
}

func TestNoSourceCrawlsWithoutPermission(t *testing.T) {
	all, err := source.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, src := range all {
		info := src.Info()
		if info.Mode == scraper.Enabled {
			continue
		}
		crawl := scraper.Crawl{Source: src, Sink: scrapertest.NewSink(), Fetcher: fetch.Config{Version: "t", Contact: "t", Transport: refuse{t}}}
		if _, err := crawl.Run(t.Context()); err == nil {
			t.Errorf("%s (%s) was crawled", info.ID, info.Mode)
		}
		if _, err := src.Sample("https://" + info.ID + ".example"); err == nil {
			t.Errorf("%s takes a real host for a sample site", info.ID)
		}
	}
}

type refuse struct{ t *testing.T }

func (r refuse) RoundTrip(q *http.Request) (*http.Response, error) {
	r.t.Errorf("asked for %s", q.URL)
	return nil, os.ErrPermission
}

func TestImportOfAFolder(t *testing.T) {
	dir := t.TempDir()
	photo, err := faces.Files.ReadFile("p001a.jpg")
	if err != nil {
		t.Fatal(err)
	}
	other, err := faces.Files.ReadFile("p002a.jpg")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"XX_offenders.csv": []byte("id,dob,gender,webUrl,photoUrl,absconder\nA1,1970-01-02,M,https://agency.example/A1,photos/one.jpg,N\n" +
			"A2,1981-05-06,F,https://agency.example/A2,,Y\n"),
		"XX_names.csv": []byte("id,prefix,firstName,middleName,lastName,suffix,comment,primary\nA1,,Wendell,,Fabricated,,,Y\n" +
			"A2,,Odette,,Madeup,,,Y\n"),
		"XX_addresses.csv": []byte("id,locationName,type,streetAddress,city,state,county,zipCode,latitude,longitude\nA1,,R,1 Unreal " +
			"St,Notown,XX,Sample,00001,,\n"),
		"photos/one.jpg":    photo,
		"photos/a2.jpg":     other,
		"readme.txt":        []byte("not a table"),
		"photos/A2-2.jpg":   photo,
		"photos/unused.png": other,
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	src, err := source.Get("import-nsopw")
	if err != nil {
		t.Fatal(err)
	}
	imported, transport, err := src.Import(dir)
	if err != nil {
		t.Fatal(err)
	}
	sink := scrapertest.NewSink()
	sum := run(t, imported, sink, transport)
	if sum.State != schemas.RunComplete || sum.Registrants != 2 || len(sum.Leftovers) > 0 {
		t.Fatalf("%+v", sum)
	}
	if got := len(sink.Records["A1"].Photos) + 10*len(sink.Records["A2"].Photos); got != 21 {
		t.Errorf("A1 has %d photos, A2 %d; want 1 and 2", got%10, got/10)
	}
	for key, r := range sink.Records {
		for _, p := range r.Photos {
			if !p.Digest.Valid() || p.Problem != "" {
				t.Errorf("%s: photo %+v", key, p)
			}
		}
	}
	if _, _, err := src.Import(filepath.Join(dir, "readme.txt")); err == nil {
		t.Error("a file that no step reads was taken")
	}
}

// Evidence kept of a registrant must give the same record again, without the site.
func TestEvidenceGivesTheRecordAgain(t *testing.T) {
	for _, s := range savedPages(t) {
		parsed, err := s.src.Parse(s.page)
		if err != nil {
			continue
		}
		for _, d := range parsed.Drafts {
			page := s.page
			page.Body = d.Evidence
			again, err := s.src.Parse(page)
			if err != nil {
				t.Errorf("%s: %v", s.path, err)
				continue
			}
			if len(again.Drafts) != 1 || len(again.Next) > 0 {
				t.Errorf("%s: evidence of one gives %d records and %d requests", s.path, len(again.Drafts), len(again.Next))
				continue
			}
			if diff := cmp.Diff(d.Record, again.Drafts[0].Record); diff != "" {
				t.Errorf("%s: -read +read again\n%s", s.path, diff)
			}
		}
	}
}

func TestDeniedColumnsAreNotKeptAsEvidence(t *testing.T) {
	src, err := read.Load("t", []byte(`
{id: t, name: t, jurisdiction: XX, home: "https://x.example", mode: enabled, base: "https://x.example",
 guards: {min_count: 1}, policy: {evidence: test}, start: f,
 steps: {f: {as: csv, key: {column: ID}, record: {name: {column: NAME, order: last_comma_first}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	body := []byte("ID,NAME,DRIVER LICENSE,SUPERVISING OFFICER PHONE\n1,\"Madeup, Odette\",SECRET-1,SECRET-2\n")
	parsed, err := src.Parse(scraper.Page{Request: scraper.Request{Rule: "f"}, URL: "https://x.example", Body: body})
	if err != nil {
		t.Fatal(err)
	}
	if len(parsed.Leftover) > 0 || len(parsed.Drafts) != 1 || bytes.Contains(parsed.Drafts[0].Evidence, []byte("SECRET")) {
		t.Errorf("%+v %s", parsed.Leftover, parsed.Drafts[0].Evidence)
	}
}

// states are all jurisdictions of which somebody may ask where to look.
var states = []string{
	"AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "DC", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS", "KY", "LA", "ME", "MD", "MA", "MI",
	"MN1", "MN2", "MS",
	"MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "OH", "OK", "OR", "PA", "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA", "WA",
	"WV", "WI", "WY",
	"GU", "PR", "CNMI", "USVI", "AMERICANSAMOA", "TRIBES", "NSOPW",
}

func TestEveryJurisdictionIsThere(t *testing.T) {
	all, err := source.All()
	if err != nil {
		t.Fatal(err)
	}
	has, ids := map[string]bool{}, map[string]bool{}
	for _, src := range all {
		info := src.Info()
		if ids[info.ID] {
			t.Errorf("two sources %s", info.ID)
		}
		ids[info.ID], has[info.Jurisdiction] = true, true
	}
	for _, code := range states {
		if !has[code] {
			t.Errorf("nothing about %s", code)
		}
	}
}

// A large file is given record by record, all of them, and nothing of it before all can be read.
func TestLargeFileIsReadOneByOne(t *testing.T) {
	src, err := source.Get("us-or")
	if err != nil {
		t.Fatal(err)
	}
	body := []byte("First Name,Middle Name,Last Name,Suffix,Date of Birth,Height,Weight,Hair,Eyes,Residence Street Address," +
		"Residence Apartment Number/Suite Number,Residence City,Residence State,Residence Zip,Residence County,Offender Status Code(s)\n")
	const rows = 2500
	for i := range rows {
		body = fmt.Appendf(body, "Odette,,Madeup%d,,%02d/02/%d,509,180,BRO,BRO,1 Unreal St,,Notown,OR,00001,Sample,REGISTERED\n", i, i%12+1,
			1990+i%2*25)
	}
	page := scraper.Page{Request: scraper.Request{Rule: "file"}, URL: "https://x.example", Body: body,
		Read: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}
	parsed, err := src.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for d, err := range parsed.Rows {
		if err != nil {
			t.Fatal(err)
		}
		keys[d.Record.Key] = true
	}
	if len(parsed.Drafts) != 0 || len(keys) != rows/2 || parsed.Dropped["under 18"] != rows/2 {
		t.Errorf("%d drafts, %d rows, dropped %v", len(parsed.Drafts), len(keys), parsed.Dropped)
	}
	page.Body = append(body, ",,,,,,,,,,,,,,,REGISTERED\n"...)
	if _, err := src.Parse(page); !errors.Is(err, scraper.ErrLayout) {
		t.Errorf("a row without a key at the file's end: %v", err)
	}
}
