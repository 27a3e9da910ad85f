package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/config"
	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/queryd/keys"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/samplesite"
	"lineup/scraper/samplesite/faces"
)

// road is a whole Lineup over a sample site, driven step by step.
type road struct {
	t    testing.TB
	app  *App
	h    *node.Node
	site *samplesite.Site
	api  http.Handler
	key  string
}

// newApp is an App over data that reads the site.
func testApp(t testing.TB, data, site string) *App {
	c := config.Default()
	c.Data, c.Models = data, modelsForTests(t)
	c.Index.Workers = 2
	c.Sources = map[string]config.Source{demoSource: {BaseURL: site}}
	c.Log.Level = "error"
	return &App{Options: node.Options{Config: c, Version: version, Log: node.NewLog(c.Log, io.Discard), Metrics: prometheus.NewRegistry(),
		Stderr: io.Discard, Make: true}, Stdout: io.Discard}
}

// newRoad opens a house; change, if given, may change the App before that.
func newRoad(t testing.TB, change ...func(*App)) *road {
	t.Helper()
	return newRoadTo(t, samplesite.Options{}, change...)
}

func newRoadTo(t testing.TB, options samplesite.Options, change ...func(*App)) *road {
	t.Helper()
	ctx := t.Context()
	site, err := samplesite.New(options)
	if err != nil {
		t.Fatal(err)
	}
	server, err := samplesite.Start(ctx, site, "127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	r := &road{t: t, site: site, app: testApp(t, t.TempDir(), server.URL)}
	for _, c := range change {
		c(r.app)
	}
	if r.h, err = node.Open(ctx, r.app.Options); err != nil {
		t.Fatal(err)
	}
	faces, err := r.h.OpenFaces(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if r.api, err = r.h.NewServer(ctx, faces); err != nil {
		t.Fatal(err)
	}
	if r.key, _, err = r.h.Keys.Add(ctx, "road", keys.Limits{PerMinute: 100000, PerDay: 1000000}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(faces.Close(), r.h.Close(), server.Close()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// renewMetrics lets another part register the metrics that one has already.
func (r *road) renewMetrics() { r.h.Metrics = prometheus.NewRegistry() }

// crawl crawls the site, indexes what changed, and returns the run's summary.
func (r *road) crawl(acceptDrop string) schemas.RunSummary {
	r.t.Helper()
	return r.crawlAs(&scraper.Crawl{Resume: true, AcceptDrop: acceptDrop})
}

func (r *road) crawlAs(c *scraper.Crawl) schemas.RunSummary {
	r.t.Helper()
	var summary schemas.RunSummary
	r.renewMetrics()
	err := r.h.WithWorker(r.t.Context(), func(ctx context.Context) error {
		var err error
		if summary, err = r.h.CrawlSite(ctx, demoSource, c); err != nil {
			r.t.Logf("crawl: %v", err)
		}
		return r.h.Drain(ctx, nil)
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return summary
}

// match is one row of an answer.
type match struct {
	Similarity float64
	UUID       schemas.UUID
	Image      string `json:"matchedImageUrl"`
}

// post sends a file of the synthetic faces to /faces and returns status and body.
func (r *road) post(photo string) (int, []byte) { return r.postWith(photo, map[string]any{}) }

// postWith is post with more in the body.
func (r *road) postWith(photo string, more map[string]any) (int, []byte) {
	r.t.Helper()
	data, err := faces.Files.ReadFile(photo)
	if err != nil {
		r.t.Fatal(err)
	}
	more["queryImageBase64"] = base64.StdEncoding.EncodeToString(data)
	body, err := json.Marshal(more)
	if err != nil {
		r.t.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodPost, "/faces?key="+r.key, bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	r.api.ServeHTTP(w, request)
	return w.Code, w.Body.Bytes()
}

// search posts a photo of the synthetic faces to /faces and returns the matches.
func (r *road) search(photo string) []match {
	r.t.Helper()
	status, body := r.post(photo)
	var answer struct{ FaceMatches []match }
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK {
		r.t.Fatalf("search %s: %d %s", photo, status, body)
	}
	return answer.FaceMatches
}

func (r *road) finds(photo string, id int) bool {
	r.t.Helper()
	for _, m := range r.search(photo) {
		if m.UUID == sampleID(id) {
			return true
		}
	}
	return false
}

// get asks for a path and returns status and body.
func (r *road) get(path string) (int, string) {
	w := httptest.NewRecorder()
	r.api.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func sampleID(id int) schemas.UUID { return schemas.RegistrantID(demoSource, fmt.Sprint(id)) }

// TestEveryOtherViewFindsItsPerson is the sample's promise: each b and c view finds its own
// registrant first, above 95.
func TestEveryOtherViewFindsItsPerson(t *testing.T) {
	r := newRoad(t)
	if s := r.crawl(""); s.State != schemas.RunComplete || s.New != r.site.Size() {
		t.Fatalf("first crawl: %+v", s)
	}
	for person := 1; person <= 40; person++ {
		for _, view := range []string{"b", "c"} {
			photo := fmt.Sprintf("p%03d%s.jpg", person, view)
			matches := r.search(photo)
			if len(matches) == 0 || matches[0].Similarity <= 95 {
				t.Errorf("%s: %+v", photo, matches)
				continue
			}
			own := false
			for _, m := range matches {
				own = own || m.UUID == sampleID(samplesite.FirstID+person-1) && m.Similarity == matches[0].Similarity
			}
			if !own {
				t.Errorf("%s finds another first: %+v", photo, matches)
			}
		}
	}
	if !r.finds("demo.jpg", samplesite.FirstID) {
		t.Error("the demo photo does not find its person")
	}
}

// TestTheWayOfARegistrant walks one registrant through change, delisting, return and removal.
func TestTheWayOfARegistrant(t *testing.T) {
	r := newRoad(t)
	ctx := t.Context()
	const id = samplesite.FirstID + 4
	r.crawl("")
	if !r.finds("p005c.jpg", id) {
		t.Fatal("not found after the first crawl")
	}
	if s := r.crawl(""); s.State != schemas.RunComplete || s.Unchanged != r.site.Size() || s.Changed != 0 {
		t.Fatalf("an unchanged site: %+v", s)
	}
	photo := r.search("p005c.jpg")[0].Image
	path := photo[len("http://example.com"):]
	if code, _ := r.get(path); code != http.StatusOK {
		t.Fatalf("photo %s: %d", path, code)
	}

	must(t, r.site.Move(id), r.site.Rephotograph("b", id))
	if s := r.crawl(""); s.Changed != 1 {
		t.Fatalf("a changed record: %+v", s)
	}
	if best := r.search("p005b.jpg")[0]; best.UUID != sampleID(id) || best.Similarity != 100 {
		t.Errorf("the new photo is not the one searched: %+v", best)
	}

	must(t, r.site.Delist(id))
	if s := r.crawl(""); s.State != schemas.RunComplete || s.Delisted != 1 {
		t.Fatalf("a delisting: %+v", s)
	}
	if r.finds("p005b.jpg", id) {
		t.Error("a delisted registrant answers")
	}
	if code, _ := r.get(path); code != http.StatusNotFound {
		t.Errorf("the photo of a delisted registrant: %d, want 404", code)
	}
	for info, err := range r.h.Blobs.Walk(ctx, sampleID(id)) {
		t.Errorf("blob left: %+v %v", info, err)
	}

	must(t, r.site.Relist(id))
	if s := r.crawl(""); s.Returned != 1 {
		t.Fatalf("a return: %+v", s)
	}
	if !r.finds("p005b.jpg", id) {
		t.Error("who returned does not answer")
	}

	if _, err := r.h.Ingest.Remove(ctx, sampleID(id), schemas.Removal{Reason: "other"}); err != nil {
		t.Fatal(err)
	}
	if r.finds("p005b.jpg", id) {
		t.Error("a removed registrant answers before the index heard of it")
	}
	if s := r.crawl(""); s.Refused != 1 {
		t.Errorf("a removed registrant still on the site: %+v", s)
	}
	if r.finds("p005b.jpg", id) {
		t.Error("a removed registrant came back")
	}
	var done, all int64
	report, err := r.h.Audit(ctx, operate.Share(1), false, func(d, a int64) { done, all = d, a })
	if done != all || all < int64(report.Registrants) {
		t.Errorf("an audit says at its end that it has done %d of %d", done, all)
	}
	if err != nil || len(report.Differences) != 0 || report.Due != 0 {
		t.Errorf("audit: %+v %v", report, err)
	}
}

// TestAFailedRunDelistsNobody holds the guards, for faults of every kind.
func TestAFailedRunDelistsNobody(t *testing.T) {
	r := newRoad(t)
	r.crawl("")
	for _, kind := range []samplesite.Kind{samplesite.Layout, samplesite.Block, samplesite.Gate, samplesite.NotFound, samplesite.Empty,
		samplesite.Forbidden} {
		t.Run(string(kind), func(t *testing.T) {
			r.t = t
			must(t, r.site.Fault(samplesite.Fault{Kind: kind, Path: "SomsSUBDirectory"}))
			s := r.crawl("")
			if s.Run == "" || s.State == schemas.RunComplete || s.Delisted != 0 {
				t.Errorf("run under a fault: %+v", s)
			}
			r.site.Heal()
			if s.State == schemas.RunBlocked {
				if s := r.crawl(""); s.Run != "" {
					t.Errorf("the site was asked again by no human's word: %+v", s)
				}
			}
			if s := r.crawlAs(&scraper.Crawl{Resume: true, Unblock: "a test says so"}); s.State != schemas.RunComplete {
				t.Errorf("run after the fault: %+v", s)
			}
			if !r.finds("p001b.jpg", samplesite.FirstID) {
				t.Error("a registrant does not answer after a failed run")
			}
		})
	}
	r.t = t
	gone := []int{}
	for id := samplesite.FirstID; id < samplesite.FirstID+20; id++ {
		gone = append(gone, id)
	}
	must(t, r.site.Delist(gone...))
	if s := r.crawl(""); s.State != schemas.RunRefused || s.Delisted != 0 {
		t.Errorf("half of the registry vanished: %+v", s)
	}
	if s := r.crawl("the agency confirmed it"); s.State != schemas.RunComplete || s.Delisted != len(gone) {
		t.Errorf("and a human accepted it: %+v", s)
	}
}

func must(t testing.TB, problems ...error) {
	t.Helper()
	if err := errors.Join(problems...); err != nil {
		t.Fatal(err)
	}
}
