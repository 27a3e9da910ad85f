package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEvaluateTheSyntheticFaces runs the whole command with the real embedder. Its figures are
// those of the golden file that internal/evaluate holds for recorded embeddings: when only this test
// fails, the embedder has changed; when both do, the score has.
func TestEvaluateTheSyntheticFaces(t *testing.T) {
	album := filepath.Join("..", "..", "internal", "evaluate", "testdata")
	out := filepath.Join(t.TempDir(), "report")
	var stdout, stderr bytes.Buffer
	if code := run([]string{"--data", t.TempDir(), "evaluate", "--json", "--out", out, filepath.Join(album, "synthetic.csv")}, &stdout,
		&stderr); code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr.String())
	}
	want, err := os.ReadFile(filepath.Join(album, "synthetic.golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), stdout.String()); diff != "" {
		t.Errorf("figures of the real embedder (-golden +now):\n%s", diff)
	}
	written, err := os.ReadFile(filepath.Join(out, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(stdout.String(), string(written)); diff != "" {
		t.Errorf("report.json is not what was printed:\n%s", diff)
	}
	for _, name := range []string{"report.txt", "det.svg", "scores.svg", "promise.svg"} {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, or empty", name, err)
		}
	}
}

func TestEvaluateSaysWhatIsWrong(t *testing.T) {
	empty := t.TempDir()
	bare := filepath.Join(empty, "list.csv")
	if err := os.WriteFile(bare, []byte("person,photo\np1,p1.jpg\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"no photos":     {"evaluate", t.TempDir()},
		"no such group": {"evaluate", "--groups", "origin", bare},
		"no folder":     {"evaluate", filepath.Join(empty, "none")},
		"no format":     {"evaluate", "--format", "gif", empty},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(append([]string{"--data", t.TempDir()}, args...), &stdout, &stderr); code == 0 || stderr.Len() == 0 {
			t.Errorf("%s: exit code %d, %q", name, code, stderr.String())
		}
	}
}
