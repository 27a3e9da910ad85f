package main_test

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestEveryTestOfHTTPStaysHere holds that the tests of each package that speaks HTTP, or whose tests
// do, run with loopback in force.
func TestEveryTestOfHTTPStaysHere(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "lineup/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	held := 0
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath                         string
			Imports, TestImports, XTestImports []string
		}
		if err := decoder.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		tests := append(p.TestImports, p.XTestImports...)
		speaks := slices.ContainsFunc(append(p.Imports, tests...), func(path string) bool {
			return path == "net/http" || path == "net/http/httptest" || strings.HasPrefix(path, "lineup/scraper") &&
				path != "lineup/scraper/samplesite/faces" || strings.Contains(path, "minio-go")
		})
		if len(tests) == 0 || !speaks {
			continue
		}
		held++
		if !slices.Contains(tests, "lineup/internal/testkit/loopback") && p.ImportPath != "lineup/internal/testkit/loopback" {
			t.Errorf("the tests of %s may dial out: give them func TestMain(m *testing.M) { loopback.Main(m) }", p.ImportPath)
		}
	}
	if held < 9 {
		t.Errorf("only %d packages speak HTTP", held)
	}
}
