package onnx

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"lineup/indexer/face"
	"lineup/schemas"
)

// Locator finds the face of a photo. Its errors are those of face.Embedder's Embed.
type Locator interface {
	face.Embedder
	Locate(ctx context.Context, photo []byte, purpose face.Purpose) (face.Located, error)
}

// Options of an Embedder.
type Options struct {
	Description Description
	Models      string  // directory of the weights
	Runtime     string  // ONNX Runtime's shared library; "" for DefaultRuntime
	Locator     Locator // finds faces, and is the other model of a fusion; it is closed with the Embedder
	Workers     int     // faces embedded at once; 0: one a core
	Research    bool    // the operator has a use for weights that are for research alone
}

// Embedder implements face.Embedder.
type Embedder struct {
	opts    Options
	model   schemas.Model
	session *ort.DynamicAdvancedSession
	slots   chan struct{}

	mu     sync.Mutex
	closed bool
	inside sync.WaitGroup
}

// ErrClosed is the error of a closed Embedder.
var ErrClosed = errors.New("the face embedder is closed")

// ErrResearch says that weights are for research alone.
var ErrResearch = errors.New("the weights may be used for research alone")

// DefaultRuntime is where ONNX Runtime is looked for: lineup/onnxruntime in the user's cache directory, or
// wherever the system keeps its libraries.
func DefaultRuntime() string {
	if cache, err := os.UserCacheDir(); err == nil {
		path := filepath.Join(cache, "lineup", "onnxruntime", "libonnxruntime.so")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return "libonnxruntime.so"
}

// starting guards the runtime's one environment a process.
var starting sync.Mutex

// start opens the runtime, if nobody has.
func start(path string) error {
	starting.Lock()
	defer starting.Unlock()
	if ort.IsInitialized() {
		return nil
	}
	if path == "" {
		path = DefaultRuntime()
	}
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(); err != nil {
		return fmt.Errorf("open ONNX Runtime %s: %w; install it (its release, or the Python package onnxruntime, holds libonnxruntime.so) "+
			"and set LINEUP_ONNXRUNTIME to that file", path, err)
	}
	return nil
}

// New verifies the weights, opens the runtime and loads them, and tries them once.
func New(opts Options) (*Embedder, error) {
	d := opts.Description
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("load the face model %s: %w", d.ID, err)
	}
	if d.Use == "research" && !opts.Research {
		return nil, fmt.Errorf("load the face model %s: %w (licence: %s)", d.ID, ErrResearch, d.Licence)
	}
	if opts.Workers <= 0 {
		opts.Workers = runtime.NumCPU()
	}
	path, err := d.verify(opts.Models)
	if err != nil {
		return nil, fmt.Errorf("load the face model: %w", err)
	}
	if err := start(opts.Runtime); err != nil {
		return nil, err
	}
	session, err := load(d, path)
	if err != nil {
		return nil, fmt.Errorf("load the face model %s from %s: %w", d.ID, path, err)
	}
	e := &Embedder{opts: opts, model: d.Model(opts.Locator.Model()), session: session, slots: make(chan struct{}, opts.Workers)}
	if _, err := e.infer(make([]float32, 3*d.Input.Side*d.Input.Side)); err != nil && !errors.Is(err, errNoDirection) {
		return nil, errors.Join(fmt.Errorf("try the face model %s: %w", d.ID, err), session.Destroy())
	}
	return e, nil
}

// load checks the graph's input and output against the description, and makes a session of one
// thread: embedders that run side by side share the cores already.
func load(d Description, path string) (*ort.DynamicAdvancedSession, error) {
	inputs, outputs, err := ort.GetInputOutputInfo(path)
	if err != nil {
		return nil, err
	}
	if len(inputs) != 1 || len(outputs) < 1 {
		return nil, fmt.Errorf("it has %d inputs and %d outputs, want one of each", len(inputs), len(outputs))
	}
	side := int64(d.Input.Side)
	if !fits(inputs[0].Dimensions, 1, 3, side, side) {
		return nil, fmt.Errorf("its input has the shape %v, want 1 x 3 x %d x %d", inputs[0].Dimensions, side, side)
	}
	if !fits(outputs[0].Dimensions, 1, int64(d.Length)) {
		return nil, fmt.Errorf("its output has the shape %v, want 1 x %d", outputs[0].Dimensions, d.Length)
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	if err := errors.Join(options.SetIntraOpNumThreads(1), options.SetInterOpNumThreads(1)); err != nil {
		return nil, err
	}
	return ort.NewDynamicAdvancedSession(path, []string{inputs[0].Name}, []string{outputs[0].Name}, options)
}

// fits reports whether a shape is want, or leaves open (below 1) where it is not.
func fits(shape ort.Shape, want ...int64) bool {
	if len(shape) != len(want) {
		return false
	}
	for i, n := range shape {
		if n >= 1 && n != want[i] {
			return false
		}
	}
	return true
}

// Model implements face.Embedder.
func (e *Embedder) Model() schemas.Model { return e.model }

// Embed implements face.Embedder.
func (e *Embedder) Embed(ctx context.Context, photo []byte, purpose face.Purpose) (face.Result, error) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return face.Result{}, ErrClosed
	}
	e.inside.Add(1)
	e.mu.Unlock()
	defer e.inside.Done()

	located, err := e.opts.Locator.Locate(ctx, photo, purpose)
	if err != nil {
		return face.Result{}, err
	}
	d := e.opts.Description
	s, ok := align(located.Points, d.Points)
	if !ok {
		return face.Result{}, fmt.Errorf("align a face: its %d landmarks lie in one place", len(located.Points))
	}
	planes := make([]float32, 3*d.Input.Side*d.Input.Side)
	d.Input.cut(located.Pixels, s, planes)
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		return face.Result{}, ctx.Err()
	}
	embedding, err := e.infer(planes)
	<-e.slots
	if err != nil {
		return face.Result{}, fmt.Errorf("embed a face with %s: %w", d.ID, err)
	}
	result := located.Result
	if d.Fusion != nil {
		embedding = fuse(embedding, result.Embedding, d.Fusion.Scales)
	}
	result.Embedding = embedding
	return result, nil
}

// Locator is what finds the faces: an embedder of its own model, closed with e.
func (e *Embedder) Locator() face.Embedder { return unclosed{e.opts.Locator} }

type unclosed struct{ face.Embedder }

func (unclosed) Close() error { return nil }

// errNoDirection is an output of nothing but zeros.
var errNoDirection = errors.New("the network's output is zero everywhere")

// infer gives the network's output for one face, scaled to length 1.
func (e *Embedder) infer(planes []float32) ([]float32, error) {
	d := e.opts.Description
	side := int64(d.Input.Side)
	input, err := ort.NewTensor(ort.NewShape(1, 3, side, side), planes)
	if err != nil {
		return nil, err
	}
	defer input.Destroy()
	output, err := ort.NewEmptyTensor[float32](ort.NewShape(1, int64(d.Length)))
	if err != nil {
		return nil, err
	}
	defer output.Destroy()
	if err := e.session.Run([]ort.Value{input}, []ort.Value{output}); err != nil {
		return nil, err
	}
	return normalised(output.GetData())
}

func normalised(v []float32) ([]float32, error) {
	var sum float64
	for i, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return nil, fmt.Errorf("the network's output %d of %d is %v", i+1, len(v), x)
		}
		sum += float64(x) * float64(x)
	}
	if sum < 1e-20 {
		return nil, errNoDirection
	}
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(float64(x) / math.Sqrt(sum))
	}
	return out, nil
}

// fuse puts two embeddings into one vector, each divided by its scale.
func fuse(a, b []float32, scales [2]float64) []float32 {
	out := make([]float32, 0, len(a)+len(b))
	for _, x := range a {
		out = append(out, float32(float64(x)/scales[0]))
	}
	for _, x := range b {
		out = append(out, float32(float64(x)/scales[1]))
	}
	return out
}

// Close waits for who is inside, and frees the model and the locator.
func (e *Embedder) Close() error {
	e.mu.Lock()
	closed := e.closed
	e.closed = true
	e.mu.Unlock()
	e.inside.Wait()
	if closed {
		return nil
	}
	return errors.Join(e.session.Destroy(), e.opts.Locator.Close())
}
