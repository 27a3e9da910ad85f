package indextest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"lineup/indexer/index"
	"lineup/schemas"
	"lineup/schemas/zips"
)

func nearest(t *testing.T, open opener) {
	ctx, ix := context.Background(), open(t)
	Serving(t, ix, Model)
	var all []index.Neighbour
	vectors := map[schemas.UUID][]float32{}
	var batch []index.Entry
	for n := range 400 {
		e := Person(n, 1, func(r *schemas.Record) {
			if n%7 == 0 {
				r.Photos = append(r.Photos, schemas.Photo{Digest: schemas.DigestOf(fmt.Appendf(nil, "more %d", n))})
			}
		})
		if n%10 == 9 { // the same picture under two names
			copy(e.Faces[0].Embedding, batch[n-1].Faces[0].Embedding)
		}
		batch = append(batch, e)
		for _, f := range e.Faces {
			vectors[f.ID] = f.Embedding
			f.Embedding = nil
			all = append(all, index.Neighbour{Face: f, Source: e.Source})
		}
	}
	Put(t, ix, batch...)
	for n := range 20 {
		probe := Embedding(Model.Dimensions, schemas.DigestOf([]byte{byte(n)}))
		if n == 0 {
			copy(probe, batch[8].Faces[0].Embedding)
		}
		want := slices.Clone(all)
		for i := range want {
			want[i].Distance = distance(probe, vectors[want[i].Face.ID])
		}
		slices.SortFunc(want, func(a, b index.Neighbour) int {
			if math.Abs(a.Distance-b.Distance) > 1e-6 {
				return cmp.Compare(a.Distance, b.Distance)
			}
			return cmp.Compare(a.Face.ID, b.Face.ID)
		})
		got, _, err := ix.Nearest(ctx, probe, 40, index.Filter{})
		if err != nil || len(got) != 40 {
			t.Fatalf("%d neighbours, %v", len(got), err)
		}
		if named, err := ix.Search(ctx, "one", probe, 40); err != nil || !gocmp.Equal(named, got) {
			t.Fatalf("searched by name: %d neighbours, %v; as the serving one %d", len(named), err, len(got))
		}
		for i := range got {
			if got[i].Face.ID != want[i].Face.ID || math.Abs(got[i].Distance-want[i].Distance) > 1e-5 {
				t.Fatalf("probe %d, neighbour %d: %s at %v, want %s at %v", n, i, got[i].Face.ID, got[i].Distance, want[i].Face.ID, want[i].Distance)
			}
			if got[i].Face.Photo != want[i].Face.Photo || got[i].Face.Registrant != want[i].Face.Registrant || got[i].Source != "us-aa" ||
				got[i].Face.Quality.Score != 77.7 || got[i].Face.Embedding != nil {
				t.Fatalf("probe %d, neighbour %d is not whole: %+v", n, i, got[i])
			}
		}
	}
	if got, _, err := ix.Nearest(ctx, vectors[all[0].Face.ID], 1000, index.Filter{}); err != nil || len(got) != len(all) {
		t.Errorf("asked for more than there are: %d, %v, want %d", len(got), err, len(all))
	}
	if got, _, err := ix.Nearest(ctx, vectors[all[0].Face.ID], 0, index.Filter{}); err != nil || len(got) != 0 {
		t.Errorf("asked for none: %d, %v", len(got), err)
	}
	if err := ix.Create(ctx, index.Generation{Name: "two", Model: Model}); err != nil {
		t.Fatal(err)
	}
	if err := ix.Replace(ctx, "two", batch[3]); err != nil {
		t.Fatal(err)
	}
	if got, err := ix.Search(ctx, "two", batch[3].Faces[0].Embedding, 5); err != nil || len(got) != 1 ||
		got[0].Face.ID != batch[3].Faces[0].ID {
		t.Errorf("one that is being built finds %+v, %v", got, err)
	}
	if _, err := ix.Search(ctx, "three", batch[3].Faces[0].Embedding, 5); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing generation: %v, want fs.ErrNotExist", err)
	}
	if n, _, err := ix.Enrolled(ctx, index.Filter{}); err != nil || math.Abs(float64(n)-400) > 40 {
		t.Errorf("%d enrolled, %v, want 400", n, err)
	}
}

// people are few and different, for filters and queries.
func people() map[string]index.Entry {
	at := func(kind, city, state, zip string, place ...float64) schemas.Address {
		a := schemas.Address{Kind: kind, City: city, State: state, Zip: zip}
		if len(place) == 2 {
			a.Lat, a.Lon = &place[0], &place[1]
		}
		return a
	}
	list := map[string]func(r *schemas.Record){
		"ann": func(r *schemas.Record) {
			r.Sex.Value, r.Birth = "female", schemas.Date{Year: 1960}
			r.Addresses = []schemas.Address{at("work", "Worktown", "DD", "00009", 10, 10), at("home", "St. Élme", "BB", "00001-1234", 45, -75)}
		},
		"bob": func(r *schemas.Record) {
			r.Source, r.Jurisdiction, r.Birth = "us-bb", "BB", schemas.Date{Year: 1970}
			r.Addresses = []schemas.Address{at("home", "Samplefield", "", "00002", 45.1, -75)}
		},
		"cat": func(r *schemas.Record) { // nothing is known but the state
			r.Sex, r.Birth, r.Jurisdiction = schemas.Coded{}, schemas.Date{}, "CC"
			r.Addresses = []schemas.Address{at("home", "", "", "", 0, 0), at("temporary", "", "", "", -1, -1)}
		},
		"dan": func(r *schemas.Record) { // an age only: born 1979 or 1980
			r.Birth, r.Age = schemas.Date{}, schemas.AgeAsOf{Years: 40, On: schemas.Date{Year: 2020, Month: 6, Day: 1}}
			r.Addresses = []schemas.Address{at("home", "ST ELME", "aa", "00001", 45.0, -75.2),
				at("temporary", "Samplefield", "BB", "00002", 45.0001, -75)}
		},
		"eve": func(r *schemas.Record) { // no state at all
			r.Sex.Value, r.Jurisdiction, r.Birth = "female", "", schemas.Date{Year: 1990}
			r.Addresses = []schemas.Address{at("home", "", "", "", -17.7, 179.99)}
		},
	}
	out := map[string]index.Entry{}
	for i, name := range []string{"ann", "bob", "cat", "dan", "eve"} {
		out[name] = Person(1000+i, 1, func(r *schemas.Record) { list[name](r) })
	}
	out["ann"].Document.Person = schemas.PersonID("shared")
	out["dan"].Document.Person = schemas.PersonID("shared")
	return out
}

// check compares a set of people by their names here.
func check(t *testing.T, what string, all map[string]index.Entry, got []schemas.UUID, want ...string) {
	t.Helper()
	var names []string
	for _, id := range got {
		for name, e := range all {
			if e.ID == id {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, want) {
		t.Errorf("%s: got %v, want %v", what, names, want)
	}
}

func filters(t *testing.T, open opener) {
	ctx, ix := context.Background(), open(t)
	Serving(t, ix, Model)
	all := people()
	for _, e := range all {
		Put(t, ix, e)
	}
	for _, c := range []struct {
		name   string
		filter index.Filter
		want   []string
	}{
		{"none", index.Filter{}, []string{"ann", "bob", "cat", "dan", "eve"}},
		{"source", index.Filter{Sources: []string{"us-bb"}}, []string{"bob"}},
		{"sources", index.Filter{Sources: []string{"us-bb", "us-aa"}}, []string{"ann", "bob", "cat", "dan", "eve"}},
		{"unknown source", index.Filter{Sources: []string{"us-zz"}}, nil},
		{"state of the home, else the jurisdiction", index.Filter{States: []string{"BB"}}, []string{"ann", "bob"}},
		{"states in any case", index.Filter{States: []string{"cc", "Aa"}}, []string{"cat", "dan"}},
		{"a state of nobody", index.Filter{States: []string{"ZZ"}}, nil},
		{"a state without letters is not the unknown one", index.Filter{States: []string{"-"}}, nil},
		{"sex", index.Filter{Sexes: []string{"female"}}, []string{"ann", "cat", "eve"}},
		{"both sexes", index.Filter{Sexes: []string{"male", "female"}}, []string{"ann", "bob", "cat", "dan", "eve"}},
		{"born from", index.Filter{BornMin: 1980}, []string{"cat", "dan", "eve"}},
		{"born to", index.Filter{BornMax: 1979}, []string{"ann", "bob", "cat", "dan"}},
		{"born between", index.Filter{BornMin: 1965, BornMax: 1975}, []string{"bob", "cat"}},
		{"all", index.Filter{Sources: []string{"us-aa"}, States: []string{"BB"}, Sexes: []string{"female"}, BornMin: 1950, BornMax: 1990},
			[]string{"ann"}},
		{"a fact that is not known", index.Filter{Sexes: []string{"female"}, BornMin: 1950, BornMax: 1960}, []string{"ann", "cat"}},
	} {
		near, _, err := ix.Nearest(ctx, make([]float32, Model.Dimensions), 20, c.filter)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var ids []schemas.UUID
		for _, n := range near {
			ids = append(ids, n.Face.Registrant)
		}
		check(t, "nearest, "+c.name, all, ids, c.want...)
		found, err := ix.Find(ctx, index.Query{Filter: c.filter})
		if docs := found.Documents; err != nil || found.Next != nil || found.Total != len(docs) {
			t.Fatalf("%s: %d of %d, next %v, %v", c.name, len(docs), found.Total, found.Next, err)
		}
		docs := found.Documents
		check(t, "find, "+c.name, all, idsOf(docs), c.want...)
		if n, _, err := ix.Enrolled(ctx, c.filter); err != nil || n != len(c.want) {
			t.Errorf("%s: %d enrolled, %v, want %d", c.name, n, err, len(c.want))
		}
	}
}

func idsOf(docs []index.Document) (ids []schemas.UUID) {
	for _, d := range docs {
		ids = append(ids, d.ID)
	}
	return ids
}

func find(t *testing.T, open opener) {
	ctx, ix := context.Background(), open(t)
	Serving(t, ix, Model)
	all := people()
	for _, e := range all {
		Put(t, ix, e)
	}
	ann, bob, dan := all["ann"], all["bob"], all["dan"]
	for _, c := range []struct {
		name  string
		query index.Query
		want  []string
	}{
		{"ids", index.Query{IDs: []schemas.UUID{bob.ID, ann.ID, schemas.RandomID(), "x"}}, []string{"ann", "bob"}},
		{"ids that are none", index.Query{IDs: []schemas.UUID{"x"}}, nil},
		{"person", index.Query{Persons: []schemas.UUID{schemas.PersonID("shared")}}, []string{"ann", "dan"}},
		{"any key", index.Query{AnyKey: []string{"last:person1000", "last:person1001", "last:none"}}, []string{"ann", "bob"}},
		{"a key with others", index.Query{AnyKey: []string{"first:invented"}, Filter: index.Filter{Sexes: []string{"male"}}},
			[]string{"bob", "cat", "dan"}},
		{"city", index.Query{City: "st elme"}, []string{"ann", "dan"}},
		{"city and state of one address", index.Query{City: "Samplefield", State: "bb"}, []string{"bob", "dan"}},
		{"city and state of two addresses", index.Query{City: "St Elme", State: "BB", Zip: "00002"}, nil},
		{"zip", index.Query{Zip: "00001"}, []string{"ann", "dan"}},
		{"long zip", index.Query{Zip: "00001-9999"}, []string{"ann", "dan"}},
		{"state", index.Query{State: "AA"}, []string{"dan"}},
		{"where somebody works", index.Query{City: "Worktown"}, nil},
		{"first seen from", index.Query{FirstSeenFrom: bob.Document.FirstSeen}, []string{"bob", "cat", "dan", "eve"}},
		{"first seen to", index.Query{FirstSeenTo: bob.Document.FirstSeen}, []string{"ann", "bob"}},
		{"changed between", index.Query{ChangedFrom: bob.Document.FirstSeen, ChangedTo: dan.Document.Changed.Add(-time.Second)},
			[]string{"bob", "cat"}},
		{"all parts", index.Query{IDs: []schemas.UUID{ann.ID, bob.ID}, Persons: []schemas.UUID{ann.Document.Person}, AnyKey: ann.Document.Keys,
			City: "ST. ELME", State: "BB", Zip: "00001", Near: &index.Circle{Lat: 45, Lon: -75, Miles: 1},
			FirstSeenFrom: ann.Document.FirstSeen, ChangedTo: ann.Document.Changed}, []string{"ann"}},
	} {
		found, err := ix.Find(ctx, c.query)
		if err != nil || found.Next != nil || found.Total != len(found.Documents) {
			t.Fatalf("%s: %d of %d, next %v, %v", c.name, len(found.Documents), found.Total, found.Next, err)
		}
		docs := found.Documents
		check(t, c.name, all, idsOf(docs), c.want...)
		if c.query.Near == nil && !slices.IsSorted(idsOf(docs)) {
			t.Errorf("%s: not in the order of the ids", c.name)
		}
	}
}

func findNear(t *testing.T, open opener) {
	ctx, ix := context.Background(), open(t)
	Serving(t, ix, Model)
	all := people()
	zip, ok := zips.Find("13815")
	if !ok {
		t.Fatal("13815 is no ZIP code")
	}
	all["fay"] = Person(90, 1, func(r *schemas.Record) {
		r.Addresses = []schemas.Address{{Kind: schemas.AddressHome, State: zip.State, Zip: zip.Code + "-1234"}}
	})
	all["gus"] = Person(91, 1, func(r *schemas.Record) { // the state and the ZIP code contradict each other
		r.Addresses = []schemas.Address{{Kind: schemas.AddressHome, State: "CA", Zip: zip.Code}}
	})
	for _, e := range all {
		Put(t, ix, e)
	}
	for _, c := range []struct {
		name   string
		circle index.Circle
		want   []string // nearest first
	}{
		{"one mile", index.Circle{Lat: 45, Lon: -75, Miles: 1}, []string{"ann", "dan"}},
		{"seven miles", index.Circle{Lat: 45, Lon: -75, Miles: 7}, []string{"ann", "dan", "bob"}},
		{"in the box, not in the circle", index.Circle{Lat: 45.08, Lon: -75.18, Miles: 5.7}, []string{"dan"}},
		{"by the middle of a ZIP code", index.Circle{Lat: zip.Lat, Lon: zip.Lon + 0.01, Miles: 1}, []string{"fay"}},
		{"beside the middle of a ZIP code", index.Circle{Lat: zip.Lat, Lon: zip.Lon + 0.04, Miles: 1}, nil},
		{"zero is no place", index.Circle{Lat: 0, Lon: 0, Miles: 100}, nil},
		{"nor is minus one", index.Circle{Lat: -1, Lon: -1, Miles: 50}, nil},
		{"across the date line", index.Circle{Lat: -17.7, Lon: -179.99, Miles: 5}, []string{"eve"}},
		{"nobody", index.Circle{Lat: 30, Lon: 30, Miles: 10}, nil},
		{"a work place", index.Circle{Lat: 10, Lon: 10, Miles: 10}, nil},
		{"the pole", index.Circle{Lat: 89.9, Lon: 0, Miles: 20}, nil},
	} {
		found, err := ix.Find(ctx, index.Query{Near: &c.circle})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var want []schemas.UUID
		for _, name := range c.want {
			want = append(want, all[name].ID)
		}
		if !slices.Equal(idsOf(found.Documents), want) || found.Total != len(want) {
			t.Errorf("%s: got %v of %d, want %v (%v)", c.name, idsOf(found.Documents), found.Total, want, c.want)
		}
	}
}

func findLimit(t *testing.T, open opener) {
	ctx, ix := context.Background(), open(t)
	Serving(t, ix, Model)
	var batch []index.Entry
	for n := range 30 {
		batch = append(batch, Person(n, 1, nil))
	}
	Put(t, ix, batch...)
	var ids []schemas.UUID
	for _, e := range batch {
		ids = append(ids, e.ID)
	}
	slices.Sort(ids)
	for _, c := range []struct {
		limit, want int
		more        bool
	}{{10, 10, true}, {29, 29, true}, {30, 30, false}, {31, 30, false}, {0, 30, false}, {index.MaxLimit * 2, 30, false}} {
		for _, q := range []index.Query{{Limit: c.limit}, {Limit: c.limit, AnyKey: []string{"first:invented"}}} {
			found, err := ix.Find(ctx, q)
			if err != nil || (found.Next != nil) != c.more || found.Total != 30 || !slices.Equal(idsOf(found.Documents), ids[:c.want]) {
				t.Errorf("limit %d: %d documents of %d, next %v, %v", c.limit, len(found.Documents), found.Total, found.Next, err)
			}
		}
	}
}

func audit(t *testing.T, open opener) {
	ctx, ix := context.Background(), open(t)
	Serving(t, ix, Model)
	var want []schemas.UUID
	shared := schemas.DigestOf([]byte("shared"))
	for n := range 25 {
		e := Person(n, uint64(n+1), func(r *schemas.Record) {
			if n < 3 {
				r.Photos[0].Digest = shared
			}
			if n == 24 {
				r.Source = "us-bb"
			}
		})
		e.Document.Photos[0].Hash = 0xf0f0_0000_0000_0000 ^ 1<<n // each differs from each in two bits
		if n == 20 {
			e.Document.Photos[0] = index.PhotoOutcome{Photo: e.Faces[0].Photo, Problem: "no_face"}
			e.Faces = nil
		}
		Put(t, ix, e)
		want = append(want, e.ID)
	}
	Put(t, ix, Gone(Person(21, 1, nil), 99))
	want = slices.Delete(want, 21, 22)
	slices.Sort(want)
	var got []schemas.UUID
	for d, err := range ix.Walk(ctx, "one", "") {
		if err != nil {
			t.Fatal(err)
		}
		if d.Revision == 0 || len(d.Photos) != 1 {
			t.Errorf("walk gives %+v", d)
		}
		got = append(got, d.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("walk gives %d registrants, want %d in the order of their ids", len(got), len(want))
	}
	for range ix.Walk(ctx, "one", "") { // may be left early
		break
	}
	walkFrom(t, ix, want)
	faces, outcomes, err := ix.Held(ctx, "one", shared)
	if err != nil || len(faces) != 3 || len(outcomes) != 3 {
		t.Fatalf("held of a shared photo: %d faces, %d outcomes, %v", len(faces), len(outcomes), err)
	}
	if !slices.Equal(faces[1].Embedding, Embedding(Model.Dimensions, shared)) || faces[0].Photo != shared {
		t.Errorf("held gives %+v", faces[1])
	}
	faces, outcomes, err = ix.Held(ctx, "one", schemas.DigestOf([]byte("photo 20")))
	if err != nil || len(faces) != 0 || len(outcomes) != 1 || outcomes[0].Problem != "no_face" {
		t.Errorf("held of a photo without a face: %v, %v, %v", faces, outcomes, err)
	}
	if faces, outcomes, err = ix.Held(ctx, "one", schemas.DigestOf([]byte("none"))); err != nil || len(faces)+len(outcomes) != 0 {
		t.Errorf("held of an unknown photo: %v, %v, %v", faces, outcomes, err)
	}
	const looks = 0xf0f0_0000_0000_0000
	share := func(source string, bits, limit, want int) []index.Sharer {
		t.Helper()
		sharers, err := ix.Sharing(ctx, "one", source, looks^1<<5, bits, limit)
		if err != nil || len(sharers) != want {
			t.Errorf("%s within %d bits: %d, %v, want %d", source, bits, len(sharers), err, want)
		}
		return sharers
	}
	share("us-aa", 0, 100, 1)
	share("us-aa", 2, 100, 22) // without the one who left, the one without a hash, and the other source's
	share("us-aa", 2, 7, 7)
	share("us-bb", 2, 100, 1)
	share("us-zz", 2, 100, 0)
	Put(t, ix, Gone(Person(5, 1, nil), 100))
	share("us-aa", 0, 100, 0)
	again := Person(5, 101, nil)
	again.Document.Photos[0].Hash, again.Document.Photos[0].Born = looks^1<<5, "1955-06"
	Put(t, ix, again)
	if got := share("us-aa", 0, 100, 1); len(got) == 1 && (got[0].ID != again.ID || got[0].Photo != again.Document.Photos[0]) {
		t.Errorf("sharer %+v, want %+v of %s", got[0], again.Document.Photos[0], again.ID)
	}
	for i := range 9 { // marked ones come last
		if i != 5 {
			marked := Person(i, 200, nil)
			marked.Faces, marked.Document.Photos[0] = nil, index.PhotoOutcome{Photo: marked.Document.Photos[0].Photo, Hash: looks,
				Problem: index.Placeholder}
			Put(t, ix, marked)
		}
	}
	sharers := share("us-aa", 2, 100, 22)
	for i, s := range sharers {
		if (s.Photo.Problem == index.Placeholder) != (i >= len(sharers)-8) {
			t.Errorf("sharer %d of %d: problem %q", i, len(sharers), s.Photo.Problem)
		}
	}
	share("us-aa", 2, 14, 14)
}

func sample(t *testing.T, open opener) {
	ctx, ix := context.Background(), open(t)
	Serving(t, ix, Model)
	if got, err := ix.Sample(ctx, "one", 5, 1); err != nil || len(got) != 0 {
		t.Errorf("sample of an empty gallery: %v, %v", got, err)
	}
	for n := range 200 {
		Put(t, ix, Person(n, 1, nil))
	}
	take := func(n int, seed uint64) []schemas.UUID {
		t.Helper()
		faces, err := ix.Sample(ctx, "one", n, seed)
		if err != nil {
			t.Fatal(err)
		}
		var ids []schemas.UUID
		for _, f := range faces {
			if !slices.Equal(f.Embedding, Embedding(Model.Dimensions, f.Photo)) {
				t.Fatalf("the sampled face %s has another one's embedding", f.ID)
			}
			ids = append(ids, f.ID)
		}
		if sorted := slices.Sorted(slices.Values(ids)); len(slices.Compact(sorted)) != len(ids) {
			t.Errorf("a face was sampled twice")
		}
		return ids
	}
	one := take(40, 1)
	if len(one) < 30 || len(one) > 40 {
		t.Errorf("%d faces, asked for 40", len(one))
	}
	if !slices.Equal(one, take(40, 1)) {
		t.Error("the same seed gives other faces")
	}
	if slices.Equal(one, take(40, 2)) {
		t.Error("another seed gives the same faces")
	}
	if all := take(500, 1); len(all) != 200 {
		t.Errorf("asked for more than there are: %d", len(all))
	}
	if _, err := ix.Sample(ctx, "none", 5, 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("sample of a generation that is not there: %v", err)
	}
}

func persons(t *testing.T, open opener) {
	ctx, ix := context.Background(), open(t)
	Serving(t, ix, Model)
	ann, bob, cid, left := Person(1, 1, nil), Person(2, 1, nil), Person(3, 1, nil), Person(4, 1, nil)
	for _, e := range []index.Entry{ann, bob, left} {
		e.Document.Person = schemas.PersonID("shared")
	}
	Put(t, ix, ann, bob, cid, left)
	Put(t, ix, Gone(left, 2))
	got, err := ix.Persons(ctx, "one", ann.ID, bob.ID, cid.ID, left.ID, schemas.RegistrantID("us-aa", "nobody"), "not an id")
	want := map[schemas.UUID]schemas.UUID{ann.ID: schemas.PersonID("shared"), bob.ID: schemas.PersonID("shared")}
	if diff := gocmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("persons: %v (-want +got):\n%s", err, diff)
	}
	if got, err := ix.Persons(ctx, "one"); err != nil || len(got) != 0 {
		t.Errorf("persons of nobody: %v, %v", got, err)
	}
	if _, err := ix.Persons(ctx, "none", ann.ID); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("persons of a generation that is not there: %v", err)
	}
}
