package node

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"lineup/config"
	"lineup/ingest/blob/minio"
	"lineup/internal/operate"
	"lineup/internal/operate/upgrade"
)

// checkupLimit bounds all checks together, so that an engine that never answers cannot block the command.
const checkupLimit = 2 * time.Minute

// engineLimit bounds the checks of one engine, so that one that never answers leaves time for the others.
const engineLimit = 15 * time.Second

// Prepared is what PrepareAll did, and what the checks found afterwards.
type Prepared struct {
	Bucket string          `json:"bucket,omitempty"` // name of the object store's bucket, if it was created
	Found  operate.Checkup `json:"found"`            // what lineup doctor finds now
}

// PrepareAll creates the streams and buckets that the roles may not create, and the object store's bucket if this key
// may. Then it checks everything as Examine does. What could not be created is among the findings.
func PrepareAll(ctx context.Context, o Options, loaded config.Loaded) (done Prepared, err error) {
	o.Make = true
	n, err := Open(ctx, o) // creates the buckets of ledger, queue and keys
	if err != nil {
		return done, err
	}
	err = n.Prepare(ctx)
	var unmade error
	if bucket, ok := n.Blobs.(*minio.Store); ok && err == nil {
		var made bool
		if made, unmade = bucket.MakeBucket(ctx); made {
			done.Bucket = n.Config.S3.Bucket
		}
	}
	var honoured operate.Honoured
	var unread error // the log of removals names who was removed after a copy of the ledger was made
	if err == nil && unmade == nil {
		honoured, unread = n.Honour(ctx, nil)
	}
	if err = errors.Join(err, n.Close()); err != nil {
		return done, err
	}
	o.Make = false
	done.Found = Examine(ctx, o, loaded, nil, false)
	if unmade != nil {
		done.Found.Wrong("blobs", "%v", unmade)
	}
	switch {
	case unread != nil:
		done.Found.Wrong("removals", "the log of removals cannot be read: %v", unread)
	case honoured.Refused > 0:
		done.Found.Wrong("removals", "%d entries of the log of removals at %s are signed by nobody known: %s", honoured.Refused, honoured.Log,
			honoured.Why)
	case honoured.Removed+honoured.Revoked > 0:
		done.Found.OK("removals", "%d registrants removed and %d keys revoked again, as %s says", honoured.Removed, honoured.Revoked,
			honoured.Log)
	}
	return done, nil
}

// Examine checks the configuration and every engine as this machine sees them, and runs every check even if one fails.
// It deletes what it writes to test. With upgraded it records in the ledger that everything that upgrades asked for is
// done. invalid is what is wrong with the configuration: if it is not nil, nothing else is checked.
func Examine(ctx context.Context, o Options, loaded config.Loaded, invalid error, upgraded bool) (found operate.Checkup) {
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
	found.CheckDoor(ctx, o.Config)
	found.CheckData(o.Config)
	found.CheckCertificates(o.Config)
	n := &Node{Options: o}
	defer func() {
		if err := n.Close(); err != nil {
			found.Wrong("closing", "%v", err)
		}
	}()
	_, err := os.Stat(o.Config.Data)
	fresh := err != nil // opening the data directory would create it
	for _, engine := range []struct {
		external bool
		examine  func(context.Context, *operate.Checkup)
	}{
		{o.Config.NATS.URL != "", func(ctx context.Context, found *operate.Checkup) { n.examineNATS(ctx, found, upgraded) }},
		{o.Config.S3.Endpoint != "", n.examineBlobs},
		{o.Config.Qdrant.Address != "", n.examineIndex},
	} {
		if fresh && !engine.external {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, engineLimit)
		engine.examine(ctx, &found)
		cancel()
	}
	return found
}

func (n *Node) examineNATS(ctx context.Context, found *operate.Checkup, upgraded bool) {
	if n.Config.NATS.URL != "" {
		found.CheckRole(n.Config.NATS)
	}
	nc, err := n.connect()
	if err != nil {
		found.Wrong("nats", "%v", err)
		return
	}
	n.closers = append(n.closers, func() error { nc.Close(); return nil })
	found.CheckNATS(ctx, nc, n.Config.NATS)
	upgrade.Check(ctx, found, nc, n.Config, n.Environ, upgraded)
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
	o, err := n.bucket()
	if err != nil {
		return false
	}
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
	if err := ix.Check(ctx); err != nil {
		found.Wrong("index", "%v", err)
	} else {
		found.OK("index", "the index answers")
		generations, err := ix.Generations(ctx)
		found.CheckGenerations(generations, err)
	}
	if c := n.Config.Qdrant; c.Address != "" && (!c.TLS || c.APIKey == "") {
		found.Advise("index", "Qdrant is reached without TLS or without a key: set qdrant.tls and qdrant.api_key")
	}
}
