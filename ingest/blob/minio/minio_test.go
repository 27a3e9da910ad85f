package minio

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/lifecycle"

	"lineup/ingest/blob"
	"lineup/ingest/blob/blobtest"
	"lineup/internal/testkit/certtest"
	"lineup/internal/testkit/s3server"
	"lineup/internal/trust"
	"lineup/schemas"
)

const owner = schemas.UUID("abcdef01-2345-5678-8abc-def012345678")

func options(server *s3server.Server, bucket, prefix string) Options {
	return Options{
		Endpoint: server.Endpoint, Bucket: bucket, Prefix: prefix, Trust: trusted(server), Lookup: "path",
		AccessKey: s3server.AccessKey, SecretKey: s3server.SecretKey, Timeout: 30 * time.Second,
	}
}

// trusted are the certificates in a server's file.
func trusted(server *s3server.Server) *trust.Certificates {
	c, err := new(trust.Store).Load("s3", trust.Files{CA: server.CAFile})
	if err != nil {
		panic(err) // the server wrote it
	}
	return c
}

func open(t *testing.T, opts Options) *Store {
	t.Helper()
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func makeBucket(t *testing.T, opts Options) *Store {
	t.Helper()
	s := open(t, opts)
	if err := s.client.MakeBucket(t.Context(), opts.Bucket, s3.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	return s
}

// bench is a fresh bucket as the conformance suite wants it.
func bench(t *testing.T, opts Options) blobtest.Bench {
	admin := makeBucket(t, opts)
	write := func(t *testing.T, key string, data []byte) {
		t.Helper()
		if _, err := admin.client.PutObject(t.Context(), opts.Bucket, key, bytes.NewReader(data), int64(len(data)),
			s3.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return blobtest.Bench{
		Store:     open(t, opts),
		Reopen:    func(t *testing.T) blob.Store { return open(t, opts) },
		Overwrite: func(t *testing.T, ref blob.Ref, data []byte) { write(t, opts.Prefix+ref.Key(), data) },
		Litter: func(t *testing.T) {
			for _, key := range []string{"README", "photo/notes.txt", "check/left", "other/photo/" + string(owner) + "/x"} {
				write(t, opts.Prefix+key, []byte("litter"))
			}
		},
	}
}

func TestConformance(t *testing.T) {
	for _, engine := range s3server.Engines() {
		for name, c := range map[string]struct {
			tls    bool
			change func(*Options)
		}{
			"path style": {false, func(o *Options) {}},
			"TLS, virtual host, prefix": {true, func(o *Options) {
				o.Prefix, o.Lookup = "houses/lineup/", "dns"
				o.Endpoint = "https://" + s3server.Domain + o.Endpoint[strings.LastIndexByte(o.Endpoint, ':'):]
				o.dial = toLoopback
			}},
		} {
			t.Run(engine.Name+", "+name, func(t *testing.T) {
				server, buckets := s3server.Start(t, engine, c.tls), 0
				blobtest.Run(t, func(t *testing.T) blobtest.Bench {
					buckets++
					opts := options(server, fmt.Sprintf("lineup-%d", buckets), "")
					c.change(&opts)
					return bench(t, opts)
				})
			})
		}
	}
}

// toLoopback dials 127.0.0.1 whatever the host is called: names of buckets are in no DNS here.
func toLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
}

func TestMinIO(t *testing.T) {
	server := s3server.Start(t, s3server.MinIO, false)
	t.Run("removing removes old versions", func(t *testing.T) {
		s := makeBucket(t, options(server, "versioned", ""))
		if err := s.client.EnableVersioning(t.Context(), "versioned"); err != nil {
			t.Fatal(err)
		}
		var refs []blob.Ref
		for range 3 { // a page is written anew each time
			refs = append(refs, put(t, s, blob.Page, "page"))
		}
		refs = append(refs[:1], put(t, s, blob.Photo, "photo"), put(t, s, blob.Record, "record"))
		if found, err := s.Probe(t.Context()); err != nil || !found.Versioned {
			t.Fatalf("Probe = %+v, %v, want Versioned", found, err)
		}
		if err := s.Delete(t.Context(), refs...); err != nil {
			t.Fatal(err)
		}
		for version := range s.client.ListObjectsIter(t.Context(), "versioned", s3.ListObjectsOptions{WithVersions: true, Recursive: true}) {
			if !strings.HasPrefix(version.Key, "check/") {
				t.Errorf("left: %s version %s, delete marker %v", version.Key, version.VersionID, version.IsDeleteMarker)
			}
		}
	})
	t.Run("pages expire by a rule among others", func(t *testing.T) {
		opts := options(server, "expiring", "house/")
		opts.PageDays = 30
		s := makeBucket(t, opts)
		theirs := lifecycle.Rule{ID: "theirs", Status: "Enabled", RuleFilter: lifecycle.Filter{Prefix: "logs/"},
			Expiration: lifecycle.Expiration{Days: 7}}
		if err := s.client.SetBucketLifecycle(t.Context(), opts.Bucket, &lifecycle.Configuration{Rules: []lifecycle.Rule{theirs}}); err != nil {
			t.Fatal(err)
		}
		for _, days := range []int{30, 30, 90} {
			s.opts.PageDays = days
			if found, err := s.Probe(t.Context()); err != nil || !found.ExpiresPages {
				t.Fatalf("Probe = %+v, %v, want ExpiresPages", found, err)
			}
			config, err := s.client.GetBucketLifecycle(t.Context(), opts.Bucket)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]int{}
			for _, rule := range config.Rules {
				got[rule.ID+" "+rule.RuleFilter.Prefix] = int(rule.Expiration.Days)
			}
			if len(got) != 2 || got["theirs logs/"] != 7 || got[expiryRule+" house/page/"] != days {
				t.Errorf("rules for %d days: %v", days, got)
			}
		}
	})
	for _, kind := range []string{"sse-s3", "sse-kms:lineup-test"} {
		t.Run("encrypts by "+kind, func(t *testing.T) {
			opts := options(server, strings.ReplaceAll(kind, ":", "-"), "")
			opts.Encryption = kind
			s := makeBucket(t, opts)
			ref := put(t, s, blob.Photo, "photo")
			info, err := s.client.StatObject(t.Context(), opts.Bucket, s.key(ref), s3.StatObjectOptions{})
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"sse-s3": "AES256", "sse-kms:lineup-test": "aws:kms"}[kind]
			if got := info.Metadata.Get("X-Amz-Server-Side-Encryption"); got != want {
				t.Errorf("stored with encryption %q, want %q", got, want)
			}
			if data, err := s.Get(t.Context(), ref); err != nil || string(data) != "photo" {
				t.Errorf("Get = %q, %v", data, err)
			}
		})
	}
	t.Run("the server refuses bytes of another digest", func(t *testing.T) {
		s := makeBucket(t, options(server, "checked", ""))
		_, err := s.client.PutObject(t.Context(), "checked", "x", strings.NewReader("data"), 4, s3.PutObjectOptions{
			UserMetadata: map[string]string{"X-Amz-Checksum-Sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}, // of nothing
		})
		if err == nil {
			t.Error("it took them: the checksum header does not reach it")
		}
	})
}

func TestGatewayWithoutLifeCycle(t *testing.T) {
	opts := options(s3server.Start(t, s3server.VGW, false), "plain", "")
	opts.PageDays = 30
	found, err := makeBucket(t, opts).Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found.ExpiresPages || len(found.Warnings) != 1 || !strings.Contains(found.Warnings[0], "life-cycle") {
		t.Errorf("Probe = %+v, want one warning that there is no life cycle", found)
	}
}

func TestErrors(t *testing.T) {
	server := s3server.Start(t, s3server.MinIO, true)
	makeBucket(t, options(server, "there", ""))
	for name, c := range map[string]struct {
		change func(*Options)
		hint   string
	}{
		"no such bucket":      {func(o *Options) { o.Bucket = "elsewhere" }, "there is no bucket"},
		"unknown key":         {func(o *Options) { o.AccessKey = "nobody" }, "check access key"},
		"wrong secret":        {func(o *Options) { o.SecretKey = "guess-guess" }, "check access key"},
		"unknown authority":   {func(o *Options) { o.Trust = nil }, "certificate"},
		"nobody listens":      {func(o *Options) { o.Endpoint, o.Retries = "https://127.0.0.1:1", 2 }, "refused"},
		"plain text to TLS":   {func(o *Options) { o.Endpoint, o.Trust, o.Retries = "http://"+server.Addr, nil, 2 }, ""},
		"bucket gone, reader": {func(o *Options) { o.Bucket, o.ReadOnly = "elsewhere", true }, "there is no bucket"},
	} {
		t.Run(name, func(t *testing.T) {
			opts := options(server, "there", "")
			c.change(&opts)
			s := open(t, opts)
			if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), c.hint) {
				t.Errorf("Check: %v, want a hint at %q", err, c.hint)
			}
			ref := blob.Ref{Owner: owner, Kind: blob.Photo, Digest: schemas.DigestOf([]byte("x"))}
			if _, err := s.Has(t.Context(), ref); err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Has: %v: what cannot be told must not look missing", err)
			}
			if _, err := s.Get(t.Context(), ref); err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Get: %v: what cannot be told must not look missing", err)
			}
		})
	}
}

func TestServerAway(t *testing.T) {
	for _, engine := range s3server.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			server := s3server.Start(t, engine, false)
			s := makeBucket(t, options(server, "kept", ""))
			before := put(t, s, blob.Photo, "before")

			server.Stop()
			if _, err := s.Put(t.Context(), owner, blob.Photo, []byte("meanwhile")); err == nil {
				t.Error("Put succeeded without a server")
			}
			if _, err := s.Get(t.Context(), before); err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Get without a server: %v", err)
			}
			server.Restart(t)
			if data, err := s.Get(t.Context(), before); err != nil || string(data) != "before" {
				t.Errorf("after a restart Get = %q, %v", data, err)
			}
			put(t, s, blob.Photo, "after")

			server.Freeze(t)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			if _, err := s.Get(ctx, before); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Get from a frozen server: %v, want the deadline", err)
			}
			cancel()
			server.Thaw(t)
			if data, err := s.Get(t.Context(), before); err != nil || string(data) != "before" {
				t.Errorf("after thawing Get = %q, %v", data, err)
			}
		})
	}
}

// A body that breaks off is read again.
func TestBrokenBody(t *testing.T) {
	server := s3server.Start(t, s3server.MinIO, false)
	opts := options(server, "broken", "")
	data := strings.Repeat("x", 4<<20)
	ref := put(t, makeBucket(t, opts), blob.Photo, data)
	var breaks atomic.Int32
	opts.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return &fragile{Conn: conn, left: 1 << 20, breaks: &breaks}, err
	}
	got, err := open(t, opts).Get(t.Context(), ref)
	if err != nil || string(got) != data {
		t.Fatalf("Get = %d bytes, %v", len(got), err)
	}
	if breaks.Load() < 2 {
		t.Errorf("the connection broke %d times: this tests nothing", breaks.Load())
	}
}

// fragile is a connection that breaks after some bytes, the first two times.
type fragile struct {
	net.Conn
	left   int
	breaks *atomic.Int32
}

func (f *fragile) Read(p []byte) (int, error) {
	if f.breaks.Load() < 2 && f.left <= 0 {
		f.breaks.Add(1)
		f.Close()
		return 0, net.ErrClosed
	}
	n, err := f.Conn.Read(p)
	f.left -= n
	return n, err
}

func TestNewRefuses(t *testing.T) {
	good := Options{Endpoint: "https://s3.example:9000", Bucket: "lineup", AccessKey: "a", SecretKey: "b"}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Options){
		"endpoint without scheme": func(o *Options) { o.Endpoint = "s3.example:9000" },
		"endpoint with path":      func(o *Options) { o.Endpoint += "/bucket" },
		"endpoint with password":  func(o *Options) { o.Endpoint = "https://a:b@s3.example" },
		"no bucket":               func(o *Options) { o.Bucket = "" },
		"bucket with slash":       func(o *Options) { o.Bucket = "a/b" },
		"prefix without slash":    func(o *Options) { o.Prefix = "house" },
		"prefix climbs":           func(o *Options) { o.Prefix = "../" },
		"prefix from the root":    func(o *Options) { o.Prefix = "/a/" },
		"half a credential":       func(o *Options) { o.SecretKey = "" },
		"unknown lookup":          func(o *Options) { o.Lookup = "ftp" },
		"unknown encryption":      func(o *Options) { o.Encryption = "rot13" },
		"KMS without key":         func(o *Options) { o.Encryption = "sse-kms:" },
		"CA without TLS":          func(o *Options) { o.Endpoint, o.Trust = "http://s3.example", new(trust.Certificates) },
		"negative days":           func(o *Options) { o.PageDays = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			opts := good
			change(&opts)
			if _, err := New(opts); !errors.Is(err, ErrOptions) {
				t.Errorf("New: %v, want ErrOptions", err)
			}
		})
	}
}

func put(t *testing.T, s *Store, kind blob.Kind, data string) blob.Ref {
	t.Helper()
	ref, err := s.Put(t.Context(), owner, kind, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// TestReplacedAuthority changes a server's certificate and the file of its authority under an open store, for one
// moment with a file that is none. Connections that are open stay.
func TestReplacedAuthority(t *testing.T) {
	dir := t.TempDir()
	files := certtest.Write(t, dir)
	trusted, err := trust.Load(trust.Files{CA: files.CA})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RemoteAddr) }))
	server.TLS = certtest.Serving(files, false)
	server.Listener = tls.NewListener(server.Listener, server.TLS)
	server.Start()
	t.Cleanup(server.Close)
	transport, err := Options{Trust: trusted}.transport(true)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: transport}
	from := func() string {
		t.Helper()
		answer, err := client.Get("https://" + server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		said, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(said)
	}
	first := from()
	certtest.Write(t, dir)
	if from() != first {
		t.Error("a connection was closed")
	}
	transport.CloseIdleConnections()
	second := from()
	if second == first {
		t.Error("the connection was not closed")
	}
	if err := os.WriteFile(files.CA, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	transport.CloseIdleConnections()
	if from() == second || trusted.Refused() == nil {
		t.Errorf("an empty file: %v", trusted.Refused())
	}
}
