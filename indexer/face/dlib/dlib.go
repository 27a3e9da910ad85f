// Package dlib is the face embedder over dlib's ResNet, through go-face. Everything that is
// peculiar about that library stops here: it reads plain colour JPEGs only, takes one photo at a
// time, and has no bounds of its own.
package dlib

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/Kagami/go-face"
	"golang.org/x/sync/errgroup"

	faces "lineup/indexer/face"
	"lineup/indexer/face/dlib/blas"
	"lineup/indexer/face/dlib/photo"
	"lineup/indexer/face/dlib/weights"
	"lineup/schemas"
)

// Options of an Embedder. The zero value but for Models is what an operator wants.
type Options struct {
	Models      string       // directory of the model files, see package weights
	Workers     int          // photos embedded at once; each costs about 60 MB and one core. 0: one a core
	Queue       int          // probes that may wait for a worker. 0: four a worker
	Mirror      bool         // average with the mirrored photo's embedding: twice the cost, another model id
	CNN         bool         // last step of the search for a face: dlib's CNN detector, a fifth of a second and 110 MB a worker
	MoreFormats bool         // take WebP, GIF and BMP from searchers too
	Limits      photo.Limits // zero: photo.DefaultLimits
	ProbePixels int64        // of a searcher's photo as stored, fewer than Limits has. 0: 25 million
}

// Embedder implements face.Embedder.
type Embedder struct {
	opts  Options
	model schemas.Model
	slots *pool[struct{}] // photos being decoded or searched
	pool  *pool[*face.Recognizer]
	recs  []*face.Recognizer

	mu     sync.Mutex
	closed bool
	inside sync.WaitGroup
}

// slotsPerWorker is how many photos are in memory for one recognizer: one is decoded while another
// is looked at.
const slotsPerWorker = 2

// probePixels is more than a phone's usual photo has, and bounds what a stranger's picture costs.
const probePixels = 25_000_000

// ErrClosed is the error of a closed Embedder.
var ErrClosed = errors.New("the face embedder is closed")

// New checks the model files and loads them once a worker.
func New(opts Options) (*Embedder, error) {
	if opts.Workers <= 0 {
		opts.Workers = runtime.NumCPU()
	}
	if opts.Queue <= 0 {
		opts.Queue = 4 * opts.Workers
	}
	if opts.ProbePixels <= 0 {
		opts.ProbePixels = probePixels
	}
	if opts.Limits == (photo.Limits{}) {
		opts.Limits = photo.DefaultLimits()
	}
	if err := blas.Runnable(); err != nil {
		return nil, err
	}
	if err := weights.Verify(opts.Models); err != nil {
		return nil, fmt.Errorf("load the face models: %w; run: lineup models", err)
	}
	blas.OneThread()
	e := &Embedder{opts: opts, model: describe(opts.Mirror), recs: make([]*face.Recognizer, opts.Workers)}
	var g errgroup.Group
	for i := range e.recs {
		g.Go(func() (err error) {
			e.recs[i], err = face.NewRecognizer(opts.Models)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		e.free()
		return nil, fmt.Errorf("load the face models of %s: %w", opts.Models, err)
	}
	e.pool = newPool(slices.Clone(e.recs), min(1, opts.Workers-1), slotsPerWorker*opts.Workers)
	e.slots = newPool(make([]struct{}, slotsPerWorker*opts.Workers), 1, opts.Queue)
	return e, nil
}

// Variant is the embedder of the other model these files give, with mirror averaging where e
// has none and without where e has it, on e's recognizers: for generations of both models at
// once. It is closed with e.
func (e *Embedder) Variant() faces.Embedder { return mirrorVariant{e, !e.opts.Mirror} }

type mirrorVariant struct {
	of     *Embedder
	mirror bool
}

func (v mirrorVariant) Model() schemas.Model { return describe(v.mirror) }
func (v mirrorVariant) Close() error         { return nil }
func (v mirrorVariant) Embed(ctx context.Context, data []byte, purpose faces.Purpose) (faces.Result, error) {
	return v.of.run(ctx, data, purpose, v.mirror)
}

// Models are the models that an Embedder and its Variant compute, in that order.
func Models(mirror bool) []schemas.Model { return []schemas.Model{describe(mirror), describe(!mirror)} }

// describe is the model: its id names the weights, the landmarks that place the face, the detector and the
// averaging. Not part of it are the CNN detector, which finds faces where there would be none and changes no embedding of
// a face found without it, and the size that photos are first searched at: it moves the embedding of a larger photo by .05,
// as storing the photo anew does, and no nearer to somebody else.
func describe(mirror bool) schemas.Model {
	id := "dlib-resnet-v1/landmarks5/hog-fit1024"
	if mirror {
		id += "/mirror"
	}
	return schemas.Model{
		ID:          id,
		Dimensions:  len(face.Descriptor{}),
		Metric:      schemas.Euclidean,
		MaxDistance: 0.6,
		// Strangers among photos from the web, the worse of the sets measured.
		FalseMatch: []schemas.CurvePoint{{Distance: 0.341, Rate: 1e-4}, {Distance: 0.392, Rate: 1e-3}, {Distance: 0.449, Rate: 1e-2}},
	}
}

// Model implements face.Embedder.
func (e *Embedder) Model() schemas.Model { return e.model }

// Embed implements face.Embedder.
func (e *Embedder) Embed(ctx context.Context, data []byte, purpose faces.Purpose) (faces.Result, error) {
	return e.run(ctx, data, purpose, e.opts.Mirror)
}

// Locate finds the face that Embed would embed, and gives it with the pixels and landmarks that
// another embedder needs. Its errors are those of Embed.
func (e *Embedder) Locate(ctx context.Context, data []byte, purpose faces.Purpose) (faces.Located, error) {
	return e.locate(ctx, data, purpose, e.opts.Mirror)
}

func (e *Embedder) run(ctx context.Context, data []byte, purpose faces.Purpose, mirror bool) (faces.Result, error) {
	located, err := e.locate(ctx, data, purpose, mirror)
	return located.Result, err
}

func (e *Embedder) locate(ctx context.Context, data []byte, purpose faces.Purpose, mirror bool) (faces.Located, error) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return faces.Located{}, ErrClosed
	}
	e.inside.Add(1)
	e.mu.Unlock()
	defer e.inside.Done()

	if format := photo.Sniff(data); purpose == faces.Probe && !e.opts.MoreFormats && (format == "webp" || format == "gif" || format == "bmp") {
		return faces.Located{}, &faces.Problem{Code: faces.CodeUnsupportedFormat,
			Text:   "Photos of the format " + format + " are not taken here. Save it as JPEG or PNG and try again.",
			Result: faces.Result{Format: format}}
	}
	limits := e.opts.Limits
	if purpose == faces.Probe {
		limits.Pixels = min(limits.Pixels, e.opts.ProbePixels)
	}
	// What is too large is told at once and never waits: it would be too large at any time.
	if err := photo.Check(data, limits, firstScale); err != nil {
		return faces.Located{}, err
	}
	// Decoding waits for a slot, so that the memory of all photos at once is bounded, but for no
	// recognizer: somebody else's large picture holds up no search that is ready.
	_, leave, err := e.slots.acquire(ctx, purpose)
	if err != nil {
		return faces.Located{}, err
	}
	defer leave()
	return e.embed(ctx, data, purpose, mirror, limits)
}

func (e *Embedder) embed(ctx context.Context, data []byte, purpose faces.Purpose, mirror bool, limits photo.Limits) (faces.Located, error) {
	p, err := photo.Decode(ctx, data, limits, firstScale)
	if err != nil {
		return faces.Located{}, err
	}
	result := faces.Result{Format: p.Format, Width: p.Width, Height: p.Height, Hash: photo.Hash(p.Image)}
	s := &search{pool: e.pool, purpose: purpose, photo: p, cnn: e.opts.CNN}
	found, err := s.run(ctx)
	if err != nil {
		return faces.Located{}, err
	}
	if found == nil {
		return faces.Located{}, faceless(p, result)
	}
	result.Embedding = found.embedding()
	result.Box = found.boxes[0]
	result.Others = found.boxes[1:]
	result.Quality = measure(p, found)
	if mirror {
		if err := s.mirror(ctx, found, result.Embedding); err != nil {
			return faces.Located{}, err
		}
	}
	if purpose == faces.Probe {
		if problem := refuse(p, result); problem != nil {
			return faces.Located{}, problem
		}
	}
	located := faces.Located{Result: result, Pixels: found.searched}
	for _, p := range found.face.Shapes {
		located.Points = append(located.Points, faces.Point{X: float64(p.X), Y: float64(p.Y)})
	}
	return located, nil
}

// Close waits for who is inside and frees the models.
func (e *Embedder) Close() error {
	e.mu.Lock()
	closed := e.closed
	e.closed = true
	e.mu.Unlock()
	e.inside.Wait()
	if !closed {
		e.free()
	}
	return nil
}

func (e *Embedder) free() {
	for _, rec := range e.recs {
		if rec != nil {
			rec.Close()
		}
	}
}
