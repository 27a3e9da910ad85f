package onnx

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
)

// described writes a model to a folder, and describes it.
func described(t testing.TB, model []byte, side, length int) (d Description, dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "small.onnx"), model, 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := Describe("sface")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(model)
	d.ID, d.File, d.Bytes, d.SHA256, d.Length = "small", "small.onnx", int64(len(model)), hex.EncodeToString(sum[:]), length
	for i := range d.Points { // the face in a square of another size
		d.Points[i][0] *= float64(side) / float64(d.Input.Side)
		d.Points[i][1] *= float64(side) / float64(d.Input.Side)
	}
	d.Input.Side, d.Input.Mean = side, 127.5
	return d, dir
}
