// Package atrest looks for what files still hold of somebody, for tests of forgetting.
package atrest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
)

// Holding tells which files below dir hold text: in their path below it, as they are, or in a block that NATS has
// compressed. A file that goes away meanwhile holds nothing.
func Holding(t testing.TB, dir, text string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && d.IsDir() {
			return nil
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if at := bytes.Index(data, []byte("\xff\x06\x00\x00S2sTwO")); at >= 0 {
			whole := new(bytes.Buffer)
			_, _ = whole.ReadFrom(s2.NewReader(bytes.NewReader(data[at:]))) // what can be read of it
			data = append(data, whole.Bytes()...)
		}
		if bytes.Contains(data, []byte(text)) || strings.Contains(strings.TrimPrefix(path, dir), text) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
