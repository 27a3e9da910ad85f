package photo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"golang.org/x/image/bmp"

	"lineup/indexer/face"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decoded(t testing.TB, data []byte) *Photo {
	t.Helper()
	p, err := Decode(context.Background(), data, DefaultLimits(), Whole)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// apart is the mean difference of two pictures' channels, 0..255.
func apart(t testing.TB, a, b *image.RGBA) float64 {
	t.Helper()
	if a.Rect != b.Rect {
		t.Fatalf("pictures of %v and %v", a.Rect, b.Rect)
	}
	sum := 0
	for i := range a.Pix {
		sum += max(int(a.Pix[i])-int(b.Pix[i]), int(b.Pix[i])-int(a.Pix[i]))
	}
	return float64(sum) / float64(len(a.Pix))
}

// in gives the picture in another colour model.
func in(m draw.Image, img image.Image) image.Image {
	draw.Draw(m, m.Bounds(), img, image.Point{}, draw.Src)
	return m
}

// Every kind of file of one picture gives that picture: colours, light and size.
func TestEveryKindOfFile(t *testing.T) {
	base := Fit(decoded(t, sampled(t, "p001a.jpg")).Image, 200)
	gray := image.NewRGBA(base.Rect)
	draw.Draw(gray, gray.Rect, in(image.NewGray(base.Rect), base), image.Point{}, draw.Src)
	var palette color.Palette
	for i := range 216 {
		palette = append(palette, color.RGBA{uint8(i / 36 * 51), uint8(i / 6 % 6 * 51), uint8(i % 6 * 51), 255})
	}
	asPNG := func(img image.Image) []byte {
		return encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, img) })
	}
	asBMP := func(img image.Image) []byte {
		return encoded(t, func(b *bytes.Buffer) error { return bmp.Encode(b, img) })
	}
	for _, c := range []struct {
		name, format string
		data         []byte
		want         *image.RGBA
		within       float64
		asIs         bool
	}{
		{"baseline JPEG", "jpeg", encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, base, nil) }), base, 4, true},
		{"gray JPEG", "jpeg", encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, in(image.NewGray(base.Rect), base), nil) }), gray, 4,
			false},
		{"progressive JPEG", "jpeg", read(t, "progressive.jpg"), base, 4, true},
		{"progressive gray JPEG", "jpeg", read(t, "progressive-gray.jpg"), gray, 4, false},
		{"YCCK JPEG, Adobe's inverted inks", "jpeg", read(t, "ycck.jpg"), base, 4, false},
		{"CMYK JPEG, plain inks", "jpeg", read(t, "cmyk-plain.jpg"), base, 4, false},
		{"PNG", "png", asPNG(base), base, 0, false},
		{"PNG of 16 bits", "png", asPNG(in(image.NewNRGBA64(base.Rect), base)), base, 0.5, false},
		{"gray PNG of 16 bits", "png", asPNG(in(image.NewGray16(base.Rect), base)), gray, 1, false},
		{"palette PNG", "png", asPNG(in(image.NewPaletted(base.Rect, palette), base)), base, 15, false},
		{"interlaced PNG", "png", read(t, "interlaced.png"), base, 4, false},
		{"GIF", "gif", encoded(t, func(b *bytes.Buffer) error { return gif.Encode(b, base, nil) }), base, 8, false},
		{"animated GIF, its first picture", "gif", read(t, "animated.gif"), base, 8, false},
		{"BMP", "bmp", asBMP(base), base, 0, false},
		{"gray BMP", "bmp", asBMP(in(image.NewGray(base.Rect), base)), gray, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := decoded(t, c.data)
			if p.Format != c.format || p.AsIs != c.asIs || p.Damaged || p.Width != c.want.Rect.Dx() || p.Height != c.want.Rect.Dy() {
				t.Errorf("%s %d x %d, as is %v, damaged %v", p.Format, p.Width, p.Height, p.AsIs, p.Damaged)
			}
			if d := apart(t, p.Image, c.want); d > c.within {
				t.Errorf("its pixels are %.1f off on average", d)
			}
		})
	}
	t.Run("WebP with alpha, on white", func(t *testing.T) {
		p := decoded(t, read(t, "alpha.webp"))
		if p.Format != "webp" || p.Image.RGBAAt(3, 3) != (color.RGBA{255, 255, 255, 255}) {
			t.Errorf("%s, a transparent pixel is %v", p.Format, p.Image.RGBAAt(3, 3))
		}
	})
}

// withExif puts an orientation into a JPEG, as cameras do.
func withExif(jpeg []byte, orientation int) []byte {
	tiff := append([]byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), byte(orientation), 0, 0, 0, 0,
		0, 0)
	segment := append([]byte{0xff, 0xe1, 0, byte(len(tiff) + 2)}, tiff...)
	return slices.Concat(jpeg[:2], segment, jpeg[2:])
}

// Each of the eight ways a camera may be held gives the upright picture.
func TestEveryExifOrientation(t *testing.T) {
	base := Fit(decoded(t, sampled(t, "p001a.jpg")).Image, 200)
	// What is stored is the upright picture with the inverse turn: 6 and 8 undo each other, the others themselves.
	for orientation, stored := range map[int]int{1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6} {
		img := upright(base, stored)
		data := withExif(encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, img, &jpeg.Options{Quality: 95}) }), orientation)
		p := decoded(t, data)
		if p.Width != 150 || p.Height != 200 || p.AsIs != (orientation == 1) {
			t.Errorf("orientation %d: %d x %d, as is %v", orientation, p.Width, p.Height, p.AsIs)
		}
		if d := apart(t, p.Image, base); d > 4 {
			t.Errorf("orientation %d: pixels %.1f off", orientation, d)
		}
	}
}

// The bytes alone decide what a file is; names and content types never come here. What a broken
// file lost is said, and how much of it.
func TestDamageIsMeasured(t *testing.T) {
	whole := sampled(t, "p001a.jpg")
	for _, share := range []float64{0.9, 0.7, 0.5} {
		p := decoded(t, whole[:int(share*float64(len(whole)))])
		if !p.Damaged || p.Lost <= 0 || p.Lost > 1-share+0.2 {
			t.Errorf("%.0f %% of a file: damaged %v, %.2f lost", 100*share, p.Damaged, p.Lost)
		}
	}
	p := decoded(t, read(t, "progressive.jpg")[:1800]) // the later scans are missing: coarse, but there
	if !p.Damaged || p.Lost != 0 {
		t.Errorf("half a progressive file: damaged %v, %.2f lost", p.Damaged, p.Lost)
	}
}

// scans is a progressive JPEG whose last scan is there n times.
func scans(t testing.TB, n int) []byte {
	data := read(t, "progressive.jpg")
	last := bytes.LastIndex(data, []byte{0xff, 0xda})
	end := len(data) - 2
	return slices.Concat(data[:end], bytes.Repeat(data[last:end], n-1), data[end:])
}

func TestManyScans(t *testing.T) {
	if _, err := Decode(context.Background(), scans(t, 100), DefaultLimits(), Whole); err != nil {
		t.Errorf("a hundred scans: %v", err)
	}
	if _, err := Decode(context.Background(), scans(t, 400), DefaultLimits(), Whole); code(err) != face.CodeTooLarge {
		t.Errorf("four hundred scans: %v, want %q", err, face.CodeTooLarge)
	}
}

// Time that is over, and a caller who left, end decoding in every format, before and within.
func TestDecodingEnds(t *testing.T) {
	base := decoded(t, sampled(t, "p001a.jpg"))
	files := map[string][]byte{
		"jpeg": sampled(t, "p001a.jpg"), "progressive": read(t, "progressive.jpg"), "png": read(t, "interlaced.png"),
		"gif":  read(t, "animated.gif"),
		"webp": sampled(t, "p005a.webp"), "bmp": encoded(t, func(b *bytes.Buffer) error { return bmp.Encode(b, base.Image) }),
	}
	over := DefaultLimits()
	over.Time = 0
	gone, leave := context.WithCancel(context.Background())
	leave()
	for name, data := range files {
		if _, err := Decode(context.Background(), data, over, Whole); code(err) != face.CodeTooLarge {
			t.Errorf("%s: time is over: %v, want %q", name, err, face.CodeTooLarge)
		}
		if _, err := Decode(gone, data, DefaultLimits(), Whole); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: caller gone: %v", name, err)
		}
		if name != "jpeg" && name != "progressive" {
			if _, err := (&contextReader{gone, bytes.NewReader(data)}).Read(make([]byte, 9)); !errors.Is(err, errLate) {
				t.Errorf("%s: read on: %v", name, err)
			}
			continue
		}
		var stop atomic.Int32
		stop.Store(1)
		img := image.NewRGBA(decoded(t, data).Image.Rect)
		if info := decodeRows(data, 8, &stop, img); info.status == 0 || mean(img) != 0 {
			t.Errorf("%s: stopped, and yet status %d, mean %v", name, info.status, mean(img))
		}
	}
}

// A few bytes that promise many pixels cost no memory, whatever they are.
func TestBombs(t *testing.T) {
	blank := image.NewRGBA(image.Rect(0, 0, 64, 64))
	patch := func(data []byte, at int, with ...byte) []byte {
		copy(data[at:], with)
		return data
	}
	gray := encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, blank, nil) })
	progressive := read(t, "progressive.jpg")
	asGIF := encoded(t, func(b *bytes.Buffer) error { return gif.Encode(b, blank, nil) })
	asBMP := encoded(t, func(b *bytes.Buffer) error { return bmp.Encode(b, blank) })
	for name, data := range map[string][]byte{
		"jpeg":             patch(gray, bytes.Index(gray, []byte{0xff, 0xc0})+5, 0x20, 0, 0x20, 0),
		"progressive jpeg": patch(progressive, bytes.Index(progressive, []byte{0xff, 0xc2})+5, 0x20, 0, 0x20, 0),
		"png":              bomb(8192, 8192),
		"gif":              patch(asGIF, 6, 0, 0x20, 0, 0x20),
		"bmp":              patch(asBMP, 18, 0, 0x20, 0, 0, 0, 0x20, 0, 0),
		"webp":             webpBomb(),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Decode(context.Background(), data, DefaultLimits(), Whole)
		runtime.ReadMemStats(&after)
		if c := code(err); c != face.CodeTruncated && c != face.CodeTooLarge {
			t.Errorf("%s: %v", name, err)
		}
		if spent := (after.TotalAlloc - before.TotalAlloc) >> 20; spent > 4 {
			t.Errorf("%s: %d MB were spent on refusing %d bytes", name, spent, len(data))
		}
	}
}

func ExampleSniff() {
	fmt.Println(Sniff([]byte("\xff\xd8\xff\xe0 named photo.png")), Sniff([]byte("GIF89a")), Sniff([]byte("photo.jpg")) == "")
	// Output: jpeg gif true
}
