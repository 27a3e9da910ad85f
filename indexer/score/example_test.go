package score_test

import (
	"fmt"

	"lineup/indexer/index"
	"lineup/indexer/score"
)

// A probe's neighbours: one face far nearer than the sixty strangers around it.
func Example() {
	neighbours := append(crowd(0.4, 30, 2, 61), neighbour("somebody", 0.34))
	generation := index.Generation{Name: "g1", Model: model}
	found := score.Of(neighbours, generation.Model, score.GalleryOf(generation, 900_000))
	for _, m := range found.Matches(1) {
		fmt.Printf("%s: %.1f, %.4f strangers expected as near, calibrated by %s\n", m.Face.Registrant, m.Similarity, m.ExpectedFalseMatches,
			m.Calibration)
	}
	fmt.Println(found.Outcome)
	// Output:
	// somebody: 96.9, 0.0020 strangers expected as near, calibrated by neighbours
	// match
}
