package main

import (
	"context"
	"fmt"

	"lineup/indexer/face"
	"lineup/indexer/face/dlib"
	"lineup/indexer/face/dlib/weights"
	"lineup/indexer/index"
	"lineup/indexer/index/embedded"
	"lineup/indexer/index/qdrant"
	"lineup/ingest/blob"
	"lineup/ingest/blob/disk"
	"lineup/ingest/blob/minio"
)

// openBlobs chooses between a bucket and a directory.
func (a *App) openBlobs(ctx context.Context) (blob.Store, error) {
	if a.Config.S3.Endpoint == "" {
		return disk.Open(a.Config.Dir("blobs"))
	}
	store, err := minio.New(a.bucket())
	if err != nil {
		return nil, fmt.Errorf("open the object store: %w", err)
	}
	return store, nil
}

func (a *App) bucket() minio.Options {
	c := a.Config.S3
	return minio.Options{Endpoint: c.Endpoint, Bucket: c.Bucket, Prefix: c.Prefix, Region: c.Region,
		AccessKey: c.AccessKey, SecretKey: c.SecretKey, CAFile: c.CA, Lookup: c.Lookup, Encryption: c.Encryption, PageDays: c.PageDays}
}

// openIndex chooses between Qdrant and a directory.
func (a *App) openIndex(ctx context.Context) (index.Index, error) {
	if c := a.Config.Qdrant; c.Address != "" {
		return qdrant.Open(qdrant.Options{Address: c.Address, Prefix: c.Prefix, APIKey: c.APIKey, TLS: c.TLS, CAFile: c.CA,
			Approximate: c.Approximate, Replicas: c.Replicas})
	}
	return embedded.Open(ctx, a.Config.Dir("index"), a.Log)
}

// modelsDir is where the face models lie.
func (a *App) modelsDir() (string, error) {
	if a.Config.Models != "" {
		return a.Config.Models, nil
	}
	return weights.DefaultDir()
}

// variants are the embedders of the other models that faces computes.
func variants(faces face.Embedder) []face.Embedder {
	if e, ok := faces.(*dlib.Embedder); ok {
		return []face.Embedder{e.Variant()}
	}
	return nil
}

// openFaces loads the embedder, fetching its models first where they are missing.
func (a *App) openFaces(ctx context.Context) (face.Embedder, error) {
	if a.embedder != nil {
		return a.embedder, nil
	}
	dir, err := a.modelsDir()
	if err != nil {
		return nil, err
	}
	if err := a.fetchModels(ctx, dir); err != nil {
		return nil, err
	}
	return dlib.New(dlib.Options{Models: dir, Workers: a.workers(), CNN: a.Config.Index.CNN,
		Mirror: a.Config.Index.Mirror, MoreFormats: a.Config.Query.AllFormats})
}
