package face_test

import (
	"context"
	"errors"
	"fmt"

	"lineup/indexer/face"
	"lineup/indexer/face/facetest"
)

// An embedder turns the face of a photo into numbers that lie close together for photos of one person. A photo it
// cannot use is a *face.Problem, with a code and what its sender can do.
func Example() {
	var embedder face.Embedder = facetest.Fake{}
	defer embedder.Close()
	ctx := context.Background()

	mugshot, err := embedder.Embed(ctx, facetest.Photo(1, 0), face.Enrol)
	if err != nil {
		panic(err)
	}
	fmt.Println(len(mugshot.Embedding) == embedder.Model().Dimensions)

	_, err = embedder.Embed(ctx, facetest.Blank(0), face.Probe)
	var problem *face.Problem
	if errors.As(err, &problem) {
		fmt.Println(problem.Code)
	}
	// Output:
	// true
	// no_face
}
