package node

import (
	"context"
	"os"
	"strings"
	"time"

	"lineup/config"
	"lineup/ingest/blob/minio"
	"lineup/internal/operate"
)

// checkupLimit bounds all checks together, an engine that never answers included.
const checkupLimit = 2 * time.Minute

// Examine checks the configuration and every engine, from here: everything, even when something fails. It
// changes nothing but what it removes again. invalid is what is wrong with the configuration: then
// there is nothing else to look at.
func Examine(ctx context.Context, o Options, loaded config.Loaded, invalid error) (found operate.Checkup) {
	ctx, cancel := context.WithTimeout(ctx, checkupLimit)
	defer cancel()
	if found.CheckConfig(loaded, invalid); invalid != nil {
		return found
	}
	if dir, err := o.ModelsDir(); err != nil {
		found.Wrong("models", "%v", err)
	} else {
		found.CheckModels(dir)
	}
	found.CheckData(o.Config)
	n := &Node{Options: o}
	defer func() {
		if err := n.Close(); err != nil {
			found.Wrong("closing", "%v", err)
		}
	}()
	_, err := os.Stat(o.Config.Data)
	fresh := err != nil // to open what is kept there would make it
	if !fresh || o.Config.NATS.URL != "" {
		n.examineNATS(ctx, &found)
	}
	if !fresh || o.Config.S3.Endpoint != "" {
		n.examineBlobs(ctx, &found)
	}
	if !fresh || o.Config.Qdrant.Address != "" {
		n.examineIndex(ctx, &found)
	}
	return found
}

func (n *Node) examineNATS(ctx context.Context, found *operate.Checkup) {
	nc, err := n.connect()
	if err != nil {
		found.Wrong("nats", "%v", err)
		return
	}
	n.closers = append(n.closers, func() error { nc.Close(); return nil })
	found.CheckNATS(ctx, nc, n.Config.NATS)
}

func (n *Node) examineBlobs(ctx context.Context, found *operate.Checkup) {
	blobs, err := n.openBlobs(ctx)
	if err != nil {
		found.Wrong("blobs", "%v", err)
		return
	}
	n.closers = append(n.closers, blobs.Close)
	bucket, ok := blobs.(*minio.Store)
	if !ok {
		found.Note("blobs", blobs.Check(ctx), "a blob could be written, read and deleted")
		return
	}
	probe, err := bucket.Probe(ctx)
	for _, w := range probe.Warnings {
		found.Advise("blobs", "%s", w)
	}
	if strings.HasPrefix(n.Config.S3.Endpoint, "http://") {
		found.Advise("blobs", "%s speaks without TLS: photos and keys cross the network in clear", n.Config.S3.Endpoint)
	}
	if err != nil && n.readsBlobs(ctx) {
		found.Advise("blobs", "this key may read and not write: as lineup query should, too little for scrape, index and admin (deploy/s3)")
		return
	}
	found.Note("blobs", err, "a blob could be written, read and deleted in bucket "+n.Config.S3.Bucket)
}

// readsBlobs reports whether the bucket's key may at least read.
func (n *Node) readsBlobs(ctx context.Context) bool {
	o := n.bucket()
	o.ReadOnly = true
	store, err := minio.New(o)
	if err != nil {
		return false
	}
	defer store.Close()
	return store.Check(ctx) == nil
}

func (n *Node) examineIndex(ctx context.Context, found *operate.Checkup) {
	ix, err := n.OpenIndex(ctx)
	if err != nil {
		found.Wrong("index", "%v", err)
		return
	}
	n.closers = append(n.closers, ix.Close)
	found.Note("index", ix.Check(ctx), "the index answers")
	if c := n.Config.Qdrant; c.Address != "" && (!c.TLS || c.APIKey == "") {
		found.Advise("index", "Qdrant is reached without TLS or without a key: set qdrant.tls and qdrant.api_key")
	}
}
