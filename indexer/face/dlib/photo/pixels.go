package photo

import (
	"encoding/binary"
	"image"

	"golang.org/x/image/draw"
)

// Fit gives img with its longer side scaled to side pixels.
func Fit(img *image.RGBA, side int) *image.RGBA {
	long := max(img.Rect.Dx(), img.Rect.Dy())
	return resize(img, image.Pt(max(1, (img.Rect.Dx()*side+long/2)/long), max(1, (img.Rect.Dy()*side+long/2)/long)))
}

// resize gives img with this size; img itself if it has it. It halves, which loses nothing to
// aliasing, until less than a half is left to do.
func resize(img *image.RGBA, size image.Point) *image.RGBA {
	for 2*size.X <= img.Rect.Dx() && 2*size.Y <= img.Rect.Dy() {
		img = halved(img)
	}
	if size == img.Rect.Size() {
		return img
	}
	out := image.NewRGBA(image.Rectangle{Max: size})
	draw.ApproxBiLinear.Scale(out, out.Rect, img, img.Rect, draw.Src, nil)
	return out
}

// halved gives an opaque img with half its width and height: each pixel is the mean of four.
func halved(img *image.RGBA) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, img.Rect.Dx()/2, img.Rect.Dy()/2))
	for y := range out.Rect.Dy() {
		to := out.Pix[y*out.Stride:][:4*out.Rect.Dx()]
		above, below := img.Pix[2*y*img.Stride:][:2*len(to)], img.Pix[(2*y+1)*img.Stride:][:2*len(to)]
		for i := 0; i < len(to); i += 4 {
			for c := range 3 {
				at := 2*i + c
				to[i+c] = byte((int(above[at]) + int(above[at+4]) + int(below[at]) + int(below[at+4]) + 2) / 4)
			}
			to[i+3] = 0xff
		}
	}
	return out
}

// Squeeze gives img with width and height scaled apart.
func Squeeze(img *image.RGBA, size image.Point) *image.RGBA { return resize(img, size) }

// Border puts img on grey, with this share of its width and height around it.
func Border(img *image.RGBA, share float64) (bordered *image.RGBA, at image.Point) {
	at = image.Pt(int(share*float64(img.Rect.Dx())), int(share*float64(img.Rect.Dy())))
	out := image.NewRGBA(image.Rectangle{Max: img.Rect.Size().Add(at.Mul(2))})
	fill(out, 0x80)
	draw.Draw(out, image.Rectangle{at, at.Add(img.Rect.Size())}, img, image.Point{}, draw.Src)
	return out, at
}

// Range is the luminance that only one pixel in a hundred of img is darker than, and that which
// only one in a hundred is brighter than.
func Range(img *image.RGBA) (low, high int) {
	var counts [256]int
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			counts[Luminance(img, x, y)]++
		}
	}
	few := img.Rect.Dx() * img.Rect.Dy() / 100
	for n := counts[0]; n <= few && low < 255; n += counts[low] {
		low++
	}
	high = 255
	for n := counts[255]; n <= few && high > low; n += counts[high] {
		high--
	}
	return low, high
}

// Stretch gives img with the luminances from low to high spread over all there are.
func Stretch(img *image.RGBA, low, high int) *image.RGBA {
	var to [256]byte
	for v := range to {
		to[v] = byte(max(0, min(255, (v-low)*255/max(high-low, 1))))
	}
	out := image.NewRGBA(img.Rect)
	for i, v := range img.Pix {
		if i%4 == 3 {
			out.Pix[i] = 0xff
		} else {
			out.Pix[i] = to[v]
		}
	}
	return out
}

// Turn gives img turned clockwise by degrees: 90, 180 or 270.
func Turn(img *image.RGBA, degrees int) *image.RGBA {
	return upright(img, map[int]int{90: 6, 180: 3, 270: 8}[degrees])
}

// Mirror gives img with left and right exchanged.
func Mirror(img *image.RGBA) *image.RGBA { return upright(img, 2) }

// upright applies an Exif orientation (1..8; anything else is 1).
func upright(img *image.RGBA, orientation int) *image.RGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	var from func(x, y int) (int, int) // a pixel of the result is which one of img
	switch orientation {
	case 2:
		from = func(x, y int) (int, int) { return w - 1 - x, y }
	case 3:
		from = func(x, y int) (int, int) { return w - 1 - x, h - 1 - y }
	case 4:
		from = func(x, y int) (int, int) { return x, h - 1 - y }
	case 5:
		from = func(x, y int) (int, int) { return y, x }
	case 6:
		from = func(x, y int) (int, int) { return y, h - 1 - x }
	case 7:
		from = func(x, y int) (int, int) { return w - 1 - y, h - 1 - x }
	case 8:
		from = func(x, y int) (int, int) { return w - 1 - y, x }
	default:
		return img
	}
	size := image.Rect(0, 0, w, h)
	if orientation >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	out := image.NewRGBA(size)
	for y := range size.Dy() {
		for x := range size.Dx() {
			fx, fy := from(x, y)
			copy(out.Pix[y*out.Stride+4*x:][:4], img.Pix[fy*img.Stride+4*fx:][:4])
		}
	}
	return out
}

func fill(img *image.RGBA, value byte) {
	for i := range img.Pix {
		img.Pix[i] = value
		if i%4 == 3 {
			img.Pix[i] = 0xff
		}
	}
}

// packed gives img without gaps between its rows.
func packed(img *image.RGBA) *image.RGBA {
	if img.Stride == 4*img.Rect.Dx() && img.Rect.Min == (image.Point{}) {
		return img
	}
	out := image.NewRGBA(image.Rectangle{Max: img.Rect.Size()})
	draw.Draw(out, out.Rect, img, img.Rect.Min, draw.Src)
	return out
}

// orientation reads the Exif orientation (tag 0x112 of the first directory) of a TIFF block; 1,
// upright, when it says nothing sensible.
func orientation(tiff []byte) int {
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 1
	}
	n := int(order.Uint16(tiff[at:]))
	for entry := tiff[at+2:]; n > 0 && len(entry) >= 12; n, entry = n-1, entry[12:] {
		if order.Uint16(entry) == 0x112 {
			if v := int(order.Uint16(entry[8:])); v >= 1 && v <= 8 {
				return v
			}
		}
	}
	return 1
}

// Hash is a perceptual hash: which of 8 x 8 neighbouring fields of the picture is brighter than
// the one to its left (dHash). It is never 0.
func Hash(img *image.RGBA) uint64 {
	var grid [8][9]float64
	w, h := img.Rect.Dx(), img.Rect.Dy()
	for gy := range grid {
		y0, y1 := gy*h/8, max((gy+1)*h/8, gy*h/8+1)
		for gx := range grid[gy] {
			x0, x1 := gx*w/9, max((gx+1)*w/9, gx*w/9+1)
			// Sixteen pixels each way are a fair mean of a field, however large it is.
			dx, dy := max(1, (x1-x0)/16), max(1, (y1-y0)/16)
			sum, n := 0, 0
			for y := y0; y < y1; y += dy {
				for x := x0; x < x1; x += dx {
					sum += Luminance(img, x, y)
					n++
				}
			}
			grid[gy][gx] = float64(sum) / float64(n)
		}
	}
	var hash uint64
	for gy := range grid {
		for gx := range 8 {
			hash <<= 1
			// Less than a step of brightness is noise of the encoder: even fields stay even.
			if grid[gy][gx+1] > grid[gy][gx]+1.5 {
				hash |= 1
			}
		}
	}
	if hash == 0 {
		return 1
	}
	return hash
}

// Luminance of a pixel, 0..255 (ITU-R BT.601).
func Luminance(img *image.RGBA, x, y int) int {
	p := img.Pix[y*img.Stride+4*x:][:3]
	return (77*int(p[0]) + 150*int(p[1]) + 29*int(p[2]) + 128) >> 8
}
