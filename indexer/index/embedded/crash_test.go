package embedded

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lineup/indexer/index"
	"lineup/indexer/index/indextest"
)

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("LINEUP_CRASH_DIR"); dir != "" {
		if err := writeForEver(dir); err != nil {
			fmt.Println("error", err)
		}
		return
	}
	os.Exit(m.Run())
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// writeForEver replaces the same ten registrants, in one batch a revision, and prints each
// revision that was acknowledged.
func writeForEver(dir string) error {
	x, err := Open(context.Background(), dir, quiet())
	if err != nil {
		return err
	}
	for revision := uint64(1); revision < 1e6; revision++ {
		var batch []index.Entry
		for n := range 10 {
			batch = append(batch, indextest.Person(n, revision, nil))
		}
		if err := x.Replace(context.Background(), "one", batch...); err != nil {
			return err
		}
		fmt.Println(revision)
	}
	return nil
}

// TestKilledInMidWrite kills a writing process at some moment, several times over: whole
// transactions are left, and everything that was acknowledged.
func TestKilledInMidWrite(t *testing.T) {
	for round := range 4 {
		dir := t.TempDir()
		x, err := Open(context.Background(), dir, quiet())
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		indextest.Serving(t, x, indextest.Model)
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "LINEUP_CRASH_DIR="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		acknowledged := uint64(0)
		read := func() bool {
			if !lines.Scan() {
				return false
			}
			if _, err := fmt.Sscan(lines.Text(), &acknowledged); err != nil {
				t.Fatalf("the writer says %q", lines.Text())
			}
			return true
		}
		for range 5 + 7*round {
			read()
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for read() {
		}
		_ = child.Wait() // it was killed
		if acknowledged == 0 {
			t.Fatal("the writer never wrote")
		}
		again, err := Open(context.Background(), dir, quiet())
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		for name, ix := range map[string]*Index{"beside": x, "afterwards": again} {
			revisions := map[uint64]int{}
			for d, err := range ix.Walk(context.Background(), "one", "") {
				if err != nil {
					t.Fatal(err)
				}
				revisions[d.Revision]++
			}
			for r, n := range revisions {
				if r < acknowledged || n != 10 {
					t.Errorf("%s: %d registrants at revision %d, want all 10 at %d or the next", name, n, r, acknowledged)
				}
			}
			near, _, err := ix.Nearest(context.Background(), make([]float32, indextest.Model.Dimensions), 100, index.Filter{})
			if err != nil || len(near) != 10 {
				t.Errorf("%s: %d faces, %v, want 10", name, len(near), err)
			}
		}
		g, release, err := again.reading(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		var ok string
		if err := g.read.QueryRow("PRAGMA integrity_check").Scan(&ok); err != nil || ok != "ok" {
			t.Errorf("integrity check: %q, %v", ok, err)
		}
		release()
	}
}

func TestDiskFull(t *testing.T) {
	ctx := context.Background()
	x, err := Open(ctx, t.TempDir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	indextest.Serving(t, x, indextest.Model)
	indextest.Put(t, x, indextest.Person(1, 1, nil))
	g, release, err := x.reading(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	limit := func(pages string) {
		t.Helper()
		if _, err := g.write.Exec("PRAGMA max_page_count = " + pages); err != nil {
			t.Fatal(err)
		}
	}
	limit("1") // SQLite takes the present size then
	var batch []index.Entry
	for n := range 200 {
		batch = append(batch, indextest.Person(n, 2, nil))
	}
	err = x.Replace(ctx, "one", batch...)
	if err == nil || !strings.Contains(err.Error(), "no space left") || !strings.Contains(err.Error(), "hint:") {
		t.Fatalf("replace on a full disk: %v, want an error that says so", err)
	}
	if docs, err := x.Lookup(ctx, batch[1].ID, batch[2].ID); err != nil || len(docs) != 1 || docs[0].Revision != 1 {
		t.Errorf("afterwards: %d documents, %v; want the one of before", len(docs), err)
	}
	if near, _, err := x.Nearest(ctx, batch[1].Faces[0].Embedding, 9, index.Filter{}); err != nil || len(near) != 1 {
		t.Errorf("afterwards: %d faces, %v; want the one of before", len(near), err)
	}
	limit("1000000")
	indextest.Put(t, x, batch...)
	if c, err := x.Count(ctx, "one"); err != nil || c.Faces != 200 {
		t.Errorf("with space again: %+v, %v", c, err)
	}
}

// filled is an index with some people, and its serving generation.
func filled(t testing.TB) (*Index, *generation) {
	x, err := Open(context.Background(), t.TempDir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	indextest.Serving(t, x, indextest.Model)
	for n := range 30 {
		indextest.Put(t, x, indextest.Person(n, 1, nil))
	}
	indextest.Put(t, x, indextest.Gone(indextest.Person(3, 1, nil), 2))
	g, release, err := x.reading(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return x, g
}

func snapshotOf(t testing.TB, g *generation) []byte {
	v := g.arena.acquire()
	defer g.arena.release(v)
	var b bytes.Buffer
	if err := writeSnapshot(context.Background(), &b, v, g.file, g.Model.Dimensions); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSnapshotFile: a reader that starts from the file answers as one that does not, also
// about what came after it; a damaged file, or another's, is put aside.
func TestSnapshotFile(t *testing.T) {
	ctx := context.Background()
	x, g := filled(t)
	data := snapshotOf(t, g)
	indextest.Put(t, x, indextest.Person(40, 1, nil), indextest.Gone(indextest.Person(5, 1, nil), 2))
	probe := indextest.Embedding(indextest.Model.Dimensions, "probe")
	want, _, err := x.Nearest(ctx, probe, 100, index.Filter{Sources: []string{"us-aa"}})
	if err != nil || len(want) != 29 {
		t.Fatalf("%d faces, %v", len(want), err)
	}
	flip := bytes.Clone(data)
	flip[len(flip)-20] ^= 1
	other := bytes.Replace(data, []byte(g.file), []byte("xxx"+g.file[3:]), 1)
	for _, c := range []struct {
		name string
		data []byte
		used bool
	}{{"whole", data, true}, {"a bit flipped", flip, false}, {"cut off", data[:len(data)/2], false}, {"empty", nil, false},
		{"longer", append(bytes.Clone(data), 0), false}, {"of another generation", other, false}} {
		path := g.path + snapshotSuffix
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := openGeneration(ctx, filepath.Dir(g.path), g.file, g.Generation)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		// The whole file too is gone by now: the one who left after it was in it.
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the file is still there: %v", c.name, err)
		}
		v, err := again.view(ctx)
		if err != nil {
			t.Fatal(err)
		}
		hits, err := v.nearest(ctx, probe, 100, index.Filter{Sources: []string{"us-aa"}})
		if err != nil || len(hits) != len(want) {
			t.Fatalf("%s: %d faces, %v, want %d", c.name, len(hits), err, len(want))
		}
		for i, h := range hits {
			if f := v.face(v.chunks[h.chunk], h.row); f.ID != want[i].Face.ID || f.Quality.Step != want[i].Face.Quality.Step {
				t.Errorf("%s: face %d is %s, want %s", c.name, i, f.ID, want[i].Face.ID)
			}
		}
		again.arena.release(v)
		again.close()
		fresh := newArena(g.Model.Dimensions)
		if _, err := readSnapshot(bytes.NewReader(c.data), int64(len(c.data)), fresh, g.file); (err == nil) != c.used {
			t.Errorf("%s: read with error %v", c.name, err)
		}
		fresh.close()
	}
}

// FuzzSnapshot: whatever stands in the file, reading it ends, and an arena that was read can
// be searched.
func FuzzSnapshot(f *testing.F) {
	_, small := filled(f)
	x, large, _ := sieveIndex(f, 40)
	large.keep(f.Context(), x)
	for _, g := range []*generation{small, large} {
		data := snapshotOf(f, g)
		f.Add(data)
		f.Add(data[:40])
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		g := small
		if bytes.Contains(data, []byte(large.file)) {
			g = large
		}
		a := newArena(g.Model.Dimensions)
		defer a.close()
		if _, err := readSnapshot(bytes.NewReader(data), int64(len(data)), a, g.file); err != nil {
			return
		}
		a.publish(1)
		v := a.acquire()
		defer a.release(v)
		if _, err := v.nearest(context.Background(), make([]float32, a.dim), 10, index.Filter{States: []string{"AA"}}); err != nil {
			t.Error(err)
		}
	})
}
