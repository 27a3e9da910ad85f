package dlib

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"

	"lineup/indexer/face/dlib/photo"
	"lineup/schemas"
)

// Sizes at which faces are looked for, in pixels. docs/benchmarks.md says what each attempt finds and costs.
const (
	firstLong    = 375       // longer side at first, that of a registry's photo: a mugshot or selfie fills it with a face of 150 and more
	firstShort   = 280       // shorter side at first: what the face needs in a very tall or wide picture
	asIsLong     = 450       // up to this a photo is searched as it is: reducing it would cost what it spares
	usualLong    = 448       // longer side to which a small portrait is enlarged
	usualShort   = 336       // shorter side of a portrait that may have been pulled long
	borderedLong = 336       // longer side of what gets a border: a face so close fills it
	firstMost    = 600_000   // pixels at first, whatever the shape
	mostPixels   = 1_300_000 // pixels of the largest attempt
	// finePixels is the face's size from which on there is no second look. The detector's sizes are 104, 124, 149,
	// 179...; the network is shown 150 pixels, a quarter of the face on each side included, so a face of 100 loses nothing.
	finePixels = 145
	// refinedSide is the face's size in the second look at a photo: beside it a face half as large is still found.
	refinedSide = 170
	cnnPixels   = 60_000 // the CNN detector's memory and time grow with the pixels
	// smallLong is the longer side up to which a photo is enlarged: the detector finds no face of less than 80 pixels.
	smallLong = 672
)

// encodeQuality is how finely pixels are handed to the recognizer, which takes JPEGs only. What an encoding moves is a
// landmark that lands on another pixel, at any quality (by .041 at this one, .039 at 98): a finer one costs and gains nothing.
const encodeQuality = 95

// narrow is the range of luminance below which a photo's contrast is stretched, of 255.
const narrow = 100

// tallShape is the proportion beyond which a portrait may have been pulled long.
const tallShape = 1.9

// attempt is one way to look for a face.
type attempt struct {
	step      string
	scale     float64     // pixels searched for one of the photo, along its width
	squeezed  float64     // the height's scale as a share of the width's; 0 is 1
	border    float64     // share of the width and height that is put around the photo
	turned    int         // degrees clockwise
	low, high int         // luminances that are spread over all there are; both 0: as they are
	cnn       bool        // by dlib's CNN detector
	at        image.Point // where the photo lies in the pixels searched
	size      image.Point // of the photo in them, before it is turned
}

// first is the attempt that nearly always finds the face.
func (s *search) first() attempt { return attempt{step: s.step(s.firstScale()), scale: s.firstScale()} }

// firstScale is that of the first attempt.
func (s *search) firstScale() float64 { return firstScale(s.photo.Width, s.photo.Height) }

func firstScale(width, height int) float64 {
	long, short := float64(max(width, height)), float64(min(width, height))
	if long <= asIsLong {
		return 1
	}
	most := math.Sqrt(firstMost / (long * short))
	return min(1, most, max(firstLong/long, firstShort/short))
}

func (s *search) step(scale float64) string {
	switch {
	case scale > 1:
		return "enlarged"
	case scale < 1:
		return "reduced"
	}
	return "native"
}

// further are the attempts for a photo in which the first found no face, before it is turned and
// the CNN detector has its turn. Each was chosen for photos that only it finds; how many there are is bounded,
// and so are the pixels of each.
func (s *search) further(ctx context.Context) ([]attempt, error) {
	base := attempt{scale: s.firstScale()}
	img, err := s.pixelsAt(ctx, base.scale)
	if err != nil {
		return nil, err
	}
	var attempts []attempt
	if low, high := photo.Range(img); high-low < narrow && high > low {
		// All that follows looks at the better light too.
		base.low, base.high = low, high
		base.step = "contrast"
		attempts = append(attempts, base)
	}
	if shape := float64(s.photo.Height) / float64(s.photo.Width); shape > tallShape && shape < 2*tallShape {
		tall := base
		tall.step, tall.scale, tall.squeezed = "squeezed", min(1, usualShort/float64(s.photo.Width)), usualLong/float64(usualShort)/shape
		attempts = append(attempts, tall)
	}
	attempts = append(attempts, s.scaled(base)...)
	s.light = base
	return attempts, nil
}

// turned is the attempt that looks at the photo turned clockwise.
func (s *search) turned(degrees int) attempt {
	a := s.light
	a.step, a.turned = fmt.Sprint("turned-", degrees), degrees
	return a
}

// lastAttempt is the one with the CNN detector.
func (s *search) lastAttempt() attempt {
	a := s.light
	a.step, a.cnn = "cnn", true
	a.scale = math.Sqrt(cnnPixels / (float64(s.photo.Width) * float64(s.photo.Height)))
	return a
}

// scaled are attempts with a border and at other scales, the fewest pixels first.
func (s *search) scaled(base attempt) (attempts []attempt) {
	long := float64(max(s.photo.Width, s.photo.Height))
	bordered := base
	bordered.step, bordered.border, bordered.scale = "bordered", 0.3, min(1, borderedLong/long)
	attempts = append(attempts, bordered)
	last := 1.0
	for _, factor := range []float64{1.25, 1.6, smallLong / long} {
		if a := base; factor >= 1.2*last && factor*long <= smallLong {
			a.step, a.scale = "enlarged", factor
			attempts = append(attempts, a)
			last = factor
		}
	}
	if most := s.scaleOf(mostPixels); most > 1.2*base.scale {
		a := base
		a.step, a.scale = s.step(most), most
		attempts = append(attempts, a)
	}
	slices.SortStableFunc(attempts, func(a, b attempt) int {
		return int(1000*a.scale*(1+2*a.border)) - int(1000*b.scale*(1+2*b.border))
	})
	if a := base; long < usualLong { // a portrait that is merely small is found best at the usual size
		a.step, a.scale = "enlarged", usualLong/long
		attempts = slices.Insert(attempts, 0, a)
	}
	return attempts
}

// pixelsAt gives the photo at a scale. That of the first attempt is kept, for most others begin
// with it.
func (s *search) pixelsAt(ctx context.Context, scale float64) (*image.RGBA, error) {
	if scale == s.firstScale() && s.base != nil {
		return s.base, nil
	}
	img, err := s.photo.At(ctx, scale)
	if scale == s.firstScale() {
		s.base = img
	}
	return img, err
}

// pixels makes what is searched, and gives the file where it shows just that.
func (s *search) pixels(ctx context.Context, a *attempt) (img *image.RGBA, asIs []byte, err error) {
	if img, err = s.pixelsAt(ctx, a.scale); err != nil {
		return nil, nil, err
	}
	a.scale = float64(img.Rect.Dx()) / float64(s.photo.Width)
	if img == s.photo.Image && s.photo.AsIs && a.squeezed == 0 && a.border == 0 && a.turned == 0 && a.high == 0 {
		asIs = s.photo.Data
	}
	if a.squeezed != 0 {
		img = photo.Squeeze(img, image.Pt(img.Rect.Dx(), max(1, int(float64(img.Rect.Dy())*a.squeezed))))
	}
	a.size = img.Rect.Size()
	if a.high != 0 {
		img = photo.Stretch(img, a.low, a.high)
	}
	if a.border != 0 {
		img, a.at = photo.Border(img, a.border)
	}
	if a.turned != 0 {
		img = photo.Turn(img, a.turned)
	}
	return img, asIs, nil
}

// inside is where the photo lies in the pixels searched.
func (a *attempt) inside() image.Rectangle {
	size := a.size
	if a.turned == 90 || a.turned == 270 {
		size = image.Pt(size.Y, size.X)
	}
	return image.Rectangle{a.at, a.at.Add(size)}
}

// light is the luminance in the photo of what has this luminance in the pixels searched.
func (a *attempt) light(luminance float64) float64 {
	if a.high == 0 {
		return luminance
	}
	return float64(a.low) + luminance*float64(a.high-a.low)/255
}

// original maps a rectangle of the pixels searched into the upright photo p, clipped to it.
func (a *attempt) original(r image.Rectangle, p *photo.Photo) schemas.Box {
	w, h := a.inside().Dx(), a.inside().Dy()
	r = r.Sub(a.at)
	switch a.turned { // undo a clockwise turn
	case 90:
		r = image.Rect(r.Min.Y, w-r.Max.X, r.Max.Y, w-r.Min.X)
	case 180:
		r = image.Rect(w-r.Max.X, h-r.Max.Y, w-r.Min.X, h-r.Min.Y)
	case 270:
		r = image.Rect(h-r.Max.Y, r.Min.X, h-r.Min.Y, r.Max.X)
	}
	r = r.Intersect(image.Rectangle{Max: a.size})
	x := func(v int) int { return int(math.Round(float64(v) * float64(p.Width) / float64(a.size.X))) }
	y := func(v int) int { return int(math.Round(float64(v) * float64(p.Height) / float64(a.size.Y))) }
	return schemas.Box{Left: x(r.Min.X), Top: y(r.Min.Y), Right: x(r.Max.X), Bottom: y(r.Max.Y)}
}
