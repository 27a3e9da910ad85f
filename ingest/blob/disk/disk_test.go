package disk

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lineup/ingest/blob"
	"lineup/ingest/blob/blobtest"
	"lineup/schemas"
)

const owner = schemas.UUID("abcdef01-2345-5678-8abc-def012345678")

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestConformance(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blobtest.Bench {
		dir := filepath.Join(t.TempDir(), "made", "by", "open")
		return blobtest.Bench{
			Store:  open(t, dir),
			Reopen: func(t *testing.T) blob.Store { return open(t, dir) },
			Overwrite: func(t *testing.T, ref blob.Ref, data []byte) {
				if err := os.WriteFile(filepath.Join(dir, fileOf(ref)), data, 0o600); err != nil {
					t.Fatal(err)
				}
			},
			Litter: func(t *testing.T) {
				for _, name := range []string{"README", "11/11/notes.txt", "11/11/" + string(owner) + ".photo." + strings.Repeat("0", 64), "tmp/half",
					"lost+found/x"} {
					file := filepath.Join(dir, name)
					if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(file, []byte("litter"), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			},
		}
	})
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	ref, err := open(t, dir).Put(t.Context(), owner, blob.Photo, []byte("photo"))
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]fs.FileMode{
		".":         0o700 | fs.ModeDir,
		"ab":        0o700 | fs.ModeDir,
		"ab/cd":     0o700 | fs.ModeDir,
		fileOf(ref): 0o600,
	} {
		info, err := os.Stat(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", file, info.Mode(), want)
		}
	}
}

func TestOpenRemovesWhatKilledPutsLeft(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	old, fresh := filepath.Join(dir, tmpDir, "old"), filepath.Join(dir, tmpDir, "fresh")
	for _, file := range []string{old, fresh} {
		if err := os.WriteFile(file, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-2 * tmpAge)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old half-written file is still there: %v", err)
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Errorf("a file another process may still be writing is gone: %v", err)
	}
}

// A link planted in the tree must not lead a write or a read out of it.
func TestLinksDoNotLeadOut(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	s := open(t, dir)
	if err := os.Symlink(outside, filepath.Join(dir, "ab")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), owner, blob.Photo, []byte("photo")); err == nil {
		t.Error("Put followed a link out of its directory")
	}
	if left, _ := os.ReadDir(outside); len(left) != 0 {
		t.Errorf("outside now holds %v", left)
	}
}

// A limit on the size of files fails a write half way, as a full disk does, on any machine. It
// holds for a whole process, so the test runs in one of its own.
func TestFull(t *testing.T) {
	if os.Getenv("LINEUP_TEST_FULL") != "" {
		testFull(t)
		return
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFull$", "-test.v")
	child.Env = append(os.Environ(), "LINEUP_TEST_FULL=1")
	said, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(said), "--- PASS: TestFull") {
		t.Errorf("%v:\n%s", err, said)
	}
}

func testFull(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	small, err := s.Put(t.Context(), owner, blob.Photo, []byte("small"))
	if err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 64 << 10, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	big := bytes.Repeat([]byte("big"), 100_000)
	_, err = s.Put(t.Context(), owner, blob.Photo, big)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, blob.ErrFull) {
		t.Fatalf("Put without room: %v, want ErrFull", err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, tmpDir)); err != nil || len(left) != 0 {
		t.Errorf("half-written files left: %v, %v", left, err)
	}
	var found []blob.Ref
	for info, err := range s.Walk(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, info.Ref)
	}
	if len(found) != 1 || found[0] != small {
		t.Errorf("the store holds %v, want only %v", found, small)
	}
	if _, err := s.Put(t.Context(), owner, blob.Photo, big); err != nil {
		t.Errorf("Put with room again: %v", err)
	}
}

func TestClosed(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), owner, blob.Photo, []byte("x")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Put after Close: %v, want fs.ErrClosed", err)
	}
}

// Names read back only from where they belong, and never as a path.
func FuzzRefOf(f *testing.F) {
	digest := string(schemas.DigestOf([]byte("x")))
	f.Add("ab/cd", string(owner)+".photo."+digest)
	f.Add("ab/ce", string(owner)+".photo."+digest)
	f.Add("..", "../x.photo."+digest)
	f.Add("tmp", "half")
	f.Fuzz(func(t *testing.T, dir, file string) {
		if ref, ok := refOf(dir, file); ok && fileOf(ref) != dir+"/"+file {
			t.Fatalf("%s/%s was read as %s", dir, file, fileOf(ref))
		}
	})
}
