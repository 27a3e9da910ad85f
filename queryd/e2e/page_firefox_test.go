//go:build release

package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestBackInFirefox walks the page in Debian's Firefox, which takes too long for every run: see make release-test.
func TestBackInFirefox(t *testing.T) {
	firefox, err := exec.LookPath("firefox-esr")
	if err != nil {
		t.Fatal("no Firefox found: apt-get install firefox-esr")
	}
	h, _ := gallerySeen(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/firefox")); err != nil {
		t.Fatal(err)
	}
	photo := filepath.Join(dir, "own.png")
	if err := os.WriteFile(photo, drawn(t, 300, 200), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) {
		t.Helper()
		c := exec.CommandContext(t.Context(), name, args...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	}
	run("node", "back.mjs", firefox, h.listen(), h.key, photo)
}
