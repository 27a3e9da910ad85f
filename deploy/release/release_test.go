package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// TestMain is the program that is released, too: a Go binary that writes a manual and completion.
func TestMain(m *testing.M) {
	switch len(os.Args) {
	case 3:
		switch os.Args[1] {
		case "manual":
			if err := errors.Join(os.MkdirAll(os.Args[2], 0o755), os.WriteFile(filepath.Join(os.Args[2], "lineup.1"), []byte(".TH lineup 1\n"),
				0o600)); err != nil {
				panic(err)
			}
			return
		case "completion":
			fmt.Println("completes", os.Args[2])
			return
		}
	}
	os.Exit(m.Run())
}

func released(t *testing.T, level string, more ...string) string {
	t.Helper()
	out := t.TempDir()
	libraries := filepath.Join(t.TempDir(), "libraries")
	if err := os.WriteFile(libraries, []byte("libdlib-dev\t19.24\tBSL-1.0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"--version", "1.2.3", "--level", level, "--program", os.Args[0], "--out", out, "--epoch", "1764000000",
		"--libraries", libraries}, more...)
	if err := run(args); err != nil {
		t.Fatal(err)
	}
	return out
}

// sums are those of the files in a directory, by name.
func sums(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][32]byte{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = sha256.Sum256(data)
	}
	return all
}

// TestTheSameBitsTwice makes everything twice: a release can be made again by who doubts it.
func TestTheSameBitsTwice(t *testing.T) {
	first, second := sums(t, released(t, "x86-64-v3")), sums(t, released(t, "x86-64-v3"))
	if len(first) != 4 {
		t.Errorf("%d files made, want deb, rpm, tarball and bill of materials", len(first))
	}
	for name, sum := range first {
		if second[name] != sum {
			t.Errorf("%s differs between two runs", name)
		}
	}
}

// TestTarball has all a host needs, and nothing that names where it was built.
func TestTarball(t *testing.T) {
	out := released(t, "x86-64-v2")
	f, err := os.Open(filepath.Join(out, "lineup-x86-64-v2_1.2.3_amd64.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for head, data := range unpacked(t, z) {
		if head.ModTime.Unix() != 1764000000 || head.Uid != 0 {
			t.Errorf("%s is of %s and %d", head.Name, head.ModTime, head.Uid)
		}
		files[strings.TrimPrefix(head.Name, "lineup-x86-64-v2-1.2.3/")] = string(data)
	}
	for name, holds := range map[string]string{
		"usr/bin/lineup":                                  "",
		"usr/bin/lineup-ctl":                              "systemd-run",
		"usr/lib/systemd/system/lineup.service":           "ExecStart=/usr/bin/lineup up",
		"usr/lib/systemd/system/lineup.socket":            "ListenStream=",
		"usr/lib/systemd/system/lineup-query.service":     "ExecStart=/usr/bin/lineup query",
		"etc/lineup/lineup.yaml":                          "contact:",
		"usr/share/man/man1/lineup.1":                     ".TH lineup",
		"usr/share/zsh/site-functions/_lineup":            "completes zsh",
		"usr/share/fish/vendor_completions.d/lineup.fish": "completes fish",
		"usr/share/bash-completion/completions/lineup":    "completes bash",
		"usr/share/doc/lineup/LICENSE":                    "Apache License",
		"usr/share/doc/lineup/NOTICE":                     "dlib",
		"usr/share/doc/lineup/licenses/go-modules.txt":    "github.com",
	} {
		if text, there := files[name]; !there || !strings.Contains(text, holds) {
			t.Errorf("%s is missing or lacks %q", name, holds)
		}
	}
}

// TestBillOfMaterials names the modules the program was built of and the libraries linked in.
func TestBillOfMaterials(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(released(t, "x86-64-v3"), "lineup_1.2.3_amd64.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var bom struct {
		BomFormat, SpecVersion string
		Components             []struct{ Name, Version, Purl string }
	}
	if err := json.Unmarshal(data, &bom); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, c := range bom.Components {
		found[c.Name] = c.Version != "" && strings.HasPrefix(c.Purl, "pkg:")
	}
	if bom.BomFormat != "CycloneDX" || bom.SpecVersion != "1.6" || !found["stdlib"] || !found["aead.dev/minisign"] || !found["libdlib-dev"] {
		t.Errorf("%s %s with %v", bom.BomFormat, bom.SpecVersion, found)
	}
}

// TestImage loads what was made over an invented root, as docker does and as an OCI layout.
func TestImage(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root.tar")
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "etc/os-release", Size: 2, Mode: 0o644}), func() error {
		_,
			err := w.Write([]byte("x\n"))
		return err
	}(),
		w.Close(), os.WriteFile(root, buffer.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	models := t.TempDir()
	if err := os.WriteFile(filepath.Join(models, "small.dat"), []byte("model"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(released(t, "x86-64-v3", "--image", root, "--models", models), "lineup_1.2.3_amd64.image.tar")
	image, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	same(t, file, image)
	layers, err := image.Layers()
	if err != nil || len(layers) != 3 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c := config.Config; c.User != "65532:65532" || len(c.Entrypoint) != 1 || c.Entrypoint[0] != "lineup" ||
		len(config.RootFS.DiffIDs) != 3 {
		t.Errorf("%+v", config)
	}
}

// unpacked yields what a tar file holds.
func unpacked(t *testing.T, file io.Reader) iter.Seq2[*tar.Header, []byte] {
	return func(yield func(*tar.Header, []byte) bool) {
		t.Helper()
		for r := tar.NewReader(file); ; {
			head, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if !yield(head, data) {
				return
			}
		}
	}
}

// same reads file as an OCI layout of one image, which must be that which docker loads.
func same(t *testing.T, file string, loaded v1.Image) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dir := t.TempDir()
	for head, data := range unpacked(t, f) {
		path := filepath.Join(dir, filepath.Clean("/"+head.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	place, err := layout.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	index, err := place.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("%+v, %v", manifest, err)
	}
	image, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(image); err != nil {
		t.Errorf("the layout: %v", err)
	}
	one, err := image.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	if other, err := loaded.ConfigName(); err != nil || one != other {
		t.Errorf("the layout is of %s, what docker loads of %s, %v", one, other, err)
	}
	if kind, err := image.MediaType(); err != nil || kind != types.OCIManifestSchema1 {
		t.Errorf("a manifest of type %s, %v", kind, err)
	}
}

// TestSumsAreSigned with the operator's key, and verified as anybody would.
func TestSumsAreSigned(t *testing.T) {
	public, secret, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := minisign.EncryptKey("invented", secret)
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "minisign.key")
	if err := os.WriteFile(key, sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	out := released(t, "x86-64-v3")
	if err := run([]string{"--out", out, "--sums", "--key", key}); err == nil || !strings.Contains(err.Error(), "MINISIGN_PASSWORD") {
		t.Errorf("without the password: %v", err)
	}
	t.Setenv("MINISIGN_PASSWORD", "invented")
	if err := run([]string{"--out", out, "--sums", "--key", key}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(out, sumsFile))
	if err != nil {
		t.Fatal(err)
	}
	signature, err := os.ReadFile(filepath.Join(out, sumsFile+".minisig"))
	if err != nil {
		t.Fatal(err)
	}
	if !minisign.Verify(public, text, signature) || minisign.Verify(public, append(text, 'x'), signature) {
		t.Error("the signature does not hold the sums")
	}
	for name, sum := range sums(t, out) {
		if line := fmt.Sprintf("%x  %s\n", sum, name); !strings.HasPrefix(name, sumsFile) && !strings.Contains(string(text), line) {
			t.Errorf("%s is not among the sums", name)
		}
	}
}

func TestMisuse(t *testing.T) {
	for _, c := range []struct{ flag, value, want string }{
		{"--version", "latest", "x.y.z"}, {"--level", "x86-64-v9", "x86-64-v2"}, {"--program", "/none", "the program"},
	} {
		args := []string{"--version", "1.0.0", "--level", "x86-64-v3", "--program", os.Args[0], "--out", t.TempDir(), c.flag, c.value}
		if err := run(args); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %v", c.flag, c.value, err)
		}
	}
	if err := run([]string{"--out", t.TempDir(), "--sums"}); err == nil {
		t.Error("the sums of nothing were written")
	}
}
