package lineup_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// source calls do with every Go file, tests among them, by its path, in the order of paths.
func source(t *testing.T, do func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		do(filepath.ToSlash(path), string(text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// product calls do with every file of the program, by its path.
func product(t *testing.T, do func(path, text string)) {
	t.Helper()
	files := 0
	source(t, func(path, text string) {
		if !strings.HasSuffix(path, "_test.go") && !strings.HasPrefix(path, "deploy/") && !strings.HasPrefix(path, "internal/testkit/") {
			files++
			do(path, text)
		}
	})
	if files < 150 {
		t.Fatalf("%d files", files)
	}
}

// TestRulesHaveOneRoom holds that the words of a rule occur in the rule's room only: a second place is where
// copies drift apart.
func TestRulesHaveOneRoom(t *testing.T) {
	for _, rule := range []struct{ name, words, room string }{
		{"names of buckets and streams", `"(lineup-standings|lineup-runs|lineup-leases|lineup_keys|lineup_usage|lineup_evidence|` +
			`lineup_signing|lineup-jobs|lineup-dead|lineup-changes|lineup_watches|lineup_hooks)"`, "ingest/broker/"},
		{"how a bucket or stream is made", `(KeyValue|Stream)Config\{|CreateOrUpdate(KeyValue|Stream)`, "ingest/broker/"},
		{"what a page that refuses us says", `(?i)datadome|please enable cookies|just a moment`, "scraper/fetch/"},
		{"who is shown as one person", `\bperson\.Same\(`, "queryd/search/"},
		{"whom an entry takes for one person", `\bperson\.ID\(`, "indexer/enrol.go"},
		{"classes of failed jobs", `"(corrupt_blob|missing_blob|unknown_model|unknown_features|worker_died)"`, "ingest/queue/"},
		{"photo addresses that are nobody's", `"(noimage|nophoto|notavailable)"`, "scraper/photo.go"},
		{"pictures that are nobody's", `\bindex\.Placeholder\b`, "indexer/"},
		{"what an entry of the index must be", `> MaxRevision\b`, "indexer/index/entry.go"},
		{"what not known means to a filter", `\bfacts\.Born(Min|Max) [<>=]`, "indexer/index/facts.go"},
		{"whether a generation serves", `"no generation serves yet`, "indexer/index/serving.go"},
		{"whether a process is ready", `checks\["generation"\]`, "internal/node/ready.go"},
		{"what a permission says", `\bReference +string\b`, "schemas/permission.go"},
		{"what a capture makes of a listing", `return (schemas\.)?OutcomeReturned`, "schemas/run.go"},
		{"what a listing keeps of a photo", `LastModified: +\w+\.LastModified`, "schemas/listing.go"},
		{"OpenTelemetry", `"go\.opentelemetry\.io/`, "internal/tracing/"},
		{"the bounded stream of changes", `\bOpenLog\(|\bbroker\.Changes\b`, "ingest/"},
		{"which blobs a listing needs", `\badd\(Photo,|\bNeeded\(s schemas`, "ingest/blob/needed.go"},
		{"defaults of settings", `\bPer(Minute|Day)[:=]+ *(120|20_?000)\b`, "config/"},
		{"when a source is due", `\bcron\.Parse`, "internal/operate/timetable/"},
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

// TestStoresOfTestsAreOpenedInOneRoom holds that a test which needs a broker, ledger, queue or ingester gets it from
// internal/testkit/stores, and what looks into NATS' blocks is internal/testkit/atrest.
func TestStoresOfTestsAreOpenedInOneRoom(t *testing.T) {
	for words, rooms := range map[string][]string{
		// Other processes ask the servers of the benchmarks, so that they need the address.
		"broker.Start" + "(": {"cmd/lineup/query_bench_test.go", "internal/node/million_roles_test.go", "internal/node/node.go",
			"internal/testkit/stores/stores.go"},
		"S2s" + "TwO": {"internal/testkit/atrest/atrest.go"},
	} {
		var found []string
		source(t, func(path, text string) {
			if strings.Contains(text, words) {
				found = append(found, path)
			}
		})
		if !slices.Equal(found, rooms) {
			t.Errorf("%q stands in %q, want %q", words, found, rooms)
		}
	}
}

// TestWordsOfOurOwnAreGone holds that nobody needs a dictionary for what the field has a word: job, enqueue, dead letter, listing.
func TestWordsOfOurOwnAreGone(t *testing.T) {
	own := regexp.MustCompile("(?i)door" + `bell|\bra` + `ng\b|\bringi` + `ng\b|\bburi` + `ed\b|\bru` + `ng\b`)
	source(t, func(path, text string) {
		text = strings.ReplaceAll(text, `json:"ru`+`ng,`, "") // as versions before wrote it
		if at := own.FindString(text); at != "" {
			t.Errorf("%s says %q", path, at)
		}
	})
}

// TestPortsHaveAnExample holds that who implements a port, or calls one of the pure rules, finds a run of it.
func TestPortsHaveAnExample(t *testing.T) {
	has := map[string]bool{}
	source(t, func(path, text string) {
		dir := filepath.ToSlash(filepath.Dir(path))
		has[dir] = has[dir] || strings.HasSuffix(path, "_test.go") && strings.Contains(text, "\nfunc Example")
	})
	for _, dir := range []string{"ingest/blob/disk", "ingest/ledger", "ingest/queue", "ingest/broker", "indexer/index/embedded",
		"indexer/face",
		"scraper", "indexer/score", "queryd/names", "scraper/definition/read", "schemas/person"} {
		if !has[dir] {
			t.Errorf("%s has no Example", dir)
		}
	}
}

// TestTheDaemonsTestsCompile holds the module that tests the daemon from outside to the program as it is now.
func TestTheDaemonsTestsCompile(t *testing.T) {
	command := exec.CommandContext(t.Context(), "go", "vet", ".")
	command.Dir = "queryd/e2e"
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("go vet: %v (after a change of go.mod: go -C queryd/e2e mod tidy)\n%s", err, out)
	}
}

// tools of tests that stand in go.mod although the program does not link them: each is small and used beside
// the code it tests, all over the house.
var tools = []string{"github.com/google/go-cmp", "github.com/rogpeppe/go-internal", "github.com/santhosh-tekuri/jsonschema/v6",
	"pgregory.net/rapid"}

// TestGoModNamesWhatTheProgramLinks holds that what only tests need, and what brings modules with it, stands in a
// module of its own.
func TestGoModNamesWhatTheProgramLinks(t *testing.T) {
	linked := linked(t)
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`(?m)^\t(\S+) v\S+(?: // indirect)?$`).FindAllStringSubmatch(string(text), -1)
	if len(named) < 50 {
		t.Fatalf("go.mod names %d modules only", len(named))
	}
	for _, m := range named {
		is := func(of module) bool { return of.Path == m[1] }
		if !slices.ContainsFunc(linked, is) && !slices.Contains(tools, m[1]) && !strings.HasSuffix(m[0], "// indirect") {
			t.Errorf("go.mod names %s, which the program does not link", m[1])
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
		if files > 15 && dir != "cmd/lineup" { // one file a command there
			t.Errorf("%s has %d files", dir, files)
		}
	}
	if commands >= 2000 {
		t.Errorf("cmd/lineup has %d lines", commands)
	}
}
