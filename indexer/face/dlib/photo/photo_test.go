package photo

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/image/bmp"

	"lineup/indexer/face"
	samples "lineup/scraper/samplesite/faces"
)

func sampled(t testing.TB, name string) []byte {
	t.Helper()
	data, err := samples.Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func code(err error) face.Code {
	var p *face.Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

// mean is the mean luminance.
func mean(img *image.RGBA) float64 {
	var sum int
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			sum += Luminance(img, x, y)
		}
	}
	return float64(sum) / float64(img.Rect.Dx()*img.Rect.Dy())
}

// bomb is a PNG of a few kilobytes whose header claims w x h pixels.
func bomb(w, h uint32) []byte {
	chunk := func(kind string, body []byte) []byte {
		out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
		out = append(append(out, kind...), body...)
		return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
	}
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	var body bytes.Buffer
	z := zlib.NewWriter(&body)
	if _, err := z.Write(make([]byte, 1<<20)); err != nil {
		panic(err)
	}
	z.Close()
	out := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(head, 8, 2, 0, 0, 0))...)
	return append(append(out, chunk("IDAT", body.Bytes())...), chunk("IEND", nil)...)
}

func encoded(t testing.TB, encode func(*bytes.Buffer) error) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := encode(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestFormats(t *testing.T) {
	base, err := Decode(context.Background(), sampled(t, "p005a.jpg"), DefaultLimits(), Whole)
	if err != nil {
		t.Fatal(err)
	}
	asGIF := encoded(t, func(b *bytes.Buffer) error { return gif.Encode(b, base.Image, nil) })
	asBMP := encoded(t, func(b *bytes.Buffer) error { return bmp.Encode(b, base.Image) })
	for _, c := range []struct {
		name, format string
		data         []byte
		asIs         bool
	}{
		{"jpeg", "jpeg", sampled(t, "p005a.jpg"), true},
		{"png", "png", sampled(t, "p005a.png"), false},
		{"webp", "webp", sampled(t, "p005a.webp"), false},
		{"gif", "gif", asGIF, false},
		{"bmp", "bmp", asBMP, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Decode(context.Background(), c.data, DefaultLimits(), Whole)
			if err != nil {
				t.Fatal(err)
			}
			if p.Format != c.format || p.Width != 288 || p.Height != 360 || p.AsIs != c.asIs || p.Damaged {
				t.Errorf("%s %dx%d as is %v damaged %v", p.Format, p.Width, p.Height, p.AsIs, p.Damaged)
			}
			if d := mean(p.Image) - mean(base.Image); d < -5 || d > 5 {
				t.Errorf("its pixels are %.1f brighter than the JPEG's", d)
			}
			if n := face.HashDistance(Hash(p.Image), Hash(base.Image)); n > face.NearHash {
				t.Errorf("its hash is %d bits from the JPEG's", n)
			}
		})
	}
}

func TestJPEGKinds(t *testing.T) {
	for name, want := range map[string]string{"gray.jpg": "p003a.jpg", "cmyk.jpg": "p004a.jpg", "sideways.jpg": "p002a.jpg"} {
		p, err := Decode(context.Background(), sampled(t, name), DefaultLimits(), Whole)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		w, err := Decode(context.Background(), sampled(t, want), DefaultLimits(), Whole)
		if err != nil {
			t.Fatal(err)
		}
		if p.AsIs || p.Width != w.Width || p.Height != w.Height || p.Image.Rect != w.Image.Rect {
			t.Errorf("%s: %dx%d as is %v, want %dx%d of our own pixels", name, p.Width, p.Height, p.AsIs, w.Width, w.Height)
		}
		if d := mean(p.Image) - mean(w.Image); d < -3 || d > 3 {
			t.Errorf("%s: %.1f brighter than %s", name, d, want)
		}
	}
}

func TestBadInput(t *testing.T) {
	whole := sampled(t, "p005a.jpg")
	asPNG := sampled(t, "p005a.png")
	for _, c := range []struct {
		name string
		data []byte
		want face.Code
	}{
		{"nothing", nil, face.CodeNotAnImage},
		{"text", []byte("hello"), face.CodeNotAnImage},
		{"a web page", []byte("<!doctype html>"), face.CodeNotAnImage},
		{"heic", []byte("\x00\x00\x00\x18ftypheic\x00\x00"), face.CodeUnsupportedFormat},
		{"tiff", []byte("II*\x00\x08\x00\x00\x00"), face.CodeUnsupportedFormat},
		{"bare jpeg start", []byte("\xff\xd8\xff"), face.CodeNotAnImage},
		{"jpeg header alone", whole[:300], face.CodeNotAnImage},
		{"png bomb", bomb(60000, 60000), face.CodeTooLarge},
		{"png bomb of one row", bomb(100_000_000, 1), face.CodeNotAnImage},
		{"png cut off", asPNG[:len(asPNG)/2], face.CodeTruncated},
		{"png of no pixels", bomb(0, 10), face.CodeNotAnImage},
		{"file too large", append(slices.Clone(whole), make([]byte, 26<<20)...), face.CodeTooLarge},
		{"webp frame larger than its header says", webpBomb(), face.CodeTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Decode(context.Background(), c.data, DefaultLimits(), Whole)
			runtime.ReadMemStats(&after)
			if got := code(err); got != c.want {
				t.Errorf("%v, want code %q", err, c.want)
			}
			if spent := (after.TotalAlloc - before.TotalAlloc) >> 20; spent > 8 {
				t.Errorf("%d MB were spent on refusing it", spent)
			}
		})
	}
}

// webpBomb says 10 x 10 in its header and 16383 x 16383 in its frame.
func webpBomb() []byte {
	head := []byte("VP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x09\x00\x00\x09\x00\x00")
	frame := []byte("VP8 \x0a\x00\x00\x00\x10\x00\x00\x9d\x01\x2a\xff\x3f\xff\x3f")
	body := append(append([]byte("WEBP"), head...), frame...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func TestDamagedJPEG(t *testing.T) {
	whole := sampled(t, "p005a.jpg")
	cut, err := Decode(context.Background(), whole[:len(whole)*2/3], DefaultLimits(), Whole)
	if err != nil {
		t.Fatal(err)
	}
	if !cut.Damaged || cut.AsIs || cut.Lost < 0.1 || cut.Lost > 0.6 {
		t.Errorf("cut off: damaged %v, lost %.2f", cut.Damaged, cut.Lost)
	}
	broken := slices.Clone(whole)
	for i := len(broken) * 3 / 4; i < len(broken)*3/4+20; i++ {
		broken[i] = 0x7f
	}
	p, err := Decode(context.Background(), broken, DefaultLimits(), Whole)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Damaged || p.AsIs {
		t.Error("a broken block goes unnoticed")
	}
}

// A large JPEG is reduced while it is read, says how large it was, and gives more pixels when asked
// for them: those of the whole photo, wherever they come from.
func TestLarge(t *testing.T) {
	base := decoded(t, sampled(t, "p001a.jpg"))
	img := Fit(base.Image, 4000)
	data := withExif(encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, upright(img, 8), nil) }), 6)
	wanted := func(scale float64) Scale { return func(int, int) float64 { return scale } }
	p, err := Decode(context.Background(), data, DefaultLimits(), wanted(0.12))
	if err != nil {
		t.Fatal(err)
	}
	if p.Width != 3000 || p.Height != 4000 || p.Image.Rect.Max != image.Pt(375, 500) || p.AsIs || p.Scale() != 0.125 {
		t.Errorf("%d x %d in %v, as is %v, scale %v", p.Width, p.Height, p.Image.Rect, p.AsIs, p.Scale())
	}
	for _, c := range []struct {
		scale float64
		want  image.Point
	}{{0.12, image.Pt(375, 500)}, {0.05, image.Pt(150, 200)}, {0.3, image.Pt(900, 1200)}, {0.37, image.Pt(1125, 1500)},
		{0.1, image.Pt(300, 400)}} {
		got, err := p.At(context.Background(), c.scale)
		if err != nil {
			t.Fatal(err)
		}
		if got.Rect.Max != c.want {
			t.Errorf("at %v: %v, want %v", c.scale, got.Rect.Max, c.want)
		}
		if d := apart(t, Fit(got, 200), Fit(img, 200)); d > 4 {
			t.Errorf("at %v: pixels are %.1f off", c.scale, d)
		}
	}
	small, err := base.At(context.Background(), 1.5)
	if err != nil || small.Rect.Max != image.Pt(450, 600) {
		t.Errorf("enlarged: %v, %v", small.Rect, err)
	}
}

// A larger picture is decoded within the same limits, and not for a caller who left.
func TestLargerPixelsHaveLimits(t *testing.T) {
	img := Fit(decoded(t, sampled(t, "p001a.jpg")).Image, 2000)
	data := encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, img, nil) })
	limits := DefaultLimits()
	limits.Memory = 2 << 20
	p, err := Decode(context.Background(), data, limits, func(int, int) float64 { return 0.2 })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.At(context.Background(), 1); code(err) != face.CodeTooLarge {
		t.Errorf("more memory than is allowed: %v", err)
	}
	gone, leave := context.WithCancel(context.Background())
	leave()
	if _, err := p.At(gone, 0.4); !errors.Is(err, context.Canceled) {
		t.Errorf("caller gone: %v", err)
	}
}

// A very tall photo that is no JPEG keeps the pixels its width needs.
func TestTallPNG(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 400, 20000))
	fill(img, 0x60)
	for i := 0; i < len(img.Pix); i += 7 { // not so even that it counts as a bomb
		img.Pix[i|3] = 0xff
		img.Pix[i&^3] = byte(i)
	}
	p := decoded(t, encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, img) }))
	if p.Image.Rect.Dx() < 300 || p.Width != 400 {
		t.Errorf("%d x %d are kept as %v", p.Width, p.Height, p.Image.Rect)
	}
}

func TestAlphaOnWhite(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 4, 4))
	img.SetNRGBA(0, 0, color.NRGBA{R: 200, A: 255})
	p, err := Decode(context.Background(), encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, img) }), DefaultLimits(), Whole)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Image.RGBAAt(1, 1); got != (color.RGBA{255, 255, 255, 255}) {
		t.Errorf("a transparent pixel is %v", got)
	}
	if got := p.Image.RGBAAt(0, 0); got != (color.RGBA{200, 0, 0, 255}) {
		t.Errorf("an opaque pixel is %v", got)
	}
}

// Each Exif orientation brings the marked corner of the stored picture to its place.
func TestOrientations(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 3, 2))
	img.SetRGBA(0, 0, color.RGBA{1, 2, 3, 255}) // top left as stored
	for o, want := range map[int]image.Point{1: {0, 0}, 2: {2, 0}, 3: {2, 1}, 4: {0, 1}, 5: {0, 0}, 6: {1, 0}, 7: {1, 2}, 8: {0, 2}} {
		tiff := append([]byte("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), byte(o), 0, 0)
		got := upright(img, orientation(tiff))
		if got.RGBAAt(want.X, want.Y) != (color.RGBA{1, 2, 3, 255}) {
			t.Errorf("orientation %d: the corner is not at %v", o, want)
		}
	}
}

// Hash tells pictures apart and knows one again that was scaled and stored anew.
func TestHash(t *testing.T) {
	seen := map[string]uint64{}
	for _, name := range []string{"p001a.jpg", "p002a.jpg", "p003b.jpg", "p004c.jpg", "placeholder.jpg", "noface.jpg"} {
		p, err := Decode(context.Background(), sampled(t, name), DefaultLimits(), Whole)
		if err != nil {
			t.Fatal(err)
		}
		h := Hash(p.Image)
		for other, o := range seen {
			if n := face.HashDistance(h, o); n <= face.NearHash {
				t.Errorf("%s and %s are %d bits apart", name, other, n)
			}
		}
		seen[name] = h
		again := encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, Fit(p.Image, 200), &jpeg.Options{Quality: 60}) })
		q, err := Decode(context.Background(), again, DefaultLimits(), Whole)
		if err != nil {
			t.Fatal(err)
		}
		if n := face.HashDistance(h, Hash(q.Image)); n > face.NearHash {
			t.Errorf("%s stored smaller is %d bits away", name, n)
		}
	}
}

// FuzzDecode: whatever comes, the answer is a photo within limits or a Problem.
func FuzzDecode(f *testing.F) {
	for _, name := range []string{"demo.jpg", "small.jpg", "sideways.jpg", "cmyk.jpg", "gray.jpg", "p005a.webp"} {
		data := sampled(f, name)
		f.Add(data)
		f.Add(data[:len(data)/2])
		broken := slices.Clone(data)
		for i := 20; i < len(broken); i += 101 {
			broken[i] ^= 0xff
		}
		f.Add(broken)
	}
	small := image.NewPaletted(image.Rect(0, 0, 9, 7), color.Palette{color.Black, color.White})
	f.Add(encoded(f, func(b *bytes.Buffer) error { return gif.Encode(b, small, nil) }))
	f.Add(encoded(f, func(b *bytes.Buffer) error { return png.Encode(b, small) }))
	f.Add(encoded(f, func(b *bytes.Buffer) error { return bmp.Encode(b, small) }))
	f.Add(bomb(60000, 60000))
	f.Add(webpBomb())
	for _, name := range []string{"progressive.jpg", "progressive-gray.jpg", "ycck.jpg", "cmyk-plain.jpg", "interlaced.png", "animated.gif",
		"alpha.webp"} {
		f.Add(read(f, name))
	}
	f.Add(scans(f, 400))
	limits := DefaultLimits()
	limits.Pixels, limits.Memory = 4e6, 32<<20
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Decode(context.Background(), data, limits, Whole)
		if err != nil {
			if code(err) == "" {
				t.Fatalf("%v (%T) is no Problem", err, err)
			}
			return
		}
		if p.Width <= 0 || p.Height <= 0 || p.Image.Rect.Empty() || p.Lost < 0 || p.Lost > 1 {
			t.Errorf("impossible photo: %dx%d, pixels %v, lost %v", p.Width, p.Height, p.Image.Rect, p.Lost)
		}
		if Hash(p.Image) == 0 {
			t.Error("hash 0")
		}
		if _, err := JPEG(Fit(p.Image, 64), 90); err != nil {
			t.Error(err)
		}
	})
}
