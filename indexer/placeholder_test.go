package indexer_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"lineup/indexer"
	"lineup/indexer/index"
	"lineup/schemas"
)

// born is a capture of somebody of a date of birth.
func born(n int, birth schemas.Date, photos ...string) schemas.Capture {
	c := capture(n, "x", photos...)
	c.Record.Birth = birth
	return c
}

// problems gives the problem of each registrant's first photo in a generation; "" is enrolled.
func (h *house) problems(generation string) map[schemas.UUID]string {
	h.t.Helper()
	out := make(map[schemas.UUID]string)
	for doc, err := range h.index.Walk(h.t.Context(), generation, "") {
		check(h.t, err)
		out[doc.ID] = doc.Photos[0].Problem
		if (doc.Photos[0].Problem == "") != (doc.Photos[0].Face != "") {
			h.t.Errorf("%s: outcome %+v", doc.ID, doc.Photos[0])
		}
	}
	return out
}

// wants holds that each of so many registrants has the problem, and that the index and the marks
// hold as many faces.
func (h *house) wants(generation string, registrants int, problem string, faces int) {
	h.t.Helper()
	got := h.problems(generation)
	for n := range registrants {
		if p, ok := got[id(n)]; !ok || p != problem {
			h.t.Errorf("registrant %d: held %v with problem %q, want %q", n, ok, p, problem)
		}
	}
	counts, err := h.index.Count(h.t.Context(), generation)
	check(h.t, err)
	marked := 0
	for s, err := range h.ledger.Each(h.t.Context(), "") {
		check(h.t, err)
		marked += s.Marks[generation].Faces
	}
	if counts.Faces != faces || marked != faces {
		h.t.Errorf("%d faces in the index, %d in the marks, want %d", counts.Faces, marked, faces)
	}
}

func day(n int) schemas.Date { return schemas.Date{Year: 1960 + n, Month: 5, Day: 17} }

// Whoever has the picture of six people loses it, the first five too, each in whatever order
// they came; an alike picture (other bytes, a bit of the hash) is the same picture.
func TestAPlaceholderIsEnrolledForNobody(t *testing.T) {
	for _, picture := range []string{"stub", "nobody, a stub"} { // dlib sees a face in some silhouettes
		t.Run(picture, func(t *testing.T) {
			h := newNode(t)
			const people = 9
			for _, n := range rand.Perm(people) {
				h.accept(born(n, day(n), fmt.Sprint(picture, n%2)))
				if n%3 == 0 {
					h.settle()
				}
			}
			h.settle()
			h.agrees("g1", "m1")
			h.wants("g1", people, index.Placeholder, 0)
			if n := h.faces.total(); n > 8 { // two pictures; several workers may meet one at once, each
				t.Errorf("two pictures were embedded %d times", n)
			}

			check(t, h.index.Create(t.Context(), index.Generation{Name: "g2", Model: h.faces.Model()}))
			_, err := h.in.Reconcile(t.Context(), "", []schemas.Target{{Generation: "g2", Model: "m1"}}, nil)
			check(t, err)
			h.settle()
			h.agrees("g2", "m1")
			h.wants("g2", people, index.Placeholder, 0)
		})
	}
}

// Up to five people may share a picture, and somebody's aliases may be any number of records.
func TestAPhotoOfAPersonUnderSeveralRecordsStaysAllOfThem(t *testing.T) {
	for name, birth := range map[string]func(n int) schemas.Date{
		"aliases of one": func(int) schemas.Date { return day(0) },
		"five people":    func(n int) schemas.Date { return day(n % 5) },
		"year of birth":  func(int) schemas.Date { return schemas.Date{Year: 1971} },
	} {
		t.Run(name, func(t *testing.T) {
			h := newNode(t)
			const records = 12
			for n := range records {
				h.accept(born(n, birth(n), "stub"))
			}
			h.settle()
			h.wants("g1", records, "", records)
		})
	}
	t.Run("unknown dates of birth", func(t *testing.T) { // nothing says that they are one person
		h := newNode(t)
		for n := range 6 {
			h.accept(born(n, schemas.Date{}, "stub"))
		}
		h.settle()
		h.wants("g1", 6, index.Placeholder, 0)
	})
}

// A picture that is no placeholder any more is enrolled again with its registrant's next change.
func TestAPlaceholderNoLonger(t *testing.T) {
	h := newNode(t)
	for n := range 6 {
		h.accept(born(n, day(n), "stub"))
	}
	h.settle()
	h.wants("g1", 6, index.Placeholder, 0)
	for n := 3; n < 6; n++ {
		h.accept(born(n, day(n), fmt.Sprint("face ", n)))
	}
	h.settle()
	for n := range 3 {
		c := born(n, day(n), "stub")
		c.Record.Designation = "changed"
		h.accept(c)
	}
	h.settle()
	h.wants("g1", 6, "", 6)
}

// TestPlaceholdersInEveryOrder lets workers that know nothing of each other write sharers at the
// same moment, one of them dying between its write and its mark.
func TestPlaceholdersInEveryOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 5 {
		h := newNode(t)
		const people = 12
		for n := range people {
			h.accept(born(n, day(n%8), fmt.Sprint("stub", random.IntN(2))))
		}
		order := append(random.Perm(people), random.Perm(people)...)
		alive, dead := h.deps, h.deps
		dead.Ledger = dying{h.ledger}
		done := make(chan error, len(order))
		for i, n := range order {
			deps := alive
			if i%5 == 0 {
				deps = dead
			}
			go func() { done <- indexer.New(deps).Sync(t.Context(), "us-zz", id(n), nil) }()
		}
		for range order {
			<-done // the dead fail
		}
		for n := range people {
			check(t, h.sync(n))
		}
		h.agrees("g1", "m1")
		h.wants("g1", people, index.Placeholder, 0)
	}
}
