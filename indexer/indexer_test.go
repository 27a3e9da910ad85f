package indexer_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/indexer"
	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/indexer/index/embedded"
	"lineup/ingest"
	"lineup/ingest/ledger"
	"lineup/ingest/queue"
	"lineup/internal/testkit/stores"
	"lineup/schemas"
)

// counting is an embedder whose embedding is read off the photo's digest, and that counts.
type counting struct {
	mu    sync.Mutex
	calls map[string]int
	model schemas.Model
}

func newCounting(id string) *counting {
	return &counting{calls: map[string]int{}, model: schemas.Model{ID: id, Dimensions: 4, Metric: "euclidean", MaxDistance: 1}}
}

func (c *counting) Model() schemas.Model { return c.model }
func (c *counting) Close() error         { return nil }

func (c *counting) Embed(_ context.Context, photo []byte, _ face.Purpose) (face.Result, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[string(photo)]++
	digest := schemas.DigestOf(photo)
	hash := binary.BigEndian.Uint64([]byte(digest)) | 1
	if strings.Contains(string(photo), "stub") { // all alike, but for a bit
		hash = 0xabcd<<8 | 1<<(photo[len(photo)-1]%2)
	}
	if strings.HasPrefix(string(photo), "nobody") {
		return face.Result{}, &face.Problem{Code: face.CodeNoFace, Text: "no face", Result: face.Result{Hash: hash}}
	}
	var e []float32
	for i := range 4 {
		e = append(e, float32(digest[i])/256)
	}
	return face.Result{Embedding: e, Hash: hash}, nil
}

func (c *counting) total() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, calls := range c.calls {
		n += calls
	}
	return n
}

// house is ledger, queue, blobs and index over temporary directories.
type house struct {
	t      testing.TB
	ledger *ledger.Ledger
	queue  *queue.Queue
	in     *ingest.Ingester
	index  index.Index
	faces  *counting
	deps   indexer.Deps
	run    string
}

func newNode(t testing.TB) *house {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	s := stores.Open(t)
	blobs := s.Blobs
	h := &house{t: t, faces: newCounting("m1"), ledger: s.Ledger, queue: s.Queue}
	var err error
	h.index, err = embedded.Open(t.Context(), t.TempDir(), log)
	check(t, err)
	h.in = ingest.New(blobs, h.ledger, h.queue, log)
	metrics, err := indexer.NewMetrics(prometheus.NewRegistry())
	check(t, err)
	h.deps = indexer.Deps{Ledger: h.ledger, Queue: h.queue, Blobs: blobs, Index: h.index, Embedders: []face.Embedder{h.faces},
		Metrics: metrics, Log: log}
	check(t, indexer.Prepare(t.Context(), h.index, h.faces.Model()))
	check(t, h.index.Switch(t.Context(), "g1"))
	h.run, _, err = h.in.Begin(t.Context(), "us-zz", false)
	check(t, err)
	t.Cleanup(func() {
		ctx := context.Background()
		check(t, h.in.Abandon(ctx, "us-zz", h.run, schemas.RunSummary{State: schemas.RunFailed}))
		check(t, h.index.Close())
	})
	return h
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func id(n int) schemas.UUID { return schemas.RegistrantID("us-zz", fmt.Sprint(n)) }

// capture is a registrant with a record that says detail, and photos.
func capture(n int, detail string, photos ...string) schemas.Capture {
	c := schemas.Capture{Read: time.Now(), Record: schemas.Record{Source: "us-zz", Key: fmt.Sprint(n), Designation: detail,
		Name: schemas.Name{First: "Rowan", Last: "Testcase"}}}
	for i, photo := range photos {
		c.Record.Photos = append(c.Record.Photos, schemas.Photo{URL: fmt.Sprintf("https://registry.example.test/%d/%d", n, i)})
		c.Photos = append(c.Photos, schemas.CapturedPhoto{Data: []byte(photo)})
	}
	return c
}

func (h *house) accept(c schemas.Capture) schemas.Outcome {
	h.t.Helper()
	outcome, err := h.in.Accept(h.t.Context(), h.run, c)
	check(h.t, err)
	return outcome
}

// settle does jobs until none waits.
func (h *house) settle() {
	h.t.Helper()
	ctx, stop := context.WithTimeout(h.t.Context(), time.Minute)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- indexer.New(h.deps).Run(ctx, 2) }()
	for {
		counts, err := h.queue.Count(ctx)
		check(h.t, err)
		if counts.Waiting == 0 {
			break
		}
		time.Sleep(2 * time.Millisecond)
	}
	stop()
	check(h.t, <-done)
}

// held is what a generation holds: revisions by registrant.
func (h *house) held(generation string) map[schemas.UUID]uint64 {
	h.t.Helper()
	held := make(map[schemas.UUID]uint64)
	for doc, err := range h.index.Walk(h.t.Context(), generation, "") {
		check(h.t, err)
		held[doc.ID] = doc.Revision
	}
	return held
}

// agrees holds that a generation has exactly what the ledger lists.
func (h *house) agrees(generation, model string) {
	h.t.Helper()
	held := h.held(generation)
	for s, err := range h.ledger.Each(h.t.Context(), "") {
		check(h.t, err)
		if s.DueIn(h.target(generation, model)) != schemas.DueNot {
			h.t.Errorf("%s is not marked: %+v", s.ID, s.Marks)
		}
		if revision, ok := held[s.ID]; ok != s.Listed || s.Listed && revision != s.Revision {
			h.t.Errorf("%s: listed %v at revision %d, the index holds %v at %d", s.ID, s.Listed, s.Revision, ok, revision)
		}
		delete(held, s.ID)
	}
	if len(held) != 0 {
		h.t.Errorf("the index holds %d registrants the ledger never saw", len(held))
	}
}

// built is when a generation was made.
func (h *house) built(generation string) time.Time {
	h.t.Helper()
	all, err := h.index.Generations(h.t.Context())
	check(h.t, err)
	for _, g := range all {
		if g.Name == generation {
			return g.Created
		}
	}
	return time.Time{}
}

func (h *house) target(generation, model string) []schemas.Target {
	return []schemas.Target{{Generation: generation, Model: model, Built: h.built(generation)}}
}

func (h *house) sync(n int) error {
	return indexer.New(h.deps).Sync(h.t.Context(), "us-zz", id(n), nil)
}

func TestAPhotoIsEmbeddedOnceByAModel(t *testing.T) {
	h := newNode(t)
	h.accept(capture(1, "first", "face one", "face two"))
	h.accept(capture(2, "first", "face one")) // the same photo under another registrant
	h.settle()
	if n := h.faces.total(); n > 3 { // two workers may meet the shared photo at the same moment
		t.Errorf("%d embeddings for two photos", n)
	}
	before := h.faces.total()
	if o := h.accept(capture(1, "second", "face one", "face two")); o != schemas.OutcomeChanged {
		t.Fatal(o)
	}
	h.settle()
	check(t, h.index.Create(t.Context(), index.Generation{Name: "g2", Model: h.faces.Model()}))
	_, err := h.in.Reconcile(t.Context(), "", h.target("g2", "m1"), nil)
	check(t, err)
	h.settle()
	if n := h.faces.total(); n != before {
		t.Errorf("a changed record and a new generation embedded %d photos anew", n-before)
	}
	h.agrees("g1", "m1")
	h.agrees("g2", "m1")
	faces, _, err := h.index.Held(t.Context(), "g2", schemas.DigestOf([]byte("face one")))
	check(t, err)
	if len(faces) != 2 {
		t.Errorf("the shared photo is held as %d faces, want one for each registrant", len(faces))
	}
}

func TestAPhotoWithoutAFaceIsNoFailure(t *testing.T) {
	h := newNode(t)
	h.accept(capture(1, "x", "nobody"))
	h.settle()
	h.agrees("g1", "m1")
	docs, err := h.index.Lookup(t.Context(), id(1))
	check(t, err)
	if len(docs) != 1 || len(docs[0].Photos) != 1 || docs[0].Photos[0].Problem != string(face.CodeNoFace) {
		t.Errorf("documents %+v", docs)
	}
}

func TestADelistingThatOvertakesAnEmbedding(t *testing.T) {
	h := newNode(t)
	h.accept(capture(1, "x", "face"))
	late, err := h.ledger.Listing(t.Context(), "us-zz", id(1))
	check(t, err)
	_, err = h.in.Remove(t.Context(), id(1), schemas.Removal{Reason: "other"})
	check(t, err)
	h.settle()
	// A worker that read the ledger before the removal writes after it.
	err = h.index.Replace(t.Context(), "g1", index.Entry{ID: late.ID, Source: late.Source, Revision: late.Revision,
		Document: &index.Document{ID: late.ID, Revision: late.Revision, Record: capture(1, "x").Record}})
	check(t, err)
	h.agrees("g1", "m1")
}

// dying is an index whose writer dies between Replace and Mark.
type dying struct {
	indexer.Ledger
}

var errDied = errors.New("died")

func (dying) Mark(context.Context, string, schemas.UUID, string, schemas.Mark, func(string) bool) error {
	return errDied
}

func TestDeathBetweenReplaceAndMark(t *testing.T) {
	h := newNode(t)
	h.accept(capture(1, "x", "face"))
	alive := h.deps
	h.deps.Ledger = dying{h.ledger}
	if err := h.sync(1); !errors.Is(err, errDied) {
		t.Fatal(err)
	}
	if len(h.held("g1")) != 1 {
		t.Fatal("the index was not written before the death")
	}
	h.deps = alive
	check(t, h.sync(1))
	h.agrees("g1", "m1")
	if n := h.faces.total(); n != 1 {
		t.Errorf("%d embeddings, want the one from before the death to be used", n)
	}
}

func TestARetiredGenerationHearsOfDelistingsOnly(t *testing.T) {
	h := newNode(t)
	ctx := t.Context()
	h.accept(capture(1, "x", "face one"))
	h.accept(capture(2, "x", "face two"))
	h.settle()
	check(t, h.index.Create(ctx, index.Generation{Name: "g2", Model: h.faces.Model()}))
	check(t, h.index.Switch(ctx, "g2"))
	h.accept(capture(1, "y", "face one"))
	_, err := h.in.Remove(ctx, id(2), schemas.Removal{Reason: "other"})
	check(t, err)
	h.settle()
	held := h.held("g1")
	if held[id(1)] != 1 || len(held) != 1 {
		t.Errorf("retired generation holds %v, want the first at revision 1 alone", held)
	}
}

func TestAnUnknownModelWaits(t *testing.T) {
	h := newNode(t)
	check(t, h.index.Create(t.Context(), index.Generation{Name: "g2", Model: newCounting("unheard-of").Model()}))
	h.accept(capture(1, "x", "face"))
	if err := h.sync(1); err == nil {
		t.Error("a generation of a model nobody computes was filled")
	}
	if s, err := h.ledger.Listing(t.Context(), "us-zz", id(1)); err != nil || s.DueIn(h.target("g2", "unheard-of")) == schemas.DueNot {
		t.Errorf("%+v %v", s, err)
	}
}

// TestAnIndexThatCameBackEmpty loses the generation and has one of the same name made anew: what
// the ledger says of the old one must not count, jobs must not be answered by doing nothing, and
// the new one must not serve before it holds all.
func TestAnIndexThatCameBackEmpty(t *testing.T) {
	h := newNode(t)
	ctx := t.Context()
	h.accept(capture(1, "x", "face one"))
	h.accept(capture(2, "x", "face two"))
	h.settle()
	fresh, err := embedded.Open(ctx, t.TempDir(), slog.New(slog.DiscardHandler))
	check(t, err)
	check(t, h.index.Close())
	h.index, h.deps.Index = fresh, fresh
	if err := h.sync(1); err == nil {
		t.Error("a job was answered although nothing could be written")
	}
	check(t, indexer.Prepare(ctx, h.index, h.faces.Model()))
	complete := func(g index.Generation) (*indexer.Tally, error) {
		return indexer.TallyOf(ctx, h.ledger, h.queue, g.Target())
	}
	serves := func() bool {
		check(t, indexer.Promote(ctx, h.index, complete))
		_, _, err := h.index.Nearest(ctx, make([]float32, 4), 1, index.Filter{})
		return err == nil
	}
	if serves() {
		t.Error("an empty generation serves while two registrants are listed")
	}
	enqueued, err := h.in.Reconcile(ctx, "", h.target("g1", "m1"), nil)
	if err != nil || enqueued != 2 {
		t.Errorf("%d jobs, %v, want both", enqueued, err)
	}
	h.settle()
	h.agrees("g1", "m1")
	if !serves() {
		t.Error("a complete generation does not serve")
	}
}

// asked is an index that tells when it was asked for its generations.
type asked struct {
	index.Index
	times chan struct{}
}

func (a asked) Generations(ctx context.Context) ([]index.Generation, error) {
	all, err := a.Index.Generations(ctx)
	a.times <- struct{}{}
	return all, err
}

// TestALostIndexIsNobodysFault holds that jobs which find no generation are not counted against their registrants: an index that comes
// back empty a minute later must not find them waiting for many more, or dead.
func TestALostIndexIsNobodysFault(t *testing.T) {
	h := newNode(t)
	h.accept(capture(1, "x", "face one"))
	empty, err := embedded.Open(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
	check(t, err)
	defer empty.Close()
	a := asked{empty, make(chan struct{}, 64)}
	deps := h.deps
	deps.Index = a
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- indexer.New(deps).Run(ctx, 1) }()
	for range 3 { // of calibration and of two attempts: the first has been noted when the second begins
		<-a.times
	}
	stop()
	check(t, <-done)
	if s, err := h.ledger.Listing(t.Context(), "us-zz", id(1)); err != nil || s.Failed != nil {
		t.Errorf("%+v %v: a failure is noted", s.Failed, err)
	}
}

// TestRandomSchedules lets changes, delistings, returns and two workers run into each other
// and holds that the end is what the ledger says.
func TestRandomSchedules(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	h := newNode(t)
	ctx, stop := context.WithCancel(t.Context())
	workers := make(chan error, 2)
	for range 2 {
		go func() { workers <- indexer.New(h.deps).Run(ctx, 2) }()
	}
	const people = 20
	for step := range 300 {
		n := random.IntN(people)
		switch random.IntN(10) {
		case 0:
			if n >= people/2 { // half of them may be removed
				_, err := h.in.Remove(ctx, id(n), schemas.Removal{Reason: "other"})
				if err != nil && step > 200 {
					t.Log(err)
				}
			}
		default:
			h.accept(capture(n, fmt.Sprint(random.IntN(3)), fmt.Sprintf("face %d %d", n, random.IntN(2))))
		}
	}
	stop()
	for range 2 {
		check(t, <-workers)
	}
	_, err := h.in.Reconcile(t.Context(), "", h.target("g1", "m1"), nil)
	check(t, err)
	// Jobs in the hands of the stopped workers come back only after a minute; what they are
	// about is brought up to date directly, as the next worker would.
	for n := range people {
		check(t, h.sync(n))
	}
	h.agrees("g1", "m1")
}

// TestExcludedSourcesHaveNoTemplates: who is of one is indexed and found, but no photo is embedded; when the operator takes
// the exclusion back, or makes it, doing the registrant again makes or drops the templates.
func TestExcludedSourcesHaveNoTemplates(t *testing.T) {
	h := newNode(t)
	out := map[string]bool{"us-zz": true}
	h.deps.Excluded = func(source string) bool { return out[source] }
	h.accept(capture(1, "x", "face one", "face two"))
	h.settle()
	h.agrees("g1", "m1")
	expect := func(problem string, faces int) {
		t.Helper()
		docs, err := h.index.Lookup(t.Context(), id(1))
		check(t, err)
		if len(docs) != 1 || len(docs[0].Photos) != 2 || docs[0].Photos[0].Problem != problem {
			t.Errorf("documents %+v", docs)
		}
		counts, err := h.index.Count(t.Context(), "g1")
		check(t, err)
		if counts.Faces != faces || counts.Registrants != 1 {
			t.Errorf("%d faces of %d registrants, want %d", counts.Faces, counts.Registrants, faces)
		}
	}
	expect(index.Excluded, 0)
	if n := h.faces.total(); n != 0 {
		t.Errorf("%d photos were embedded", n)
	}
	delete(out, "us-zz")
	h.accept(capture(1, "y", "face one", "face two"))
	h.settle()
	expect("", 2)
	out["us-zz"] = true
	h.accept(capture(1, "z", "face one", "face two"))
	h.settle()
	expect(index.Excluded, 0)
}
