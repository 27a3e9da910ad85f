package deploy

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// exported finds the names of all metrics the program makes, in its source: no metric may be
// built from parts.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	names, name := map[string]bool{}, regexp.MustCompile(`"(lineup_[a-z0-9_]+)"`)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(source, []byte("client_golang/prometheus")) {
			return err
		}
		for _, m := range name.FindAllSubmatch(source, -1) {
			names[string(m[1])] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, elsewhere := range []string{"up", "process_start_time_seconds", "kubelet_volume_stats_available_bytes",
		"kubelet_volume_stats_capacity_bytes"} {
		names[elsewhere] = true // made by Prometheus, its Go client and the kubelet
	}
	return names
}

// used gives the names of the metrics a query reads.
func used(t *testing.T, query string) (names []string) {
	t.Helper()
	expr, err := parser.ParseExpr(query)
	if err != nil {
		t.Errorf("%s: %v", query, err)
		return nil
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if v, ok := node.(*parser.VectorSelector); ok {
			names = append(names, v.Name)
		}
		return nil
	})
	return names
}

func check(t *testing.T, known map[string]bool, where, query string) {
	t.Helper()
	for _, name := range used(t, query) {
		base := name
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			base = strings.TrimSuffix(base, suffix)
		}
		if !known[name] && !known[base] {
			t.Errorf("%s uses %s, which the program does not export", where, name)
		}
	}
}

func TestAlerts(t *testing.T) {
	groups, errs := rulefmt.Parse(read(t, "prometheus/alerts.yaml"), false, model.UTF8Validation)
	for _, err := range errs {
		t.Error(err)
	}
	known, rules := exported(t), 0
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			rules++
			check(t, known, rule.Alert, rule.Expr)
			if rule.Record != "" {
				known[rule.Record] = true
				continue
			}
			if rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" || rule.Annotations["action"] == "" {
				t.Errorf("%s lacks severity, summary or action", rule.Alert)
			}
		}
	}
	if rules < 10 {
		t.Errorf("only %d alerts", rules)
	}
}

func TestDashboard(t *testing.T) {
	var board struct {
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
			GridPos struct{ X, Y, W, H int }
		}
	}
	if err := json.Unmarshal(read(t, "grafana/lineup.json"), &board); err != nil {
		t.Fatal(err)
	}
	known, ids, places := exported(t), map[int]bool{}, map[[2]int]bool{}
	for _, p := range board.Panels {
		place := [2]int{p.GridPos.X, p.GridPos.Y}
		if ids[p.ID] || places[place] || p.Title == "" || len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q: its id or place is taken, or it is empty or too wide", p.ID, p.Title)
		}
		ids[p.ID], places[place] = true, true
		for _, target := range p.Targets {
			check(t, known, "panel "+p.Title, target.Expr)
		}
	}
	if len(board.Panels) < 10 {
		t.Errorf("only %d panels", len(board.Panels))
	}
}

// texts are the deployment's files whose name ends so.
func texts(t *testing.T, suffixes ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || strings.HasPrefix(path, "secrets/") {
			return err
		}
		for _, suffix := range suffixes {
			if !d.IsDir() && strings.HasSuffix(path, suffix) {
				found[path] = string(read(t, path))
			}
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("%d files, %v", len(found), err)
	}
	return found
}

func TestScripts(t *testing.T) {
	scripts := texts(t, ".sh")
	clients, err := filepath.Glob("../queryd/e2e/testdata/clients/*.sh")
	if err != nil || len(clients) == 0 {
		t.Fatalf("%d clients, %v", len(clients), err)
	}
	for _, name := range clients {
		scripts[name] = string(read(t, name))
	}
	for name, text := range scripts {
		shell := "bash"
		if strings.HasPrefix(text, "#!/bin/sh") {
			shell = "sh"
		}
		if out, err := exec.Command(shell, "-n", name).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		if info, err := os.Stat(name); err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s is not executable", name)
		}
		if out, err := exec.Command("shellcheck", name).CombinedOutput(); err != nil { // deploy/setup.sh --browser installs it
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}

// Hardening that each unit must have; systemd ignores what it cannot spell.
func TestUnits(t *testing.T) {
	for name, text := range texts(t, ".service", ".socket") {
		if analyze, err := exec.LookPath("systemd-analyze"); err == nil {
			// The program is not installed here: any other does for the check of the rest.
			unit := filepath.Join(t.TempDir(), filepath.Base(name))
			if err := os.WriteFile(unit, []byte(strings.ReplaceAll(text, "/usr/local/bin/lineup", "/bin/true")), 0o644); err != nil {
				t.Fatal(err)
			}
			if socket := strings.HasSuffix(name, ".socket"); socket { // it is refused without its service
				service := strings.TrimSuffix(unit, ".socket") + ".service"
				if err := os.WriteFile(service, []byte("[Service]\nExecStart=/bin/true\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if out, err := exec.Command(analyze, "verify", "--man=no", unit).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%s: %v: %s", name, err, out)
			}
		}
		settings := map[string]string{}
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' || line[0] == '[' {
				continue
			}
			key, value, ok := strings.Cut(line, "=")
			if !ok {
				t.Errorf("%s: %q is no setting", name, line)
			}
			settings[key] = value
		}
		if strings.HasSuffix(name, ".socket") {
			if settings["ListenStream"] != "127.0.0.1:8080" || settings["Accept"] != "" {
				t.Errorf("%s: %v", name, settings)
			}
			continue
		}
		for key, want := range map[string]string{"Type": "notify", "DynamicUser": "yes", "NoNewPrivileges": "yes", "ProtectSystem": "strict",
			"ProtectHome":    "yes",
			"PrivateDevices": "yes", "UMask": "0077", "CapabilityBoundingSet": "", "StateDirectoryMode": "0700"} {
			if got, ok := settings[key]; !ok || got != want {
				t.Errorf("%s: %s=%s, want %s", name, key, got, want)
			}
		}
	}
}

// The manifests' copies are the files the tests of package brokertest run.
func TestCopies(t *testing.T) {
	for _, name := range []string{"lineup.conf", "cluster.conf"} {
		if !bytes.Equal(read(t, "nats/"+name), read(t, "kubernetes/"+name)) {
			t.Errorf("kubernetes/%s differs from nats/%s: copy it", name, name)
		}
	}
}

func TestPolicies(t *testing.T) {
	for name, text := range texts(t, "policy-scrape.json", "policy-index.json", "policy-query.json") {
		role := strings.TrimSuffix(name[strings.LastIndex(name, "-")+1:], ".json")
		var policy s3Policy
		d := json.NewDecoder(strings.NewReader(text))
		if err := d.Decode(&policy); err != nil || policy.Version != "2012-10-17" || len(policy.Statement) == 0 {
			t.Errorf("%s: %v, %+v", name, err, policy)
		}
		for _, s := range policy.Statement {
			for _, action := range s.Action {
				if strings.Contains(action, "*") {
					t.Errorf("%s allows %s", name, action)
				}
				if strings.Contains(name, "query") && (strings.Contains(action, "Put") || strings.Contains(action, "Delete")) {
					t.Errorf("%s lets query %s", name, action)
				}
				if limited := map[string]string{"query s3:GetObject": "photo", "index s3:PutObject": "check"}[role+" "+action]; limited != "" &&
					!slices.Equal(s.Resource, []string{"arn:aws:s3:::lineup/" + limited + "/*"}) {
					t.Errorf("%s allows %s of %v", name, action, s.Resource)
				}
			}
			for _, resource := range s.Resource {
				if !strings.HasPrefix(resource, "arn:aws:s3:::lineup") {
					t.Errorf("%s reaches %s", name, resource)
				}
			}
		}
	}
	var ofBucket s3Policy
	if err := json.Unmarshal(read(t, "s3/bucket-policy.json"), &ofBucket); err != nil {
		t.Fatal(err)
	}
	var together s3Policy
	for _, role := range []string{"scrape", "index", "query"} {
		var policy s3Policy
		if err := json.Unmarshal(read(t, "s3/policy-"+role+".json"), &policy); err != nil {
			t.Fatal(err)
		}
		for _, s := range policy.Statement {
			s.Principal.AWS = []string{"lineup-" + role}
			together.Statement = append(together.Statement, s)
		}
	}
	if together.Version = ofBucket.Version; !reflect.DeepEqual(ofBucket, together) {
		t.Errorf("bucket-policy.json is not what the roles' policies say:\n%+v\n%+v", ofBucket, together)
	}
}

// s3Policy is a policy of a user or, with principals, of a bucket.
type s3Policy struct {
	Version   string
	Statement []struct {
		Effect           string
		Principal        struct{ AWS []string }
		Action, Resource []string
	}
}

// The compiler wrapper replaces the one flag and keeps everything else, in order.
func TestCompilerWrapper(t *testing.T) {
	for level, want := range map[string]string{"x86-64-v2": " -march=x86-64-v2", "": ""} {
		cmd := exec.Command("./cxx.sh", "-O2", "-march=native", "-o", "a b", "")
		cmd.Env = append(os.Environ(), "LINEUP_CXX=printf", "LINEUP_MARCH="+level)
		// printf takes its first argument as the format, so it shows that one alone.
		cmd.Args = slices.Insert(cmd.Args, 1, "[%s]")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		expect := "[-O2][-march=x86-64-v2][-o][a b][]"
		if want == "" {
			expect = "[-O2][-o][a b][]"
		}
		if string(out) != expect {
			t.Errorf("level %q: %s, want %s", level, out, expect)
		}
	}
}

// Everything that is YAML is, each document of it, without a key twice.
func TestYAML(t *testing.T) {
	for name, text := range texts(t, ".yaml") {
		d := yaml.NewDecoder(strings.NewReader(text))
		documents := 0
		for {
			var any map[string]any
			if err := d.Decode(&any); err != nil {
				if documents == 0 || err.Error() != "EOF" {
					t.Errorf("%s, document %d: %v", name, documents, err)
				}
				break
			}
			documents++
		}
	}
}

// TestSetupServesEditors holds that after the set-up the linker finds libcblas for a go that does not
// run under make, or that the set-up said what to set.
func TestSetupServesEditors(t *testing.T) {
	build := t.TempDir()
	setup := exec.CommandContext(t.Context(), "./setup.sh", build)
	setup.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LIBRARY_PATH=") })
	said, err := setup.CombinedOutput()
	if err != nil {
		t.Fatalf("setup.sh: %v: %s", err, said)
	}
	link := exec.CommandContext(t.Context(), "c++", "-x", "c++", "-o", filepath.Join(build, "linked"), "-", "-lcblas")
	link.Stdin, link.Env = strings.NewReader("int main() { return 0; }"), setup.Env
	if _, advice, found := strings.Cut(string(said), "export LIBRARY_PATH="); found {
		link.Env = append(link.Env, "LIBRARY_PATH="+strings.TrimSpace(advice))
	}
	if out, err := link.CombinedOutput(); err != nil {
		t.Errorf("after the set-up, which said %q, the linker finds no libcblas: %s", said, out)
	}
}

// TestPin writes digests with a stand-in for skopeo, twice, and holds that a registry that cannot be
// reached or answers nonsense changes nothing.
func TestPin(t *testing.T) {
	dir, tools := t.TempDir(), t.TempDir()
	for _, name := range []string{"pin.sh", "compose.yaml", "Containerfile"} {
		if err := os.WriteFile(filepath.Join(dir, name), read(t, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	pin := func(answer string) error {
		script := "#!/bin/sh\n" + answer + "\n"
		if err := os.WriteFile(filepath.Join(tools, "skopeo"), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "pin.sh"))
		cmd.Env = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		return err
	}
	files := func() string {
		return string(read(t, filepath.Join(dir, "compose.yaml"))) + string(read(t, filepath.Join(dir, "Containerfile")))
	}
	before := files()
	// The last image asked for is what fails: nothing may have been written by then.
	for _, answer := range []string{"exit 1", `case "$*" in *slim*) echo "no such tag" ;; *) echo sha256:` + strings.Repeat("0", 64) +
		" ;; esac"} {
		if err := pin(answer); err == nil {
			t.Errorf("%s: taken for a digest", answer)
		}
		if files() != before {
			t.Errorf("%s: files changed", answer)
		}
	}
	for _, digit := range []string{"a", "b"} {
		digest := "sha256:" + strings.Repeat(digit, 64)
		if err := pin("echo " + digest); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(files(), "@"+digest); got != 3 || strings.Count(files(), "@sha256:") != 3 {
			t.Errorf("%d images pinned to %s, want 3", got, digest)
		}
	}
}

// TestVulnerable runs the look for vulnerabilities with a stand-in for govulncheck: what it finds fails, and a database that
// cannot be reached is said.
func TestVulnerable(t *testing.T) {
	check := filepath.Join(t.TempDir(), "govulncheck")
	for _, c := range []struct {
		does, says string
		code       int
	}{
		{"echo No vulnerabilities found.", "No vulnerabilities found.", 0},
		{"echo Vulnerability GO-0; exit 3", "Vulnerability GO-0", 3},
		{"echo govulncheck: loading packages: none; exit 1", "loading packages", 1},
		{"echo 'govulncheck: fetching vulnerabilities: no such host' >&2; exit 1", "NOT LOOKED FOR", 0},
	} {
		if err := os.WriteFile(check, []byte("#!/bin/sh\n"+c.does+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "./vulnerable.sh", check)
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != c.code || !strings.Contains(string(out), c.says) {
			t.Errorf("%s: exit code %d, want %d: %s", c.does, cmd.ProcessState.ExitCode(), c.code, out)
		}
	}
	if !strings.Contains(string(read(t, "lint.sh")), "deploy/vulnerable.sh") {
		t.Error("make lint does not look for vulnerabilities")
	}
}

// TestTags holds that every image has a tag that names one version.
func TestTags(t *testing.T) {
	for _, name := range []string{"compose.yaml", "Containerfile", "kubernetes/kustomization.yaml"} {
		text := string(read(t, name))
		tags := regexp.MustCompile(`(?m)docker\.io/[\w/.-]+:?([^\s@$]*)|^ *newTag: (\S+)|^ARG GO_VERSION=(\S+)`)
		for _, tag := range tags.FindAllStringSubmatch(text, -1) {
			version := tag[1] + tag[2] + tag[3]
			if version != "" && !regexp.MustCompile(`^v?\d+\.\d+\.\d+`).MatchString(version) {
				t.Errorf("%s: %s may mean another image tomorrow", name, tag[0])
			}
		}
	}
}

// TestRaced holds that every package that starts goroutines, in itself or in its tests, runs under the race
// detector too. A suite runs where its adapters' tests call it.
func TestRaced(t *testing.T) {
	raced := map[string]bool{}
	for line := range strings.Lines(string(read(t, "raced-packages"))) {
		if fields := strings.Fields(line); len(fields) > 0 && strings.HasPrefix(fields[0], "./") {
			raced[strings.TrimPrefix(fields[0], "./")] = true
		}
	}
	elsewhere := map[string]bool{
		"cmd/lineup":                  true, // processes of their own; what they are made of is internal/node
		"indexer/index/indextest":     true, // in embedded, qdrant
		"ingest/blob/blobtest":        true, // in disk
		"queryd":                      true, // its tests are queryd/e2e
		"internal/testkit/s3server":   true, // starts and stops a process
		"internal/evaluate":           true, // one errgroup over photos, whose embedder indexer/face/dlib races
		"internal/testkit/loopback":   true,
		"internal/testkit/brokertest": true,
	}
	starts, found := regexp.MustCompile(`(?m)^\s*go (func\b|[\w.]+\()|\.Go\(`), 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		dir, source := filepath.ToSlash(filepath.Dir(strings.TrimPrefix(path, "../"))), read(t, path)
		if dir == "." || strings.HasPrefix(dir, "deploy") || !starts.Match(source) {
			return nil
		}
		found++
		if !raced[dir] && !elsewhere[dir] {
			t.Errorf("%s starts goroutines and is not in raced-packages", path)
		}
		return nil
	})
	if err != nil || found < 20 {
		t.Errorf("%d files start goroutines: %v", found, err)
	}
}
