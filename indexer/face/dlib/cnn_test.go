package dlib

import (
	"bytes"
	"context"
	"errors"
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

// cnnMegabytes is what a worker may hold while it looks for a face by every means.
const cnnMegabytes = 300

// The CNN's memory grows with the pixels it is shown. Whatever the photo's size, it is shown
// cnnPixels of it, and a worker never holds more than cnnMegabytes.
func TestCNNMemoryIsBounded(t *testing.T) {
	e := open(t, Options{Workers: 1, CNN: true})
	page, err := photo.JPEG(blank(1600, 1600, 0xff), 100) // a square is the most pixels; no step finds a face: all are tried
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

// A caller who leaves ends the search for a face before its next attempt, whenever that is.
func TestLeavingEndsTheSearch(t *testing.T) {
	e := open(t, Options{Workers: 1, CNN: true})
	p, err := photo.Decode(context.Background(), sampled(t, "noface.jpg"), photo.DefaultLimits(), firstScale)
	if err != nil {
		t.Fatal(err)
	}
	s := &search{pool: e.pool, photo: p, cnn: true}
	if _, err := s.run(context.Background()); err != nil { // the photo keeps what it decodes, which looks for itself whether to go on
		t.Fatal(err)
	}
	whole := &leaving{Context: context.Background(), after: 1 << 20}
	if f, err := s.run(whole); f != nil || err != nil || whole.looks < 8 {
		t.Fatalf("%v, %v after %d looks", f, err, whole.looks)
	}
	for after := range whole.looks {
		l := &leaving{Context: context.Background(), after: after}
		if _, err := s.run(l); !errors.Is(err, context.Canceled) || l.looks != after+1 {
			t.Errorf("left after %d looks: %v after %d", after, err, l.looks)
		}
	}
}
