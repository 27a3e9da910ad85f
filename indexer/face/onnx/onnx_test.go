package onnx

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"lineup/indexer/face"
	"lineup/indexer/face/dlib"
	"lineup/indexer/face/dlib/blas"
	"lineup/indexer/face/dlib/photo"
	"lineup/indexer/face/dlib/weights"
	"lineup/indexer/face/facetest"
	"lineup/internal/testkit/loopback"
	"lineup/internal/testkit/onnxtest"
	samples "lineup/scraper/samplesite/faces"
)

func TestMain(m *testing.M) {
	blas.ChooseKernel()
	loopback.Main(m)
}

const side, square, length = 112, 14, 3 * 8 * 8

func sampled(t testing.TB, name string) []byte {
	t.Helper()
	data, err := samples.Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func locator(t testing.TB) *dlib.Embedder {
	t.Helper()
	dir, err := weights.DefaultDir()
	if err != nil {
		t.Fatal(err)
	}
	e, err := dlib.New(dlib.Options{Models: dir, Workers: 2})
	if err != nil {
		t.Fatalf("%v\n(`make test` fetches the models)", err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func open(t testing.TB, d Description, dir string) *Embedder {
	t.Helper()
	e, err := New(Options{Description: d, Models: dir, Locator: locator(t), Workers: 2})
	if err != nil {
		t.Fatalf("%v\n(`make test` fetches the runtime)", err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// The contract holds for a plain model and for a fusion, and for the real one where its weights are at hand.
func TestContract(t *testing.T) {
	d, dir := described(t, onnxtest.Averages(side, square), side, length)
	fused := d
	fused.ID, fused.Fusion = "small+dlib", &Fusion{Scales: [2]float64{1.128, 0.6}}
	models := map[string]Description{"plain": d, "fusion": fused}
	dirs := map[string]string{"plain": dir, "fusion": dir}
	if file := os.Getenv("LINEUP_TEST_SFACE"); file != "" {
		for _, name := range []string{"sface", "sface-dlib"} {
			real, err := Describe(name)
			if err != nil {
				t.Fatal(err)
			}
			real.File = filepath.Base(file)
			models[name], dirs[name] = real, filepath.Dir(file)
		}
	}
	for name, d := range models {
		t.Run(name, func(t *testing.T) {
			facetest.Test(t, func(t *testing.T) face.Embedder { return open(t, d, dirs[name]) }, facetest.Photos{
				One: sampled(t, "p001a.jpg"), Another: sampled(t, "p002b.jpg"), Several: sampled(t, "twofaces.jpg"), None: sampled(t, "noface.jpg"),
			})
			t.Run("mates are nearer than strangers", func(t *testing.T) { mates(t, open(t, d, dirs[name])) })
		})
	}
}

// mates checks that a photo turned, scaled and cut otherwise is nearer to itself than to others.
func mates(t *testing.T, e *Embedder) {
	at := func(data []byte) []float32 {
		r, err := e.Embed(context.Background(), data, face.Enrol)
		if err != nil {
			t.Fatal(err)
		}
		return r.Embedding
	}
	for _, name := range []string{"p001a.jpg", "p004a.jpg", "p009a.jpg"} {
		p, err := photo.Decode(context.Background(), sampled(t, name), photo.DefaultLimits(), photo.Whole)
		if err != nil {
			t.Fatal(err)
		}
		enlarged, err := photo.JPEG(photo.Fit(p.Image, 520), 95)
		if err != nil {
			t.Fatal(err)
		}
		turned, err := photo.JPEG(photo.Turn(p.Image, 90), 95)
		if err != nil {
			t.Fatal(err)
		}
		plain, stranger := at(sampled(t, name)), at(sampled(t, "p002a.jpg"))
		for what, data := range map[string][]byte{"enlarged": enlarged, "turned": turned} {
			if own, other := e.Model().Distance(plain, at(data)), e.Model().Distance(plain, stranger); !(own < other/2) {
				t.Errorf("%s %s: %.3f from itself, %.3f from a stranger", name, what, own, other)
			}
		}
	}
}

// A fusion's squared distance is the sum of its parts', each by its own scale.
func TestFusionIsTheSum(t *testing.T) {
	d, dir := described(t, onnxtest.Averages(side, square), side, length)
	plain := open(t, d, dir)
	d.Fusion = &Fusion{Scales: [2]float64{1.128, 0.6}}
	fused := open(t, d, dir)
	var of [3][2][]float32
	for i, e := range []face.Embedder{plain, plain.opts.Locator, fused} {
		for j, name := range []string{"p003a.jpg", "p003b.jpg"} {
			r, err := e.Embed(context.Background(), sampled(t, name), face.Enrol)
			if err != nil {
				t.Fatal(err)
			}
			of[i][j] = r.Embedding
		}
	}
	a := plain.Model().Distance(of[0][0], of[0][1]) / 1.128
	b := plain.opts.Locator.Model().Distance(of[1][0], of[1][1]) / 0.6
	if got := fused.Model().Distance(of[2][0], of[2][1]); math.Abs(got-math.Hypot(a, b)) > 1e-5 {
		t.Errorf("%.6f, want the root of %.6f² + %.6f²", got, a, b)
	}
	if m := fused.Model(); m.Dimensions != length+128 || m.ID == plain.Model().ID && m.Dimensions == plain.Model().Dimensions {
		t.Errorf("the fusion is %+v", m)
	}
}

// dlibChip are the places dlib's own aligned chip of 150 pixels with a quarter of padding has for
// the five landmarks (get_face_chip_details).
func dlibChip() (points [][2]float64) {
	for _, p := range [][2]float64{{0.8595674595992, 0.2134981538014}, {0.6460604764104, 0.2289674387677}, {0.1205750620789, 0.2137274526848},
		{0.3340850613712, 0.2290642403242}, {0.4901123135679, 0.6277975316475}} {
		points = append(points, [2]float64{(0.25 + p[0]) / 1.5 * 150, (0.25 + p[1]) / 1.5 * 150})
	}
	return points
}

// What is cut by dlib's own places is dlib's chip: embedded as it is, it is the person.
func TestAlignmentIsThatOfDlib(t *testing.T) {
	e := locator(t)
	in := Input{Side: 150, Order: "rgb", Scale: 1}
	for _, name := range []string{"p001a.jpg", "p002c.jpg", "p010b.jpg"} {
		located, err := e.Locate(context.Background(), sampled(t, name), face.Enrol)
		if err != nil {
			t.Fatal(err)
		}
		s, ok := align(located.Points, dlibChip())
		if !ok {
			t.Fatal("not aligned")
		}
		planes := make([]float32, 3*150*150)
		in.cut(located.Pixels, s, planes)
		chip := image.NewRGBA(image.Rect(0, 0, 150, 150))
		for i := range 150 * 150 {
			for c := range 3 {
				chip.Pix[4*i+c] = uint8(planes[c*150*150+i] + .5)
			}
			chip.Pix[4*i+3] = 255
		}
		data, err := photo.JPEG(chip, 100)
		if err != nil {
			t.Fatal(err)
		}
		again, err := e.Embed(context.Background(), data, face.Enrol)
		if err != nil {
			t.Fatalf("%s: no face in its own chip: %v", name, err)
		}
		if d := e.Model().Distance(located.Embedding, again.Embedding); d > 0.25 {
			t.Errorf("%s: its chip is %.3f from it", name, d)
		}
	}
}

// A similarity is found again from where it brings points, and undone.
func TestAlign(t *testing.T) {
	want := similarity{a: 0.8, b: -0.3, tx: 12, ty: -7}
	var from []face.Point
	var to [][2]float64
	for _, p := range [][2]float64{{0, 0}, {30, 4}, {7, 50}, {-9, 21}, {15, 15}} {
		x, y := want.apply(p[0], p[1])
		from, to = append(from, face.Point{X: p[0], Y: p[1]}), append(to, [2]float64{x, y})
	}
	s, ok := align(from, to)
	for _, d := range []float64{s.a - want.a, s.b - want.b, s.tx - want.tx, s.ty - want.ty} {
		if !ok || math.Abs(d) > 1e-9 {
			t.Fatalf("%+v, want %+v", s, want)
		}
	}
	if x, y := s.inverse().apply(s.apply(3, 4)); math.Abs(x-3)+math.Abs(y-4) > 1e-9 {
		t.Errorf("there and back is %v, %v", x, y)
	}
	if _, ok := align(make([]face.Point, 5), to); ok {
		t.Error("five points in one place align")
	}
	if _, ok := align(from[:2], to); ok {
		t.Error("two points align with five")
	}
}

// Planes hold the colours in the input's order and scale; beyond the picture is black.
func TestCut(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 20, 20))
	for i := range 400 {
		copy(img.Pix[4*i:], []byte{200, 100, 50, 255})
	}
	in := Input{Side: 16, Order: "bgr", Mean: 100, Scale: 0.1}
	planes := make([]float32, 3*16*16)
	in.cut(img, similarity{a: 1, tx: 0, ty: 8}, planes)
	for c, want := range []float32{-5, 0, 10} {
		if got := planes[c*256+15*16+3]; math.Abs(float64(got-want)) > 1e-4 {
			t.Errorf("plane %d is %v, want %v", c, got, want)
		}
		if got := planes[c*256]; got != -10 {
			t.Errorf("outside, plane %d is %v, want %v", c, got, -10)
		}
	}
}

// Many at once, over one session, give what one alone gives.
func TestThreads(t *testing.T) {
	d, dir := described(t, onnxtest.Averages(side, square), side, length)
	e := open(t, d, dir)
	planes := make([]float32, 3*side*side)
	for i := range planes {
		planes[i] = float32(i % 251)
	}
	want, err := e.infer(planes)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if got, err := e.infer(planes); err != nil || !slices.Equal(got, want) {
				t.Errorf("another output beside others: %v", err)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(e.Close(), e.Close()); err != nil {
		t.Error(err)
	}
	if _, err := e.Embed(context.Background(), sampled(t, "demo.jpg"), face.Probe); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// Whatever is wrong with a model is said, with what to do, before any face is embedded.
func TestWhatIsWrongWithAModel(t *testing.T) {
	good, finds := onnxtest.Averages(side, square), locator(t)
	for _, c := range []struct {
		name   string
		model  []byte
		change func(*Description)
		want   string
	}{
		{"another input", onnxtest.Averages(56, 7), nil, "want 1 x 3 x 112 x 112"},
		{"another output", good, func(d *Description) { d.Length = 128 }, "want 1 x 128"},
		{"no number", onnxtest.NotNumbers(side, square), nil, "NaN"},
		{"no ONNX model", []byte("not at all"), nil, "small.onnx"},
		{"another file", good, func(d *Description) { d.SHA256 = strings.Repeat("0", 64) }, "delete the file and fetch it from"},
		{"a longer file", good, func(d *Description) { d.Bytes-- }, "delete the file and fetch it from"},
		{"no file", good, func(d *Description) { d.File = "other.onnx" }, "fetch them from"},
		{"no sum", good, func(d *Description) { d.SHA256 = "" }, "no sum"},
		{"for research alone", good, func(d *Description) { d.Use = "research" }, "research alone"},
		{"four points", good, func(d *Description) { d.Points = d.Points[:4] }, "want 5"},
		{"a path", good, func(d *Description) { d.File = "../small.onnx" }, "no name of a file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, dir := described(t, c.model, side, length)
			if c.change != nil {
				c.change(&d)
			}
			e, err := New(Options{Description: d, Models: dir, Locator: finds})
			if err == nil {
				e.Close()
				t.Fatal("loaded")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q in it", err, c.want)
			}
		})
	}
	d, dir := described(t, good, side, length)
	d.Use = "research"
	e, err := New(Options{Description: d, Models: dir, Locator: finds, Research: true})
	if err != nil {
		t.Fatalf("an operator with a use for research weights: %v", err)
	}
	e.Close()
}

// Descriptions that are shipped are whole, and a broken one says what is wrong.
func TestDescriptions(t *testing.T) {
	for _, name := range Shipped() {
		d, err := Describe(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d.Use != "anyone" || d.Licence != "Apache-2.0" || !strings.HasPrefix(d.URL, "https://") {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if d, err := Describe("sface-dlib"); err != nil || d.Fusion == nil || d.Input.Side != 112 || d.MaxDistance != 1.5 ||
		d.ID != "sface-2021dec+dlib" {
		t.Errorf("a base is not completed: %+v, %v", d, err)
	}
	for text, want := range map[string]string{
		"idd: x":     "idd",
		"base: none": "none",
		"id: x":      "licence is missing",
		"base: sface\nfalse_match: [{distance: 1, rate: .1}, {distance: .5, rate: .2}]": "does not increase",
		"base: sface\nfusion: {scales: [1, 0]}":                                         "fusion.scales",
	} {
		file := filepath.Join(t.TempDir(), "d.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Describe(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", text, err, want)
		}
	}
	if _, err := Describe("nosuch"); err == nil || !strings.Contains(err.Error(), "sface") {
		t.Errorf("an unknown model: %v", err)
	}
}

func ExampleShipped() {
	fmt.Println(strings.Join(Shipped(), " "))
	// Output: auraface sface-dlib sface
}
