package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lineup/indexer/index"
	"lineup/internal/node"
	"lineup/internal/testkit/onnxtest"
	"lineup/scraper/samplesite"
)

// TestReindexToAFusion goes from dlib's model to the sum of it and an ONNX model by the configuration and one command:
// dlib's generation answers until the other serves.
func TestReindexToAFusion(t *testing.T) {
	r := newRoad(t)
	r.crawl("")
	before := r.search("p005c.jpg")
	const photo, length = "p005c.jpg", 3 * 16 * 16
	models := t.TempDir()
	files, err := os.ReadDir(modelsForTests(t))
	must(t, err)
	for _, f := range files {
		must(t, os.Symlink(filepath.Join(modelsForTests(t), f.Name()), filepath.Join(models, f.Name())))
	}
	graph := onnxtest.Averages(112, 7)
	must(t, os.WriteFile(filepath.Join(models, "averages.onnx"), graph, 0o600))
	description := filepath.Join(t.TempDir(), "averages.yaml")
	must(t, os.WriteFile(description, fmt.Appendf(nil, "id: averages\nbase: sface-dlib\nfile: averages.onnx\nbytes: %d\nsha256: %x\n"+
		"length: %d\n"+
		"input: {side: 112, order: rgb, mean: 127.5, scale: 1}\nfusion: {scales: [3, 0.6]}\n", len(graph), sha256.Sum256(graph), length), 0o600))

	must(t, r.h.Close())
	r.app.Config.Index.Model, r.app.Config.Models = description, models
	r.h, err = node.Open(t.Context(), r.app.Options)
	must(t, err)
	r.renewMetrics()
	faces, err := r.h.OpenFaces(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, faces.Close()) })
	r.api, err = r.h.NewServer(t.Context(), faces)
	must(t, err)
	if same := r.search(photo); len(same) == 0 || same[0].UUID != before[0].UUID {
		t.Errorf("before the reindex: %+v, was %+v", same, before)
	}
	serving := func() index.Generation {
		all, err := r.h.Index.Generations(t.Context())
		must(t, err)
		g, err := index.ServingOf(all)
		must(t, err)
		return g
	}
	var said bytes.Buffer
	r.app.Stdout = &said
	r.renewMetrics()
	c := Reindex{Sample: 100}
	must(t, r.h.WithWorker(t.Context(), func(ctx context.Context) error { return c.build(ctx, r.app, r.h) }))
	if g := serving(); g.Model.Dimensions != length+128 || !strings.HasPrefix(g.Model.ID, "averages/") {
		t.Errorf("%s with %d dimensions serves", g.Model.ID, g.Model.Dimensions)
	}
	if !strings.Contains(said.String(), "the first match stays in") {
		t.Errorf("no agreement was told: %s", said.String())
	}
	if best := r.search(photo); len(best) == 0 || best[0].UUID != sampleID(samplesite.FirstID+4) {
		t.Errorf("by the fusion: %+v", best)
	}

	if err := os.Remove(filepath.Join(models, "averages.onnx")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.app.OpenFaces(t.Context()); err == nil || !strings.Contains(err.Error(), "averages.onnx") ||
		!errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the weights: %v", err)
	}
}
