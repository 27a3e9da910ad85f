package qdrant_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	client "github.com/qdrant/go-client/qdrant"

	"lineup/indexer/index"
	"lineup/indexer/index/indextest"
	"lineup/indexer/index/qdrant"
	"lineup/internal/testkit/certtest"
	"lineup/internal/testkit/qdranttest"
	"lineup/internal/trust"
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

// TestQdrant runs the suite over the wire against the stand-in, and where the environment names a real Qdrant (package qdranttest),
// against that behind it and directly.
func TestQdrant(t *testing.T) {
	indextest.Run(t, func(t *testing.T) func(t *testing.T) index.Index {
		s := qdranttest.Start(t, nil)
		return func(t *testing.T) index.Index { return open(t, qdrant.Options{Address: s.Address}) }
	})
	if place, ok := qdranttest.Real(t); ok {
		t.Run("real", func(t *testing.T) {
			indextest.Run(t, func(t *testing.T) func(t *testing.T) index.Index {
				o := qdrant.Options{Address: place.Address, APIKey: place.Key, Trust: trusted(t, place.CA), TLS: place.TLS,
					Prefix: "test-" + string(schemas.RandomID())[:8]}
				return func(t *testing.T) index.Index { return open(t, o) }
			})
		})
	}
}

// strict allows nothing that a careful operator would forbid, and what hosted servers forbid by default.
func strict() *client.StrictModeConfig {
	return &client.StrictModeConfig{Enabled: client.PtrOf(true), UnindexedFilteringRetrieve: client.PtrOf(false),
		UnindexedFilteringUpdate: client.PtrOf(false), MaxQueryLimit: client.PtrOf(uint32(20_000)),
		UpsertMaxBatchsize: client.PtrOf(uint64(1_000)), SearchMaxHnswEf: client.PtrOf(uint32(512)),
		SearchMaxOversampling: client.PtrOf(float32(3))}
}

// TestStrictServer runs the suite against a server whose collections are in strict mode: every field that a filter looks at has an
// index, and no request is larger than it must be.
func TestStrictServer(t *testing.T) {
	indextest.Run(t, func(t *testing.T) func(t *testing.T) index.Index {
		s := qdranttest.Start(t, nil)
		s.Strict = strict()
		return func(t *testing.T) index.Index { return open(t, qdrant.Options{Address: s.Address}) }
	})
}

// TestServerThatLimits tells an operator which limit of the server was met.
func TestServerThatLimits(t *testing.T) {
	s := qdranttest.Start(t, nil)
	s.Strict = &client.StrictModeConfig{Enabled: client.PtrOf(true), ReadRateLimit: client.PtrOf(uint32(3))}
	ix := open(t, qdrant.Options{Address: s.Address})
	defer ix.Close()
	err := ix.Create(t.Context(), index.Generation{Name: "one", Model: indextest.Model, Features: index.FeatureVersion}) // reads, too
	for range 5 {
		_, err = ix.Generations(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), "Qdrant limits requests") {
		t.Errorf("a server that allows three reads: %v", err)
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

// trusted are the certificates in a file of authorities, nil for "".
func trusted(t *testing.T, caFile string) *trust.Certificates {
	t.Helper()
	c, err := new(trust.Store).Load("qdrant", trust.Files{CA: caFile})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTLSAndKey(t *testing.T) {
	files := certtest.Write(t, t.TempDir())
	caFile, s := files.CA, qdranttest.Start(t, certtest.Serving(files, false))
	s.APIKey = "secret"
	for _, c := range []struct {
		name string
		o    qdrant.Options
		want string // in the error, "" for none
	}{
		{"both", qdrant.Options{Trust: trusted(t, caFile), APIKey: "secret"}, ""},
		{"wrong key", qdrant.Options{Trust: trusted(t, caFile), APIKey: "other"}, "API key"},
		{"no key", qdrant.Options{Trust: trusted(t, caFile)}, "API key"},
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
	for name, o := range map[string]qdrant.Options{"no port": {Address: "localhost"}, "bad port": {Address: "localhost:http"}} {
		if ix, err := qdrant.Open(o); err == nil {
			ix.Close()
			t.Errorf("%s: opened", name)
		}
	}
}

// TestReplacedAuthority changes the server's certificate and the file of its authority under an open index, for one
// moment with a file that is none.
func TestReplacedAuthority(t *testing.T) {
	dir := t.TempDir()
	files := certtest.Write(t, dir)
	s := qdranttest.Start(t, certtest.Serving(files, false))
	ix := open(t, qdrant.Options{Address: s.Address, Trust: trusted(t, files.CA), Timeout: 10 * time.Second})
	defer ix.Close()
	again := func(name string) {
		t.Helper()
		s.Stop()
		s.Restart(t)
		err := ix.Check(t.Context())
		for deadline := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(deadline); {
			err = ix.Check(t.Context()) // what was asked over the connection that ended has failed with it
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	again("as it was")
	good, err := os.ReadFile(files.CA)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files.CA, good[:len(good)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	again("half a file")
	certtest.Write(t, dir)
	again("another authority")
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

	s.Empty(t)
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
