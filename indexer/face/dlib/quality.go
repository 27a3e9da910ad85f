package dlib

import (
	"fmt"
	"image"
	"math"

	faces "lineup/indexer/face"
	"lineup/indexer/face/dlib/photo"
	"lineup/schemas"
)

// Bounds of quality. Beyond a warning's bound the answer says so; a probe is refused only where
// the score cannot hold: a face of too few pixels, most of it missing, or not known which one is meant.
// docs/benchmarks.md says what was found in poor photos, and how the synthetic faces lie about it.
const (
	pixelsFloor, pixelsWarn = 20, 60  // shorter side of the face box
	sharpWarn               = 42      // sharpness
	darkWarn, brightWarn    = 18, 85  // brightness
	yawWarn, rollWarn       = 25, 25  // degrees
	flatWarn, flatContrast  = 0.5, 25 // share of the face without any shade, and contrast: a drawing
	mushQuality             = 12      // JPEG quality that leaves of each 8 x 8 pixels little but their mean
	lostFloor               = 0.5     // share of the face's height that a cut-off file lacks
	outsideWarn             = 0.15    // share of the face box outside the photo
	severalShare            = 0.45    // of the largest face's side: another one as large may be the one meant. Boxes come in steps of a fifth
	yawPerOffset            = 112.0   // degrees for a nose that lies an eye distance aside
	chipSide                = 100     // pixels of the square the face is measured in
)

// measure gives the quality of the face of f, warnings included.
func measure(p *photo.Photo, f *found) schemas.Quality {
	box := f.boxes[0]
	q := schemas.Quality{Step: f.step, FacePixels: min(box.Right-box.Left, box.Bottom-box.Top)}
	pose := poseOf(f.face.Shapes)
	q.Yaw, q.Roll = round1(pose.yaw), round1(pose.roll)
	chip := pose.chip(f.searched)
	q.Brightness = round1(f.light(chip.mean()) * 100 / 255)
	q.Sharpness = round1(chip.sharpness())
	outside := 1 - float64(area(f.face.Rectangle.Intersect(f.inside())))/float64(max(area(f.face.Rectangle), 1))

	warn := func(bad bool, code faces.Code) {
		if bad {
			q.Warnings = append(q.Warnings, string(code))
		}
	}
	warn(len(f.boxes) > 1, faces.CodeSeveralFaces)
	warn(q.FacePixels < pixelsWarn, faces.CodeFaceTooSmall)
	warn(q.Sharpness < sharpWarn, faces.CodeBlurred)
	warn(q.Brightness < darkWarn, faces.CodeTooDark)
	warn(q.Brightness > brightWarn, faces.CodeTooBright)
	warn(math.Abs(q.Yaw) > yawWarn || math.Abs(q.Roll) > rollWarn, faces.CodeTurnedAway)
	warn(outside > outsideWarn, faces.CodePartlyOutside)
	warn(p.Damaged, faces.CodeTruncated)
	warn(chip.flat() > flatWarn && chip.contrast() > flatContrast, faces.CodeDrawn)
	q.Score = round1(overall(q, outside))
	return q
}

// overall is the weakest of what was measured, as a share of what is plainly good, 0..100.
func overall(q schemas.Quality, outside float64) float64 {
	part := func(v, floor, good float64) float64 { return min(1, max(0, (v-floor)/(good-floor))) }
	worst := min(
		part(float64(q.FacePixels), 0, 120),
		part(q.Sharpness, 0, 60),
		part(q.Brightness, 0, 30),
		part(100-q.Brightness, 0, 20),
		part(90-math.Abs(q.Yaw), 0, 75),
		part(180-math.Abs(q.Roll), 0, 160),
		1-max(outside, 0),
	)
	return 100 * worst
}

// refuse says why a probe cannot be searched; nil when it can.
func refuse(p *photo.Photo, r faces.Result) *faces.Problem {
	q := r.Quality
	problem := func(code faces.Code, text string) *faces.Problem {
		return &faces.Problem{Code: code, Text: text, Result: r}
	}
	height := max(r.Box.Bottom-r.Box.Top, 1)
	lost := float64(r.Box.Bottom) - float64(p.Height)*(1-p.Lost)
	switch {
	case len(r.Others) > 0 && sideOf(r.Others[0]) >= severalShare*sideOf(r.Box):
		return problem(faces.CodeSeveralFaces,
			fmt.Sprintf("The photo shows %d faces. Cut out the one to search for, with some room around it.", 1+len(r.Others)))
	case p.Lost > 0 && lost > lostFloor*float64(height):
		return problem(faces.CodeTruncated, "The end of the photo is missing, and with it most of the face. Send the whole file.")
	case q.FacePixels < pixelsFloor:
		return problem(faces.CodeFaceTooSmall,
			fmt.Sprintf("The face is only %d pixels wide. Use a photo with a larger face: %d pixels or more.", q.FacePixels, pixelsWarn))
	}
	return nil
}

func sideOf(b schemas.Box) float64 { return float64(min(b.Right-b.Left, b.Bottom-b.Top)) }

// faceless says why no face was found, as well as the whole photo can tell.
func faceless(p *photo.Photo, r faces.Result) *faces.Problem {
	middle := middleChip(p.Image)
	r.Quality.Brightness, r.Quality.Sharpness = round1(middle.mean()*100/255), round1(middle.sharpness())
	problem := &faces.Problem{Code: faces.CodeNoFace, Result: r,
		Text: "No face was found. Use a photo that shows the face from the front, upright and large."}
	switch {
	case p.Damaged && p.Lost > 0.1:
		problem.Code, problem.Text = faces.CodeTruncated,
			"The end of the photo is missing, and no face was found in the rest. Send the whole file."
	case r.Quality.Brightness < darkWarn:
		problem.Code, problem.Text = faces.CodeTooDark, "No face was found: the photo is too dark. Use a photo with more light."
	case r.Quality.Brightness > 97:
		problem.Code, problem.Text = faces.CodeTooBright, "No face was found: the photo is nearly white. Use a photo with less exposure."
	case p.Quality > 0 && p.Quality <= mushQuality:
		problem.Text = "No face was found: the photo is compressed so strongly that little is left of it. Use the original, or one of higher " +
			"quality."
	case r.Quality.Sharpness < sharpWarn && middle.contrast() > 10:
		problem.Code, problem.Text = faces.CodeBlurred, "No face was found: the photo is blurred. Use a sharper photo."
	}
	return problem
}

// pose is how the head lies in the picture: from dlib's five landmarks, which are the corners of
// the eyes (the two of one eye, then the two of the other) and the base of the nose.
type pose struct {
	left, right point // middles of the eyes as seen in the picture
	yaw, roll   float64
}

type point struct{ x, y float64 }

func poseOf(marks []image.Point) pose {
	if len(marks) < 5 {
		return pose{}
	}
	mid := func(a, b image.Point) point { return point{float64(a.X+b.X) / 2, float64(a.Y+b.Y) / 2} }
	p := pose{left: mid(marks[2], marks[3]), right: mid(marks[0], marks[1])}
	dx, dy := p.right.x-p.left.x, p.right.y-p.left.y
	dist := math.Hypot(dx, dy)
	if dist < 1 {
		return p
	}
	p.roll = math.Atan2(dy, dx) * 180 / math.Pi
	// How far the nose lies beside the middle between the eyes, along the line of the eyes.
	nx, ny := float64(marks[4].X)-(p.left.x+p.right.x)/2, float64(marks[4].Y)-(p.left.y+p.right.y)/2
	p.yaw = max(-90, min(90, (nx*dx+ny*dy)/(dist*dist)*yawPerOffset))
	return p
}

// chip is a square of luminance, 0..255.
type chip [chipSide * chipSide]float64

// chip cuts the face out, upright and of one size, so that numbers of different photos compare:
// the eyes at a third of its height, half its width apart.
func (p pose) chip(img *image.RGBA) *chip {
	var c chip
	dx, dy := p.right.x-p.left.x, p.right.y-p.left.y
	step := math.Hypot(dx, dy) / (chipSide * 0.45)
	if step == 0 {
		return &c
	}
	ux, uy := dx/math.Hypot(dx, dy), dy/math.Hypot(dx, dy)
	cx, cy := (p.left.x+p.right.x)/2, (p.left.y+p.right.y)/2
	n := max(1, min(8, int(math.Round(step)))) // samples a side for one pixel: no aliasing in large faces
	for y := range chipSide {
		for x := range chipSide {
			var sum float64
			for s := range n * n {
				fx := (float64(x) + (float64(s%n)+.5)/float64(n) - chipSide/2) * step
				fy := (float64(y) + (float64(s/n)+.5)/float64(n) - chipSide*0.35) * step
				sum += sample(img, cx+fx*ux-fy*uy, cy+fx*uy+fy*ux)
			}
			c[y*chipSide+x] = sum / float64(n*n)
		}
	}
	return &c
}

// middleChip is the middle half of the photo as a chip, for what is said of photos without a
// face: where a face would be, at about the size it would have.
func middleChip(img *image.RGBA) *chip {
	var c chip
	w, h := float64(img.Rect.Dx())/2, float64(img.Rect.Dy())/2
	for y := range chipSide {
		for x := range chipSide {
			c[y*chipSide+x] = sample(img, w/2+(float64(x)+.5)*w/chipSide, h/2+(float64(y)+.5)*h/chipSide)
		}
	}
	return &c
}

// sample is the luminance at a place between pixels; beyond the edge it is the edge's.
func sample(img *image.RGBA, x, y float64) float64 {
	x, y = max(0, min(x-.5, float64(img.Rect.Dx()-1))), max(0, min(y-.5, float64(img.Rect.Dy()-1)))
	x0, y0 := int(x), int(y)
	x1, y1 := min(x0+1, img.Rect.Dx()-1), min(y0+1, img.Rect.Dy()-1)
	fx, fy := x-float64(x0), y-float64(y0)
	at := func(x, y int) float64 { return float64(photo.Luminance(img, x, y)) }
	return (at(x0, y0)*(1-fx)+at(x1, y0)*fx)*(1-fy) + (at(x0, y1)*(1-fx)+at(x1, y1)*fx)*fy
}

func (c *chip) mean() float64 {
	var sum float64
	for _, v := range c {
		sum += v
	}
	return sum / float64(len(c))
}

// contrast is the standard deviation of the luminance.
func (c *chip) contrast() float64 {
	mean, sum := c.mean(), 0.0
	for _, v := range c {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum / float64(len(c)))
}

// sharpness is the variance of the Laplacian relative to that of the luminance, so that neither
// light nor contrast counts, on a logarithmic scale from 0 (no detail) to 100 (all edges hard).
func (c *chip) sharpness() float64 {
	contrast := c.contrast()
	if contrast < 1 {
		return 0
	}
	var sum, squares, n float64
	for y := 1; y < chipSide-1; y++ {
		for x := 1; x < chipSide-1; x++ {
			i := y*chipSide + x
			l := c[i-1] + c[i+1] + c[i-chipSide] + c[i+chipSide] - 4*c[i]
			sum += l
			squares += l * l
			n++
		}
	}
	ratio := (squares/n - (sum/n)*(sum/n)) / (contrast * contrast)
	return max(0, min(100, (math.Log10(ratio)+3.5)*100/3.5))
}

// flat is the share of the middle of the chip whose neighbours differ by less than a step and a half:
// skin has shades everywhere, whatever the light; what is drawn has areas of one colour.
func (c *chip) flat() float64 {
	const from, to = chipSide / 5, chipSide * 4 / 5
	flat := 0
	for y := from; y < to; y++ {
		for x := from; x < to; x++ {
			i := y*chipSide + x
			if math.Abs(c[i+1]-c[i-1])+math.Abs(c[i+chipSide]-c[i-chipSide]) < 1.5 {
				flat++
			}
		}
	}
	return float64(flat) / float64((to-from)*(to-from))
}

func round1(v float64) float64 { return math.Round(v*10) / 10 }
