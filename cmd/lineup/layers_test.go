package main_test

import (
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// room says what the packages at and below a path may import of ours.
type room struct {
	path string
	may  []string
}

// ports are what roles share with adapters.
var ports = []string{"schemas", "ingest/blob", "ingest/ledger", "ingest/queue", "indexer/face", "indexer/index"}

// rooms are the arrows of the picture in README.md, the narrower path first. "schemas" stands
// for all below it too, "*" for everything; any other name allows that package alone.
var rooms = []room{
	{"schemas", []string{"schemas"}},
	{"config", nil},
	{"ingest/blob", []string{"schemas", "ingest/blob", "ingest/blob/blobtest"}},
	{"ingest/broker", []string{"ingest/broker"}},
	{"ingest/ledger", []string{"schemas", "ingest/broker"}},
	{"ingest/queue", []string{"schemas", "ingest/broker"}},
	{"ingest/backup", []string{"schemas", "ingest/broker"}},
	{"ingest", []string{"schemas", "ingest/blob", "ingest/ledger", "ingest/queue"}},
	{"indexer/face/dlib", []string{"schemas", "indexer/face", "indexer/face/dlib/blas", "indexer/face/dlib/photo", "indexer/face/dlib/weights"}},
	{"indexer/face", []string{"schemas", "indexer/face"}},
	{"indexer/index", []string{"schemas", "indexer/index"}},
	{"indexer/score", []string{"schemas", "indexer/index"}},
	{"indexer", append([]string{"indexer/score"}, ports...)},
	{"scraper/source", []string{"schemas", "scraper", "scraper/definition", "scraper/definition/read"}},
	{"scraper/definition/notation", []string{"schemas"}},
	{"scraper/definition/redact", []string{"scraper/definition", "scraper/definition/notation"}},
	{"scraper/definition/read", []string{"schemas", "scraper", "scraper/fetch", "scraper/definition", "scraper/definition/notation", "scraper/definition/redact"}},
	{"scraper/definition", []string{"schemas", "scraper", "scraper/definition/notation"}},
	{"scraper/fetch", nil},
	{"scraper/samplesite", []string{"schemas", "scraper/samplesite/faces"}},
	{"scraper", []string{"schemas", "scraper/fetch"}},
	{"queryd/names", []string{"schemas"}},
	{"queryd/keys", []string{"ingest/broker"}},
	{"queryd/evidence", []string{"schemas", "ingest/broker"}},
	{"queryd/search", append([]string{"indexer/score", "queryd/evidence", "queryd/names"}, ports...)},
	{"queryd/serve", []string{"schemas", "indexer/face", "queryd/keys", "queryd/search"}},
	{"queryd/api", []string{"schemas", "indexer/face", "indexer/index", "indexer/score", "queryd/keys", "queryd/search", "queryd/serve"}},
	{"queryd/web", []string{"schemas", "indexer/index", "queryd/api", "queryd/keys", "queryd/search", "queryd/serve"}},
	{"queryd/mcp", []string{"schemas", "queryd/api", "queryd/keys", "queryd/search", "queryd/serve"}},
	{"queryd", append([]string{"queryd/search", "queryd/serve", "queryd/api", "queryd/web", "queryd/mcp", "queryd/keys", "queryd/evidence"}, ports...)},
	{"internal/evaluate", []string{"schemas", "indexer/face", "indexer/index", "indexer/score"}},
	{"internal/progress", nil},
	{"internal/operate", append([]string{"config", "ingest", "ingest/backup", "ingest/broker", "indexer/face/dlib/blas", "indexer/face/dlib/weights",
		"queryd/keys", "queryd/evidence", "queryd/search"}, ports...)},
	{"internal/node", []string{"*"}},
	{"deploy", nil},
	{"internal/testkit/brokertest", []string{"ingest/broker"}},
	{"internal/testkit/scrapertest", []string{"schemas", "scraper", "scraper/fetch"}},
	{"internal/testkit", []string{"schemas"}},
	{"cmd", []string{"*"}},
}

// TestLayers holds the arrows: no package imports what its room may not.
func TestLayers(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "lineup/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := 0
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; packages++ {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		path := strings.TrimPrefix(p.ImportPath, "lineup/")
		r, ok := roomOf(path)
		if !ok {
			t.Errorf("%s stands in no room of the picture", path)
		}
		for _, imported := range p.Imports {
			if ours, ok := strings.CutPrefix(imported, "lineup/"); ok && !r.allows(ours) {
				t.Errorf("%s imports %s, and its room may not", path, ours)
			}
		}
	}
	if packages < 30 {
		t.Errorf("go list named %d packages only", packages)
	}
}

func roomOf(path string) (room, bool) {
	for _, r := range rooms {
		if path == r.path || strings.HasPrefix(path, r.path+"/") {
			return r, true
		}
	}
	return room{}, false
}

func (r room) allows(imported string) bool {
	for _, may := range r.may {
		if may == "*" || imported == may || may == "schemas" && strings.HasPrefix(imported, "schemas/") {
			return true
		}
	}
	return false
}

// TestSchemasNeedTheStandardLibraryOnly holds that the vocabulary drags nothing in.
func TestSchemasNeedTheStandardLibraryOnly(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "lineup/schemas/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, path := range strings.Fields(string(out)) {
		if !strings.HasPrefix(path, "lineup/schemas") {
			t.Errorf("schemas depend on %s", path)
		}
	}
}

// TestTheProgramHoldsNoTestTools keeps what only tests import out of the binary.
func TestTheProgramHoldsNoTestTools(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "lineup/cmd/lineup").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	if !strings.Contains(string(out), "lineup/ingest\n") {
		t.Fatalf("go list names nothing of ours: %.200s", out)
	}
	for path := range strings.Lines(string(out)) {
		for _, tool := range []string{"testing\n", "k8s.io/", "sigs.k8s.io/", "github.com/compose-spec/", "github.com/prometheus/prometheus/",
			"github.com/chromedp/", "github.com/getkin/", "github.com/rogpeppe/", "github.com/google/go-cmp/", "lineup/internal/testkit/"} {
			if strings.HasPrefix(path, tool) {
				t.Errorf("the program holds %s", path)
			}
		}
	}
}
