package dlib

import (
	"fmt"
	"os"
	"testing"

	"lineup/indexer/face/dlib/blas"
	"lineup/internal/testkit/loopback"
)

// TestMain computes with the kernel that the program would compute with, and says which it is: no
// figure of a benchmark means anything without it.
func TestMain(m *testing.M) {
	if dir := os.Getenv(bareDir); dir != "" {
		if err := serveBare(dir); err != nil {
			fmt.Fprintln(os.Stderr, "bare go-face:", err)
			os.Exit(1)
		}
		return
	}
	blas.ChooseKernel()
	fmt.Fprintln(os.Stderr, "kernel:", blas.Current())
	loopback.Main(m)
}
