package qdrant_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"lineup/indexer/index"
	"lineup/indexer/index/indextest"
	"lineup/indexer/index/qdrant"
	"lineup/internal/testkit/qdranttest"
	"lineup/schemas"
)

// TestALargeCircleIsNotRead: of thousands in a circle those at its edge and those of the page are read, all others are counted.
func TestALargeCircleIsNotRead(t *testing.T) {
	s := qdranttest.Start(t, nil)
	ix := open(t, qdrant.Options{Address: s.Address})
	defer ix.Close()
	indextest.Serving(t, ix, indextest.Model)
	rng := rand.New(rand.NewPCG(9, 9))
	var all []index.Entry
	var docs []index.Document
	for n := range 7000 {
		e := indextest.Person(n, 1, func(r *schemas.Record) {
			lat, lon := 40+rng.NormFloat64()/4, -90+rng.NormFloat64()/4
			if r.Photos = nil; n%3 == 0 { // a ZIP code's middle
				lat, lon = 40+float64(rng.IntN(4))/8, -90
			}
			r.Addresses = []schemas.Address{{Kind: "home", Lat: &lat, Lon: &lon}}
			if n%5 == 0 {
				r.Birth = schemas.Date{}
			}
		})
		all, docs = append(all, e), append(docs, *e.Document)
	}
	for part := range slices.Chunk(all, 1000) {
		indextest.Put(t, ix, part...)
	}
	year := schemas.Date{Year: 1972}
	for _, q := range []index.Query{{}, {Skip: 1000}, {Births: []schemas.BirthQuestion{schemas.BornOn(year)}, Skip: 130}, {Skip: 6900}} {
		q.Near, q.Limit = &index.Circle{Lat: 40.1, Lon: -90.1, Miles: 120}, 20
		want := q.PageOf(docs)
		s.Scrolled.Store(0)
		got, err := ix.Find(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		ids := func(docs []index.Document) (all []schemas.UUID) {
			for _, d := range docs {
				all = append(all, d.ID)
			}
			return all
		}
		if got.Total != want.Total || !slices.Equal(ids(got.Documents), ids(want.Documents)) {
			t.Errorf("from %d: %d in all, %v, want %d, %v", q.Skip, got.Total, ids(got.Documents), want.Total, ids(want.Documents))
		}
		if read := s.Scrolled.Load(); q.Skip < 2000 && read > int64(q.Skip)*2+3000 {
			t.Errorf("from %d: %d points were read for a page of %d", q.Skip, read, q.Limit)
		}
	}
}
