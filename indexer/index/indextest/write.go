package indextest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lineup/indexer/index"
	"lineup/schemas"
)

type opener = func(t *testing.T) index.Index

func nothingServes(t *testing.T, open opener) {
	ctx, ix := context.Background(), open(t)
	if err := ix.Check(ctx); err != nil {
		t.Errorf("check of a new index: %v", err)
	}
	if g, err := ix.Generations(ctx); err != nil || len(g) != 0 {
		t.Errorf("generations of a new index: %v, %v", g, err)
	}
	for round := range 2 {
		_, _, near := ix.Nearest(ctx, make([]float32, Model.Dimensions), 3, index.Filter{})
		_, look := ix.Lookup(ctx, schemas.RandomID())
		_, face := ix.Face(ctx, schemas.RandomID())
		_, found := ix.Find(ctx, index.Query{})
		_, _, enrolled := ix.Enrolled(ctx, index.Filter{})
		for name, err := range map[string]error{"nearest": near, "lookup": look, "face": face, "find": found, "enrolled": enrolled} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s while nothing serves: %v, want fs.ErrNotExist", name, err)
			}
		}
		if round == 0 { // one that is being built is not read either
			if err := ix.Create(ctx, index.Generation{Name: "one", Model: Model}); err != nil {
				t.Fatal(err)
			}
			Put(t, ix, Person(1, 1, nil))
		}
	}
	missing := Person(1, 1, nil)
	_, count := ix.Count(ctx, "none")
	_, _, held := ix.Held(ctx, "none", missing.Faces[0].Photo)
	_, shared := ix.Sharing(ctx, "none", "us-aa", 1, 1, 1)
	var walk error
	for _, err := range ix.Walk(ctx, "none", "") {
		walk = err
	}
	for name, err := range map[string]error{"count": count, "held": held, "shared": shared, "walk": walk,
		"replace": ix.Replace(ctx, "none", missing), "switch": ix.Switch(ctx, "none")} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of a missing generation: %v, want fs.ErrNotExist", name, err)
		}
	}
	if err := ix.Drop(ctx, "none"); err != nil {
		t.Errorf("drop of a missing generation: %v", err)
	}
}

func states(t *testing.T, ix index.Index) map[string]index.State {
	t.Helper()
	list, err := ix.Generations(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]index.State{}
	for i, g := range list {
		got[g.Name] = g.State
		if g.Created.IsZero() || time.Since(g.Created) > time.Hour {
			t.Errorf("generation %s was created at %v", g.Name, g.Created)
		}
		if i > 0 && g.Created.Before(list[i-1].Created) {
			t.Errorf("generation %s comes after the younger %s", g.Name, list[i-1].Name)
		}
		if diff := cmp.Diff(Model.FalseMatch, g.Model.FalseMatch); diff != "" {
			t.Errorf("calibration of generation %s (-want +got):\n%s", g.Name, diff)
		}
	}
	return got
}

func generations(t *testing.T, open opener) {
	ctx, ix := context.Background(), open(t)
	other := Model
	other.ID, other.Dimensions = "suite/v2", 70
	for name, m := range map[string]schemas.Model{"one": Model, "two": other} {
		if err := ix.Create(ctx, index.Generation{Name: name, Model: m}); err != nil {
			t.Fatal(err)
		}
	}
	if err := ix.Create(ctx, index.Generation{Name: "one", Model: Model}); !errors.Is(err, index.ErrExists) {
		t.Errorf("create twice: %v, want ErrExists", err)
	}
	changed := func(do func(m *schemas.Model)) (m schemas.Model) {
		m = Model
		do(&m)
		return m
	}
	for what, g := range map[string]index.Generation{
		"a name that cannot be one": {Name: "No Such/Name", Model: Model},
		"no name":                   {Model: Model},
		"no dimensions":             {Name: "bad", Model: changed(func(m *schemas.Model) { m.Dimensions = 0 })},
		"too many dimensions":       {Name: "bad", Model: changed(func(m *schemas.Model) { m.Dimensions = index.MaxDimensions + 1 })},
		"a negative version":        {Name: "bad", Model: Model, Features: -1},
		"an unknown metric":         {Name: "bad", Model: changed(func(m *schemas.Model) { m.Metric = "taxicab" })},
	} {
		if err := ix.Create(ctx, g); err == nil {
			t.Errorf("a generation with %s is made", what)
		}
	}
	want := func(what string, want map[string]index.State) {
		t.Helper()
		if diff := cmp.Diff(want, states(t, ix)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	want("created", map[string]index.State{"one": index.Building, "two": index.Building})
	p := Person(1, 1, nil)
	Put(t, ix, p)
	for range 2 {
		if err := ix.Switch(ctx, "one"); err != nil {
			t.Fatal(err)
		}
	}
	want("switched", map[string]index.State{"one": index.Serving, "two": index.Building})
	if _, g, err := ix.Nearest(ctx, p.Faces[0].Embedding, 1, index.Filter{}); err != nil || g.Name != "one" || g.Model.ID != Model.ID ||
		g.State != index.Serving {
		t.Errorf("nearest answers from %+v, %v", g, err)
	}
	if err := ix.Drop(ctx, "one"); !errors.Is(err, index.ErrServing) {
		t.Errorf("drop of the serving generation: %v, want ErrServing", err)
	}
	q := Person(2, 1, nil)
	q.Faces[0].Embedding = Embedding(other.Dimensions, q.Faces[0].Photo)
	if err := ix.Replace(ctx, "two", q); err != nil {
		t.Fatal(err)
	}
	if docs, err := ix.Lookup(ctx, p.ID, q.ID); err != nil || len(docs) != 1 || docs[0].ID != p.ID {
		t.Errorf("lookup before the switch gives %d documents, %v; want the one of the serving generation", len(docs), err)
	}
	if err := ix.Switch(ctx, "two"); err != nil {
		t.Fatal(err)
	}
	want("switched again", map[string]index.State{"one": index.Retired, "two": index.Serving})
	if docs, err := ix.Lookup(ctx, p.ID, q.ID); err != nil || len(docs) != 1 || docs[0].ID != q.ID {
		t.Errorf("lookup after the switch gives %d documents, %v; want the one of the serving generation", len(docs), err)
	}
	if _, g, err := ix.Nearest(ctx, q.Faces[0].Embedding, 1, index.Filter{}); err != nil || g.Model.Dimensions != 70 {
		t.Errorf("nearest answers from %+v, %v", g, err)
	}
	Put(t, ix, Gone(p, 2)) // retired ones are still told of who left
	if c, err := ix.Count(ctx, "one"); err != nil || c != (index.Counts{}) {
		t.Errorf("count of the retired generation: %+v, %v", c, err)
	}
	for range 2 {
		if err := ix.Drop(ctx, "one"); err != nil {
			t.Fatal(err)
		}
	}
	want("dropped", map[string]index.State{"two": index.Serving})
	if err := ix.Create(ctx, index.Generation{Name: "one", Model: Model}); err != nil {
		t.Fatal(err)
	}
	if c, err := ix.Count(ctx, "one"); err != nil || c != (index.Counts{}) {
		t.Errorf("count of a generation created anew: %+v, %v", c, err)
	}
}

func featureVersions(t *testing.T, open opener) {
	ctx, ix := context.Background(), open(t)
	Serving(t, ix, Model)
	if err := ix.Create(ctx, index.Generation{Name: "other", Model: Model, Features: index.FeatureVersion + 7}); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"one": index.FeatureVersion, "other": index.FeatureVersion + 7}
	for what, handle := range map[string]index.Index{"the handle that made them": ix, "another handle": open(t)} {
		list, err := handle.Generations(ctx)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, g := range list {
			got[g.Name] = g.Features
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("feature versions by %s (-want +got):\n%s", what, diff)
		}
	}
	if _, g, err := ix.Nearest(ctx, make([]float32, Model.Dimensions), 1, index.Filter{}); err != nil || g.Features != index.FeatureVersion {
		t.Errorf("nearest answers from feature version %d, %v; want %d", g.Features, err, index.FeatureVersion)
	}
}

func calibrations(t *testing.T, open opener) {
	ctx, ix, other := context.Background(), open(t), open(t)
	Serving(t, ix, Model)
	if err := ix.Create(ctx, index.Generation{Name: "next", Model: Model}); err != nil {
		t.Fatal(err)
	}
	told := func(what string, want index.Calibration) {
		t.Helper()
		for _, handle := range []index.Index{ix, other} {
			_, g, err := handle.Nearest(ctx, make([]float32, Model.Dimensions), 1, index.Filter{})
			if err != nil || g.Calibration != want || g.State != index.Serving {
				t.Errorf("%s: nearest tells of %s generation %+v, %v; want %+v", what, g.State, g.Calibration, err, want)
			}
		}
	}
	told("before", index.Calibration{})
	first := index.Calibration{Version: 3, Registrants: 1000, Probes: 200, Slope: 20.125, Offset: -0.1, Power: 1.0 / 3,
		Measured: time.Unix(1795000000, 5).UTC()}
	if err := ix.Calibrate(ctx, "one", first); err != nil {
		t.Fatal(err)
	}
	told("once", first)
	second := first
	second.Power = 1.5
	if err := other.Calibrate(ctx, "next", second); err != nil {
		t.Fatal(err)
	}
	told("another generation's", first)
	if err := ix.Switch(ctx, "next"); err != nil {
		t.Fatal(err)
	}
	told("after a switch", second)
	list, err := open(t).Generations(ctx)
	if err != nil || len(list) != 2 || list[0].Calibration != first || list[1].Calibration != second {
		t.Errorf("listed with %+v, %v; want %+v and %+v", list, err, first, second)
	}
	lacks := index.Stragglers{Registrants: 2, Photos: 1, Why: "2 corrupt_blob, 1 unread_photo"}
	if err := ix.Note(ctx, "next", lacks); err != nil {
		t.Fatal(err)
	}
	if got, err := index.StragglersOf(ctx, other); err != nil || got != lacks {
		t.Errorf("stragglers %+v, %v; want %+v", got, err, lacks)
	}
	told("with stragglers", second)
	if err := ix.Note(ctx, "none", lacks); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("note a generation that is not there: %v", err)
	}
	for _, n := range []int{2, 1} { // it only grows
		if err := ix.Hide(ctx, "next", n); err != nil {
			t.Fatal(err)
		}
		_, g, err := other.Enrolled(ctx, index.Filter{})
		found, ferr := other.Find(ctx, index.Query{})
		if errors.Join(err, ferr) != nil || g.Name != "next" || g.Canaries != 2 || found.Generation.Name != g.Name ||
			found.Generation.Canaries != 2 {
			t.Errorf("counted in %+v, found in %+v: %v; want 2 keys of the canary", g, found.Generation, errors.Join(err, ferr))
		}
	}
	if err := ix.Hide(ctx, "none", 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("hide in a generation that is not there: %v", err)
	}
	second.Slope = math.NaN()
	if err := ix.Calibrate(ctx, "next", second); err == nil {
		t.Error("a calibration that is not a number was stored")
	}
	if err := ix.Calibrate(ctx, "none", first); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("calibrate a generation that is not there: %v", err)
	}
}

func truth(b bool) *bool { return &b }

func wholeDocuments(t *testing.T, open opener) {
	ctx, ix := context.Background(), open(t)
	Serving(t, ix, Model)
	lat, lon := 44.5, -73.25
	full := Person(1, 7, func(r *schemas.Record) {
		r.Aliases = []schemas.Alias{{Name: schemas.Name{Full: "Somebody Élse"}, Birth: schemas.Date{Year: 1961}}}
		r.Addresses = []schemas.Address{{Kind: schemas.AddressHome, Street: "1 Nowhere Lane", City: "St. Élme", State: "AA", Zip: "00001",
			Lat: &lat, Lon: &lon}}
		r.Offenses = []schemas.Offense{{Description: "invented", Charges: []schemas.Charge{{Title: "one"}}}}
		r.Predator = truth(false)
		r.Photos = append(r.Photos, schemas.Photo{URL: "http://site.invalid/2", Digest: schemas.DigestOf([]byte("second"))},
			schemas.Photo{URL: "http://site.invalid/3", Problem: "placeholder"})
	})
	// The third photo has no bytes, so no outcome and no face.
	full.Faces, full.Document.Photos = full.Faces[:2], full.Document.Photos[:2]
	full.Document.Photos[1] = index.PhotoOutcome{Photo: full.Faces[1].Photo, Problem: "no_face", Hash: 1<<63 | 5}
	full.Faces = full.Faces[:1]
	full.Document.Person = schemas.PersonID("somebody")
	bare := index.Entry{ID: schemas.RandomID(), Source: "us-bb", Revision: 1}
	bare.Document = &index.Document{ID: bare.ID, Revision: 1, Record: schemas.Record{Schema: schemas.RecordSchema, Source: "us-bb", Key: "x"}}
	for range 2 { // every call may be repeated
		Put(t, ix, full, bare)
	}
	docs, err := ix.Lookup(ctx, schemas.RandomID(), full.ID, bare.ID, "not an id")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]index.Document{*full.Document, *bare.Document}, docs, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
	face, err := ix.Face(ctx, full.Faces[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full.Faces[0], face); diff != "" {
		t.Errorf("face (-want +got):\n%s", diff)
	}
	for _, id := range []schemas.UUID{full.ID, schemas.RandomID(), "not an id", ""} {
		if _, err := ix.Face(ctx, id); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("face %q: %v, want fs.ErrNotExist", id, err)
		}
	}
	if c, err := ix.Count(ctx, "one"); err != nil || c != (index.Counts{Registrants: 2, WithFace: 1, Faces: 1}) {
		t.Errorf("counts %+v, %v", c, err)
	}
	// What a newer revision does not have any more is gone.
	less := Person(1, 8, nil)
	less.Faces, less.Document.Photos, less.Document.Keys = nil, nil, nil
	Put(t, ix, less)
	if _, err := ix.Face(ctx, face.ID); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a face that was replaced: %v, want fs.ErrNotExist", err)
	}
	if near, _, err := ix.Nearest(ctx, face.Embedding, 5, index.Filter{}); err != nil || len(near) != 0 {
		t.Errorf("nearest after the only face went: %v, %v", near, err)
	}
	if found, err := ix.Find(ctx, index.Query{AnyKey: full.Document.Keys}); err != nil || len(found.Documents) != 0 {
		t.Errorf("find by a name key that was replaced: %d documents, %v", len(docs), err)
	}
	Put(t, ix, Gone(less, 9), Gone(bare, 2), Gone(Person(99, 1, nil), 1))
	if docs, err := ix.Lookup(ctx, full.ID, bare.ID); err != nil || len(docs) != 0 {
		t.Errorf("lookup of who left: %v, %v", docs, err)
	}
	if c, err := ix.Count(ctx, "one"); err != nil || c != (index.Counts{}) {
		t.Errorf("counts after all left %+v, %v", c, err)
	}
	Put(t, ix, withRevision(full, 10))
	if near, _, err := ix.Nearest(ctx, face.Embedding, 5, index.Filter{}); err != nil || len(near) != 1 || near[0].Distance != 0 {
		t.Errorf("nearest after a return: %v, %v", near, err)
	}
}

func withRevision(e index.Entry, revision uint64) index.Entry {
	d := *e.Document
	d.Revision, e.Revision, e.Document = revision, revision, &d
	return e
}

func badEntries(t *testing.T, open opener) {
	ctx, ix := context.Background(), open(t)
	Serving(t, ix, Model)
	good := Person(1, 1, nil)
	change := func(do func(e []float32) []float32) index.Entry {
		e := Person(2, 1, nil)
		e.Faces[0].Embedding = do(e.Faces[0].Embedding)
		return e
	}
	set := func(x float64) index.Entry {
		return change(func(e []float32) []float32 { e[3] = float32(x); return e })
	}
	for name, e := range map[string]index.Entry{
		"short": change(func(e []float32) []float32 { return e[1:] }), "long": change(func(e []float32) []float32 { return append(e, 0) }),
		"none": change(func([]float32) []float32 { return nil }), "NaN": set(math.NaN()), "infinite": set(math.Inf(-1)),
	} {
		if err := ix.Replace(ctx, "one", good, e); !errors.Is(err, index.ErrEmbedding) {
			t.Errorf("%s embedding: %v, want ErrEmbedding", name, err)
		}
		if _, g, err := ix.Nearest(ctx, e.Faces[0].Embedding, 1, index.Filter{}); !errors.Is(err, index.ErrEmbedding) || g.Name == "" {
			t.Errorf("nearest to a %s embedding: %v, generation %q: want ErrEmbedding, and the generation that it does not fit", name, err, g.Name)
		}
	}
	for name, spoil := range map[string]func(e *index.Entry){
		"no id":     func(e *index.Entry) { e.ID = "x" },
		"no source": func(e *index.Entry) { e.Source = "" },
		"a revision too large": func(e *index.Entry) {
			e.Revision, e.Document.Revision = index.MaxRevision+1,
				index.MaxRevision+1
		},
		"the document of somebody else":         func(e *index.Entry) { e.Document.ID = good.ID },
		"the document of another revision":      func(e *index.Entry) { e.Document.Revision++ },
		"a person that is none":                 func(e *index.Entry) { e.Document.Person = "x" },
		"a photo that is none":                  func(e *index.Entry) { e.Document.Photos[0].Photo = "x" },
		"a face of somebody else":               func(e *index.Entry) { e.Faces[0].Registrant = good.ID },
		"a face without an id":                  func(e *index.Entry) { e.Faces[0].ID = "x" },
		"a face without a photo":                func(e *index.Entry) { e.Faces[0].Photo = "" },
		"a face without a document":             func(e *index.Entry) { e.Document = nil },
		"too large a revision of nobody":        func(e *index.Entry) { *e = Gone(*e, index.MaxRevision+1) },
		"somebody who left and has no valid id": func(e *index.Entry) { *e = Gone(*e, 2); e.ID = "x" },
	} {
		e := Person(3, 1, nil)
		spoil(&e)
		if err := ix.Replace(ctx, "one", good, e); err == nil {
			t.Errorf("an entry with %s is taken", name)
		}
	}
	if c, err := ix.Count(ctx, "one"); err != nil || c.Faces != 0 {
		t.Errorf("after refused batches the index holds %+v, %v", c, err)
	}
	if err := ix.Replace(ctx, "one"); err != nil {
		t.Errorf("replacing nothing: %v", err)
	}
	largest := withRevision(Person(5, 1, nil), index.MaxRevision)
	largest.Faces = append(largest.Faces, largest.Faces[0]) // a record may show a photo twice
	Put(t, ix, largest)
	if c, err := ix.Count(ctx, "one"); err != nil || c != (index.Counts{Registrants: 1, WithFace: 1, Faces: 1}) {
		t.Errorf("after an entry of the largest revision whose photo stands twice the index holds %+v, %v", c, err)
	}
	if docs, err := ix.Lookup(ctx, largest.ID); err != nil || len(docs) != 1 || docs[0].Revision != index.MaxRevision {
		t.Errorf("the largest revision comes back as %+v, %v", docs, err)
	}
}

func lateWriters(t *testing.T, open opener) {
	ctx, ix := context.Background(), open(t)
	Serving(t, ix, Model)
	held := func(what string, id schemas.UUID, want uint64) {
		t.Helper()
		docs, err := ix.Lookup(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		got := uint64(0)
		if len(docs) > 0 {
			got = docs[0].Revision
		}
		if got != want {
			t.Errorf("%s: revision %d is held, want %d (0: none)", what, got, want)
		}
	}
	one := Person(1, 5, nil)
	Put(t, ix, one)
	old := Person(1, 4, func(r *schemas.Record) { r.Photos[0].Digest = schemas.DigestOf([]byte("older")) })
	Put(t, ix, old)
	held("an older revision after", one.ID, 5)
	if _, err := ix.Face(ctx, old.Faces[0].ID); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the late writer's face: %v, want fs.ErrNotExist", err)
	}
	Put(t, ix, Gone(one, 4))
	held("a late removal", one.ID, 5)
	Put(t, ix, Gone(one, 6))
	held("a removal", one.ID, 0)
	Put(t, ix, one)
	held("a late writer after a removal", one.ID, 0)
	two := Person(2, 3, nil)
	Put(t, ix, Gone(two, 4))
	Put(t, ix, two)
	held("a removal that overtook the writer", two.ID, 0)
	Put(t, ix, withRevision(two, 5))
	held("a return", two.ID, 5)
	Put(t, ix, Person(3, 1, nil), Person(3, 2, nil), Person(3, 1, nil))
	held("one batch with several revisions", Person(3, 1, nil).ID, 2)

	// Many writers, each with its own revision of the same registrant, in any order.
	const writers = 12
	var wg sync.WaitGroup
	for r := range uint64(writers) {
		wg.Go(func() {
			e := Person(4, r+1, func(rec *schemas.Record) { rec.Photos[0].Digest = schemas.DigestOf(fmt.Appendf(nil, "r%d", r+1)) })
			if r%3 == 1 {
				e = Gone(e, r+1)
			}
			if err := ix.Replace(ctx, "one", e); err != nil {
				t.Errorf("revision %d: %v", r+1, err)
			}
		})
	}
	wg.Wait()
	held("the last of many writers at once", Person(4, 1, nil).ID, writers)
	if near, _, err := ix.Nearest(ctx, make([]float32, Model.Dimensions), 50, index.Filter{}); err != nil || len(near) != 3 {
		t.Errorf("%d faces are left, %v; want those of three registrants", len(near), err)
	}
}
