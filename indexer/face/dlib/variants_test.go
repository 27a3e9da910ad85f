package dlib

import (
	"context"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/image/draw"
	"golang.org/x/image/math/f64"

	"lineup/indexer/face/dlib/photo"
)

// variant is a photo made from a synthetic one by what happens to photos.
type variant struct {
	name string
	data []byte
}

// variants are the poor and odd photos that no sample file shows.
func variants(t testing.TB) []variant {
	t.Helper()
	pixels := func(name string) *image.RGBA {
		p, err := photo.Decode(context.Background(), sampled(t, name), photo.DefaultLimits(), photo.Whole)
		if err != nil {
			t.Fatal(err)
		}
		return p.Image
	}
	var out []variant
	add := func(name string, img *image.RGBA) {
		data, err := photo.JPEG(img, 100)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, variant{name, data})
	}
	one, two := pixels("p001a.jpg"), pixels("p012b.jpg")
	for _, side := range []int{120, 90, 70, 56, 44} {
		add("small "+strconv.Itoa(side), photo.Fit(one, side))
	}
	add("enlarged 2600", photo.Fit(one, 2600))
	for _, d := range []int{90, 180, 270} {
		add("turned "+strconv.Itoa(d), photo.Turn(two, d))
	}
	for _, d := range []float64{15, 30, 45, 60} {
		add("leaning "+strconv.Itoa(int(d)), leaning(one, d))
	}
	for _, r := range []int{2, 4, 6, 9} {
		add("blurred "+strconv.Itoa(r), blurred(one, r))
	}
	for _, p := range []int{40, 20, 10, 4} {
		add("dark "+strconv.Itoa(p), lit(one, func(v float64) float64 { return v * float64(p) / 100 }))
	}
	for _, p := range []int{150, 250, 500} {
		add("bright "+strconv.Itoa(p), lit(one, func(v float64) float64 { return v * float64(p) / 100 }))
	}
	add("washed out", lit(one, func(v float64) float64 { return 235 + v/13 }))
	w, h := one.Rect.Dx(), one.Rect.Dy()
	add("right third outside", cropped(one, image.Rect(0, 0, w*58/100, h)))
	add("chin outside", cropped(one, image.Rect(0, 0, w, h*55/100)))
	add("forehead outside", cropped(one, image.Rect(0, h*34/100, w, h)))
	add("eyes covered", barred(one, image.Rect(0, h*38/100, w, h*47/100)))
	add("mouth covered", barred(one, image.Rect(0, h*58/100, w, h)))
	far := blank(2400, 1600, 0x90)
	draw.Draw(far, image.Rect(1500, 700, 1500+90, 700+120), photo.Fit(one, 120), image.Point{}, draw.Src)
	add("far away", far)
	crowd := blank(900, 400, 0x90)
	for i, name := range []string{"p002a.jpg", "p003a.jpg", "p004a.jpg", "p005a.jpg"} {
		draw.Draw(crowd, image.Rect(i*225, 40, i*225+225, 360), photo.Fit(pixels(name), 280), image.Point{}, draw.Src)
	}
	add("crowd", crowd)
	add("white page", blank(400, 500, 0xff))
	add("black page", blank(400, 500, 0))
	noise := blank(400, 500, 0)
	random := rand.New(rand.NewPCG(4, 2))
	for i := range noise.Pix {
		noise.Pix[i] |= uint8(random.Uint32())
	}
	add("noise", noise)
	whole := sampled(t, "p001a.jpg")
	for _, share := range []int{95, 60, 40, 20} {
		out = append(out, variant{"cut off at " + strconv.Itoa(share), whole[:len(whole)*share/100]})
	}
	broken := slices.Clone(whole)
	for i := len(broken) * 70 / 100; i < len(broken)*70/100+20; i += 2 {
		broken[i], broken[i+1] = 0xff, 0 // sixteen ones are no Huffman code
	}
	return append(out, variant{"broken block", broken}, variant{"text", []byte("no picture at all")},
		variant{"heic", []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00")})
}

func blank(w, h int, gray uint8) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Rect, image.NewUniform(color.Gray{gray}), image.Point{}, draw.Src)
	return img
}

// leaning turns the picture about its middle by degrees, on grey.
func leaning(img *image.RGBA, degrees float64) *image.RGBA {
	out := blank(img.Rect.Dx()*3/2, img.Rect.Dy()*3/2, 0x90)
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	cx, cy := float64(img.Rect.Dx())/2, float64(img.Rect.Dy())/2
	ox, oy := float64(out.Rect.Dx())/2, float64(out.Rect.Dy())/2
	draw.BiLinear.Transform(out, f64.Aff3{cos, -sin, ox - cos*cx + sin*cy, sin, cos, oy - sin*cx - cos*cy}, img, img.Rect, draw.Src, nil)
	return out
}

// blurred averages over squares of 2 r + 1 pixels, twice.
func blurred(img *image.RGBA, r int) *image.RGBA {
	for range 2 {
		out := image.NewRGBA(img.Rect)
		for y := range img.Rect.Dy() {
			for x := range img.Rect.Dx() {
				var sum [4]int
				n := 0
				for v := max(0, y-r); v <= min(img.Rect.Dy()-1, y+r); v++ {
					for u := max(0, x-r); u <= min(img.Rect.Dx()-1, x+r); u++ {
						for i, c := range img.Pix[v*img.Stride+4*u:][:4] {
							sum[i] += int(c)
						}
						n++
					}
				}
				for i, s := range sum {
					out.Pix[y*out.Stride+4*x+i] = uint8(s / n)
				}
			}
		}
		img = out
	}
	return img
}

// lit changes every channel of every pixel.
func lit(img *image.RGBA, change func(float64) float64) *image.RGBA {
	out := image.NewRGBA(img.Rect)
	for i, v := range img.Pix {
		out.Pix[i] = uint8(max(0, min(255, change(float64(v)))))
		if i%4 == 3 {
			out.Pix[i] = 255
		}
	}
	return out
}

func cropped(img *image.RGBA, r image.Rectangle) *image.RGBA {
	out := image.NewRGBA(image.Rectangle{Max: r.Size()})
	draw.Draw(out, out.Rect, img, r.Min, draw.Src)
	return out
}

func barred(img *image.RGBA, r image.Rectangle) *image.RGBA {
	out := cropped(img, img.Rect)
	draw.Draw(out, r, image.NewUniform(color.Gray{0x30}), image.Point{}, draw.Src)
	return out
}
