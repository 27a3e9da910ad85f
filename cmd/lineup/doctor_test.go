package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lineup/config"
	"lineup/internal/operate"
)

// lineup runs the program and returns its exit code and standard output.
func lineup(t *testing.T, args ...string) (code int, stdout string) {
	t.Helper()
	var out, said bytes.Buffer
	if code = run(args, &out, &said); code != 0 {
		t.Logf("lineup %v: exit %d: %s", args, code, said.String())
	}
	return code, out.String()
}

func TestBackupAndRestore(t *testing.T) {
	one, two, dir := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two"), filepath.Join(t.TempDir(), "backup")
	if code, _ := lineup(t, "prepare", "--data", one); code != 0 {
		t.Fatal("no Lineup")
	}
	if code, _ := lineup(t, "keys", "add", "tester", "--data", one); code != 0 {
		t.Fatal("no key")
	}
	if code, _ := lineup(t, "backup", dir, "--data", one); code != 0 {
		t.Fatal("no backup")
	}
	if code, _ := lineup(t, "backup", dir, "--data", one); code == 0 {
		t.Error("a second backup went over the first")
	}
	if code, _ := lineup(t, "restore", dir, "--data", two); code != 0 {
		t.Fatal("no restore")
	}
	if code, out := lineup(t, "keys", "list", "--data", two); code != 0 || !strings.Contains(out, "tester") {
		t.Errorf("keys after the restore: %s", out)
	}
	if err := os.Truncate(filepath.Join(dir, "lineup_keys.jsonl"), 3); err != nil {
		t.Fatal(err)
	}
	if code, _ := lineup(t, "restore", dir, "--data", two); code == 0 {
		t.Error("a damaged backup was restored")
	}
}

// TestARestoreIsNoNewInstallation: into an empty directory too, what upgrades ask of the one that was backed up is still asked.
func TestARestoreIsNoNewInstallation(t *testing.T) {
	dir := t.TempDir()
	old, again, saved := filepath.Join(dir, "old"), filepath.Join(dir, "again"), filepath.Join(dir, "backup")
	untar(t, filepath.Join("testdata", "upgrade", "0.0.0.tgz"), old)
	for _, line := range []string{"backup " + saved + " --data " + filepath.Join(old, "data"), "restore " + saved + " --data " + again} {
		if code, said := lineup(t, strings.Fields(line)...); code != exitDone {
			t.Fatalf("lineup %s: %s", line, said)
		}
	}
	if _, said := lineup(t, "doctor", "--data", again); !strings.Contains(said, "lineup doctor --upgraded") {
		t.Errorf("doctor asks for nothing: %s", said)
	}
}

func TestDoctor(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	states := func(args ...string) (int, map[string]string) {
		t.Helper()
		code, out := lineup(t, append([]string{"doctor", "--json", "--data", data}, args...)...)
		var found []operate.Finding
		if err := json.Unmarshal([]byte(out), &found); err != nil {
			t.Fatal(err)
		}
		by := map[string]string{}
		for _, f := range found {
			if by[f.What] != "wrong" {
				by[f.What] = f.State
			}
			if f.Say == "" {
				t.Errorf("%s says nothing", f.What)
			}
		}
		return code, by
	}
	if _, fresh := states(); fresh["data"] != "advice" || fresh["nats"] != "" {
		t.Errorf("a directory that is not there: %v", fresh)
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("doctor made the data directory")
	}
	if code, _ := lineup(t, "prepare", "--data", data); code != 0 {
		t.Fatal("no Lineup")
	}
	_, well := states()
	for _, what := range []string{"configuration", "nats", "upgrade", "blobs", "index"} {
		if well[what] != "ok" {
			t.Errorf("%s is %s, want ok", what, well[what])
		}
	}
	code, ill := states("--set", "nats.url=nats://127.0.0.1:1", "--set", "s3.endpoint=http://127.0.0.1:1",
		"--set", "s3.access_key=a", "--set", "s3.secret_key=b")
	if code != 1 || ill["nats"] != "wrong" || ill["blobs"] != "wrong" || ill["index"] != "ok" {
		t.Errorf("engines away: exit %d, %v", code, ill)
	}
}

// TestAWrongConfigurationIsToldByAll: doctor, config, up and every role refuse the same file, with the same words,
// before anything is made.
func TestAWrongConfigurationIsToldByAll(t *testing.T) {
	dir := t.TempDir()
	file, data := filepath.Join(dir, "lineup.yml"), filepath.Join(dir, "data")
	must(t, os.WriteFile(file, []byte("nats: {url: \"nats://127.0.0.1:1\"}\nindex:\n  workers: many\nsources:\n  us-nw: {enabled: true}\n"+
		"  us-ny: {schedule: \"TZ=0\", enabled: true}\nlisten: here\n"), 0o600))
	for _, command := range []string{"config", "doctor", "up", "index", "query", "scrape --follow", "status", "audit", "keys list",
		"prepare"} {
		var out, said bytes.Buffer
		code := run(append(strings.Fields(command), "--config", file, "--data", data), &out, &said)
		if want := map[string]int{"doctor": exitFailed}[command]; code != want && code != exitMisuse {
			t.Errorf("%s: exit %d", command, code)
		}
		for _, want := range []string{`lineup.yml:3: index.workers: "many" is not a whole number`,
			"lineup.yml:5: sources.us-nw: there is no such source: did you mean",
			`lineup.yml:6: sources.us-ny.schedule: "TZ=0" is no schedule`, "sources.us-ny.enabled: this registry is crawled only with a permission",
			`lineup.yml:7: listen: "here"`} {
			if !strings.Contains(out.String()+said.String(), want) {
				t.Errorf("%s does not say %q:\n%s%s", command, want, &out, &said)
			}
		}
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("a command with a wrong configuration made the data directory")
	}
}

// TestAWrongDirectoryIsNoNewLineup: only the commands that are to make one do; the others say where they looked.
func TestAWrongDirectoryIsNoNewLineup(t *testing.T) {
	data := filepath.Join(t.TempDir(), "datta")
	for _, command := range []string{"status", "audit", "runs", "keys list", "keys add somebody", "jobs dead", "jobs retry", "reindex",
		"backup x",
		"remove 11111111-1111-5111-8111-111111111111 --reason test", "link show 11111111-1111-5111-8111-111111111111"} {
		var out, said bytes.Buffer
		if code := run(append(strings.Fields(command), "--data", data), &out, &said); code == 0 || !strings.Contains(said.String(), data) ||
			!strings.Contains(said.String(), "--data") {
			t.Errorf("%s: exit %d, %s", command, code, &said)
		}
		if _, err := os.Stat(data); err == nil {
			t.Fatalf("%s made the directory", command)
		}
	}
	for _, command := range []string{"index", "query", "scrape --follow"} {
		var said bytes.Buffer
		if code := run(append(strings.Fields(command), "--data", data), io.Discard, &said); code != exitMisuse ||
			!strings.Contains(said.String(), "nats.url") {
			t.Errorf("%s without NATS: exit %d, %s", command, code, &said)
		}
	}
}

// TestMisuseIsToldAtOnce: bare calls and empty reasons.
func TestMisuseIsToldAtOnce(t *testing.T) {
	for line, want := range map[string]int{"": exitDone, "--help": exitDone, "--version": exitDone, "version": exitDone,
		"remove x --reason ":                 exitMisuse,
		"scrape us-ny --once --accept-drop ": exitMisuse, "scrape us-ny --once --unblock ": exitMisuse, "nonsense": exitMisuse,
		"audit --sample 7": exitMisuse} {
		var args []string
		if line != "" {
			args = strings.Split(line, " ")
		}
		var out, said bytes.Buffer
		if code := run(args, &out, &said); code != want || out.Len()+said.Len() == 0 {
			t.Errorf("lineup %s: exit %d, want %d: %s%s", line, code, want, &out, &said)
		}
	}
}

// TestMisuseExitsWithTwo holds what is asked in a way that can be right nowhere apart from what failed here and now, and that each says
// what to ask.
func TestMisuseExitsWithTwo(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	if code, said := lineup(t, "prepare", "--data", data); code != exitDone {
		t.Fatalf("prepare: exit %d: %s", code, said)
	}
	dir := t.TempDir()
	written := func(name, text string) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	list, odd, receipt := written("list.csv", "person,photo\na,b.jpg\n"), written("odd.csv", "who,what\na,b.jpg\n"),
		written("receipt.json", "{}")
	ragged, noKeys := written("ragged.csv", "person,photo\na\n"), written("keys.json", "[]")
	const id = "11111111-1111-5111-8111-111111111111"
	for want, lines := range map[int]map[string]string{
		exitMisuse: {"report --year 1066": "a year that has begun", "report --year 2999": "a year that has begun", "keys add |": "1 to 60",
			"keys add x --per-minute=-1": "0 (the server's default) or more", "keys rotate": "name a key", "keys rotate x --overlap=-5h": "or more",
			"remove " + id + " --reason nonsense": "court_order", "remove x --reason other": "uuid of an answer",
			"link show x": "uuid of an answer", "scrape nosuch --once": "lineup sources list", "scrape": "--once",
			"sources show nosuch": "sources list",
			"sources test nosuch": "sources_dir", "sources new A_b --dir .": "as us-ny", "sources try nosuch --page doctor_test.go": "sources list",
			"import /nosuch --source us-ga": "/nosuch", "import . --source nosuch": "lineup sources list",
			"import . --source import-nsopw --agency a_b": "1 to 63", "evaluate /nosuch": "/nosuch", "evaluate testdata": "one folder a person",
			"samplesite --listen nowhere": "host:port", "samplesite --control 1": "host:port", "up --listen 127.0.0.1:5x": "host:port",
			"samplesite --shape nosuch": "us-ga", "demo --sample nowhere": "host:port",
			"mcp --url nowhere --key x": "http://", "reindex --sample=-5": "--sample", "reindex --least-agreement 2": "a share from 0 to 1",
			"evaluate " + odd: "person and photo, and names who and what", "evaluate " + ragged: "line 2",
			"evaluate " + list + " --groups origin": `no column "origin": there are person and photo`,
			"removal verify " + receipt:             "what lineup remove printed", "removal verify " + list: "what lineup remove printed",
			"signing verify " + receipt + " --keys " + noKeys: "/evidence", "restore " + dir: "no backup",
			"reindex --model nosuch --set models=/dev/null/none": "dlib-resnet-v1/landmarks5/hog-fit1024 and dlib",
			"reindex --source nosuch":                            "lineup sources list", "audit --sample 2": "a share from 0 to 1",
			"notify test": "notify.webhook"},
		exitFailed: {"keys revoke nosuch": "lineup keys list", "link show " + id: "no generation serves", "runs us-ga": "never crawled here",
			"remove " + id + " --reason other": "ever listed here"},
	} {
		for line, hint := range lines {
			args := strings.Fields(line)
			if args[len(args)-1] == "|" {
				args[len(args)-1] = ""
			}
			var said bytes.Buffer
			if code := run(append(args, "--data", data), io.Discard, &said); code != want || !strings.Contains(said.String(), hint) {
				t.Errorf("lineup %s: exit %d, want %d with %q: %s", line, code, want, hint, &said)
			}
		}
	}
}

// Every command line and setting that deploy/ uses is one the program takes.
func TestDeployedCommandsExist(t *testing.T) {
	const deploy = "../../deploy/"
	commands := map[string]string{}
	find := func(name string, forms ...*regexp.Regexp) {
		data, err := os.ReadFile(deploy + name)
		if err != nil {
			t.Fatal(err)
		}
		before := len(commands)
		for _, form := range forms {
			for _, m := range form.FindAllStringSubmatch(string(data), -1) {
				commands[strings.Join(strings.FieldsFunc(m[1], func(r rune) bool { return r == ' ' || r == ',' }), " ")+" #"+name] = name
			}
		}
		if len(commands) == before {
			t.Errorf("%s runs no command", name)
		}
	}
	find("compose.yaml", regexp.MustCompile(`(?m)^    command: \[([a-z].*)\]$`))
	for _, name := range []string{"prepare", "scrape", "index", "query"} {
		find("kubernetes/"+name+".yaml", regexp.MustCompile(`(?m)^ +args: \[(.*)\]$`))
	}
	for _, unit := range []string{"lineup", "lineup-scrape", "lineup-index", "lineup-query"} {
		find("systemd/"+unit+".service", regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/lineup (.*)$`))
	}
	find("prometheus/alerts.yaml", regexp.MustCompile(`lineup ((?:jobs|audit|status|doctor)(?: (?:dead|list|retry|--repair))?)`))
	here := filepath.Join(t.TempDir(), "lineup.yaml")
	if err := os.WriteFile(here, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for command := range commands {
		line, _, _ := strings.Cut(command, " #")
		parser, err := newParser(t.Context(), &CLI{}, io.Discard, io.Discard, func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(strings.Fields(strings.ReplaceAll(line, "/etc/lineup/lineup.yaml", here))); err != nil {
			t.Errorf("%s: lineup %s: %v", commands[command], line, err)
		}
	}

	for _, name := range []string{"lineup.yaml", "kubernetes/lineup.yaml"} {
		environ := []string{"LINEUP_S3_ACCESS_KEY=a", "LINEUP_S3_SECRET_KEY=b"}
		if _, err := config.Load(config.Input{File: deploy + name, Environ: environ}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A name in the environment that is no setting is passed over, so it must be found here.
	settings := regexp.MustCompile(`\bLINEUP_([A-Z0-9_]+)\b[=:]`)
	known := environmentNames(t)
	for _, name := range []string{"compose.yaml", "Containerfile", "secrets.sh", "systemd/lineup.service"} {
		data, err := os.ReadFile(deploy + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range settings.FindAllStringSubmatch(string(data), -1) {
			switch m[1] {
			case "MARCH", "STORE_DIR", "CERT_FILE", "KEY_FILE", "CA_FILE",
				"ROUTE_CERT_FILE", "ROUTE_KEY_FILE", "ROUTE_CA_FILE", "ROUTE_PASSWORD": // of the build and of NATS
			default:
				if !known[m[1]] {
					t.Errorf("%s sets LINEUP_%s, which is no setting", name, m[1])
				}
			}
		}
	}
}

// environmentNames are the names of all settings as the environment has them.
func environmentNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, s := range config.Settings() {
		if name := strings.TrimPrefix(s.Environment(), "LINEUP_"); name != "" {
			names[name] = true
			if s.Secret {
				names[name+"_FILE"] = true
			}
		}
	}
	return names
}

// TestListsAreNeverNull asks every command that a program reads of a Lineup in which nothing is.
func TestListsAreNeverNull(t *testing.T) {
	data := t.TempDir()
	if code, _ := lineup(t, "prepare", "--data", data); code != 0 {
		t.Fatal("no Lineup")
	}
	for _, command := range []string{"status", "runs", "jobs dead", "jobs retry", "keys list", "keys usage", "audit", "doctor", "config",
		"version"} {
		_, out := lineup(t, append(strings.Fields(command), "--json", "--data", data)...)
		var answer any
		if err := json.Unmarshal([]byte(out), &answer); err != nil || strings.Contains(out, "null") {
			t.Errorf("%s --json: %v in %s", command, err, out)
		}
	}
}
