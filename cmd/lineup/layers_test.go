package main_test

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
// for all below it too, "*" for everything but what only tests use; any other name allows that package alone.
var rooms = []room{
	{"schemas", []string{"schemas"}},
	{"config", []string{"schemas"}},
	{"ingest/blob/minio", []string{"schemas", "ingest/blob", "ingest/blob/blobtest", "internal/trust"}},
	{"ingest/blob", []string{"schemas", "ingest/blob", "ingest/blob/blobtest"}},
	{"ingest/broker", []string{"ingest/broker", "internal/trust"}},
	{"ingest/ledger", []string{"schemas", "ingest/broker"}},
	{"ingest/queue", []string{"internal/tracing", "schemas", "ingest/broker"}},
	{"ingest/signing", []string{"ingest/broker"}},
	{"ingest/removals", []string{"schemas"}},
	{"ingest/backup", []string{"schemas", "ingest/broker", "ingest/signing"}},
	{"ingest", []string{"internal/tracing", "schemas", "ingest/blob", "ingest/ledger", "ingest/queue"}},
	{"indexer/face/dlib", []string{"schemas", "indexer/face", "indexer/face/dlib/blas", "indexer/face/dlib/photo",
		"indexer/face/dlib/weights"}},
	{"indexer/face/onnx", []string{"schemas", "indexer/face"}},
	{"indexer/face", []string{"schemas", "indexer/face"}},
	{"indexer/index/qdrant", []string{"schemas", "indexer/index", "indexer/index/indextest", "internal/trust"}},
	{"indexer/index", []string{"schemas", "indexer/index"}},
	{"indexer/score", []string{"schemas", "indexer/index"}},
	{"indexer", append([]string{"internal/tracing", "indexer/score"}, ports...)},
	{"scraper/source", []string{"schemas", "scraper", "scraper/definition", "scraper/definition/read"}},
	{"scraper/definition/notation", []string{"schemas"}},
	{"scraper/definition/forms", []string{"scraper/definition/notation"}},
	{"scraper/definition/redact", []string{"scraper/definition", "scraper/definition/notation"}},
	{"scraper/definition/read", []string{"schemas", "scraper", "scraper/fetch", "scraper/definition", "scraper/definition/forms",
		"scraper/definition/notation", "scraper/definition/redact"}},
	{"scraper/definition", []string{"schemas", "scraper", "scraper/definition/notation"}},
	{"scraper/fetch", []string{"internal/dial"}},
	{"scraper/samplesite", []string{"schemas", "scraper/samplesite/faces", "scraper/samplesite/people"}},
	{"scraper", []string{"internal/tracing", "schemas", "scraper/fetch"}},
	{"queryd/names", []string{"schemas"}},
	{"queryd/gazetteer", []string{"schemas", "indexer/index"}},
	{"queryd/keys", []string{"schemas", "ingest/broker"}},
	{"queryd/evidence", []string{"schemas", "indexer/score", "ingest/broker", "ingest/signing"}},
	{"queryd/search", append([]string{"internal/tracing", "indexer/score", "queryd/evidence", "queryd/gazetteer", "queryd/names"}, ports...)},
	{"queryd/watches", []string{"schemas", "indexer/index", "queryd/keys", "queryd/search"}},
	{"queryd/photolink", []string{"schemas", "ingest/signing"}},
	{"queryd/retention", []string{"ingest/broker", "ingest/ledger"}},
	{"queryd/serve", []string{"internal/tracing", "schemas", "indexer/face", "queryd/keys", "queryd/photolink", "queryd/search"}},
	{"queryd/api", []string{"schemas", "ingest/ledger", "indexer/face", "indexer/index", "indexer/score", "queryd/gazetteer", "queryd/keys",
		"queryd/names", "queryd/retention", "queryd/search", "queryd/serve", "queryd/watches",
		"internal/dial"}}, // dials nothing: it asks which addresses are public
	{"queryd/web", []string{"schemas", "indexer/index", "queryd/api", "queryd/gazetteer", "queryd/keys", "queryd/names", "queryd/retention",
		"queryd/search", "queryd/serve"}},
	{"queryd/mcp", []string{"schemas", "queryd/api", "queryd/keys", "queryd/search", "queryd/serve"}},
	{"queryd", append([]string{"queryd/search", "queryd/serve", "queryd/api", "queryd/web", "queryd/mcp", "queryd/keys", "queryd/evidence",
		"queryd/photolink", "queryd/retention", "queryd/watches", "ingest/signing"}, ports...)},
	{"internal/evaluate", []string{"schemas", "indexer/face", "indexer/index", "indexer/score"}},
	{"internal/progress", nil},
	{"internal/tracing", []string{"internal/tracing"}},
	{"internal/operate/canary", []string{"schemas", "ingest", "ingest/broker", "ingest/ledger", "internal/notify",
		"scraper/samplesite/faces"}},
	{"internal/operate/report", []string{"schemas", "ingest/broker", "internal/notify", "internal/operate"}},
	{"internal/operate/text", []string{"schemas", "indexer/index", "ingest", "ingest/backup", "ingest/queue", "internal/notify",
		"internal/operate", "internal/operate/canary", "internal/operate/gallery", "internal/operate/report", "queryd/keys", "scraper",
		"scraper/source"}},
	{"internal/commands", []string{"config"}},
	{"internal/notify", []string{"internal/dial", "ingest/broker"}},
	{"internal/operate/gallery", []string{"schemas", "schemas/person", "indexer/index", "indexer/score"}},
	{"internal/operate/upgrade", []string{"config", "ingest/broker", "internal/operate"}},
	{"internal/operate/timetable", []string{"schemas", "ingest/ledger"}},
	{"internal/operate", append([]string{"config", "internal/notify", "internal/operate/canary", "internal/trust", "indexer", "indexer/score",
		"ingest", "ingest/backup",
		"ingest/broker", "ingest/removals",
		"ingest/signing", "indexer/face/dlib/blas", "indexer/face/dlib/weights",
		"queryd/keys", "queryd/evidence", "queryd/search"}, ports...)},
	{"internal/node/host", []string{"config", "ingest/broker", "indexer/face/dlib/blas"}},
	{"internal/node", []string{"*"}},
	{"lineup", nil}, // the licences, at the root
	{"internal/testkit/atrest", nil},
	{"internal/testkit/brokertest", []string{"ingest/broker", "internal/testkit/certtest", "internal/testkit/loopback", "internal/trust"}},
	{"internal/testkit/scrapertest", []string{"schemas", "scraper", "scraper/fetch"}},
	{"internal/dial", nil},
	{"internal/trust", nil},
	{"internal/testkit/certtest", []string{"internal/trust"}},
	{"internal/testkit/history", nil},
	{"internal/testkit/onnxtest", nil},
	{"internal/testkit/sinktest", []string{"schemas", "scraper"}},
	{"internal/testkit/stores", []string{"ingest/blob/disk", "ingest/broker", "ingest/ledger", "ingest/queue"}},
	{"internal/testkit/qdranttest", []string{"schemas", "internal/testkit/certtest", "internal/testkit/loopback", "internal/trust"}},
	{"internal/testkit/s3server", []string{"internal/testkit/loopback"}},
	{"internal/testkit", []string{"schemas"}},
	{"cmd", []string{"*"}},
}

// testsMay is what the tests of a room may import besides.
var testsMay = map[string][]string{
	"internal/operate":         {"indexer/index/embedded", "indexer/index/indextest"},
	"internal/operate/gallery": {"indexer", "indexer/index/embedded", "indexer/index/indextest"},
	"ingest/backup":            {"ingest/ledger"},
	"queryd/search":            {"indexer/index/embedded"},
	"scraper/source":           {"scraper/fetch"},
	"indexer/face":             {"indexer/face/facetest"},
	"internal/tracing":         {"internal/tracing"},
	"indexer/face/dlib":        {"indexer/face/facetest", "indexer/score"},
	"indexer/face/onnx": {"indexer/face/facetest", "indexer/face/dlib", "indexer/face/dlib/blas", "indexer/face/dlib/photo",
		"indexer/face/dlib/weights"},
	"indexer/index": {"indexer/index/indextest"},
	"indexer": {"indexer/index/indextest", "ingest", "indexer/index/embedded",
		"indexer/face/dlib", "indexer/face/dlib/blas", "indexer/face/dlib/weights"},
	"queryd/retention":            {"config"},
	"queryd/web":                  {"indexer/face"},
	"queryd":                      {"queryd", "config", "indexer/score", "ingest/broker", "ingest/signing"}, // its tests stand in queryd/e2e
	"internal/testkit/sinktest":   {"ingest"},
	"internal/testkit/history":    {"schemas", "ingest", "ingest/ledger", "scraper", "scraper/fetch"},
	"internal/testkit/brokertest": {"schemas", "ingest/ledger", "ingest/queue", "ingest/signing", "queryd/evidence", "queryd/keys"},
	"cmd":                         {"indexer/face/facetest"},
}

// listed is what `go list` says of one of our packages.
type listed struct {
	ImportPath, Dir                    string
	GoFiles                            []string
	Imports, TestImports, XTestImports []string
}

// ours lists our packages, by their path below the module's. The daemon's tests are a module of their own.
func ours(t *testing.T) map[string]listed {
	t.Helper()
	packages := make(map[string]listed)
	list(t, packages, "../..")
	list(t, packages, "../../queryd/e2e")
	if len(packages) < 30 {
		t.Fatalf("go list named %d packages only", len(packages))
	}
	return packages
}

// list adds the packages of the module in dir.
func list(t *testing.T, packages map[string]listed, dir string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,GoFiles,Imports,TestImports,XTestImports", "./...")
	command.Dir = dir
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list in %s: %v", dir, err)
	}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages[strings.TrimPrefix(p.ImportPath, "lineup/")] = p
	}
}

// TestLayers holds the arrows: no package, and no test of a package, imports what its room may not.
func TestLayers(t *testing.T) {
	for path, p := range ours(t) {
		r, ok := roomOf(path)
		if !ok {
			t.Errorf("%s stands in no room of the picture", path)
		}
		for _, imported := range p.Imports {
			if ours, ok := strings.CutPrefix(imported, "lineup/"); ok && !r.allows(ours) {
				t.Errorf("%s imports %s, and its room may not", path, ours)
			}
		}
		for _, imported := range append(p.TestImports, p.XTestImports...) {
			if ours, ok := strings.CutPrefix(imported, "lineup/"); ok && ours != path && !r.allows(ours) && !r.allowsTests(ours) {
				t.Errorf("a test of %s imports %s, and its room may not", path, ours)
			}
		}
	}
}

// TestEveryRoomHasOneRow holds that no row is shadowed by another: of two the looser would win.
func TestEveryRoomHasOneRow(t *testing.T) {
	packages := ours(t)
	for i, r := range rooms {
		for _, before := range rooms[:i] {
			if r.path == before.path || strings.HasPrefix(r.path, before.path+"/") {
				t.Errorf("the row of %s is never looked at: that of %s stands before it", r.path, before.path)
			}
		}
		lives := false
		for path := range packages {
			lives = lives || path == r.path || strings.HasPrefix(path, r.path+"/")
		}
		if !lives {
			t.Errorf("nothing stands in the room %s", r.path)
		}
		for _, may := range slices.Concat(r.may, testsMay[r.path]) {
			if _, ok := packages[may]; !ok && may != "*" {
				t.Errorf("the room %s may import %s, which is no package", r.path, may)
			}
		}
	}
}

// readers of the environment besides the program itself, each with why config cannot do it.
var environment = map[string]string{
	"indexer/face/dlib/blas": "the matrix library takes its settings from the environment, before the program has any",
}

// TestOnlyConfigReadsTheEnvironment holds that every setting is one of config's, with its documentation and its
// validation. cmd/lineup hands the environment over; tests and what only they use may read it.
func TestOnlyConfigReadsTheEnvironment(t *testing.T) {
	for path, p := range ours(t) {
		if path == "config" || path == "cmd/lineup" || environment[path] != "" || strings.HasPrefix(path, "internal/testkit/") {
			continue
		}
		for _, file := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range []string{"os.Getenv(", "os.LookupEnv(", "os.ExpandEnv(", "syscall.Getenv("} {
				if strings.Contains(string(text), call) {
					t.Errorf("%s/%s calls %s...): make it a setting of config", path, file, call)
				}
			}
		}
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
		if may == "*" && !onlyTests(imported) || imported == may || may == "schemas" && strings.HasPrefix(imported, "schemas/") {
			return true
		}
	}
	return false
}

// allowsTests says what tests may import besides: what only tests use, and the made-up registry.
func (r room) allowsTests(imported string) bool {
	return onlyTests(imported) || strings.HasPrefix(imported, "scraper/samplesite") || slices.Contains(testsMay[r.path], imported)
}

func onlyTests(imported string) bool { return strings.HasPrefix(imported, "internal/testkit/") }

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
