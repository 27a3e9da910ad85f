package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"

	"lineup/internal/progress"
	"lineup/schemas"

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
)

// openBlobs chooses between a bucket and a directory.
func (o Options) openBlobs(ctx context.Context) (blob.Store, error) {
	if o.Config.S3.Endpoint == "" {
		return disk.Open(o.Config.Dir("blobs"))
	}
	store, err := minio.New(o.bucket())
	if err != nil {
		return nil, fmt.Errorf("open the object store: %w", err)
	}
	return store, nil
}

func (o Options) bucket() minio.Options {
	c := o.Config.S3
	return minio.Options{Endpoint: c.Endpoint, Bucket: c.Bucket, Prefix: c.Prefix, Region: c.Region,
		AccessKey: c.AccessKey, SecretKey: c.SecretKey, CAFile: c.CA, Lookup: c.Lookup, Encryption: c.Encryption, PageDays: c.PageDays}
}

// OpenIndex chooses between Qdrant and a directory.
func (o Options) OpenIndex(ctx context.Context) (index.Index, error) {
	if c := o.Config.Qdrant; c.Address != "" {
		return qdrant.Open(qdrant.Options{Address: c.Address, Prefix: c.Prefix, APIKey: c.APIKey, TLS: c.TLS, CAFile: c.CA,
			Approximate: c.Approximate, Replicas: c.Replicas})
	}
	return embedded.Open(ctx, o.Config.Dir("index"), o.Log)
}

// ModelsDir is where the face models lie.
func (o Options) ModelsDir() (string, error) {
	if o.Config.Models != "" {
		return o.Config.Models, nil
	}
	return weights.DefaultDir()
}

// variants are the embedders of the other models that faces computes.
func variants(faces face.Embedder) []face.Embedder {
	switch e := faces.(type) {
	case *dlib.Embedder:
		return []face.Embedder{e.Variant()}
	case *onnx.Embedder: // the generation that serves until a reindex is done is dlib's
		return []face.Embedder{e.Locator()}
	}
	return nil
}

// OpenFaces loads the embedder, fetching its models first where they are missing.
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
	found, err := dlib.New(dlib.Options{Models: dir, Workers: o.Workers(), CNN: o.Config.Index.CNN,
		Mirror: o.Config.Index.Mirror, MoreFormats: o.Config.Query.AllFormats})
	if err != nil || o.Config.Index.Model == "" {
		return found, err
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

// FetchModel makes dir hold the weights of another embedder, with the licence the operator accepts,
// and shows how far it is.
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

// FetchModels makes dir hold the verified face models, and shows how far it is.
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

// parallel is how many jobs are answered at once: more than recognizers, so that reading and
// writing overlap with embedding.
func (o Options) parallel() int { return 2 * o.Workers() }

// Model is the model of that id, or the configured one for "".
func (o Options) Model(ctx context.Context, id string) (model schemas.Model, err error) {
	faces, err := o.OpenFaces(ctx)
	if err != nil {
		return model, err
	}
	defer func() { err = errors.Join(err, faces.Close()) }()
	var ids []string
	for _, e := range append([]face.Embedder{faces}, variants(faces)...) {
		if id == "" || e.Model().ID == id {
			return e.Model(), nil
		}
		ids = append(ids, e.Model().ID)
	}
	return model, fmt.Errorf("model %s: this version computes %s", id, strings.Join(ids, " and "))
}
