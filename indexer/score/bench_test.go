package score_test

import (
	"testing"

	"lineup/indexer/score"
)

func BenchmarkScore(b *testing.B) {
	neighbours := append(crowd(0.4, 30, 2, score.K), neighbour("mate", 0.3))
	for b.Loop() {
		score.Of(neighbours, model, score.Gallery{Registrants: 900_000, Slope: 40})
	}
}
