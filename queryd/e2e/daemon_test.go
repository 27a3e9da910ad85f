package e2e_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"lineup/config"
	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/ingest/blob"
	"lineup/ingest/broker"
	"lineup/ingest/signing"
	"lineup/internal/testkit/loopback"
	"lineup/internal/testkit/stores"
	"lineup/queryd"
	"lineup/queryd/evidence"
	"lineup/queryd/keys"
	"lineup/schemas"
	"lineup/schemas/namekey"
	samePerson "lineup/schemas/person"
)

// clock is the time of all tests here.
var clock = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

var js jetstream.JetStream

func TestMain(m *testing.M) {
	loopback.Only()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "queryd")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		var shut func()
		if js, shut, err = stores.Start(dir); err != nil {
			panic(err)
		}
		defer shut()
		return m.Run()
	}())
}

// daemon is a server with everything it needs, made of fakes that hold their content in memory.
type daemon struct {
	*queryd.Server
	t      testing.TB
	gal    *gallery
	ledger *ledger
	photos photos
	keys   *keys.Store
	key    string
	legacy bool
	log    *bytes.Buffer
	logMu  *sync.Mutex
}

// fixedSecret signs links to photos the same way every time.
func fixedSecret(context.Context) ([]signing.PhotoSecret, error) {
	return []signing.PhotoSecret{{Key: make([]byte, 32)}}, nil
}

// ready is what a process says of its parts.
func (h *daemon) ready(ctx context.Context) map[string]error {
	_, err := h.gal.Generations(ctx)
	return map[string]error{"index": err, "ledger": h.ledger.err, "keys": h.keys.Ready(ctx)}
}

var model = schemas.Model{ID: "test/1", Dimensions: 16, Metric: "euclidean", MaxDistance: 0.6,
	FalseMatch: []schemas.CurvePoint{{Distance: .34, Rate: 1e-4}, {Distance: .39, Rate: 1e-3}, {Distance: .45, Rate: 1e-2}}}

func newNode(t testing.TB, change ...func(*queryd.Config, *queryd.Deps)) *daemon {
	t.Helper()
	ctx := t.Context()
	ring, err := keys.Open(ctx, js, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(broker.Prepare(ctx, js, 1), signing.Prepare(ctx, js)); err != nil {
		t.Fatal(err)
	}
	proof, err := evidence.Open(ctx, js, 1)
	if err != nil {
		t.Fatal(err)
	}
	h := &daemon{t: t, gal: &gallery{}, ledger: &ledger{gone: map[schemas.UUID]bool{}}, photos: photos{}, keys: ring, log: &bytes.Buffer{},
		logMu: &sync.Mutex{}}
	h.ledger.gal = h.gal
	h.key, _, err = ring.Add(ctx, fmt.Sprintf("test %s %d", t.Name()[:min(len(t.Name()), 30)], rand.Uint32()),
		keys.Limits{PerMinute: 100_000, PerDay: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	config := shipped()
	config.Demo, config.PublicURL, config.Contact = true, "http://lineup.test", "operator@lineup.test"
	config.AddressPerMinute, config.AddressConnections = 1e6, 1e6
	deps := queryd.Deps{Ready: h.ready, Index: h.gal, Faces: embedder{h.gal}, Photos: h.photos, Ledger: h.ledger, Keys: ring,
		PhotoSecrets: fixedSecret, Evidence: proof,
		Metrics: registry, Log: slog.New(slog.NewTextHandler(lockedWriter{h.log, h.logMu}, nil)), Now: func() time.Time { return clock },
		Sources: []queryd.Source{{ID: "us-zz", Name: "Example Registry", Jurisdiction: "NY", Home: "https://registry.example.test/",
			Mode:      "enabled",
			HasPhotos: true, Notices: []string{"Positive identification needs fingerprints."}, Attribution: "Example State Police",
			MaxAge: 48 * time.Hour}},
		State: func(context.Context, string) (queryd.SourceState, error) {
			run := schemas.RunSummary{Started: clock.Add(-2 * time.Hour), Ended: clock.Add(-time.Hour), State: schemas.RunComplete, Registrants: 60,
				WithPhoto: 59}
			return queryd.SourceState{Last: run, Complete: run, Changed: clock.Add(-30 * time.Hour)}, h.ledger.err
		},
	}
	for _, c := range change {
		c(&config, &deps)
	}
	h.legacy = config.Legacy200
	if h.Server, err = queryd.New(config, deps); err != nil {
		t.Fatal(err)
	}
	return h
}

// shipped is what the daemon has where the operator decides nothing.
func shipped() queryd.Config {
	q := config.Default().Query
	return queryd.Config{PerMinute: q.PerMinute, PerDay: q.PerDay, MaxPhoto: q.MaxPhoto, AllowOrigin: q.AllowOrigin,
		EmbedTimeout: q.EmbedTimeout, SearchTimeout: q.SearchTimeout, ReadTimeout: q.ReadTimeout, IdleTimeout: q.IdleTimeout,
		MaxConnections: q.MaxConnections, MaxBodies: q.MaxBodies, PhotoLinkDays: q.PhotoLinkDays,
		AddressConnections: q.AddressConnections, AddressPerMinute: q.AddressPerMinute}
}

type lockedWriter struct {
	w  io.Writer
	mu *sync.Mutex
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func (h *daemon) logged() string {
	h.logMu.Lock()
	defer h.logMu.Unlock()
	return h.log.String()
}

// do sends a request and returns the answer with its body read.
func (h *daemon) do(method, target, body string, headers ...string) (*http.Response, string) {
	h.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if !h.legacy { // openapi.yaml describes the default settings
		validate(h.t, r, body, w.Result(), w.Body.String())
	}
	return w.Result(), w.Body.String()
}

// keyed is do with the daemon's key.
func (h *daemon) keyed(method, target, body string) (*http.Response, string) {
	return h.do(method, target, body, "X-API-Key", h.key, "Content-Type", "application/json")
}

func decode[T any](t testing.TB, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %.300s", err, text)
	}
	return v
}

// person makes a record with a name that is plainly invented.
func person(key, first, last string, change ...func(*schemas.Record)) schemas.Record {
	r := schemas.Record{Source: "us-zz", Key: key, Jurisdiction: "NY", URL: "https://registry.example.test/detail?id=" + key,
		Name: schemas.Name{Full: strings.ToUpper(first + " " + last), First: strings.ToUpper(first), Last: strings.ToUpper(last)},
		Sex:  schemas.Coded{Value: "male", Raw: "M"}}
	for _, c := range change {
		c(&r)
	}
	return r
}

// enrol lists a record, with one photo when embedding is set, and returns its id.
func (h *daemon) enrol(r schemas.Record, embedding []float32) schemas.UUID {
	id := schemas.RegistrantID(r.Source, r.Key)
	d := index.Document{ID: id, Revision: 1, FirstSeen: clock.AddDate(0, 0, -10), Changed: clock.AddDate(0, 0, -5),
		Keys: namekey.Of(r), Person: samePerson.ID(r)}
	if embedding != nil {
		photo := jpeg("photo of " + r.Key)
		digest := schemas.DigestOf(photo)
		r.Photos = []schemas.Photo{{URL: "https://registry.example.test/photo?id=" + r.Key, Digest: digest}}
		h.photos[blob.Ref{Owner: id, Kind: blob.Photo, Digest: digest}.Key()] = photo
		f := schemas.Face{ID: schemas.FaceID(id, digest), Registrant: id, Photo: digest, Embedding: embedding}
		d.Photos = []index.PhotoOutcome{{Photo: digest, Face: f.ID}}
		h.gal.faces = append(h.gal.faces, f)
	}
	d.Record = r
	at, _ := slices.BinarySearchFunc(h.gal.docs, id, byID)
	h.gal.docs = slices.Insert(h.gal.docs, at, d)
	return id
}

// crowd enrols n strangers, born in 1950.
func (h *daemon) crowd(n int) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		h.enrol(person(fmt.Sprintf("c%03d", i), "Stranger", fmt.Sprintf("Nobody%c%c", 'a'+i/26, 'a'+i%26),
			func(r *schemas.Record) { r.Birth.Year = 1950 }), point(random, 0.16))
	}
}

// point is a random embedding.
func point(random *rand.Rand, spread float64) []float32 {
	e := make([]float32, model.Dimensions)
	for i := range e {
		e[i] = float32(random.NormFloat64() * spread)
	}
	return e
}

// jpeg is bytes that look like a JPEG from outside.
func jpeg(text string) []byte { return []byte("\xff\xd8\xff\xe0" + text) }

// embedder gives each photo the embedding that was set for it.
type embedder struct{ gal *gallery }

func (e embedder) Model() schemas.Model { return model }
func (e embedder) Close() error         { return nil }
func (e embedder) Embed(_ context.Context, photo []byte, _ face.Purpose) (face.Result, error) {
	if err := e.gal.probeError; err != nil {
		return face.Result{}, err
	}
	embedding := e.gal.probe
	if embedding == nil {
		embedding = make([]float32, model.Dimensions)
	}
	return face.Result{Embedding: embedding, Box: schemas.Box{Left: 10, Top: 10, Right: 80, Bottom: 80}, Others: e.gal.others, Width: 97,
		Height: 98, Format: "jpeg"}, nil
}

// gallery is an index.Reader over slices.
type gallery struct {
	docs       []index.Document // by ID
	faces      []schemas.Face
	probe      []float32
	probeError error
	others     []schemas.Box
	more       bool        // Find says that it was cut
	asked      index.Query // the last that Find was asked
	read       int         // documents that Find gave
	calibrated index.Calibration
	err        error
}

func byID(d index.Document, id schemas.UUID) int { return cmp.Compare(d.ID, id) }

func (g *gallery) generation() index.Generation {
	return index.Generation{Name: "g1", Model: model, State: index.Serving, Calibration: g.calibrated}
}

func (g *gallery) Generations(context.Context) ([]index.Generation, error) {
	return []index.Generation{g.generation()}, g.err
}

func (g *gallery) Lookup(_ context.Context, ids ...schemas.UUID) ([]index.Document, error) {
	var out []index.Document
	for _, id := range ids {
		if at, ok := slices.BinarySearchFunc(g.docs, id, byID); ok {
			out = append(out, g.docs[at])
		}
	}
	return out, g.err
}

func (g *gallery) Face(_ context.Context, id schemas.UUID) (schemas.Face, error) {
	for _, f := range g.faces {
		if f.ID == id {
			return f, nil
		}
	}
	return schemas.Face{}, cmp.Or[error](g.err, fs.ErrNotExist)
}

func (g *gallery) passes(f index.Filter, d index.Document) bool {
	return f.Passes(d.Record.Source, index.FactsOf(d.Record))
}

func (g *gallery) Find(_ context.Context, q index.Query) (index.Found, error) {
	var out []index.Document
	for _, d := range g.docs {
		places := index.FactsOf(d.Record).Places
		at := func(p index.Place) bool {
			return (q.City == "" || index.FoldPlace(q.City) == p.City) && (q.State == "" || index.FoldPlace(q.State) == p.State) && (q.Zip == "" ||
				index.FoldZip(q.Zip) == p.Zip)
		}
		if !g.passes(q.Filter, d) || len(q.IDs) > 0 && !slices.Contains(q.IDs, d.ID) ||
			len(q.Persons) > 0 && !slices.Contains(q.Persons, d.Person) ||
			!q.Keyed(d.Keys) ||
			q.City+q.State+q.Zip != "" && !slices.ContainsFunc(places, at) ||
			!q.FirstSeenFrom.IsZero() && d.FirstSeen.Before(q.FirstSeenFrom) || !q.FirstSeenTo.IsZero() && d.FirstSeen.After(q.FirstSeenTo) ||
			!q.ChangedFrom.IsZero() && d.Changed.Before(q.ChangedFrom) || !q.ChangedTo.IsZero() && d.Changed.After(q.ChangedTo) {
			continue
		}
		out = append(out, d)
	}
	if len(q.Persons) == 0 {
		g.asked = q
	}
	found := q.PageOf(out)
	g.read += len(found.Documents)
	if g.more {
		found.Next = &index.Rank{}
	}
	return found, g.err
}

func (g *gallery) Nearest(_ context.Context, embedding []float32, k int, f index.Filter) ([]index.Neighbour, index.Generation, error) {
	var out []index.Neighbour
	for _, fc := range g.faces {
		docs, _ := g.Lookup(context.Background(), fc.Registrant)
		if !g.passes(f, docs[0]) {
			continue
		}
		var sum float64
		for i := range embedding {
			sum += float64(embedding[i]-fc.Embedding[i]) * float64(embedding[i]-fc.Embedding[i])
		}
		out = append(out, index.Neighbour{Face: fc, Source: docs[0].Record.Source, Distance: math.Sqrt(sum)})
	}
	slices.SortFunc(out, func(a, b index.Neighbour) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.Face.ID, b.Face.ID))
	})
	return out[:min(k, len(out))], g.generation(), g.err
}

func (g *gallery) Enrolled(_ context.Context, f index.Filter) (int, index.Generation, error) {
	n := 0
	for _, d := range g.docs {
		if len(d.Photos) > 0 && g.passes(f, d) {
			n++
		}
	}
	return n, g.generation(), g.err
}

// Count, Sample, Search and Persons are for measuring the gallery, as an indexer does.

func (g *gallery) Count(context.Context, string) (index.Counts, error) {
	n, _, err := g.Enrolled(context.Background(), index.Filter{})
	return index.Counts{WithFace: n}, err
}

func (g *gallery) Sample(_ context.Context, _ string, n int, _ uint64) ([]schemas.Face, error) {
	return g.faces[:min(n, len(g.faces))], g.err
}

func (g *gallery) Search(ctx context.Context, _ string, embedding []float32, k int) ([]index.Neighbour, error) {
	out, _, err := g.Nearest(ctx, embedding, k, index.Filter{})
	return out, err
}

func (g *gallery) Persons(_ context.Context, _ string, ids ...schemas.UUID) (map[schemas.UUID]schemas.UUID, error) {
	persons := map[schemas.UUID]schemas.UUID{}
	docs, err := g.Lookup(context.Background(), ids...)
	for _, d := range docs {
		persons[d.ID] = d.Person
	}
	return persons, err
}

// calibrate measures the gallery and stores what was measured with its generation.
func (g *gallery) calibrate(t testing.TB) {
	t.Helper()
	c, err := score.Measure(t.Context(), g, "g1")
	must(t, err)
	g.calibrated = c
}

// ledger lists everybody in the gallery but those who are gone.
type ledger struct {
	gal   *gallery
	gone  map[schemas.UUID]bool
	err   error
	asked atomic.Int64
}

func (l *ledger) Listing(ctx context.Context, _ string, id schemas.UUID) (schemas.Listing, error) {
	return l.Find(ctx, id)
}

func (l *ledger) Find(_ context.Context, id schemas.UUID) (schemas.Listing, error) {
	l.asked.Add(1)
	if l.err != nil {
		return schemas.Listing{}, l.err
	}
	if l.gone[id] {
		return schemas.Listing{ID: id, Source: "us-zz"}, nil
	}
	docs, _ := l.gal.Lookup(context.Background(), id)
	if len(docs) == 0 {
		return schemas.Listing{}, fs.ErrNotExist
	}
	d := docs[0]
	s := schemas.Listing{ID: id, Source: d.Record.Source, Listed: true, Sighted: clock.Add(-time.Hour),
		Record: schemas.DigestOf([]byte("record"))}
	for _, p := range d.Record.Photos {
		s.Photos = append(s.Photos, schemas.PhotoState{URL: p.URL, Digest: p.Digest})
	}
	s.Pages = []schemas.PageState{{URL: d.Record.URL, Digest: schemas.DigestOf([]byte("page")), Read: clock.Add(-time.Hour)}}
	return s, nil
}

// photos is a blob store that is only read.
type photos map[string][]byte

func (p photos) Get(_ context.Context, ref blob.Ref) ([]byte, error) {
	if data, ok := p[ref.Key()]; ok {
		return data, nil
	}
	return nil, fs.ErrNotExist
}
