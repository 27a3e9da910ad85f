package onnx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// ErrLicence says that nobody has accepted the licence of weights.
var ErrLicence = errors.New("the licence of the weights is not accepted")

// Fetch makes dir hold the weights of a description, from where their makers publish them. accepted
// is the licence that the operator accepts, by its name: it has to be the description's. progress
// is told how many bytes have come. Weights that are there and right are not fetched again.
func Fetch(ctx context.Context, d Description, dir, accepted string, client *http.Client, progress func(done, total int64)) error {
	if _, err := d.verify(dir); err == nil {
		return nil
	}
	switch {
	case d.SHA256 == "" || d.Bytes <= 0 || d.URL == "":
		return fmt.Errorf("fetch the weights of %s: its description has no address or sum: %s", d.ID, d.Note)
	case accepted != d.Licence:
		return fmt.Errorf("fetch the weights of %s: %w: it is %s (%s); read it, and say --accept-licence %s", d.ID, ErrLicence, d.Licence, d.URL,
			d.Licence)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("fetch the weights of %s: %w", d.ID, err)
	}
	part, err := os.CreateTemp(dir, "."+d.File+".*")
	if err != nil {
		return fmt.Errorf("fetch the weights of %s: %w", d.ID, err)
	}
	defer os.Remove(part.Name())
	defer part.Close()
	if err := download(ctx, d, part, client, progress); err != nil {
		return fmt.Errorf("fetch %s: %w; or put the file into %s yourself", d.URL, err, dir)
	}
	if err := errors.Join(part.Chmod(0o644), part.Sync(), part.Close()); err != nil {
		return fmt.Errorf("store the weights of %s: %w", d.ID, err)
	}
	got := d
	got.File = filepath.Base(part.Name())
	if _, err := got.verify(dir); err != nil {
		return fmt.Errorf("fetch %s: what came is not the file: %w", d.URL, err)
	}
	if err := os.Rename(part.Name(), filepath.Join(dir, d.File)); err != nil {
		return fmt.Errorf("store the weights of %s: %w", d.ID, err)
	}
	return nil
}

func download(ctx context.Context, d Description, to io.Writer, client *http.Client, progress func(done, total int64)) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.URL, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answered %s", response.Status)
	}
	count := &counter{total: d.Bytes, report: progress}
	_, err = io.Copy(to, io.TeeReader(io.LimitReader(response.Body, d.Bytes+1), count))
	return err
}

type counter struct {
	done, total int64
	report      func(done, total int64)
}

func (c *counter) Write(p []byte) (int, error) {
	c.done += int64(len(p))
	if c.report != nil {
		c.report(c.done, c.total)
	}
	return len(p), nil
}
