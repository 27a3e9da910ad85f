package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lineup/schemas"
)

// TestSnippetsRun runs the programs that /docs shows, as they stand, against a server.
func TestSnippetsRun(t *testing.T) {
	h := town(t, told)
	base := h.listen()
	demo, err := os.ReadFile("../serve/demo.jpg")
	must(t, err)
	for _, c := range []struct {
		file    string
		command []string
		want    string
	}{
		{"faces.sh", []string{"sh", "faces.sh"}, `"faceMatches":[{"similarity":`},
		{"faces.js", []string{"node", "--input-type=module", "--eval"}, "matches; searched 1/1 registries"},
		{"faces.py", []string{"python3", "faces.py"}, "matches; searched 1/1 registries"},
		{"faces.go.txt", []string{"go", "run", "faces.go"}, "matches; searched 1/1 registries"},
		{"changes.py", []string{"python3", "changes.py"}, "2 listed"},
	} {
		t.Run(c.file, func(t *testing.T) {
			dir := t.TempDir()
			text, err := os.ReadFile(filepath.Join("../api/snippets", c.file))
			must(t, err)
			must(t, os.WriteFile(filepath.Join(dir, strings.TrimSuffix(c.file, ".txt")), text, 0o600))
			must(t, os.WriteFile(filepath.Join(dir, "demo.jpg"), demo, 0o600))
			if c.command[0] == "node" {
				c.command = append(c.command, string(text))
			}
			command := exec.CommandContext(t.Context(), c.command[0], c.command[1:]...)
			command.Dir = dir
			command.Env = append(os.Environ(), "LINEUP_URL="+base, "LINEUP_KEY="+h.key)
			out, err := command.CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.want) {
				t.Fatalf("%v, want %q in\n%s", err, c.want, out)
			}
			if c.file != "changes.py" {
				return
			}
			copies, err := os.ReadFile(filepath.Join(dir, "copies.json"))
			must(t, err)
			if strings.Contains(string(copies), string(schemas.RegistrantID("us-zz", "delisted"))) ||
				!strings.Contains(string(copies), string(schemas.RegistrantID("us-zz", "listed"))) {
				t.Errorf("copies are %s", copies)
			}
			// Again with a cursor that has expired: it starts over.
			must(t, os.WriteFile(filepath.Join(dir, "copies.json"), []byte(`{"cursor": "z-1-b", "copies": {"somebody who left": "us-zz"}}`), 0o600))
			again := exec.CommandContext(t.Context(), "python3", "changes.py")
			again.Dir, again.Env = dir, command.Env
			if out, err := again.CombinedOutput(); err != nil || !strings.Contains(string(out), "2 listed") {
				t.Errorf("with an expired cursor: %v\n%s", err, out)
			}
		})
	}
}
