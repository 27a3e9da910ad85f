package dlib

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	faces "lineup/indexer/face"
	samples "lineup/scraper/samplesite/faces"
)

var update = flag.Bool("update", false, "write testdata/quality.golden anew")

// golden says of every photo which step found its face, where, what was measured, and what
// becomes of it: a change of any step, figure, floor or code shows in review.
const golden = "testdata/quality.golden"

// TestQualityGolden compares every synthetic, odd and made photo with the golden file. Numbers may
// differ by one (two for boxes): another processor rounds otherwise. Words may not.
func TestQualityGolden(t *testing.T) {
	e, cnn := open(t, Options{Workers: 1, MoreFormats: true}), open(t, Options{Workers: 1, CNN: true})
	var got strings.Builder
	fmt.Fprintln(&got, "# photo: step, box (+ other faces), pixels sharpness brightness yaw roll score, warnings; probe: what a searcher is "+
		"told")
	fmt.Fprintln(&got, "# go test ./indexer/face/dlib -run QualityGolden -update")
	for _, v := range append(sampleFiles(t), variants(t)...) {
		fmt.Fprintf(&got, "%s: %s\n", v.name, outcome(t, e, v.data))
		if slices.Contains([]string{"blurred.jpg", "chin outside", "cut off at 60"}, v.name) {
			fmt.Fprintf(&got, "%s, with the CNN: %s\n", v.name, outcome(t, cnn, v.data))
		}
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	g, w := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
	if len(g) != len(w) {
		t.Errorf("%d photos, the golden file has %d", len(g), len(w))
	}
	for i := range min(len(g), len(w)) {
		if !alike(g[i], w[i]) {
			t.Errorf("\n got %s\nwant %s", g[i], w[i])
		}
	}
	if t.Failed() {
		t.Log("if that is meant: go test ./indexer/face/dlib -run QualityGolden -update")
	}
}

// sampleFiles are all pictures of the sample site.
func sampleFiles(t testing.TB) []variant {
	entries, err := fs.ReadDir(samples.Files, ".")
	if err != nil {
		t.Fatal(err)
	}
	var out []variant
	for _, e := range entries {
		if slices.Contains([]string{".jpg", ".png", ".webp"}, path.Ext(e.Name())) {
			out = append(out, variant{e.Name(), sampled(t, e.Name())})
		}
	}
	if len(out) < 130 {
		t.Fatalf("%d sample photos only", len(out))
	}
	return out
}

// outcome is a photo's line: as a probe, and where that is refused as a registry's photo too.
func outcome(t testing.TB, e *Embedder, data []byte) string {
	t.Helper()
	var p *faces.Problem
	probe := "searched"
	r, err := e.Embed(context.Background(), data, faces.Probe)
	if errors.As(err, &p) {
		probe = "refused, " + string(p.Code)
		if p.Result.Quality.Step == "" {
			return "not enrolled, " + string(p.Code) + "; probe: " + probe // no face was found, whatever it is for
		}
		r, err = e.Embed(context.Background(), data, faces.Enrol)
	}
	if err != nil {
		t.Fatal(err)
	}
	q := r.Quality
	text := fmt.Sprintf("%s, %d %d %d %d", q.Step, r.Box.Left, r.Box.Top, r.Box.Right, r.Box.Bottom)
	if len(r.Others) > 0 {
		text += fmt.Sprintf(" (+ %d)", len(r.Others))
	}
	text += fmt.Sprintf(", %d %.1f %.1f %.1f %.1f %.1f", q.FacePixels, q.Sharpness, q.Brightness, q.Yaw, q.Roll, q.Score)
	if len(q.Warnings) > 0 {
		text += ", " + strings.Join(q.Warnings, " ")
	}
	return text + "; probe: " + probe
}

// alike reports whether two lines have the same words, and numbers that differ by rounding.
func alike(a, b string) bool {
	split := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' })
	}
	x, y := split(a), split(b)
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if x[i] == y[i] {
			continue
		}
		p, errP := strconv.ParseFloat(x[i], 64)
		q, errQ := strconv.ParseFloat(y[i], 64)
		within := 1.05
		if !strings.Contains(x[i], ".") { // pixels
			within = 2.05
		}
		if errP != nil || errQ != nil || math.Abs(p-q) > within {
			return false
		}
	}
	return true
}

func TestGoldenNoticesChanges(t *testing.T) {
	const line = "p001a.jpg: native, 70 80 200 210, 130 62.1 44.0 -1.2 0.3 88.0; probe: searched"
	for other, want := range map[string]bool{
		line: true,
		"p001a.jpg: native, 71 80 200 210, 130 62.9 44.0 -1.2 0.3 88.0; probe: searched":           true,
		"p001a.jpg: native, 74 80 200 210, 130 62.1 44.0 -1.2 0.3 88.0; probe: searched":           false,
		"p001a.jpg: native, 70 80 200 210, 130 64.1 44.0 -1.2 0.3 88.0; probe: searched":           false,
		"p001a.jpg: enlarged, 70 80 200 210, 130 62.1 44.0 -1.2 0.3 88.0; probe: searched":         false,
		"p001a.jpg: native, 70 80 200 210, 130 62.1 44.0 -1.2 0.3 88.0; probe: refused, blurred":   false,
		"p001a.jpg: native, 70 80 200 210, 130 62.1 44.0 -1.2 0.3 88.0, too_dark; probe: searched": false,
	} {
		if alike(line, other) != want {
			t.Errorf("alike is %v for %s", !want, other)
		}
	}
}
