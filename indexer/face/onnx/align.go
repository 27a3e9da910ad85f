package onnx

import (
	"image"
	"math"

	"lineup/indexer/face"
)

// similarity is a turn, a scaling and a shift: (x, y) goes to (a x - b y + tx, b x + a y + ty).
type similarity struct{ a, b, tx, ty float64 }

// align is the similarity that brings from nearest to to, by least squares (Umeyama 1991, without
// its mirror image: a face is never mirrored). ok is false when the points do not say.
func align(from []face.Point, to [][2]float64) (s similarity, ok bool) {
	n := float64(len(from))
	if len(from) != len(to) || n < 2 {
		return s, false
	}
	var fx, fy, ux, uy float64
	for i, p := range from {
		fx, fy, ux, uy = fx+p.X/n, fy+p.Y/n, ux+to[i][0]/n, uy+to[i][1]/n
	}
	var spread, along, across float64
	for i, p := range from {
		x, y, u, v := p.X-fx, p.Y-fy, to[i][0]-ux, to[i][1]-uy
		spread += x*x + y*y
		along += x*u + y*v
		across += x*v - y*u
	}
	if spread < 1e-9 || along*along+across*across < 1e-18 {
		return s, false
	}
	s.a, s.b = along/spread, across/spread
	s.tx, s.ty = ux-s.a*fx+s.b*fy, uy-s.b*fx-s.a*fy
	return s, true
}

// inverse undoes s.
func (s similarity) inverse() similarity {
	d := s.a*s.a + s.b*s.b
	a, b := s.a/d, -s.b/d
	return similarity{a: a, b: b, tx: -a*s.tx + b*s.ty, ty: -b*s.tx - a*s.ty}
}

func (s similarity) apply(x, y float64) (float64, float64) {
	return s.a*x - s.b*y + s.tx, s.b*x + s.a*y + s.ty
}

// cut fills planes (three of side x side numbers, in the order of the input) with the face whose
// landmarks from are: each number is the mean of as many places between pixels as the face is
// larger than the input, so that a large face is not aliased. What lies outside the picture is black.
func (in Input) cut(img *image.RGBA, s similarity, planes []float32) {
	back := s.inverse()
	step := math.Hypot(back.a, back.b) // pixels of img for one of the input
	samples := max(1, min(8, int(math.Ceil(step-0.25))))
	channels := [3]int{0, 1, 2}
	if in.Order == "bgr" {
		channels = [3]int{2, 1, 0}
	}
	for y := range in.Side {
		for x := range in.Side {
			var sum [3]float64
			for i := range samples * samples {
				dx := (float64(i%samples)+.5)/float64(samples) - .5
				dy := (float64(i/samples)+.5)/float64(samples) - .5
				px, py := back.apply(float64(x)+dx, float64(y)+dy)
				add(&sum, img, px, py)
			}
			for c, channel := range channels {
				mean := sum[channel] / float64(samples*samples)
				planes[c*in.Side*in.Side+y*in.Side+x] = float32((mean - in.Mean) * in.Scale)
			}
		}
	}
}

// add adds the colour between the four pixels around a place; pixels have whole places.
func add(sum *[3]float64, img *image.RGBA, x, y float64) {
	x0, y0 := math.Floor(x), math.Floor(y)
	fx, fy := x-x0, y-y0
	for i, weight := range [4]float64{(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy} {
		at := image.Pt(int(x0)+i%2, int(y0)+i/2)
		if weight == 0 || !at.In(img.Rect) {
			continue
		}
		p := img.Pix[img.PixOffset(at.X, at.Y):][:3]
		for c := range sum {
			sum[c] += weight * float64(p[c])
		}
	}
}
