package similarity_test

import (
	"testing"

	"lineup/queryd/similarity"
)

func BenchmarkScore(b *testing.B) {
	neighbours := append(crowd(0.4, 30, 2, similarity.K), neighbour("mate", 0.3))
	for b.Loop() {
		similarity.Score(neighbours, model, similarity.Gallery{Registrants: 900_000, Slope: 40})
	}
}
