package backup

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest/broker"
	"lineup/ingest/ledger"
	"lineup/ingest/signing"
	"lineup/internal/testkit/stores"
	"lineup/schemas"
)

const source = "import-zz@police.example" // of an agency: not one token of a key

// house is an empty one.
func house(t *testing.T) (jetstream.JetStream, *ledger.Ledger) {
	t.Helper()
	js := stores.JetStream(t)
	l, err := ledger.Open(t.Context(), js, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(broker.Prepare(t.Context(), js, 1), signing.Prepare(t.Context(), js)); err != nil {
		t.Fatal(err)
	}
	return js, l
}

func id(key string) schemas.UUID { return schemas.RegistrantID(source, key) }

func list(t *testing.T, l *ledger.Ledger, key string, change func(*schemas.Listing)) schemas.Listing {
	t.Helper()
	s, err := l.Update(t.Context(), source, id(key), func(s *schemas.Listing) error {
		s.Revision++
		s.Listed, s.Key, s.Record = true, key, schemas.DigestOf([]byte(key))
		if change != nil {
			change(s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func remove(s *schemas.Listing) {
	*s = schemas.Listing{ID: s.ID, Source: s.Source, Revision: s.Revision, Removal: &schemas.Removal{At: time.Unix(1e9, 0).UTC(),
		Reason: "court order 12"}}
}

// full is a house with three registrants, one of them removed, a run and a key; and its backup.
func full(t *testing.T) (dir string) {
	t.Helper()
	js, l := house(t)
	list(t, l, "a", func(s *schemas.Listing) { s.Marks = map[string]schemas.Mark{"g1": {Revision: 1, Model: "m"}} })
	list(t, l, "b", nil)
	list(t, l, "c", remove)
	if _, err := l.UpdateRuns(t.Context(), source, func(*ledger.Runs) error { return nil }); err != nil {
		t.Fatal(err)
	}
	put(t, js, "k1", "hash of a key")
	dir = filepath.Join(t.TempDir(), "backup")
	m, err := Write(t.Context(), js, dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, file := range m.Files {
		counts[file.Name] = file.Entries
	}
	want := map[string]int{"lineup-standings.jsonl": 3, "lineup-runs.jsonl": 1, "lineup_keys.jsonl": 1, "lineup_watches.jsonl": 0,
		"lineup_hooks.jsonl":   0,
		"lineup_signing.jsonl": 2, "lineup-signing-removals.jsonl": 1, removalsFile: 1}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Fatalf("entries (-want +got):\n%s", diff)
	}
	return dir
}

func put(t *testing.T, js jetstream.JetStream, key, value string) {
	t.Helper()
	bucket, err := broker.UseBucket(js, broker.Keys)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Create(t.Context(), key, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

func TestThereAndBack(t *testing.T) {
	dir := full(t)
	list1, err := os.ReadFile(filepath.Join(dir, removalsFile))
	if err != nil || !strings.Contains(string(list1), "court order 12") || !strings.Contains(string(list1), string(id("c"))) {
		t.Errorf("removal list: %s, %v", list1, err)
	}
	for _, file := range []string{manifestFile, removalsFile, "lineup_keys.jsonl"} {
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v, want mode 0600", file, info.Mode(), err)
		}
	}
	js, l := house(t)
	for round, want := range []Restored{{Added: 7}, {Same: 7}} { // the second changes nothing
		if _, done, err := Restore(t.Context(), js, dir); err != nil || done != want {
			t.Fatalf("Restore, round %d: %+v, %v, want %+v", round, done, err, want)
		}
	}
	a, err := l.Listing(t.Context(), source, id("a"))
	if err != nil || !a.Listed || a.Key != "a" || len(a.Marks) != 0 || a.Revision <= 1 {
		t.Errorf("a came back as %+v, %v: want it listed, later, and without marks", a, err)
	}
	c, err := l.Listing(t.Context(), source, id("c"))
	if err != nil || c.Listed || c.Removal == nil || c.Removal.Reason != "court order 12" {
		t.Errorf("the removed came back as %+v, %v", c, err)
	}
	if _, err := l.Runs(t.Context(), source); err != nil {
		t.Errorf("runs: %v", err)
	}
	bucket, err := broker.UseBucket(js, broker.Keys)
	if err != nil {
		t.Fatal(err)
	}
	if e, err := bucket.Get(t.Context(), "k1"); err != nil || string(e.Value) != "hash of a key" {
		t.Errorf("key: %v, %v", e, err)
	}
}

// A removal made after the backup must survive its restore.
func TestRestoreKeepsWhatIsThere(t *testing.T) {
	dir := full(t)
	js, l := house(t)
	list(t, l, "a", remove)
	_, done, err := Restore(t.Context(), js, dir)
	if want := (Restored{Added: 6, Kept: 1}); err != nil || done != want {
		t.Fatalf("Restore: %+v, %v, want %+v", done, err, want)
	}
	if a, err := l.Listing(t.Context(), source, id("a")); err != nil || a.Listed || a.Removal == nil {
		t.Errorf("the removed is %+v, %v", a, err)
	}
}

func TestWriteRefusesWhatIsThere(t *testing.T) {
	js, _ := house(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(t.Context(), js, dir, "test"); !errors.Is(err, ErrExists) {
		t.Errorf("Write: %v, want ErrExists", err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(t *testing.T, dir string)
		want error
	}{
		"no manifest":  {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, manifestFile))) }, fs.ErrNotExist},
		"file gone":    {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "lineup_keys.jsonl"))) }, ErrDamaged},
		"a bit turned": {func(t *testing.T, dir string) { replace(t, dir, "lineup-standings.jsonl", `"key"`, `"kez"`) }, ErrDamaged},
		"cut short": {func(t *testing.T, dir string) {
			must(t, os.Truncate(filepath.Join(dir, "lineup-standings.jsonl"), 20))
		}, ErrDamaged},
		"manifest climbs": {func(t *testing.T, dir string) { replace(t, dir, manifestFile, "removals.jsonl", "../removals.jsonl") }, ErrDamaged},
		"not a manifest":  {func(t *testing.T, dir string) { replace(t, dir, manifestFile, "{", "[") }, ErrDamaged},
		"newer": {func(t *testing.T, dir string) { replace(t, dir, manifestFile, `"schema": 1`, `"schema": 99`) },
			schemas.ErrNewerSchema},
	} {
		t.Run(name, func(t *testing.T) {
			dir := full(t)
			c.harm(t, dir)
			js, l := house(t)
			if _, done, err := Restore(t.Context(), js, dir); !errors.Is(err, c.want) || done != (Restored{}) {
				t.Errorf("Restore: %+v, %v, want nothing done and %v", done, err, c.want)
			}
			for range l.Each(t.Context(), "") {
				t.Error("something was restored")
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	js, _ := house(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := filepath.Join(t.TempDir(), "backup")
	if _, err := Write(ctx, js, dir, "test"); err == nil {
		t.Error("Write succeeded")
	}
	if _, err := Verify(dir); err == nil {
		t.Error("an interrupted backup looks whole")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func replace(t *testing.T, dir, name, old, new string) {
	t.Helper()
	file := filepath.Join(dir, name)
	data, err := os.ReadFile(file)
	must(t, err)
	if !strings.Contains(string(data), old) {
		t.Fatalf("%s has no %s", name, old)
	}
	must(t, os.WriteFile(file, []byte(strings.Replace(string(data), old, new, 1)), 0o600))
}
