package dlib

import (
	"bytes"
	"context"
	"errors"
	"image"
	"os"
	"strconv"
	"testing"

	faces "lineup/indexer/face"
	"lineup/indexer/face/dlib/photo"
)

func made(t testing.TB, name string) []byte {
	t.Helper()
	for _, v := range variants(t) {
		if v.name == name {
			return v.data
		}
	}
	t.Fatalf("no variant %q", name)
	return nil
}

// The CNN detector finds a face that every other step misses, where the operator allows what it
// costs; the face is that person's, and the model is the same.
func TestCNN(t *testing.T) {
	poor := made(t, "chin outside")
	plain, cnn := open(t, Options{Workers: 1}), open(t, Options{Workers: 1, CNN: true})
	var p *faces.Problem
	if _, err := plain.Embed(context.Background(), poor, faces.Enrol); !errors.As(err, &p) || p.Code != faces.CodeNoFace {
		t.Fatalf("without the CNN: %v, want code %q", err, faces.CodeNoFace)
	}
	r, err := cnn.Embed(context.Background(), poor, faces.Enrol)
	if err != nil {
		t.Fatal(err)
	}
	if r.Quality.Step != "cnn" {
		t.Errorf("step %q", r.Quality.Step)
	}
	if plain.Model().ID != cnn.Model().ID {
		t.Error("the detector changes the model's id, and no embedding")
	}
	whole, err := cnn.Embed(context.Background(), sampled(t, "p001a.jpg"), faces.Enrol)
	if err != nil {
		t.Fatal(err)
	}
	if whole.Quality.Step != "native" {
		t.Errorf("a face the first step finds was found by %q", whole.Quality.Step)
	}
	stranger, err := cnn.Embed(context.Background(), sampled(t, "p002a.jpg"), faces.Enrol)
	if err != nil {
		t.Fatal(err)
	}
	if mate, other := distance(r.Embedding, whole.Embedding), distance(r.Embedding, stranger.Embedding); mate > other-0.1 {
		t.Errorf("%.2f from the same person's whole photo, %.2f from somebody else's", mate, other)
	}
}

// The CNN's memory grows with the pixels it is shown. Whatever the photo's size, it is shown no
// more than cnnSide squared, and a worker never holds more than cnnMegabytes for it.
func TestCNNMemoryIsBounded(t *testing.T) {
	e := open(t, Options{Workers: 1, CNN: true})
	page, err := photo.JPEG(blank(1600, 1600, 0xff)) // a square is the most pixels; no step finds a face: all are tried
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // the peak counts from now
		t.Fatal(err)
	}
	before := resident(t, "VmRSS:")
	var p *faces.Problem
	if _, err := e.Embed(context.Background(), page, faces.Enrol); !errors.As(err, &p) {
		t.Fatal(err)
	}
	if grown := resident(t, "VmHWM:") - before; grown > cnnMegabytes {
		t.Errorf("the process grew by %d MB at its peak, want at most %d", grown, cnnMegabytes)
	} else {
		t.Logf("grew by %d MB at its peak", grown)
	}
}

// resident reads a figure of the process's memory in MB.
func resident(t testing.TB, which string) int {
	t.Helper()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		if rest, ok := bytes.CutPrefix(line, []byte(which)); ok {
			kb, err := strconv.Atoi(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))))
			if err != nil {
				t.Fatal(err)
			}
			return kb >> 10
		}
	}
	t.Fatalf("no %s in /proc/self/status", which)
	return 0
}

// leaving is a caller who leaves after so many looks at whether they are still there.
type leaving struct {
	context.Context
	looks, after int
}

func (l *leaving) Err() error {
	if l.looks++; l.looks > l.after {
		return context.Canceled
	}
	return nil
}

// A caller who leaves ends the search for a face before its next step.
func TestLeavingEndsTheSearch(t *testing.T) {
	e := open(t, Options{Workers: 1, CNN: true})
	p, err := photo.Decode(context.Background(), sampled(t, "noface.jpg"), photo.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	for after := range 7 {
		l := &leaving{Context: context.Background(), after: after}
		tried := 0
		steps := e.tries(p, nil)
		for i := range steps {
			pixels := steps[i].pixels
			steps[i].pixels = func() *image.RGBA { tried++; return pixels() }
		}
		_, err := run(l, e.recs[0], p, steps)
		if after < len(steps) && (!errors.Is(err, context.Canceled) || tried != after) {
			t.Errorf("left before step %d: %d steps were tried, %v", after+1, tried, err)
		}
		if after >= len(steps) && (err != nil || tried != len(steps)) {
			t.Errorf("stayed: %d steps of %d, %v", tried, len(steps), err)
		}
	}
}
