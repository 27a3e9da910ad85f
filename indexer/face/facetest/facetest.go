// Package facetest is the contract of face.Embedder as a test suite, and a fake Embedder that
// keeps it, for tests of rooms that need faces but not dlib.
package facetest

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lineup/indexer/face"
)

// Photos are what the suite shows to an Embedder.
type Photos struct {
	One     []byte // a JPEG or PNG with one good face
	Another []byte // one good face of somebody else
	Several []byte // two faces or more
	None    []byte // a photo without a face
}

// Test checks that the embedder made by open keeps the contract of face.Embedder.
func Test(t *testing.T, open func(t *testing.T) face.Embedder, photos Photos) {
	ctx := context.Background()
	e := open(t)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	t.Run("model", func(t *testing.T) { testModel(t, e) })
	t.Run("one face", func(t *testing.T) { testOne(t, e, photos) })
	t.Run("several faces", func(t *testing.T) {
		if p := problem(t, e, photos.Several, face.Probe); p.Code != face.CodeSeveralFaces || len(p.Result.Others) == 0 {
			t.Errorf("a probe is refused with %q and the other faces %v, want %q and where they are", p.Code, p.Result.Others, face.CodeSeveralFaces)
		}
		r, err := e.Embed(ctx, photos.Several, face.Enrol)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Others) == 0 {
			t.Error("no other faces are reported")
		}
		for _, o := range r.Others {
			if o.Area() > r.Box.Area() {
				t.Errorf("the face used, %v, is smaller than %v", r.Box, o)
			}
		}
		if !slices.Contains(r.Quality.Warnings, string(face.CodeSeveralFaces)) {
			t.Errorf("warnings %q lack %q", r.Quality.Warnings, face.CodeSeveralFaces)
		}
	})
	t.Run("no face", func(t *testing.T) {
		for _, purpose := range []face.Purpose{face.Probe, face.Enrol} {
			p := problem(t, e, photos.None, purpose)
			if p.Code != face.CodeNoFace {
				t.Errorf("code %q, want %q", p.Code, face.CodeNoFace)
			}
			if p.Result.Hash == 0 {
				t.Error("the hash of a readable photo without a face is missing")
			}
		}
	})
	t.Run("not an image", func(t *testing.T) {
		for _, data := range [][]byte{nil, {}, []byte("x"), []byte("<html>404</html>")} {
			if p := problem(t, e, data, face.Enrol); p.Code != face.CodeNotAnImage {
				t.Errorf("%q: code %q, want %q", data, p.Code, face.CodeNotAnImage)
			}
		}
	})
	t.Run("caller gone", func(t *testing.T) {
		gone, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := e.Embed(gone, photos.One, face.Probe); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context.Canceled", err)
		}
	})
	t.Run("many at once", func(t *testing.T) { testMany(t, e, photos) })
}

func testModel(t *testing.T, e face.Embedder) {
	m := e.Model()
	if m.ID == "" || m.Dimensions <= 0 || m.Metric == "" || m.MaxDistance <= 0 {
		t.Errorf("incomplete model %+v", m)
	}
	if len(m.FalseMatch) == 1 { // none is a model whose curve nobody has measured
		t.Errorf("a curve needs two points or more: %v", m.FalseMatch)
	}
	for i := 1; i < len(m.FalseMatch); i++ {
		if a, b := m.FalseMatch[i-1], m.FalseMatch[i]; a.Distance >= b.Distance || a.Rate >= b.Rate {
			t.Errorf("the false-match curve does not increase at %v, %v", a, b)
		}
	}
	if diff := cmp.Diff(m, e.Model()); diff != "" {
		t.Errorf("the model changes: %s", diff)
	}
}

func testOne(t *testing.T, e face.Embedder, photos Photos) {
	ctx := context.Background()
	var seen [][]float32
	for _, data := range [][]byte{photos.One, photos.Another} {
		kept := bytes.Clone(data)
		r, err := e.Embed(ctx, data, face.Probe)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, kept) {
			t.Error("the photo's bytes were changed")
		}
		checkResult(t, e, r)
		again, err := e.Embed(ctx, data, face.Probe)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, again); diff != "" {
			t.Errorf("the same photo gives another result: %s", diff)
		}
		enrolled, err := e.Embed(ctx, data, face.Enrol)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r.Embedding, enrolled.Embedding); diff != "" {
			t.Errorf("enrolling gives another embedding than probing: %s", diff)
		}
		seen = append(seen, r.Embedding)
	}
	if slices.Equal(seen[0], seen[1]) {
		t.Error("two people have one embedding")
	}
}

func checkResult(t *testing.T, e face.Embedder, r face.Result) {
	t.Helper()
	if len(r.Embedding) != e.Model().Dimensions {
		t.Errorf("%d dimensions, want %d", len(r.Embedding), e.Model().Dimensions)
	}
	for i, v := range r.Embedding {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			t.Fatalf("embedding[%d] is %v", i, v)
		}
	}
	b := r.Box
	if r.Width <= 0 || r.Height <= 0 || b.Left < 0 || b.Top < 0 || b.Right > r.Width || b.Bottom > r.Height || b.Area() == 0 {
		t.Errorf("box %v is not inside a photo of %d x %d", b, r.Width, r.Height)
	}
	if r.Format != "jpeg" && r.Format != "png" {
		t.Errorf("format %q", r.Format)
	}
	if r.Hash == 0 {
		t.Error("no perceptual hash")
	}
	if q := r.Quality; q.FacePixels <= 0 || q.Score < 0 || q.Score > 100 || q.Step == "" {
		t.Errorf("quality %+v", q)
	}
	if len(r.Others) != 0 {
		t.Errorf("other faces %v in a photo of one", r.Others)
	}
}

func testMany(t *testing.T, e face.Embedder, photos Photos) {
	ctx := context.Background()
	want, err := e.Embed(ctx, photos.One, face.Enrol)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := e.Embed(ctx, photos.One, face.Enrol)
			if err != nil {
				t.Errorf("an enrolment beside others: %v", err)
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("another result beside others: %s", diff)
			}
			if got, err := e.Embed(ctx, photos.One, face.Probe); err != nil && !errors.Is(err, face.ErrBusy) {
				t.Errorf("a probe beside others: %v", err)
			} else if err == nil && !slices.Equal(want.Embedding, got.Embedding) {
				t.Error("another embedding beside others")
			}
		})
	}
	wg.Wait()
}

func problem(t *testing.T, e face.Embedder, data []byte, purpose face.Purpose) *face.Problem {
	t.Helper()
	_, err := e.Embed(context.Background(), data, purpose)
	var p *face.Problem
	if !errors.As(err, &p) {
		t.Fatalf("error %v (%T), want a *face.Problem", err, err)
	}
	if p.Text == "" {
		t.Errorf("the problem %q says nothing", p.Code)
	}
	return p
}
