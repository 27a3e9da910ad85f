package dlib

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	faces "lineup/indexer/face"
	"lineup/indexer/face/dlib/photo"
)

// broken are the same file in the ways files break: cut off, bytes changed, bytes missing, a
// stretch doubled.
func broken(data []byte) [][]byte {
	n := len(data)
	changed := slices.Clone(data)
	for i := n / 2; i < n; i += 37 {
		changed[i] ^= 0x55
	}
	header := slices.Clone(data)
	for i := 4; i < min(n, 200); i += 13 {
		header[i] ^= 0x10
	}
	return [][]byte{data, data[:n*3/4], data[:n/3], changed, header, slices.Delete(slices.Clone(data), n/3, n/3+n/10),
		slices.Insert(slices.Clone(data), n/2, data[n/4:n/2]...)}
}

// fuzzMegabytes bounds the process while it embeds whatever it is sent: two of the photos allowed
// below, the models, and the memory of the C library's heap.
const fuzzMegabytes = 1200

// Whatever is sent, for whatever purpose, the embedder answers with a possible face or a Problem, and
// the same answer again; it neither crashes nor grows.
func FuzzEmbed(f *testing.F) {
	e := open(f, Options{Workers: 1, MoreFormats: true, Limits: photo.Limits{Bytes: 1 << 20, Pixels: 1e6, Memory: 16 << 20,
		Time: photo.DefaultLimits().Time}})
	for _, name := range []string{"demo.jpg", "small.jpg", "gray.jpg", "cmyk.jpg", "sideways.jpg"} {
		for _, data := range broken(sampled(f, name)) {
			f.Add(data)
		}
	}
	files, err := filepath.Glob("photo/testdata/*.*")
	if err != nil || len(files) < 7 {
		f.Fatalf("%d files of odd kinds, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, data := range broken(data) {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		probe, probeErr := e.Embed(context.Background(), data, faces.Probe)
		r, err := e.Embed(context.Background(), data, faces.Enrol)
		var p *faces.Problem
		for _, err := range []error{probeErr, err} {
			if err != nil && !errors.As(err, &p) {
				t.Fatalf("%v (%T) is no Problem", err, err)
			}
		}
		if probeErr == nil && (err != nil || !slices.Equal(probe.Embedding, r.Embedding)) {
			t.Errorf("searched, and enrolled otherwise: %v", err)
		}
		if grown := resident(t, "VmHWM:"); grown > fuzzMegabytes {
			t.Errorf("the process has %d MB", grown)
		}
		if err != nil {
			return
		}
		possible := len(r.Embedding) == e.Model().Dimensions && r.Hash != 0 && r.Quality.Step != "" &&
			r.Box.Left >= 0 && r.Box.Top >= 0 && r.Box.Right <= r.Width && r.Box.Bottom <= r.Height && r.Box.Area() > 0 &&
			r.Quality.Score >= 0 && r.Quality.Score <= 100
		for _, v := range r.Embedding {
			possible = possible && !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0)
		}
		for _, v := range []float64{r.Quality.Sharpness, r.Quality.Brightness, r.Quality.Yaw, r.Quality.Roll} {
			possible = possible && !math.IsNaN(v) && !math.IsInf(v, 0)
		}
		if !possible {
			t.Errorf("impossible result: %d dimensions, box %v in %d x %d, %+v", len(r.Embedding), r.Box, r.Width, r.Height, r.Quality)
		}
	})
}
