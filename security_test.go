package lineup_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityNamesTestsThatExist reads docs/security.md: every test it names is where it says, and every row says what
// shows it, or what is not yet there, or whose it is.
func TestSecurityNamesTestsThatExist(t *testing.T) {
	text, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([^`]+)`")
	test := regexp.MustCompile(`^(?:([a-z0-9/]+) )?((?:Test|Fuzz|Benchmark)[A-Z]\w*)$`)
	rows, named := 0, 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| threat |") || strings.HasPrefix(line, "| |") ||
			strings.HasPrefix(line, "| guidance |") {
			continue
		}
		rows++
		room, shown := "", false
		for _, q := range quoted.FindAllStringSubmatch(line, -1) {
			found := test.FindStringSubmatch(q[1])
			if found == nil {
				continue
			}
			named++
			shown = true
			if found[1] != "" {
				room = found[1]
			}
			if room == "" || !declares(t, room, found[2]) {
				t.Errorf("docs/security.md names %s of %q, which is not there", found[2], room)
			}
		}
		if !shown && !strings.Contains(line, "**not yet**") && !strings.Contains(line, "yours") {
			t.Errorf("docs/security.md: nothing shows this row: %s", line)
		}
	}
	if rows < 60 || named < 90 {
		t.Errorf("%d rows with %d tests were read", rows, named)
	}
}

// declares says whether a test of that name stands in a folder's tests.
func declares(t *testing.T, room, name string) bool {
	files, err := filepath.Glob(filepath.Join(room, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	shared, err := filepath.Glob(filepath.Join(room, "*test.go")) // suites that several packages run
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, shared...) {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(source), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}
