package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
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
