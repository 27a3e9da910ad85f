package dlib

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	faces "lineup/indexer/face"
	"lineup/indexer/face/dlib/photo"
	"lineup/indexer/face/dlib/weights"
	"lineup/indexer/face/facetest"
	samples "lineup/scraper/samplesite/faces"
)

func open(t testing.TB, opts Options) *Embedder {
	t.Helper()
	dir, err := weights.DefaultDir()
	if err != nil {
		t.Fatal(err)
	}
	opts.Models = dir
	e, err := New(opts)
	if err != nil {
		t.Fatalf("%v\n(`make test` fetches the models)", err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func sampled(t testing.TB, name string) []byte {
	t.Helper()
	data, err := samples.Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestContract(t *testing.T) {
	facetest.Test(t, func(t *testing.T) faces.Embedder { return open(t, Options{Workers: 2}) }, facetest.Photos{
		One:     sampled(t, "p001a.jpg"),
		Another: sampled(t, "p002b.jpg"),
		Several: sampled(t, "twofaces.jpg"),
		None:    sampled(t, "noface.jpg"),
	})
}

func distance(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]-b[i]) * float64(a[i]-b[i])
	}
	return math.Sqrt(sum)
}

// Every odd photo has its outcome: a face that is near its person's plain one, or a code.
func TestOddPhotos(t *testing.T) {
	e := open(t, Options{Workers: 1})
	ctx := context.Background()
	for _, c := range []struct {
		name     string
		code     faces.Code // of a probe; "" is a face
		mate     string     // its face lies near that of this file
		within   float64
		step     string
		warnings []string
	}{
		{"demo.jpg", "", "p001a.jpg", 0.35, "native", nil},
		{"small.jpg", "", "p006a.jpg", 0.3, "enlarged", []string{"face_too_small"}},
		{"sideways.jpg", "", "p002a.jpg", 0.1, "native", nil},
		{"gray.jpg", "", "p003a.jpg", 0.25, "native", nil},
		{"cmyk.jpg", "", "p004a.jpg", 0.1, "native", nil},
		{"p005a.png", "", "p005a.jpg", 0.1, "native", nil},
		{"p005a.webp", faces.CodeUnsupportedFormat, "p005a.jpg", 0.15, "native", nil},
		{"twofaces.jpg", faces.CodeSeveralFaces, "p009a.jpg", 0.35, "reduced", []string{"several_faces"}},
		{"blurred.jpg", "", "p007a.jpg", 0.6, "enlarged", []string{"blurred"}},
		{"dark.jpg", "", "p008a.jpg", 0.4, "contrast", []string{"too_dark"}},
		{"noface.jpg", faces.CodeNoFace, "", 0, "", nil},
		{"placeholder.jpg", faces.CodeNoFace, "", 0, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := e.Embed(ctx, sampled(t, c.name), faces.Probe)
			var p *faces.Problem
			switch {
			case c.code == "" && err != nil:
				t.Fatal(err)
			case c.code != "" && (!errors.As(err, &p) || p.Code != c.code):
				t.Fatalf("as a probe: %v, want code %q", err, c.code)
			}
			r, err := e.Embed(ctx, sampled(t, c.name), faces.Enrol)
			if c.mate == "" {
				if !errors.As(err, &p) || p.Code != c.code {
					t.Fatalf("enrolled: %v, want code %q", err, c.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			mate, err := e.Embed(ctx, sampled(t, c.mate), faces.Enrol)
			if err != nil {
				t.Fatal(err)
			}
			if d := distance(r.Embedding, mate.Embedding); d > c.within {
				t.Errorf("%.3f from %s, want at most %.3f", d, c.mate, c.within)
			}
			if r.Quality.Step != c.step || !slices.Equal(r.Quality.Warnings, c.warnings) {
				t.Errorf("quality %+v, want step %q and warnings %q", r.Quality, c.step, c.warnings)
			}
		})
	}
}

// A photo turned without an Exif note is found by turning, and its box lies in the photo as sent.
func TestTurned(t *testing.T) {
	e := open(t, Options{Workers: 1})
	plain, err := photo.Decode(context.Background(), sampled(t, "p001a.jpg"), photo.DefaultLimits(), photo.Whole)
	if err != nil {
		t.Fatal(err)
	}
	want, err := e.Embed(context.Background(), sampled(t, "p001a.jpg"), faces.Probe)
	if err != nil {
		t.Fatal(err)
	}
	for degrees, step := range map[int]string{90: "turned-270", 180: "turned-180", 270: "turned-90"} {
		data, err := photo.JPEG(photo.Turn(plain.Image, degrees), 100)
		if err != nil {
			t.Fatal(err)
		}
		r, err := e.Embed(context.Background(), data, faces.Probe)
		if err != nil {
			t.Fatal(err)
		}
		if r.Quality.Step != step {
			t.Errorf("turned by %d: step %q, want %q", degrees, r.Quality.Step, step)
		}
		if d := distance(r.Embedding, want.Embedding); d > 0.15 {
			t.Errorf("turned by %d: %.3f from the upright photo", degrees, d)
		}
		if r.Box.Left < 0 || r.Box.Top < 0 || r.Box.Right > r.Width || r.Box.Bottom > r.Height ||
			math.Abs(float64(r.Box.Area()-want.Box.Area())) > 0.7*float64(want.Box.Area()) {
			t.Errorf("turned by %d: box %v in %d x %d, upright %v", degrees, r.Box, r.Width, r.Height, want.Box)
		}
		back := map[int][2]int{90: {r.Box.Top, r.Width - r.Box.Right}, 180: {r.Width - r.Box.Right, r.Height - r.Box.Bottom},
			270: {r.Height - r.Box.Bottom, r.Box.Left}}[degrees]
		if math.Abs(float64(back[0]-want.Box.Left)) > 25 || math.Abs(float64(back[1]-want.Box.Top)) > 25 {
			t.Errorf("turned by %d: the box's corner lies at %v of the upright photo, want %d %d", degrees, back, want.Box.Left, want.Box.Top)
		}
	}
}

func TestDamaged(t *testing.T) {
	e := open(t, Options{Workers: 1})
	whole := sampled(t, "p001a.jpg")
	want, err := e.Embed(context.Background(), whole, faces.Probe)
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Embed(context.Background(), whole[:len(whole)*95/100], faces.Probe)
	if err != nil {
		t.Fatalf("a photo whose last rows are missing: %v", err)
	}
	if d := distance(r.Embedding, want.Embedding); d > 0.1 || !slices.Contains(r.Quality.Warnings, "truncated") {
		t.Errorf("cut off: %.3f from the whole photo, warnings %q", d, r.Quality.Warnings)
	}
	var p *faces.Problem
	if _, err := e.Embed(context.Background(), whole[:len(whole)/4], faces.Probe); !errors.As(err, &p) || p.Code != faces.CodeTruncated {
		t.Errorf("a quarter of a photo: %v, want code %q", err, faces.CodeTruncated)
	}
}

func TestMoreFormats(t *testing.T) {
	e := open(t, Options{Workers: 1, MoreFormats: true})
	if _, err := e.Embed(context.Background(), sampled(t, "p005a.webp"), faces.Probe); err != nil {
		t.Errorf("a WebP probe where the operator takes them: %v", err)
	}
}

// The mirrored average is another model, and takes the photo and its mirror image for one.
func TestMirror(t *testing.T) {
	e := open(t, Options{Workers: 1, Mirror: true})
	if plain := describe(false); plain.ID == e.Model().ID {
		t.Error("the mirrored average bears the plain model's id")
	}
	p, err := photo.Decode(context.Background(), sampled(t, "p002c.jpg"), photo.DefaultLimits(), photo.Whole)
	if err != nil {
		t.Fatal(err)
	}
	mirrored, err := photo.JPEG(photo.Mirror(p.Image), 100)
	if err != nil {
		t.Fatal(err)
	}
	a, err := e.Embed(context.Background(), sampled(t, "p002c.jpg"), faces.Probe)
	if err != nil {
		t.Fatal(err)
	}
	b, err := e.Embed(context.Background(), mirrored, faces.Probe)
	if err != nil {
		t.Fatal(err)
	}
	if d := distance(a.Embedding, b.Embedding); d > 0.05 {
		t.Errorf("photo and mirror image are %.3f apart", d)
	}
}

func TestBusy(t *testing.T) {
	e := open(t, Options{Workers: 1, Queue: 1})
	var release func()
	for range slotsPerWorker { // the only worker has all it takes
		var err error
		if _, release, err = e.slots.acquire(context.Background(), faces.Enrol); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 2)
	data := sampled(t, "demo.jpg")
	wait := func(ctx context.Context, purpose faces.Purpose, line func() int) {
		go func() { _, err := e.Embed(ctx, data, purpose); done <- err }()
		for until(e, line) {
		}
	}
	gone, leave := context.WithCancel(context.Background())
	wait(gone, faces.Probe, func() int { return len(e.slots.probes) })
	if _, err := e.Embed(context.Background(), data, faces.Probe); !errors.Is(err, faces.ErrBusy) {
		t.Errorf("a probe beyond the queue: %v, want ErrBusy", err)
	}
	leave()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who left: %v", err)
	}
	wait(context.Background(), faces.Enrol, func() int { return len(e.slots.enrols) })
	wait(context.Background(), faces.Probe, func() int { return len(e.slots.probes) })
	release()
	for range 2 {
		if err := <-done; err != nil {
			t.Errorf("after the wait: %v", err)
		}
	}
}

// until says whether nobody stands in line yet.
func until(e *Embedder, line func() int) bool {
	e.slots.mu.Lock()
	defer e.slots.mu.Unlock()
	return line() == 0
}

func TestClosed(t *testing.T) {
	e := open(t, Options{Workers: 1})
	if err := errors.Join(e.Close(), e.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Embed(context.Background(), sampled(t, "demo.jpg"), faces.Probe); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
}

func TestNoModels(t *testing.T) {
	if _, err := New(Options{Models: t.TempDir()}); err == nil {
		t.Error("made without models")
	}
}
