package indexer_test

import (
	"testing"

	"lineup/indexer/face/dlib/blas"
	"lineup/internal/testkit/loopback"
)

// TestMain computes with the kernel that the program would compute with.
func TestMain(m *testing.M) {
	blas.ChooseKernel()
	loopback.Main(m)
}
