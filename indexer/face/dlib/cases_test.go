package dlib

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/draw"

	faces "lineup/indexer/face"
	"lineup/indexer/face/dlib/photo"
)

// people are the embeddings of the forty identities' plain photos.
func people(t testing.TB, e *Embedder) (embeddings [][]float32) {
	t.Helper()
	for i := 1; i <= 40; i++ {
		r, err := e.Embed(context.Background(), sampled(t, fmt.Sprintf("p%03da.jpg", i)), faces.Enrol)
		if err != nil {
			t.Fatal(err)
		}
		embeddings = append(embeddings, r.Embedding)
	}
	return embeddings
}

// nearest is the identity, from 1, whose plain photo is nearest, and how far it is.
func nearest(people [][]float32, embedding []float32) (identity int, at float64) {
	at = math.Inf(1)
	for i, p := range people {
		if d := distance(p, embedding); d < at {
			identity, at = i+1, d
		}
	}
	return identity, at
}

// Photos that people really send, each with what becomes of it: whom it shows, or why not.
func TestPhotosPeopleSend(t *testing.T) {
	e := open(t, Options{Workers: 1, CNN: true})
	gallery := people(t, e)
	const stranger = 0.45 // no two of the forty are nearer than .53
	for _, c := range []struct {
		file     string
		identity int        // that is nearest
		within   float64    // the distance at most; 0: nobody else may be nearer than stranger, and a refusal is right too
		code     faces.Code // of a refusal
		text     string     // in the refusal
		warning  faces.Code
	}{
		{"tight-8.jpg", 6, 0.35, "", "", ""},
		{"heightlines.jpg", 8, 0.3, "", "", ""},
		{"tall.jpg", 4, 0.3, "", "", ""},
		{"stretch.jpg", 18, 0.45, "", "", ""},
		{"dark-p012.jpg", 12, 0.35, "", "", faces.CodeTooDark},
		{"drawing.jpg", 0, 0, "", "", faces.CodeDrawn},
		{"bar.jpg", 7, 0, "", "", ""},
		{"mask.jpg", 7, 0, "", "", ""},
		{"heif-msf1.jpg", 0, 0, faces.CodeUnsupportedFormat, "heic", ""},
		{"lossless.jpg", 0, 0, faces.CodeUnsupportedFormat, "lossless JPEG", ""},
		{"leading-nl.jpg", 3, 0.3, "", "", ""},
	} {
		t.Run(c.file, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata/cases", c.file))
			if err != nil {
				t.Fatal(err)
			}
			r, err := e.Embed(context.Background(), data, faces.Probe)
			var p *faces.Problem
			if errors.As(err, &p) {
				if p.Code != c.code && (c.code != "" || c.within != 0) || !strings.Contains(p.Text, c.text) {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err != nil || c.code != "" {
				t.Fatalf("searched, want %q: %v", c.code, err)
			}
			identity, at := nearest(gallery, r.Embedding)
			t.Logf("p%03d at %.3f by %s, %v", identity, at, r.Quality.Step, r.Quality.Warnings)
			if c.within != 0 && (identity != c.identity || at > c.within) || identity != c.identity && at < stranger {
				t.Errorf("the nearest is p%03d at %.3f (%s), want p%03d within %.2f", identity, at, r.Quality.Step, c.identity, c.within)
			}
			if c.warning != "" && !slices.Contains(r.Quality.Warnings, string(c.warning)) {
				t.Errorf("warnings %q lack %q", r.Quality.Warnings, c.warning)
			}
		})
	}
}

// Of the photos made worse in one way, these are found and whose they are, where each was refused or
// missed before; no third of the people, by the brightness of their skin, has more than one miss more than another.
func TestLittleLightFindsEverybodyAlike(t *testing.T) {
	e := open(t, Options{Workers: 2})
	gallery := people(t, e)
	type person struct {
		identity int
		skin     float64
		pixels   *photo.Photo
	}
	var all []person
	for i := range gallery {
		data := sampled(t, fmt.Sprintf("p%03db.jpg", i+1))
		r, err := e.Embed(context.Background(), data, faces.Enrol)
		if err != nil {
			t.Fatal(err)
		}
		p, err := photo.Decode(context.Background(), data, photo.DefaultLimits(), photo.Whole)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, person{i + 1, r.Quality.Brightness, p})
	}
	slices.SortFunc(all, func(a, b person) int { return int(1000 * (a.skin - b.skin)) })
	for _, light := range []float64{0.2, 0.1} {
		var missed [3]int
		for i, p := range all {
			data, err := photo.JPEG(lit(p.pixels.Image, func(v float64) float64 { return v * light }), 90)
			if err != nil {
				t.Fatal(err)
			}
			r, err := e.Embed(context.Background(), data, faces.Probe)
			if err != nil {
				missed[i*3/len(all)]++
			} else if identity, _ := nearest(gallery, r.Embedding); identity != p.identity {
				missed[i*3/len(all)]++
			}
		}
		t.Logf("%.0f %% of the light: of the darkest, middle and brightest third are missed %v", 100*light, missed)
		if slices.Max(missed[:])-slices.Min(missed[:]) > 1 {
			t.Errorf("%.0f %% of the light: of the thirds by skin, dark to bright, %v of 13 or 14 are missed", 100*light, missed)
		}
	}
}

// A searcher's picture is refused by its pixels before any is decoded, whatever they would show;
// a registry's photo as large is taken.
func TestAProbeHasFewerPixels(t *testing.T) {
	e := open(t, Options{Workers: 1, ProbePixels: 200_000})
	p, err := photo.Decode(context.Background(), sampled(t, "p001a.jpg"), photo.DefaultLimits(), photo.Whole)
	if err != nil {
		t.Fatal(err)
	}
	data, err := photo.JPEG(photo.Fit(p.Image, 600), 90)
	if err != nil {
		t.Fatal(err)
	}
	var problem *faces.Problem
	if _, err := e.Embed(context.Background(), data, faces.Probe); !errors.As(err, &problem) || problem.Code != faces.CodeTooLarge {
		t.Errorf("a probe of 450 x 600: %v, want code %q", err, faces.CodeTooLarge)
	}
	if _, err := e.Embed(context.Background(), data, faces.Enrol); err != nil {
		t.Errorf("a registry's photo: %v", err)
	}
	// It is as large while the embedder is busy: nobody is told to come again with it.
	for range slotsPerWorker {
		_, leave, err := e.slots.acquire(context.Background(), faces.Enrol)
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
	}
	if _, err := e.Embed(context.Background(), data, faces.Probe); !errors.As(err, &problem) || problem.Code != faces.CodeTooLarge {
		t.Errorf("a probe of 450 x 600 while every slot is taken: %v, want code %q", err, faces.CodeTooLarge)
	}
}

// A picture compressed until nothing is left says so: another photo of the same face will not help.
func TestMushSaysSo(t *testing.T) {
	e := open(t, Options{Workers: 1})
	p, err := photo.Decode(context.Background(), sampled(t, "p001a.jpg"), photo.DefaultLimits(), photo.Whole)
	if err != nil {
		t.Fatal(err)
	}
	data, err := photo.JPEG(photo.Fit(p.Image, 160), 1)
	if err != nil {
		t.Fatal(err)
	}
	var problem *faces.Problem
	if _, err := e.Embed(context.Background(), data, faces.Probe); !errors.As(err, &problem) || problem.Code != faces.CodeNoFace ||
		!strings.Contains(problem.Text, "compressed") {
		t.Errorf("%v", err)
	}
}

// A search that has a recognizer of its own never waits for another's decoding: while every
// recognizer is taken, a photo is decoded and waits for a recognizer alone.
func TestDecodingHoldsNoRecognizer(t *testing.T) {
	e := open(t, Options{Workers: 1})
	_, release, err := e.pool.acquire(context.Background(), faces.Enrol)
	if err != nil {
		t.Fatal(err)
	}
	var problem *faces.Problem
	if _, err := e.Embed(context.Background(), sampled(t, "README.md"), faces.Probe); !errors.As(err, &problem) {
		t.Errorf("what is no picture waits for a recognizer: %v", err)
	}
	release()
	if _, err := e.Embed(context.Background(), sampled(t, "demo.jpg"), faces.Probe); err != nil {
		t.Error(err)
	}
}

// A photo that lies on its side is that person's, not what the detector sees in it upside down.
func TestSidewaysIsNotUpsideDown(t *testing.T) {
	e := open(t, Options{Workers: 2})
	for _, name := range []string{"p009a.jpg", "p014a.jpg", "p020a.jpg", "p024a.jpg", "p036a.jpg"} {
		want, err := e.Embed(context.Background(), sampled(t, name), faces.Enrol)
		if err != nil {
			t.Fatal(err)
		}
		p, err := photo.Decode(context.Background(), sampled(t, name), photo.DefaultLimits(), photo.Whole)
		if err != nil {
			t.Fatal(err)
		}
		for _, degrees := range []int{90, 270} {
			data, err := photo.JPEG(photo.Turn(p.Image, degrees), 95)
			if err != nil {
				t.Fatal(err)
			}
			r, err := e.Embed(context.Background(), data, faces.Enrol)
			if err != nil {
				t.Fatal(err)
			}
			if d := distance(want.Embedding, r.Embedding); d > 0.3 {
				t.Errorf("%s turned by %d: %.3f from the upright photo, by %s", name, degrees, d, r.Quality.Step)
			}
		}
	}
}

// A photo of 1,000 pixels is looked at in the size of a registry's photo, at most one in three a second time and larger, and
// shows the same person.
func TestLargePhotosAreSearchedSmall(t *testing.T) {
	e := open(t, Options{Workers: 2})
	gallery, twice := people(t, e), 0
	const photos = 24
	for i, data := range enlarged(t, photos, 1000) {
		p, err := photo.Decode(t.Context(), data, photo.DefaultLimits(), firstScale)
		if err != nil {
			t.Fatal(err)
		}
		found, err := (&search{pool: e.pool, photo: p}).run(t.Context())
		if err != nil || found == nil {
			t.Fatalf("photo %d: %v, found %v", i, err, found != nil)
		}
		identity, at := nearest(gallery, found.embedding())
		if want := i/3 + 1; identity != want || at > 0.4 {
			t.Errorf("photo %d shows p%03d at %.3f, want p%03d", i, identity, at, want)
		}
		switch long := max(found.searched.Rect.Dx(), found.searched.Rect.Dy()); {
		case long > 600:
			t.Errorf("photo %d was searched with a side of %d pixels", i, long)
		case long > 400:
			twice++
		}
	}
	if 3*twice > photos {
		t.Errorf("%d of %d photos were looked at twice", twice, photos)
	}
}

// However small a photo is looked at first: a face six tenths as large as the one used is seen beside it, and the
// searcher asked which is meant.
func TestASmallerFaceBesideIsSeen(t *testing.T) {
	e := open(t, Options{Workers: 2})
	for _, long := range []int{500, 1000} {
		for identity := 1; identity <= 4; identity++ {
			one, err := photo.Decode(t.Context(), sampled(t, fmt.Sprintf("p%03db.jpg", identity)), photo.DefaultLimits(), photo.Whole)
			if err != nil {
				t.Fatal(err)
			}
			both := image.NewRGBA(image.Rect(0, 0, long, long*3/4))
			draw.Draw(both, both.Rect, image.NewUniform(color.Gray{0x90}), image.Point{}, draw.Src)
			size := one.Image.Rect
			for x, height := range map[int]int{0: long * 3 / 4, long * 6 / 10: long * 9 / 20} {
				draw.CatmullRom.Scale(both, image.Rect(x, 0, x+height*size.Dx()/size.Dy(), height), one.Image, size, draw.Src, nil)
			}
			data, err := photo.JPEG(both, 92)
			if err != nil {
				t.Fatal(err)
			}
			var p *faces.Problem
			if _, err := e.Embed(t.Context(), data, faces.Probe); !errors.As(err, &p) || p.Code != faces.CodeSeveralFaces {
				t.Errorf("p%03d twice in %d pixels: %v, want code %q", identity, long, err, faces.CodeSeveralFaces)
			}
		}
	}
}
