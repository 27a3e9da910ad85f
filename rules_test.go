package lineup_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// product calls do with every file of the program, by its path.
func product(t *testing.T, do func(path, text string)) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			strings.HasPrefix(path, "deploy/") || strings.HasPrefix(path, "internal/testkit/") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		do(filepath.ToSlash(path), string(text))
		return nil
	})
	if err != nil || files < 150 {
		t.Fatalf("%d files: %v", files, err)
	}
}

// TestRulesHaveOneRoom holds that the words of a rule occur in the rule's room only: a second place is where
// copies drift apart.
func TestRulesHaveOneRoom(t *testing.T) {
	for _, rule := range []struct{ name, words, room string }{
		{"names of buckets and streams", `"(lineup-standings|lineup-runs|lineup-leases|lineup_keys|lineup_usage|lineup_evidence|` +
			`lineup_signing|lineup-jobs|lineup-dead)"`, "ingest/broker/"},
		{"how a bucket or stream is made", `(KeyValue|Stream)Config\{|CreateOrUpdate(KeyValue|Stream)`, "ingest/broker/"},
		{"what a page that refuses us says", `(?i)datadome|please enable cookies|just a moment`, "scraper/fetch/"},
	} {
		words, at := regexp.MustCompile(rule.words), 0
		product(t, func(path, text string) {
			if !words.MatchString(text) {
				return
			}
			if at++; !strings.HasPrefix(path, rule.room) {
				t.Errorf("%s stands in %s: its room is %s", rule.name, path, rule.room)
			}
		})
		if at == 0 {
			t.Errorf("%s stands nowhere: this test looks for the wrong words", rule.name)
		}
	}
}

// TestRoomsAreSmall holds what a reader can take in at once: files, packages, and a command line that only reads
// flags and prints. A number here may fall, never rise.
func TestRoomsAreSmall(t *testing.T) {
	packages, commands := map[string]int{}, 0
	product(t, func(path, text string) {
		lines := strings.Count(text, "\n")
		if lines > 500 {
			t.Errorf("%s has %d lines, 500 at most", path, lines)
		}
		dir := filepath.Dir(path)
		packages[dir]++
		if dir == "cmd/lineup" {
			commands += lines
		}
	})
	for dir, files := range packages {
		if files > 20 && dir != "cmd/lineup" { // one file a command there
			t.Errorf("%s has %d files", dir, files)
		}
	}
	if commands > 2100 {
		t.Errorf("cmd/lineup has %d lines", commands)
	}
}
