package facetest_test

import (
	"context"
	"math"
	"testing"

	"lineup/indexer/face"
	"lineup/indexer/face/facetest"
)

func TestFake(t *testing.T) {
	facetest.Test(t, func(*testing.T) face.Embedder { return facetest.Fake{} }, facetest.Photos{
		One:     facetest.Photo(1, 0),
		Another: facetest.Photo(2, 0),
		Several: facetest.Crowd(1, 2, 3),
		None:    facetest.Blank(0),
	})
}

func TestFakeDistances(t *testing.T) {
	at := func(person, view uint32) face.Result {
		r, err := facetest.Fake{}.Embed(context.Background(), facetest.Photo(person, view), face.Probe)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	distance := func(a, b face.Result) float64 {
		var sum float64
		for i, v := range a.Embedding {
			sum += float64(v-b.Embedding[i]) * float64(v-b.Embedding[i])
		}
		return math.Sqrt(sum)
	}
	for person := range uint32(20) {
		if d := distance(at(person, 0), at(person, 1)); d < 0.1 || d > 0.3 {
			t.Errorf("two views of person %d are %.2f apart", person, d)
		}
		if d := distance(at(person, 0), at(person+1, 0)); d < 0.7 {
			t.Errorf("persons %d and %d are %.2f apart", person, person+1, d)
		}
		if n := face.HashDistance(at(person, 0).Hash, at(person, 1).Hash); n <= face.NearHash {
			t.Errorf("two photos of person %d count as one picture (%d bits)", person, n)
		}
	}
}
