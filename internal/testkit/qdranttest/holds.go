package qdranttest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"
)

// Real says whether a real server stands behind s.
func (s *Server) Real() bool { return s.real != nil }

// Holds says whether these bytes are in the memory of the stand-in, or in the storage of a real server that was started here;
// looked is false for one that somebody else runs.
func (s *Server) Holds(t testing.TB, what []byte) (holds, looked bool) {
	t.Helper()
	if s.real != nil {
		return s.real.holds(t, what), s.real.program != ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.data {
		for _, p := range c.points {
			data, err := proto.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(data, what) {
				return true, true
			}
		}
	}
	return false, true
}

// holds looks through the files of a server that was started here.
func (r *real) holds(t testing.TB, what []byte) (found bool) {
	t.Helper()
	if r.program == "" {
		return false
	}
	err := filepath.WalkDir(filepath.Join(r.dir, "storage"), func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && entry.IsDir() {
			return nil
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the server rewrote it
		}
		found = found || bytes.Contains(data, what)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
