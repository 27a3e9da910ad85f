package gallery_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lineup/indexer"
	"lineup/indexer/index"
	"lineup/indexer/index/embedded"
	"lineup/indexer/index/indextest"
	"lineup/internal/operate/gallery"
	"lineup/schemas"
)

// opened is an index with an empty generation.
func opened(t *testing.T) *embedded.Index {
	t.Helper()
	ix, err := embedded.Open(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ix.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := ix.Create(t.Context(), index.Generation{Name: "one", Model: indextest.Model}); err != nil {
		t.Fatal(err)
	}
	return ix
}

// TestTheGalleryCheckNamesWhatLooksWrong: among 80 ordinary people one face is far from all, one
// registrant has two photos of two people, one photo stands with two people of different birth, and
// two people look alike whom nothing links. Two others look as alike and share a person.
func TestTheGalleryCheckNamesWhatLooksWrong(t *testing.T) {
	ctx := context.Background()
	ix := opened(t)
	r := rand.New(rand.NewPCG(1, 1))
	somewhere := func(spread float64) []float32 {
		v := make([]float32, indextest.Model.Dimensions)
		for i := range v {
			v[i] = float32(r.NormFloat64() * spread)
		}
		return v
	}
	beside := func(v []float32) []float32 {
		v = slices.Clone(v)
		v[0] += 0.02
		return v
	}
	var people []index.Entry
	for n := range 90 {
		e := indextest.Person(n, 1, nil)
		e.Faces[0].Embedding = somewhere(0.13)
		people = append(people, e)
	}
	// photo gives one of the people a photo with this digest and embedding, instead of theirs or besides.
	photo := func(at int, besides bool, digest schemas.Digest, v []float32) schemas.UUID {
		e := &people[at]
		f := e.Faces[0]
		f.ID, f.Photo, f.Embedding = schemas.FaceID(e.ID, digest), digest, v
		outcome := index.PhotoOutcome{Photo: digest, Face: f.ID, Hash: 7}
		if besides {
			e.Faces, e.Document.Photos = append(e.Faces, f), append(e.Document.Photos, outcome)
		} else {
			e.Faces, e.Document.Photos = []schemas.Face{f}, []index.PhotoOutcome{outcome}
		}
		return f.ID
	}
	alone := photo(80, false, schemas.DigestOf([]byte("alone")), somewhere(0.8))
	second := photo(81, true, schemas.DigestOf([]byte("another")), somewhere(0.13))
	shared := []schemas.UUID{
		photo(82, false, schemas.DigestOf([]byte("shared")), people[82].Faces[0].Embedding),
		photo(83, false, schemas.DigestOf([]byte("shared")), people[82].Faces[0].Embedding)}
	people[85].Faces[0].Embedding = beside(people[84].Faces[0].Embedding)
	people[87].Faces[0].Embedding = beside(people[86].Faces[0].Embedding)
	people[86].Document.Person, people[87].Document.Person = schemas.PersonID("one"), schemas.PersonID("one")
	for _, e := range people {
		indextest.Put(t, ix, e)
	}
	if err := indexer.Serve(ctx, ix, "one"); err != nil {
		t.Fatal(err)
	}
	report, err := gallery.Look(ctx, ix, gallery.Check{})
	if err != nil {
		t.Fatal(err)
	}
	sorted := func(a, b schemas.UUID) [2]schemas.UUID {
		if a > b {
			a, b = b, a
		}
		return [2]schemas.UUID{a, b}
	}
	ids := cmp.Transformer("sorted", func(pair [2]schemas.UUID) []schemas.UUID { p := sorted(pair[0], pair[1]); return p[:] })
	want := gallery.Report{Generation: "one", Looked: 90, Faces: 91,
		Counts:     map[string]int{"alone": 1, "disagree": 1, "shared": 1, "duplicate": 1},
		Alone:      []gallery.AloneFace{{Registrant: people[80].ID, Face: alone}},
		Disagree:   []gallery.DisagreeingPhotos{{Registrant: people[81].ID, Faces: [2]schemas.UUID{people[81].Faces[0].ID, second}}},
		Shared:     []gallery.SharedPhoto{{Registrants: sorted(people[82].ID, people[83].ID), Faces: sorted(shared[0], shared[1])}},
		Duplicates: []gallery.Duplicate{{Registrants: sorted(people[84].ID, people[85].ID)}}}
	if diff := cmp.Diff(want, report, ids, cmpopts.IgnoreFields(gallery.AloneFace{}, "Distance"),
		cmpopts.IgnoreFields(gallery.DisagreeingPhotos{}, "Distance"),
		cmpopts.IgnoreFields(gallery.Duplicate{}, "Distance", "ExpectedPairs")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	later, err := gallery.Look(ctx, ix, gallery.Check{Since: people[84].Document.Changed.Add(-time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	if later.Looked != 6 || later.Counts["duplicate"] != 1 || later.Counts["alone"] != 0 {
		t.Errorf("of those who changed since, %d were looked at: %v", later.Looked, later.Counts)
	}
}

// TestACrowdedGroupDoesNotFillTheListOfDuplicates: among sixty people whose faces lie closer together than two
// photos of one person elsewhere, only the two are named who are alike by the measure of that group; and the two
// elsewhere who are alike by theirs.
func TestACrowdedGroupDoesNotFillTheListOfDuplicates(t *testing.T) {
	ctx := t.Context()
	ix := opened(t)
	const ordinary, crowded, alike = 0.13, 0.003, 0.02
	r := rand.New(rand.NewPCG(1, 1))
	around := func(centre []float32, spread float64) []float32 {
		v := make([]float32, indextest.Model.Dimensions)
		for i := range v {
			v[i] = float32(r.NormFloat64() * spread)
			if centre != nil {
				v[i] += centre[i]
			}
		}
		return v
	}
	beside := func(v []float32, by float32) []float32 {
		v = slices.Clone(v)
		v[0] += by
		return v
	}
	var people []index.Entry
	centre := around(nil, ordinary)
	for n := range 150 {
		e := indextest.Person(n, 1, nil)
		if n < 90 {
			e.Faces[0].Embedding = around(nil, ordinary)
		} else {
			e.Faces[0].Embedding = around(centre, crowded)
		}
		people = append(people, e)
	}
	people[1].Faces[0].Embedding = beside(people[0].Faces[0].Embedding, alike)
	people[91].Faces[0].Embedding = beside(people[90].Faces[0].Embedding, alike*crowded/ordinary)
	within := 0 // pairs of the crowd that are no farther from each other than the two elsewhere who are alike
	for i := range people[90:] {
		for j := range i {
			if indextest.Model.Distance(people[90+i].Faces[0].Embedding, people[90+j].Faces[0].Embedding) <= alike {
				within++
			}
		}
	}
	if within < 10 {
		t.Fatalf("the crowd has %d pairs nearer than the two elsewhere: it is none", within)
	}
	for _, e := range people {
		indextest.Put(t, ix, e)
	}
	if err := indexer.Serve(ctx, ix, "one"); err != nil {
		t.Fatal(err)
	}
	report, err := gallery.Look(ctx, ix, gallery.Check{})
	if err != nil {
		t.Fatal(err)
	}
	named := map[schemas.UUID]bool{}
	for _, d := range report.Duplicates {
		named[d.Registrants[0]], named[d.Registrants[1]] = true, true
	}
	want := map[schemas.UUID]bool{people[0].ID: true, people[1].ID: true, people[90].ID: true, people[91].ID: true}
	if diff := cmp.Diff(want, named); diff != "" || report.Counts[gallery.FindingDuplicate] != 2 {
		t.Errorf("%d pairs of %d near ones in the crowd (-want +got):\n%s", report.Counts[gallery.FindingDuplicate], within, diff)
	}
}
