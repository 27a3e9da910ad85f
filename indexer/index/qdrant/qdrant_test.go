package qdrant_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	client "github.com/qdrant/go-client/qdrant"

	"lineup/indexer/index"
	"lineup/indexer/index/indextest"
	"lineup/indexer/index/qdrant"
	"lineup/internal/testkit/qdranttest"
	"lineup/schemas"
)

func open(t *testing.T, o qdrant.Options) index.Index {
	t.Helper()
	ix, err := qdrant.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return ix
}

// TestQdrant runs the suite over the wire against the stand-in, and against a real Qdrant as
// well when LINEUP_TEST_QDRANT says where one is; LINEUP_TEST_QDRANT_KEY is its API key,
// LINEUP_TEST_QDRANT_TLS=1 asks for TLS, LINEUP_TEST_QDRANT_CA is a file of its authority.
func TestQdrant(t *testing.T) {
	indextest.Run(t, func(t *testing.T) func(t *testing.T) index.Index {
		s := qdranttest.Start(t, nil)
		return func(t *testing.T) index.Index { return open(t, qdrant.Options{Address: s.Address}) }
	})
	if address := os.Getenv("LINEUP_TEST_QDRANT"); address != "" {
		t.Run("real", func(t *testing.T) {
			indextest.Run(t, func(t *testing.T) func(t *testing.T) index.Index {
				ca := os.Getenv("LINEUP_TEST_QDRANT_CA")
				o := qdrant.Options{Address: address, APIKey: os.Getenv("LINEUP_TEST_QDRANT_KEY"), CAFile: ca,
					TLS: os.Getenv("LINEUP_TEST_QDRANT_TLS") != "", Prefix: "test-" + string(schemas.RandomID())[:8]}
				t.Cleanup(func() { clean(t, o) })
				return func(t *testing.T) index.Index { return open(t, o) }
			})
		})
	}
}

// TestGenerationsBeforeFeatureVersions reads the point of a generation that was made before it
// told its feature version: it is of the first one.
func TestGenerationsBeforeFeatureVersions(t *testing.T) {
	ctx, s := context.Background(), qdranttest.Start(t, nil)
	ix := open(t, qdrant.Options{Address: s.Address})
	defer ix.Close()
	if err := ix.Create(ctx, index.Generation{Name: "new", Model: indextest.Model, Features: 9}); err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.NewClient(&client.Config{Host: host, Port: number, SkipCompatibilityCheck: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	old := &client.PointStruct{Id: client.NewIDUUID(string(schemas.RandomID())), Vectors: client.NewVectorsMap(map[string]*client.Vector{})}
	old.Payload = map[string]*client.Value{
		"name": client.NewValueString("old"), "model": client.NewValueString(`{"id":"suite/v1","dimensions":24,"metric":"euclidean"}`),
		"token": client.NewValueString("x"), "created": client.NewValueInt(1), "served": client.NewValueBool(false),
		"ready": client.NewValueBool(true),
	}
	_, err = c.Upsert(ctx, &client.UpsertPoints{CollectionName: "lineup-generations", Wait: client.PtrOf(true),
		Points: []*client.PointStruct{old}})
	if err != nil {
		t.Fatal(err)
	}
	list, err := ix.Generations(ctx)
	if err != nil || len(list) != 2 || list[0].Name != "old" || list[0].Features != index.FirstFeatureVersion || list[1].Features != 9 {
		t.Errorf("%+v, %v; want an old one of the first version and a new one of version 9", list, err)
	}
}

// clean deletes what a test made in a real Qdrant; the aliases go with the collections.
func clean(t *testing.T, o qdrant.Options) {
	ctx := context.Background()
	host, port, err := net.SplitHostPort(o.Address)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	config := &client.Config{Host: host, Port: number, APIKey: o.APIKey, SkipCompatibilityCheck: true, UseTLS: o.TLS || o.CAFile != ""}
	if config.UseTLS {
		config.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			t.Fatal(err)
		}
		config.TLSConfig.RootCAs = x509.NewCertPool()
		config.TLSConfig.RootCAs.AppendCertsFromPEM(pem)
	}
	client, err := client.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	names, err := client.ListCollections(ctx)
	if err != nil {
		t.Errorf("clean up: %v", err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, o.Prefix) {
			if err := client.DeleteCollection(ctx, name); err != nil {
				t.Errorf("clean up: %v", err)
			}
		}
	}
}

// certificate makes an authority's file and a server's certificate for loopback by it.
func certificate(t *testing.T) (caFile string, config *tls.Config) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return caFile, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func TestTLSAndKey(t *testing.T) {
	caFile, config := certificate(t)
	s := qdranttest.Start(t, config)
	s.APIKey = "secret"
	for _, c := range []struct {
		name string
		o    qdrant.Options
		want string // in the error, "" for none
	}{
		{"both", qdrant.Options{CAFile: caFile, APIKey: "secret"}, ""},
		{"wrong key", qdrant.Options{CAFile: caFile, APIKey: "other"}, "API key"},
		{"no key", qdrant.Options{CAFile: caFile}, "API key"},
		{"unknown authority", qdrant.Options{TLS: true, APIKey: "secret"}, "certificate"},
		{"no TLS", qdrant.Options{APIKey: "secret"}, "hint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Address, c.o.Timeout = s.Address, 10*time.Second
			ix := open(t, c.o)
			defer ix.Close()
			err := ix.Check(context.Background())
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("check: %v, want an error with %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells the key: %v", err)
			}
		})
	}
	for name, o := range map[string]qdrant.Options{"no port": {Address: "localhost"}, "bad port": {Address: "localhost:http"},
		"no such file": {Address: s.Address, CAFile: caFile + "x"}} {
		if ix, err := qdrant.Open(o); err == nil {
			ix.Close()
			t.Errorf("%s: opened", name)
		}
	}
}

// TestFaults lets the server fail in each way: errors are clear and soon, nothing acknowledged
// is lost, and all works again when it does.
func TestFaults(t *testing.T) {
	ctx := context.Background()
	s := qdranttest.Start(t, nil)
	ix := open(t, qdrant.Options{Address: s.Address, Timeout: 500 * time.Millisecond})
	defer ix.Close()
	indextest.Serving(t, ix, indextest.Model)
	one := indextest.Person(1, 1, nil)
	indextest.Put(t, ix, one)
	search := func() error {
		near, _, err := ix.Nearest(ctx, one.Faces[0].Embedding, 1, index.Filter{})
		if err == nil && len(near) != 1 {
			err = errors.New("the face is lost")
		}
		return err
	}
	// wantAgain waits until the server answers again.
	wantAgain := func(what string) {
		t.Helper()
		deadline := time.Now().Add(20 * time.Second)
		for err := search(); err != nil; err = search() {
			if time.Now().After(deadline) {
				t.Fatalf("%s: still %v", what, err)
			}
		}
	}
	fails := func(what, want string, calls ...func() error) {
		t.Helper()
		for _, call := range calls {
			start := time.Now()
			err := call()
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want an error with %q", what, err, want)
			}
			if errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v looks as if nothing were there", what, err)
			}
			if took := time.Since(start); took > 15*time.Second {
				t.Errorf("%s: the error took %v", what, took)
			}
		}
	}
	write := func() error { return ix.Replace(ctx, "one", indextest.Person(2, 1, nil)) }
	check := func() error { return ix.Check(ctx) }

	s.Stop()
	fails("stopped", "hint", search, write, check)
	s.Restart(t)
	wantAgain("started again")

	s.Delay.Store(int64(5 * time.Second))
	fails("slow", "hint", search, write)
	s.Delay.Store(0)
	wantAgain("quick again")

	s.RefuseWrites.Store(true)
	fails("refusing writes", "No space left", write)
	if err := search(); err != nil {
		t.Errorf("reads while writes are refused: %v", err)
	}
	s.RefuseWrites.Store(false)
	if err := write(); err != nil {
		t.Errorf("write with space again: %v", err)
	}

	s.Empty()
	if err := search(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("search in a server that came back empty: %v, want fs.ErrNotExist", err)
	}
	if err := write(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("write to a server that came back empty: %v, want fs.ErrNotExist", err)
	}
	indextest.Serving(t, ix, indextest.Model)
	indextest.Put(t, ix, one)
	wantAgain("filled anew")
}

// TestCutOff lets a Replace die after each of its writes and another finish its work.
func TestCutOff(t *testing.T) {
	ctx := context.Background()
	s := qdranttest.Start(t, nil)
	ix := open(t, qdrant.Options{Address: s.Address})
	defer ix.Close()
	indextest.Serving(t, ix, indextest.Model)
	person := func(revision uint64) index.Entry {
		return indextest.Person(1, revision, func(r *schemas.Record) {
			r.Photos[0].Digest = schemas.DigestOf([]byte{byte(revision)})
		})
	}
	for writes := range int64(4) {
		revision := uint64(10 * (writes + 1))
		indextest.Put(t, ix, person(revision))
		s.FailAfter.Store(writes)
		s.Failing.Store(true)
		err := ix.Replace(ctx, "one", person(revision+1))
		s.Failing.Store(false)
		if (err == nil) != (writes == 3) {
			t.Fatalf("cut off after %d writes: %v", writes, err)
		}
		// Whole, at one of the two revisions, in the middle of it.
		near, _, err := ix.Nearest(ctx, make([]float32, indextest.Model.Dimensions), 10, index.Filter{})
		if err != nil || len(near) != 1 {
			t.Errorf("cut off after %d writes: %d faces, %v, want 1", writes, len(near), err)
		}
		for range 2 { // redelivered
			indextest.Put(t, ix, person(revision+1))
		}
		if c, err := ix.Count(ctx, "one"); err != nil || c != (index.Counts{Registrants: 1, WithFace: 1, Faces: 1}) {
			t.Errorf("cut off after %d writes and done again: %+v, %v", writes, c, err)
		}
	}
}

// TestOvertaken lets a newer revision, or a removal, be written whole right before each write
// of an older one: what the older one does then must change nothing and leave nothing behind.
func TestOvertaken(t *testing.T) {
	ctx := context.Background()
	person := func(revision uint64) index.Entry {
		return indextest.Person(1, revision, func(r *schemas.Record) {
			// One photo stays the same and one does not.
			r.Photos = append(r.Photos, schemas.Photo{Digest: schemas.DigestOf([]byte{byte(revision)})})
		})
	}
	for _, c := range []struct {
		name  string
		newer index.Entry
		want  index.Counts
	}{
		{"by a newer record", person(9), index.Counts{Registrants: 1, WithFace: 1, Faces: 2}},
		{"by a removal", indextest.Gone(person(9), 9), index.Counts{}},
	} {
		for write := range int32(3) {
			s := qdranttest.Start(t, nil)
			ix := open(t, qdrant.Options{Address: s.Address})
			defer ix.Close()
			indextest.Serving(t, ix, indextest.Model)
			indextest.Put(t, ix, person(1))
			var writes atomic.Int32
			before := func(method string) {
				if (strings.HasSuffix(method, "/Upsert") || strings.HasSuffix(method, "Points/Delete")) && writes.Add(1) == write+1 {
					s.Before.Store(nil)
					indextest.Put(t, ix, c.newer)
				}
			}
			s.Before.Store(&before)
			if err := ix.Replace(ctx, "one", person(5)); err != nil {
				t.Fatal(err)
			}
			if s.Before.Load() != nil {
				t.Fatalf("overtaken %s at write %d: there was no such write", c.name, write)
			}
			if got, err := ix.Count(ctx, "one"); err != nil || got != c.want {
				t.Errorf("overtaken %s at write %d: %+v, %v, want %+v", c.name, write, got, err, c.want)
			}
			near, _, err := ix.Nearest(ctx, make([]float32, indextest.Model.Dimensions), 10, index.Filter{})
			if err != nil || len(near) != c.want.Faces {
				t.Errorf("overtaken %s at write %d: %d faces, %v, want %d", c.name, write, len(near), err, c.want.Faces)
			}
			docs, err := ix.Lookup(ctx, c.newer.ID)
			if err != nil || len(docs) != c.want.Registrants || len(docs) == 1 && docs[0].Revision != 9 {
				t.Errorf("overtaken %s at write %d: documents %v, %v", c.name, write, docs, err)
			}
		}
	}
}
