package dlib

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"sync"

	"github.com/Kagami/go-face"

	"lineup/indexer/face/dlib/photo"
	"lineup/schemas"
)

// Sizes of a photo's longer side, in pixels, at which faces are looked for.
const (
	smallest = 448  // smaller ones are enlarged to this at least, in the second try
	usual    = 1024 // first try: larger ones are reduced to this
	largest  = 2048 // second try of those
	cnnSide  = 640  // the CNN detector's memory and time grow with the pixels
)

// cnnMegabytes is what a worker may hold while the CNN detector looks at cnnSide x cnnSide pixels.
const cnnMegabytes = 768

// found is a face, and how it was found.
type found struct {
	face     face.Face
	searched *image.RGBA   // the pixels it was found in
	scale    float64       // pixels of the upright photo for one of searched
	boxes    []schemas.Box // all faces, largest first, in the upright photo
	step     string
	turned   int // degrees by which searched is turned
}

func (f *found) embedding() []float32 {
	out := make([]float32, len(f.face.Descriptor))
	copy(out, f.face.Descriptor[:])
	return out
}

// try is one step of the search for a face. Its pixels are made when its turn comes: nearly
// always the first step is enough.
type try struct {
	step   string
	pixels func() *image.RGBA
	asIs   []byte // a JPEG of these pixels, if there is one
	turned int
	cnn    bool
}

// search tries one way after the other, cheapest first, to find a face; nil when none did.
func (e *Embedder) search(ctx context.Context, rec *face.Recognizer, p *photo.Photo, data []byte) (*found, error) {
	return run(ctx, rec, p, e.tries(p, data))
}

// tries are the steps for a photo whose file is data.
func (e *Embedder) tries(p *photo.Photo, data []byte) []try {
	long := max(p.Image.Rect.Dx(), p.Image.Rect.Dy())
	first, step := p.Image, "native"
	if long > usual {
		first, step = photo.Fit(p.Image, usual), "reduced"
	}
	asIs := data
	if !p.AsIs || first != p.Image {
		asIs = nil
	}
	second := max(smallest, min(2*long, usual))
	if long > usual {
		second = min(long, largest)
	}
	enlarged := sync.OnceValue(func() *image.RGBA { return photo.Fit(p.Image, second) })
	turned := func(degrees int) func() *image.RGBA {
		return func() *image.RGBA {
			if long < smallest {
				return photo.Turn(enlarged(), degrees)
			}
			return photo.Turn(first, degrees)
		}
	}
	tries := []try{
		{step, func() *image.RGBA { return first }, asIs, 0, false},
		{"enlarged", enlarged, nil, 0, false},
		{"turned-90", turned(90), nil, 90, false},
		{"turned-270", turned(270), nil, 270, false},
		{"turned-180", turned(180), nil, 180, false},
	}
	if e.opts.CNN {
		tries = append(tries, try{"cnn", func() *image.RGBA { return photo.Fit(p.Image, cnnSide) }, nil, 0, true})
	}
	return tries
}

// run does the steps until one finds a face; a caller who left ends it before the next.
func run(ctx context.Context, rec *face.Recognizer, p *photo.Photo, tries []try) (*found, error) {
	for _, t := range tries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		img := t.pixels()
		seen, err := recognize(rec, img, t.asIs, t.cnn)
		if err != nil {
			return nil, err
		}
		if len(seen) == 0 {
			continue
		}
		return pick(p, seen, &found{searched: img, step: t.step, turned: t.turned}), nil
	}
	return nil, nil
}

// pick takes the largest face of seen; of equals the leftmost.
func pick(p *photo.Photo, seen []face.Face, f *found) *found {
	slices.SortStableFunc(seen, func(a, b face.Face) int { return area(b.Rectangle) - area(a.Rectangle) })
	f.face = seen[0]
	w := f.searched.Rect.Dx()
	if f.turned == 90 || f.turned == 270 {
		w = f.searched.Rect.Dy()
	}
	f.scale = float64(p.Width) / float64(w)
	for _, s := range seen {
		f.boxes = append(f.boxes, f.original(s.Rectangle))
	}
	return f
}

func area(r image.Rectangle) int { return r.Dx() * r.Dy() }

// original maps a rectangle of the searched pixels into the upright photo, clipped to it.
func (f *found) original(r image.Rectangle) schemas.Box {
	w, h := f.searched.Rect.Dx(), f.searched.Rect.Dy()
	switch f.turned { // undo a clockwise turn
	case 90:
		r, w, h = image.Rect(r.Min.Y, w-r.Max.X, r.Max.Y, w-r.Min.X), h, w
	case 180:
		r = image.Rect(w-r.Max.X, h-r.Max.Y, w-r.Min.X, h-r.Min.Y)
	case 270:
		r, w, h = image.Rect(h-r.Max.Y, r.Min.X, h-r.Min.Y, r.Max.X), h, w
	}
	r = r.Intersect(image.Rect(0, 0, w, h))
	at := func(v int) int { return int(math.Round(float64(v) * f.scale)) }
	return schemas.Box{Left: at(r.Min.X), Top: at(r.Min.Y), Right: at(r.Max.X), Bottom: at(r.Max.Y)}
}

// recognize finds and embeds every face of img. asIs are the bytes of a JPEG that decodes to
// img, if there is one: they spare an encoding.
func recognize(rec *face.Recognizer, img *image.RGBA, asIs []byte, cnn bool) ([]face.Face, error) {
	look := rec.Recognize
	if cnn {
		look = rec.RecognizeCNN
	}
	if asIs != nil {
		seen, err := look(asIs)
		var load face.ImageLoadError
		if !errors.As(err, &load) {
			return seen, wrap(err)
		}
	}
	data, err := photo.JPEG(img)
	if err != nil {
		return nil, err
	}
	seen, err := look(data)
	return seen, wrap(err)
}

func wrap(err error) error {
	if err != nil {
		return fmt.Errorf("look for faces: %w", err)
	}
	return nil
}

// mirror averages embedding with that of the mirrored photo's same face. Where the mirrored face
// is not found the embedding stays as it is.
func (e *Embedder) mirror(rec *face.Recognizer, f *found, embedding []float32) error {
	seen, err := recognize(rec, photo.Mirror(f.searched), nil, f.step == "cnn")
	if err != nil {
		return err
	}
	r, w := f.face.Rectangle, f.searched.Rect.Dx()
	want := image.Rect(w-r.Max.X, r.Min.Y, w-r.Min.X, r.Max.Y)
	for _, s := range seen {
		if 2*area(s.Rectangle.Intersect(want)) < area(want) {
			continue
		}
		for i, v := range s.Descriptor {
			embedding[i] = (embedding[i] + v) / 2
		}
		return nil
	}
	return nil
}
