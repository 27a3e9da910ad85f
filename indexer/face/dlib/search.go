package dlib

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/Kagami/go-face"

	faces "lineup/indexer/face"
	"lineup/indexer/face/dlib/photo"
	"lineup/schemas"
)

// found is a face, and how it was found.
type found struct {
	attempt
	face     face.Face
	searched *image.RGBA   // the pixels it was found in
	boxes    []schemas.Box // all faces, largest first, in the upright photo
}

func (f *found) embedding() []float32 {
	out := make([]float32, len(f.face.Descriptor))
	copy(out, f.face.Descriptor[:])
	return out
}

// side is the shorter side of the largest face, in pixels searched.
func (f *found) side() int { return min(f.face.Rectangle.Dx(), f.face.Rectangle.Dy()) }

// search is the search of one photo for a face.
type search struct {
	pool    *pool[*face.Recognizer]
	purpose faces.Purpose
	photo   *photo.Photo
	cnn     bool
	base    *image.RGBA // the photo at the scale of the first attempt
	light   attempt     // the first attempt again, with the contrast the photo needs; set by further
}

// run tries one way after the other to find a face; nil when none did. It looks at the photo
// small first, since a detector's time grows with the pixels, and again at a larger scale where
// the face it found is so small that the photo has more of it.
func (s *search) run(ctx context.Context) (*found, error) {
	first, err := s.try(ctx, s.first())
	if err != nil {
		return nil, err
	}
	if first != nil {
		return s.refine(ctx, first)
	}
	attempts, err := s.further(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range attempts {
		f, err := s.try(ctx, a)
		if f != nil || err != nil {
			return f, err
		}
	}
	if f, err := s.runTurned(ctx); f != nil || err != nil || !s.cnn {
		return f, err
	}
	return s.try(ctx, s.lastAttempt())
}

// runTurned looks at the photo lying on either side and upside down. The detector takes one face in six
// that is upside down for an upright one, and no confidence of it is to be had: so every way is
// looked at, and of those found at every size the one is taken whose embedding changes least when it
// is mirrored. Of 21 faces that are found upside down too this told 19.
func (s *search) runTurned(ctx context.Context) (best *found, err error) {
	least := math.Inf(1)
	for _, degrees := range []int{90, 270, 180} {
		f, err := s.try(ctx, s.turned(degrees))
		if err != nil {
			return nil, err
		}
		if f == nil {
			continue
		}
		if again, err := s.foundAgain(ctx, f); err != nil {
			return nil, err
		} else if !again { // a pattern, not a face
			continue
		}
		change, err := s.mirrorDistance(ctx, f)
		if err != nil {
			return nil, err
		}
		if best == nil || change < least {
			best, least = f, change
		}
	}
	return best, nil
}

// foundAgain reports whether the face of f is found in its place at other sizes too.
func (s *search) foundAgain(ctx context.Context, f *found) (bool, error) {
	for _, factor := range []float64{0.8, 0.6, 1.25} {
		a := f.attempt
		a.scale *= factor
		again, err := s.try(ctx, a)
		if again == nil || err != nil {
			return false, err
		}
		p, q := f.boxes[0], again.boxes[0]
		both := schemas.Box{Left: max(p.Left, q.Left), Top: max(p.Top, q.Top), Right: min(p.Right, q.Right), Bottom: min(p.Bottom, q.Bottom)}
		if 2*both.Area() < max(p.Area(), q.Area()) {
			return false, nil
		}
	}
	return true, nil
}

// mirrorDistance is how far the embedding of the mirrored face is from that of f; infinitely
// where the mirrored face is not found.
func (s *search) mirrorDistance(ctx context.Context, f *found) (float64, error) {
	plain, averaged := f.embedding(), f.embedding()
	if err := s.mirror(ctx, f, averaged); err != nil {
		return 0, err
	}
	if slices.Equal(plain, averaged) {
		return math.Inf(1), nil
	}
	return 2 * describe(false).Distance(plain, averaged), nil
}

// refine searches the whole photo again where its largest face is small and the photo has more pixels of it: so
// the embedding loses nothing, and the faces beside it that decide whether this one is meant are found too.
func (s *search) refine(ctx context.Context, f *found) (*found, error) {
	scale := min(f.scale*refinedSide/float64(max(f.side(), 1)), 1, s.scaleOf(mostPixels))
	if f.side() >= finePixels || scale < 1.1*f.scale {
		return f, nil
	}
	better, err := s.try(ctx, attempt{step: f.step, scale: scale})
	if err != nil || better == nil {
		return f, err
	}
	return better, nil
}

// try does one attempt; nil when it finds no face. A caller who left ends it before it begins.
func (s *search) try(ctx context.Context, a attempt) (*found, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	img, asIs, err := s.pixels(ctx, &a)
	if err != nil {
		return nil, err
	}
	seen, err := s.recognize(ctx, img, asIs, a.cnn)
	if err != nil || len(seen) == 0 {
		return nil, err
	}
	// The largest is the one meant; of equals the leftmost.
	slices.SortStableFunc(seen, func(a, b face.Face) int { return area(b.Rectangle) - area(a.Rectangle) })
	f := &found{attempt: a, face: seen[0], searched: img}
	for _, one := range seen {
		f.boxes = append(f.boxes, a.original(one.Rectangle, s.photo))
	}
	if f.boxes[0].Area() == 0 { // in the border alone
		return nil, nil
	}
	return f, nil
}

// recognize finds and embeds every face of img. asIs is a JPEG that decodes to img, if there is
// one: it spares an encoding. It holds a recognizer only while that works.
func (s *search) recognize(ctx context.Context, img *image.RGBA, asIs []byte, cnn bool) ([]face.Face, error) {
	look := func(data []byte) ([]face.Face, error) {
		rec, release, err := s.pool.acquire(ctx, s.purpose)
		if err != nil {
			return nil, err
		}
		defer release()
		var seen []face.Face
		if cnn {
			seen, err = rec.RecognizeCNN(data)
		} else {
			seen, err = rec.Recognize(data)
		}
		if err != nil {
			return nil, fmt.Errorf("look for faces: %w", err)
		}
		return seen, nil
	}
	if asIs != nil {
		seen, err := look(asIs)
		var load face.ImageLoadError
		if !errors.As(err, &load) {
			return seen, err
		}
	}
	data, err := photo.JPEG(img, encodeQuality)
	if err != nil {
		return nil, err
	}
	return look(data)
}

// mirror averages embedding with that of the mirrored photo's same face. Where the mirrored face
// is not found the embedding stays as it is.
func (s *search) mirror(ctx context.Context, f *found, embedding []float32) error {
	seen, err := s.recognize(ctx, photo.Mirror(f.searched), nil, f.cnn)
	if err != nil {
		return err
	}
	r, w := f.face.Rectangle, f.searched.Rect.Dx()
	want := image.Rect(w-r.Max.X, r.Min.Y, w-r.Min.X, r.Max.Y)
	for _, one := range seen {
		if 2*area(one.Rectangle.Intersect(want)) < area(want) {
			continue
		}
		for i, v := range one.Descriptor {
			embedding[i] = (embedding[i] + v) / 2
		}
		return nil
	}
	return nil
}

func area(r image.Rectangle) int { return r.Dx() * r.Dy() }

// scaleOf is the scale at which the photo has so many pixels, 1 at most.
func (s *search) scaleOf(pixels float64) float64 {
	return min(1, math.Sqrt(pixels/(float64(s.photo.Width)*float64(s.photo.Height))))
}
