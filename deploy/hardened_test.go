package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestHardened holds that the container file asks the compiler for what the Makefile asks it for, and that
// the check tells a hardened program from others.
func TestHardened(t *testing.T) {
	makefile, containerfile := string(read(t, "../Makefile")), string(read(t, "Containerfile"))
	flags := regexp.MustCompile(`(?m)^HARDENED := (.*)$`).FindStringSubmatch(makefile)
	if flags == nil || !strings.Contains(containerfile, `ARG HARDENED="`+flags[1]+`"`) {
		t.Fatalf("the container file does not harden as the Makefile does: %q", flags)
	}
	if !strings.Contains(makefile, "-buildmode=pie") || !strings.Contains(containerfile, "-buildmode=pie") {
		t.Error("not position independent")
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "copy.c")
	program := `#include <stdio.h>
#include <string.h>
int main(int n, char **words) { char room[16]; memcpy(room, words[0], n); fprintf(stderr, "%s", room); return 0; }
`
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	all := append(strings.Fields(flags[1]), "-fPIE", "-pie", "-Wl,-z,relro,-z,now")
	for _, c := range []struct {
		name   string
		change []string // what the compiler is told last
		lacks  string
	}{
		{"as asked for", nil, ""},
		{"fixed in memory", []string{"-no-pie"}, "position independent"},
		{"bound late", []string{"-Wl,-z,lazy"}, "relocations at once"},
		{"an executable stack", []string{"-z", "execstack"}, "a stack"},
		{"an unwatched stack", []string{"-fno-stack-protector"}, "stack protector"},
		{"unwatched copies", []string{"-U_FORTIFY_SOURCE"}, "fortified"},
	} {
		out := filepath.Join(dir, "program")
		args := append(append(slices.Clone(all), c.change...), "-o", out, source)
		if said, err := exec.CommandContext(t.Context(), "cc", args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", c.name, err, said)
		}
		said, err := exec.CommandContext(t.Context(), "./hardened.sh", out).CombinedOutput()
		if (err == nil) != (c.lacks == "") || !strings.Contains(string(said), c.lacks) {
			t.Errorf("%s: %v: %s", c.name, err, said)
		}
	}
}
