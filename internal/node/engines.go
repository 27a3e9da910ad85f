package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/indexer/face"
	"lineup/indexer/face/dlib"
	"lineup/indexer/face/dlib/weights"
	"lineup/indexer/face/onnx"
	"lineup/indexer/index"
	"lineup/indexer/index/embedded"
	"lineup/indexer/index/qdrant"
	"lineup/ingest/blob"
	"lineup/ingest/blob/disk"
	"lineup/ingest/blob/minio"
	"lineup/ingest/removals"
	"lineup/internal/evaluate"
	"lineup/internal/operate"
	"lineup/internal/progress"
	"lineup/internal/trust"
	"lineup/schemas"
)

// openBlobs chooses between a bucket and a directory.
func (o Options) openBlobs(ctx context.Context) (blob.Store, error) {
	if o.Config.S3.Endpoint == "" {
		store, err := disk.Open(o.Config.Dir("blobs"))
		if err != nil {
			return nil, err
		}
		return store, nil
	}
	bucket, err := o.bucket()
	if err != nil {
		return nil, err
	}
	store, err := minio.New(bucket)
	if err != nil {
		return nil, fmt.Errorf("open the object store: %w", err)
	}
	return store, nil
}

// removalLog chooses between a file and the object store.
func (o Options) removalLog(blobs blob.Store) removals.Log {
	if o.Config.RemovalLog != "" {
		return removals.NewFile(o.Config.RemovalLog)
	}
	if objects, ok := blobs.(removals.Objects); ok {
		return removals.NewInObjects(objects)
	}
	return removals.NewFile(o.Config.Dir("removals.jsonl"))
}

func (o Options) bucket() (minio.Options, error) {
	c := o.Config.S3
	trusted, err := o.Certificates.Load("s3", trust.Files{CA: c.CA})
	return minio.Options{Endpoint: c.Endpoint, Bucket: c.Bucket, Prefix: c.Prefix, Region: c.Region,
		AccessKey: c.AccessKey, SecretKey: c.SecretKey, Trust: trusted, Lookup: c.Lookup, Encryption: c.Encryption,
		PageDays: c.PageDays}, err
}

// OpenIndex chooses between Qdrant and a directory.
func (o Options) OpenIndex(ctx context.Context) (index.Index, error) {
	if c := o.Config.Qdrant; c.Address != "" {
		trusted, err := o.Certificates.Load("qdrant", trust.Files{CA: c.CA})
		if err != nil {
			return nil, err
		}
		ix, err := qdrant.Open(qdrant.Options{Address: c.Address, Prefix: c.Prefix, APIKey: c.APIKey, TLS: c.TLS, Trust: trusted,
			Approximate: c.Approximate, Replicas: c.Replicas})
		if err != nil {
			return nil, err
		}
		return index.Veil(ix), nil
	}
	ix, err := embedded.Open(ctx, o.Config.Dir("index"), o.Log)
	if err != nil {
		return nil, err
	}
	return index.Veil(ix), nil
}

// scanMetrics returns how an embedded index finds neighbours; nil for another index.
func scanMetrics(x index.Index) (all []prometheus.Collector) {
	e, ok := index.Unveil(x).(*embedded.Index)
	if !ok {
		return nil
	}
	for _, m := range []struct {
		name, help string
		of         func(embedded.ScanCounts) uint64
	}{
		{"lineup_scan_searches_total", "Searches for the nearest faces.", func(c embedded.ScanCounts) uint64 { return c.Searches }},
		{"lineup_scan_sieved_faces_total", "Faces that the first stage of searches looked at.",
			func(c embedded.ScanCounts) uint64 { return c.Sieved }},
		{"lineup_scan_surviving_faces_total", "Of those, the faces that it could not rule out.",
			func(c embedded.ScanCounts) uint64 { return c.Survived }},
		{"lineup_scan_whole_faces_total", "Faces that searches compared without the first stage.",
			func(c embedded.ScanCounts) uint64 { return c.Whole }},
		{"lineup_scan_fallbacks_total", "Times that the first stage let more than a fifth through and was left out for a while.",
			func(c embedded.ScanCounts) uint64 { return c.Fallbacks }},
	} {
		all = append(all, prometheus.NewCounterFunc(prometheus.CounterOpts{Name: m.name, Help: m.help},
			func() float64 { return float64(m.of(e.ScanCounts())) }))
	}
	return all
}

// ModelsDir is where the face models lie.
func (o Options) ModelsDir() (string, error) {
	if o.Config.Models != "" {
		return o.Config.Models, nil
	}
	return weights.DefaultDir()
}

// variants returns the embedders of the other models that faces can compute.
func variants(faces face.Embedder) []face.Embedder {
	switch e := faces.(type) {
	case *dlib.Embedder:
		return []face.Embedder{e.Variant()}
	case *onnx.Embedder: // until a reindex is done, the serving generation holds dlib's embeddings
		return []face.Embedder{e.Locator()}
	}
	return nil
}

// OpenFaces loads the embedder. Models that are missing are downloaded first.
func (o Options) OpenFaces(ctx context.Context) (face.Embedder, error) {
	if o.Faces != nil {
		return o.Faces, nil
	}
	dir, err := o.ModelsDir()
	if err != nil {
		return nil, err
	}
	if err := o.FetchModels(ctx, dir); err != nil {
		return nil, err
	}
	loading := o.show("loading the face models", 0)
	defer loading.End()
	found, err := dlib.New(dlib.Options{Models: dir, Workers: o.Workers(), CNN: o.Config.Index.CNN,
		Mirror: o.Config.Index.Mirror, MoreFormats: o.Config.Query.AllFormats})
	if err != nil {
		return nil, err // not found: a nil of its type is an embedder, which a caller would close
	}
	if o.Config.Index.Model == "" {
		return found, nil
	}
	description, err := onnx.Describe(o.Config.Index.Model)
	if err != nil {
		return nil, errors.Join(err, found.Close())
	}
	other, err := onnx.New(onnx.Options{Description: description, Models: dir, Runtime: o.Config.ONNXRuntime, Locator: found,
		Workers:  o.Workers(),
		Research: o.Config.Index.Research})
	if err != nil {
		return nil, errors.Join(err, found.Close())
	}
	return other, nil
}

// FetchModel downloads the weights of another embedder, with the licence that the operator accepts, to dir unless they
// are there, and shows its progress.
func (o Options) FetchModel(ctx context.Context, name, licence, dir string) (onnx.Description, error) {
	d, err := onnx.Describe(name)
	if err != nil {
		return d, err
	}
	var shown *progress.Task
	defer func() { shown.End() }()
	return d, onnx.Fetch(ctx, d, dir, licence, http.DefaultClient, func(done, total int64) {
		if shown == nil {
			shown = o.show(d.File, total)
		}
		shown.Set(done, total)
	})
}

// FetchModels downloads the face models to dir unless they are there, verifies them, and shows its progress.
func (o Options) FetchModels(ctx context.Context, dir string) error {
	var shown *progress.Task
	stage := ""
	defer func() { shown.End() }()
	return weights.Ensure(ctx, dir, o.Config.ModelsURL, func(what string, done, total int64) {
		if stage != what {
			shown.End()
			stage, shown = what, o.show(what, total)
		}
		shown.Set(done, total)
	})
}

// Workers is how many recognizers run.
func (o Options) Workers() int {
	if n := o.Config.Index.Workers; n > 0 {
		return n
	}
	return runtime.NumCPU()
}

// parallel is how many jobs are worked on at once: more than there are recognizers, so that reading and writing
// overlap with embedding.
func (o Options) parallel() int { return 2 * o.Workers() }

// Model is the model of that id, or the configured one for "". It loads none.
func (o Options) Model(id string) (schemas.Model, error) {
	models, err := o.models()
	if err != nil {
		return schemas.Model{}, err
	}
	var ids []string
	for _, m := range models {
		if id == "" || m.ID == id {
			return m, nil
		}
		ids = append(ids, m.ID)
	}
	return schemas.Model{}, schemas.Misuse("--model %s: with this configuration lineup computes %s", id, strings.Join(ids, " and "))
}

// models are those that OpenFaces' embedder and its variants compute, the configured one first.
func (o Options) models() (models []schemas.Model, err error) {
	if o.Faces != nil {
		for _, e := range append([]face.Embedder{o.Faces}, variants(o.Faces)...) {
			models = append(models, e.Model())
		}
		return models, nil
	}
	of := dlib.Models(o.Config.Index.Mirror)
	if o.Config.Index.Model == "" {
		return of, nil
	}
	d, err := onnx.Describe(o.Config.Index.Model)
	if err != nil {
		return nil, err
	}
	return []schemas.Model{d.Model(of[0]), of[0]}, nil
}

// Labelled embeds the labelled photos at path with every model that this configuration can compute, to compare models
// before a switch. A photo that cannot be used (for example, one that shows no face) has no embedding. Errors: those
// of evaluate.Read, of reading a photo's file and of opening the embedder.
func (o Options) Labelled(ctx context.Context, path string) (probes []operate.Probe, err error) {
	photos, err := evaluate.Read(path, "")
	if err != nil {
		return nil, err
	}
	faces, err := o.OpenFaces(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, faces.Close()) }()
	shown := o.show("embedding labelled photos", int64(len(photos)))
	defer shown.End()
	for i, p := range photos {
		data, err := os.ReadFile(p.Path)
		if err != nil {
			return nil, fmt.Errorf("read a labelled photo: %w", err)
		}
		probe := operate.Probe{Group: p.Group, Embeddings: map[string][]float32{}}
		for _, e := range append([]face.Embedder{faces}, variants(faces)...) {
			result, err := e.Embed(ctx, data, face.Enrol)
			if problem := (*face.Problem)(nil); errors.As(err, &problem) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("embed %s: %w", p.Path, err)
			}
			probe.Embeddings[e.Model().ID] = result.Embedding
		}
		probes = append(probes, probe)
		shown.Set(int64(i+1), int64(len(photos)))
	}
	return probes, nil
}
