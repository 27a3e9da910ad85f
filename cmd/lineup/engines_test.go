package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"lineup/indexer/index"
	"lineup/indexer/index/qdrant"
	"lineup/internal/testkit/qdranttest"
	"lineup/schemas"
	"lineup/scraper/samplesite/faces"
)

// TestBothEnginesGiveTheSameAnswers asks the same questions of a house over the embedded index and
// over Qdrant (the stand-in that speaks its protocol), and compares the whole answers.
func TestBothEnginesGiveTheSameAnswers(t *testing.T) {
	r := newRoad(t)
	r.crawl("")
	ctx := t.Context()
	held, err := r.h.Index.Find(ctx, index.Query{})
	must(t, err)
	docs := held.Documents
	if len(docs) != r.site.Size() {
		t.Fatalf("%d documents of %d", len(docs), r.site.Size())
	}
	other, err := qdrant.Open(qdrant.Options{Address: qdranttest.Start(t, nil).Address})
	must(t, err)
	t.Cleanup(func() { must(t, other.Close()) })
	copyIndex(t, r.h.Index, other, docs)
	embedder, err := r.h.OpenFaces(ctx)
	must(t, err)
	t.Cleanup(func() { must(t, embedder.Close()) })
	house := *r.h
	house.Index = other
	r.h.Metrics = prometheus.NewRegistry()
	second, err := house.NewServer(ctx, embedder)
	must(t, err)

	answered, found := 0, 0
	for _, q := range questions(t, docs) {
		var bodies [2]string
		for i, api := range []http.Handler{r.api, second} {
			request := httptest.NewRequest(q.method, q.target, strings.NewReader(q.body))
			request.Header.Set("X-API-Key", r.key)
			request.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			api.ServeHTTP(w, request)
			bodies[i] = fmt.Sprintln(w.Code, w.Body)
		}
		if diff := cmp.Diff(bodies[0], bodies[1]); diff != "" {
			t.Errorf("%s %s (-embedded +Qdrant):\n%s", q.method, q.target, diff)
		}
		answered++
		if strings.HasPrefix(bodies[0], "200") && strings.Contains(bodies[0], `"uuid":"`) {
			found++
		}
	}
	if answered < 300 || found < answered*3/4 {
		t.Errorf("%d questions, %d with somebody in the answer", answered, found)
	}
}

// copyIndex makes the serving generation of one engine in another.
func copyIndex(t *testing.T, from index.Reader, to index.Index, docs []index.Document) {
	t.Helper()
	ctx := t.Context()
	generations, err := from.Generations(ctx)
	must(t, err)
	g := generations[len(generations)-1]
	must(t, to.Create(ctx, index.Generation{Name: g.Name, Model: g.Model}))
	for _, d := range docs {
		entry := index.Entry{ID: d.ID, Source: d.Record.Source, Revision: d.Revision, Document: &d}
		for _, p := range d.Photos {
			if p.Face != "" {
				f, err := from.Face(ctx, p.Face)
				must(t, err)
				entry.Faces = append(entry.Faces, f)
			}
		}
		must(t, to.Replace(ctx, g.Name, entry))
	}
	must(t, to.Calibrate(ctx, g.Name, g.Calibration), to.Switch(ctx, g.Name))
}

type question struct{ method, target, body string }

// questions are what can be asked of the documents, in every way of the contract.
func questions(t *testing.T, docs []index.Document) (all []question) {
	t.Helper()
	get := func(pairs ...string) {
		v := url.Values{}
		for i := 0; i+1 < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		all = append(all, question{http.MethodGet, "/sexoffender?" + v.Encode(), ""})
	}
	for _, d := range docs {
		n, home := d.Record.Name, schemas.Address{}
		home, _ = d.Record.Home()
		get("uuid", string(d.ID), "mode", "extensive")
		if n.First != "" && n.Last != "" {
			get("firstName", n.First, "lastName", n.Last)
			get("firstName", n.First[:1]+n.First[1:]+"e", "lastName", n.Last[:len(n.Last)-1], "fuzzy", "true")
			get("firstName", n.Last, "lastName", n.First, "fuzzy", "true")
			get("q", n.Last+" "+n.First)
			get("lastName", n.Last[:min(4, len(n.Last))], "prefixMatch", "lastName")
		}
		if d.Record.Birth.Day != 0 {
			get("dob", d.Record.Birth.String())
		}
		if home.City != "" {
			get("city", home.City, "state", home.State)
		}
		if home.Zip != "" {
			get("zipcode", home.Zip, "perPage", "2", "page", "2")
		}
		if home.Street != "" {
			get("address", home.Street)
		}
		if home.Lat != nil && home.Lon != nil {
			get("lat", strconv.FormatFloat(*home.Lat, 'f', -1, 64), "lng", strconv.FormatFloat(*home.Lon, 'f', -1, 64), "radius", "25")
		}
	}
	for page := range 4 {
		get("state", "New York", "page", strconv.Itoa(page+1))
	}
	get("createdAtStart", "2020-01-01", "perPage", "100")
	get("updatedAtEnd", "2020-01-01")
	get("age", "50")
	get("q", "nobody whosoever", "fuzzy", "true")
	for person := 1; person <= 40; person += 3 {
		photo, err := faces.Files.ReadFile(fmt.Sprintf("p%03db.jpg", person))
		must(t, err)
		all = append(all, question{http.MethodPost, "/faces", `{"queryImageBase64":"` + base64.StdEncoding.EncodeToString(photo) + `"}`})
	}
	return all
}
