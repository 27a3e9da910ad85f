package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const user = 65532

// image writes a container image on top of a root directory made from Debian's packages. The file is an OCI layout that
// docker and podman also load. It contacts no registry and needs no daemon.
func (p plan) image(root, models string, c contents) error {
	program, err := p.layer(func(w *tar.Writer) error {
		for _, dir := range []string{"data", "models"} {
			if err := w.WriteHeader(&tar.Header{Name: dir + "/", Typeflag: tar.TypeDir, Mode: 0o700, Uid: user, Gid: user,
				ModTime: p.at}); err != nil {
				return err
			}
		}
		return p.pack(w, c, "")
	})
	if err != nil {
		return err
	}
	base, err := tarball.LayerFromFile(root, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return fmt.Errorf("read the root directory: %w", err)
	}
	layers := []v1.Layer{base, program}
	if models != "" {
		faces, err := p.layer(func(w *tar.Writer) error { return p.packModels(w, models) })
		if err != nil {
			return err
		}
		layers = append(layers, faces)
	}
	image, err := mutate.AppendLayers(mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1),
		layers...)
	if err != nil {
		return err
	}
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{Architecture: "amd64", OS: "linux", Created: v1.Time{Time: p.at},
		RootFS: rootOf(image), Config: v1.Config{
			User: fmt.Sprintf("%d:%d", user, user), Entrypoint: []string{"lineup"}, Cmd: []string{"up"}, WorkingDir: "/data",
			Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin", "TMPDIR=/data", "OPENBLAS_NUM_THREADS=1",
				"LINEUP_DATA=/data", "LINEUP_MODELS=/models",
				"LINEUP_LOG_FORMAT=json", "LINEUP_LISTEN=0.0.0.0:8080", "LINEUP_PRIVATE=0.0.0.0:9090"},
			ExposedPorts: map[string]struct{}{"8080/tcp": {}, "9090/tcp": {}}, Volumes: map[string]struct{}{"/data": {}},
			Labels: map[string]string{"org.opencontainers.image.title": "lineup", "org.opencontainers.image.version": p.version,
				"org.opencontainers.image.licenses": "Apache-2.0"},
		}})
	if err != nil {
		return err
	}
	return p.archive(image)
}

// archive writes the OCI layout of one image together with docker's manifest.json, as docker save does.
func (p plan) archive(image v1.Image) (err error) {
	dir, err := os.MkdirTemp("", "lineup-image")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	place, err := layout.Write(dir, empty.Index)
	if err != nil {
		return fmt.Errorf("write the image's layout: %w", err)
	}
	// The name as docker and podman know it, and as tools of OCI layouts do.
	if err := place.AppendImage(image, layout.WithAnnotations(map[string]string{"io.containerd.image.name": "docker.io/library/lineup:" +
		p.version, "org.opencontainers.image.ref.name": p.version})); err != nil {
		return fmt.Errorf("write the image's layout: %w", err)
	}
	if err := p.loadable(image, dir); err != nil {
		return err
	}
	f, err := os.Create(p.name(".image.tar"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := tar.NewWriter(f)
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		within, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: filepath.ToSlash(within), Mode: 0o644, Size: int64(len(data)), ModTime: p.at}); err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	}); err != nil {
		return err
	}
	return w.Close()
}

// loadable writes manifest.json, docker's list of the images in a layout.
func (p plan) loadable(image v1.Image, dir string) error {
	manifest, err := image.Manifest()
	if err != nil {
		return err
	}
	blob := func(d v1.Descriptor) string { return "blobs/" + d.Digest.Algorithm + "/" + d.Digest.Hex }
	one := tarball.Descriptor{Config: blob(manifest.Config), RepoTags: []string{"lineup:" + p.version}}
	for _, layer := range manifest.Layers {
		one.Layers = append(one.Layers, blob(layer))
	}
	data, err := json.Marshal([]tarball.Descriptor{one})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "manifest.json"), data, 0o644)
}

func rootOf(image v1.Image) v1.RootFS {
	c, err := image.ConfigFile()
	if err != nil {
		return v1.RootFS{Type: "layers"}
	}
	return c.RootFS
}

// layer is one layer of the image; fill writes its tar entries.
func (p plan) layer(fill func(*tar.Writer) error) (v1.Layer, error) {
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	if err := errors.Join(fill(w), w.Close()); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer))
}

func (p plan) packModels(w *tar.Writer, dir string) error {
	entries, err := filepath.Glob(filepath.Join(dir, "*.dat"))
	if err != nil || len(entries) == 0 {
		return fmt.Errorf("%d models in %s: %w", len(entries), dir, err)
	}
	slices.Sort(entries)
	for _, path := range entries {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: "models/" + filepath.Base(path), Mode: 0o644, Size: int64(len(data)),
			ModTime: p.at}); err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}
