package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDemoWantsItsOwnSite holds that the made-up registry is where it was said to be, or nowhere: its records name
// the address, so that another makes every record a changed one.
func TestDemoWantsItsOwnSite(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	var out, said bytes.Buffer
	address := taken.Addr().String()
	code := run([]string{"demo", "--data", filepath.Join(t.TempDir(), "d"), "--sample", address, "--listen", "127.0.0.1:0", "--exit"},
		&out, &said)
	if code != exitFailed || !strings.Contains(said.String(), address) || !strings.Contains(said.String(), "--sample") {
		t.Errorf("exit %d: %s", code, said.String())
	}
}

// TestTheManualNamesWhatCommandsTake holds that each page has the arguments and what each flag takes, and words as they are written.
func TestTheManualNamesWhatCommandsTake(t *testing.T) {
	dir := t.TempDir()
	if code, said := lineup(t, "manual", dir); code != exitDone {
		t.Fatal(said)
	}
	var cli CLI
	parser, err := newParser(t.Context(), &cli, io.Discard, io.Discard, func(int) {})
	must(t, err)
	for _, leaf := range parser.Model.Leaves(true) {
		data, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(leaf.FullPath(), " ", "-")+".1"))
		must(t, err)
		page := strings.NewReplacer(`\-`, "-", `\fP`, "", `\fB`, "", `\fI`, "", `\`, "").Replace(string(data))
		for _, p := range leaf.Positional {
			if !strings.Contains(page, p.Summary()) {
				t.Errorf("%s: no argument %s in\n%.300s", leaf.FullPath(), p.Summary(), page)
			}
		}
		for _, f := range leaf.Flags {
			if f.Name != "help" && !f.IsBool() && f.Default == "" && !f.Hidden && !strings.Contains(page, "--"+f.Name+"="+f.FormatPlaceHolder()) {
				t.Errorf("%s: --%s does not take %s", leaf.FullPath(), f.Name, f.FormatPlaceHolder())
			}
		}
		if strings.Contains(page, "[=") || strings.Contains(page, "=\n") {
			t.Errorf("%s: a flag takes nothing: %s", leaf.FullPath(), page)
		}
		if leaf.Name == "audit" && !strings.Contains(page, "missing_page") {
			t.Errorf("audit: %s", page)
		}
	}
}

// TestEveryAnswerIsJSONToo holds that each command that answers something can answer it to a program.
func TestEveryAnswerIsJSONToo(t *testing.T) {
	var cli CLI
	parser, err := newParser(t.Context(), &cli, io.Discard, io.Discard, func(int) {})
	must(t, err)
	others := []string{
		"up", "demo", "index", "query", "reload", "samplesite", "mcp", // serve, or only ask somebody to
		"remove",                             // prints the signed receipt, JSON itself
		"completion", "manual", "keys terms", // texts for shells and people
	}
	leaves := 0
	for _, leaf := range parser.Model.Leaves(true) {
		path := strings.TrimPrefix(leaf.Path(), "lineup ")
		leaves++
		has := false
		for _, flag := range leaf.Flags {
			has = has || flag.Name == "json"
		}
		if has == slices.Contains(others, path) {
			t.Errorf("lineup %s: --json %v", path, has)
		}
	}
	if leaves < 30 {
		t.Errorf("only %d commands", leaves)
	}
}

// TestEmptyListsAreLists holds that a program never finds null where a list belongs, however deep.
func TestEmptyListsAreLists(t *testing.T) {
	var out bytes.Buffer
	app := &App{Stdout: &out}
	type inner struct {
		Names []string       `json:"names"`
		Left  []string       `json:"left,omitempty"`
		Count map[string]int `json:"count"`
	}
	must(t, app.printJSON([]inner{{}}))
	var back []map[string]json.RawMessage
	must(t, json.Unmarshal(out.Bytes(), &back))
	if got := string(back[0]["names"]); got != "[]" {
		t.Errorf("names is %s", got)
	}
	if got := string(back[0]["count"]); got != "{}" {
		t.Errorf("count is %s", got)
	}
	if _, there := back[0]["left"]; there {
		t.Error("what is left out when empty is there")
	}
	out.Reset()
	must(t, app.printJSON([]string(nil)))
	if out.String() != "[]\n" {
		t.Errorf("no list at all is %s", out.String())
	}
}
