package node

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"lineup/config"
	"lineup/indexer"
	"lineup/indexer/face/facetest"
	"lineup/indexer/index"
	"lineup/ingest/blob"
	"lineup/ingest/broker"
	"lineup/schemas"
)

// finished is the source whose run is ended, and inOneRun how many registrants it has.
const (
	finished = "us-zz"
	inOneRun = 100_000
)

// registrant is the i-th of the made-up ones, with its two blobs.
func registrant(i int) (id schemas.UUID, source string, record schemas.Record, canonical, photo []byte, err error) {
	source = finished
	if i >= inOneRun {
		source = "us-zy"
	}
	key := strconv.Itoa(i)
	record = schemas.Record{Source: source, Key: key, Name: schemas.Name{First: "Rowan", Last: "Made" + key}}
	canonical, err = record.Canonical()
	return schemas.RegistrantID(source, key), source, record, canonical, []byte("photo of " + key), err
}

// populate fills ledger, blobs and a serving generation in a data directory: what they hold is as a crawl and its indexing leave it, but
// nothing is synced, and all three are filled at once.
func populate(b *testing.B, dir string, size int) {
	began := time.Now()
	c := config.Default()
	c.Data = dir
	n, err := Open(b.Context(), Options{Config: c, Make: true, Log: NewLog(c.Log, io.Discard), Metrics: prometheus.NewRegistry()})
	if err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	if err := indexer.Prepare(ctx, n.Index, facetest.Fake{}.Model()); err != nil {
		b.Fatal(err)
	}
	generations, err := n.Index.Generations(ctx)
	if err != nil {
		b.Fatal(err)
	}
	if err := n.Close(); err != nil { // its server syncs each write
		b.Fatal(err)
	}
	var group errgroup.Group
	group.Go(func() error { return populateIndex(b, n, generations[0].Name, size) })
	group.Go(func() error { return populateLedger(b, c.Dir("broker"), generations[0], size) })
	const writers = 8
	for w := range writers {
		group.Go(func() error {
			for i := w; i < size; i += writers {
				if err := populateBlobs(c.Dir("blobs"), i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "filled"), nil, 0o600); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d filled in %s", size, time.Since(began))
}

func populateBlobs(blobs string, i int) error {
	id, _, _, canonical, photo, err := registrant(i)
	if err != nil {
		return err
	}
	dir := filepath.Join(blobs, string(id[:2]), string(id[2:4]))
	for kind, data := range map[blob.Kind][]byte{blob.Record: canonical, blob.Photo: photo} {
		file := filepath.Join(dir, string(id)+"."+string(kind)+"."+string(schemas.DigestOf(data)))
		if err = os.WriteFile(file, data, 0o600); os.IsNotExist(err) {
			err = os.MkdirAll(dir, 0o700)
			if err == nil {
				err = os.WriteFile(file, data, 0o600)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func populateIndex(b *testing.B, n *Node, generation string, size int) error {
	ctx := b.Context()
	x, err := n.OpenIndex(ctx)
	if err != nil {
		return err
	}
	defer x.Close()
	faces := rand.New(rand.NewPCG(1, 2))
	var entries []index.Entry
	for i := range size {
		id, source, record, _, photo, err := registrant(i)
		if err != nil {
			return err
		}
		face := schemas.Face{ID: schemas.FaceID(id, schemas.DigestOf(photo)), Registrant: id, Photo: schemas.DigestOf(photo),
			Embedding: make([]float32, facetest.Fake{}.Model().Dimensions)}
		for j := range face.Embedding {
			face.Embedding[j] = faces.Float32() - .5
		}
		entries = append(entries, index.Entry{ID: id, Source: source, Revision: 1, Faces: []schemas.Face{face},
			Document: &index.Document{ID: id, Revision: 1, Record: record, Photos: []index.PhotoOutcome{{Photo: face.Photo, Face: face.ID}}}})
		if len(entries) == 5000 || i == size-1 {
			if err := x.Replace(ctx, generation, entries...); err != nil {
				return err
			}
			entries = entries[:0]
		}
	}
	return x.Switch(ctx, generation)
}

// populateLedger writes the listings through a server that syncs nothing.
func populateLedger(b *testing.B, dir string, g index.Generation, size int) error {
	s, err := server.NewServer(&server.Options{ServerName: "lineup", DontListen: true, NoSigs: true, JetStream: true, StoreDir: dir})
	if err != nil {
		return err
	}
	s.Start()
	defer func() {
		s.Shutdown()
		s.WaitForShutdown()
	}()
	if !s.ReadyForConnections(time.Minute) {
		return fmt.Errorf("no server over %s", dir)
	}
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	put, settle := putter(js)
	for i := range size {
		id, source, _, canonical, photo, err := registrant(i)
		if err != nil {
			return err
		}
		key := strconv.Itoa(i)
		err = put(schemas.Listing{ID: id, Source: source, Revision: 1, Listed: true, Changed: g.Created.Add(-time.Hour), Key: key,
			Sighted: time.Now(), Record: schemas.DigestOf(canonical),
			Photos: []schemas.PhotoState{{URL: "https://registry.example.test/" + key, Digest: schemas.DigestOf(photo)}},
			Marks:  map[string]schemas.Mark{g.Name: {Revision: 1, Model: g.Model.ID, Features: g.Features, Faces: 1, Built: g.Created}}})
		if err != nil {
			return err
		}
	}
	return settle()
}

// putter writes listings past the ledger, many at once; settle waits for them.
func putter(js jetstream.JetStream) (put func(schemas.Listing) error, settle func() error) {
	var acks []jetstream.PubAckFuture
	settle = func() error {
		for _, ack := range acks {
			select {
			case <-ack.Ok():
			case err := <-ack.Err():
				return err
			}
		}
		acks = acks[:0]
		return nil
	}
	return func(s schemas.Listing) error {
		stored, err := s.Encode()
		if err != nil {
			return err
		}
		ack, err := js.PublishAsync("$KV."+broker.Listings+"."+broker.Token(s.Source)+"."+string(s.ID), stored)
		if err != nil {
			return err
		}
		if acks = append(acks, ack); len(acks) == 2048 {
			return settle()
		}
		return nil
	}, settle
}
