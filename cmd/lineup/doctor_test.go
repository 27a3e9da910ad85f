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

func TestDoctor(t *testing.T) {
	states := func(args ...string) (int, map[string]string) {
		code, out := lineup(t, append([]string{"doctor", "--json", "--data", filepath.Join(t.TempDir(), "house")}, args...)...)
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
	_, well := states()
	for _, what := range []string{"configuration", "nats", "blobs", "index"} {
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
		if _, err := config.Load(deploy+name, environ, nil); err != nil {
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
			case "MARCH", "STORE_DIR", "CERT_FILE", "KEY_FILE", "CA_FILE": // of the build and of NATS
			default:
				if !known[m[1]] {
					t.Errorf("%s sets LINEUP_%s, which is no setting", name, m[1])
				}
			}
		}
	}
}

// environmentNames are the names of all settings as the environment has them, from the
// configuration as it is printed.
func environmentNames(t *testing.T) map[string]bool {
	t.Helper()
	text, err := config.Default().YAML()
	if err != nil {
		t.Fatal(err)
	}
	names, room := map[string]bool{}, ""
	for line := range strings.Lines(text) {
		key, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		if !strings.HasPrefix(line, " ") {
			room = key
			names[strings.ToUpper(key)] = true
			continue
		}
		names[strings.ToUpper(room+"_"+key)] = true
	}
	return names
}
