package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lineup/internal/operate/text"
	"lineup/scraper/source"
)

// TestAddARegistry walks docs/add-a-registry.md with a program and no checkout: a day-month date, two facts in one
// cell, cells without labels, a posted search, and each command's help when something is missing.
func TestAddARegistry(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "definitions")
	must(t, os.Mkdir(dir, 0o755))
	settings := filepath.Join(t.TempDir(), "lineup.yml")
	must(t, os.WriteFile(settings, fmt.Appendf(nil, "sources_dir: %q\nlog: {level: error}\n", dir), 0o600))
	does := func(want int, args string, say ...string) {
		t.Helper()
		code, out := lineup(t, append([]string{"--config", settings}, strings.Fields(args)...)...)
		if code != want {
			t.Errorf("lineup %s: exit %d, want %d\n%s", args, code, want, out)
		}
		for _, text := range say {
			if !strings.Contains(out, text) {
				t.Errorf("lineup %s does not say %q:\n%s", args, text, out)
			}
		}
	}
	does(0, "sources new us-xx", "lineup sources try us-xx --page")
	folder := filepath.Join(dir, "us-xx")
	page := func(name string) string { return filepath.Join(folder, "testdata", name) }
	does(0, "sources lint us-xx", "no fault")
	does(0, "sources try us-xx --page "+page("detail.html"), `"full": "Madeup, Odette"`, "| nothing")
	does(1, "sources test us-xx", "--update writes it")
	does(0, "sources test us-xx --update", "read it against the page")

	write := func(name, text string) { must(t, os.WriteFile(name, []byte(text), 0o600)) }
	write(page("list.html"), `<html><body><main><h1>Registry</h1><table>
<tr><td><a href="/person/A1">Madeup, Odette</a></td><td>2 January 1970</td><td>F / White</td></tr>
<tr><td><a href="/person/A2">Fabricated, Wendell</a></td><td>3-Feb-1981</td><td>M / Black</td></tr></table></main></body></html>`)
	definition := filepath.Join(folder, "source.yml")
	text, err := os.ReadFile(definition)
	must(t, err)
	head, _, _ := strings.Cut(string(text), "start: list")
	steps := `start: list
steps:
  list:
    request: {url: search, form: {last: ""}}
    as: html
    root: main
    marker: h1
    empty: nobody is listed
    ignore: [h1]
    items: {css: tr}
    key: {css: a, attr: href, regex: '/person/(?P<value>\w+)'}
    record:
      name: {css: a, order: last_comma_first}
`
	write(definition, head+steps)
	// The page's cells are told apart, so that the author knows which to read.
	does(0, "sources try us-xx --page "+page("list.html"), "td:nth-child(2)", "td:nth-child(3)")
	write(definition, head+steps+`      birth: {css: td, nth: 2, format: d Month}
`)
	does(1, "sources lint us-xx", `source.yml:`, `date format "d Month" is none`)
	write(definition, head+steps+`      birth: {css: td, nth: 2, format: d Month Y}
      sex: {css: td, nth: 3, regex: '^(?P<value>\w+) /'}
      race: {css: td, nth: 3, regex: '/ (?P<value>\w+)$'}
    then:
      - {step: more, as: letter, list: [a]}
  more:
    request: {url: more, form: {letter: "{letter}"}}
    as: html
    root: main
    marker: h1
    ignore: [h1]
    record: {name: {const: nobody}}
    key: {const: nobody}
`)
	does(0, "sources try us-xx --page "+page("list.html"), `"birth": "1981-02-03"`, "| nothing",
		"next more: POST https://registry.example/more", "body: letter=a")

	// A program reads the same, and lists that are empty are lists.
	does(0, "sources try us-xx --json --page "+page("list.html"), `"records": [`, `"leftover": []`, `"listed": []`, `"dropped": {}`,
		`"body": "letter=a"`, `"method": "POST"`)
	does(0, "sources lint us-xx --json", `"definitions": 1`, `"faults": []`)
	does(1, "sources test us-xx --json", `"message": "`)
	does(0, "sources new us-yy --json", `"folder": "`, `"source": "us-yy"`, `"page": "`)
	must(t, os.RemoveAll(filepath.Join(dir, "us-yy")))

	// Two facts in one cell are two rules that read one place; what breaks shows in how many records have the fact.
	for _, name := range []string{"detail.html", "detail.golden.json", "list-empty.html", "list-empty.golden.json"} {
		must(t, os.Remove(page(name)))
	}
	write(definition, head+strings.Replace(steps, "    empty: nobody is listed\n", "", 1)+`      birth: {css: td, nth: 2, format: d Month Y}
      sex: {css: td, nth: 3, regex: '^(?P<value>\w+) /'}
      race: {css: td, nth: 3, regex: '/ (?P<value>\w+)$'}
`)
	does(0, "sources test us-xx --update", "list.golden.json: written", "no fault")

	// What the program ships can be read in another way, and then says so everywhere.
	does(0, "sources new us-or", "us-or")
	other := source.Origin(filepath.Join(dir, "us-or", "source.yml"), true)
	does(0, "sources list", other, filepath.Join(folder, "source.yml")+"\n")
	does(0, "sources list --json", `"shadows": true`)
	does(0, "sources show us-or", "# "+other, "id: us-or")
	data := filepath.Join(t.TempDir(), "data")
	does(0, "--data "+data+" prepare")
	_, out := lineup(t, "--config", settings, "--data", data, "doctor")
	if want := "us-or is read by " + filepath.Join(dir, "us-or", "source.yml"); !strings.Contains(out, want) {
		t.Errorf("doctor does not say %q:\n%s", want, out)
	}

	// A definition with a fault stops the program, not the commands that mend it.
	write(definition, head+"start: nowhere\n")
	does(2, "sources list")
	does(1, "sources lint us-xx", `start`)
	does(1, "sources lint us-xx --json", `"line": `, `"hint": "`)
	does(0, "sources lint us-or", "no fault")
	does(0, "sources try us-or --page "+filepath.Join(dir, "us-or", "testdata", "list.html"), "listed A1")
	write(settings, "sources_dir: /nowhere/at/all\n")
	does(2, "sources list")
}

// TestStatusTellsWhoseDefinitionItIs: a source that is read by the operator's own definition says so.
func TestStatusTellsWhoseDefinitionItIs(t *testing.T) {
	r := newRoad(t)
	r.crawl("")
	dir := t.TempDir()
	definition, err := source.YAML(demoSource)
	must(t, err)
	file := filepath.Join(dir, demoSource, "source.yml")
	must(t, os.Mkdir(filepath.Dir(file), 0o755))
	must(t, os.WriteFile(file, definition, 0o600))
	status := func() string {
		report, err := r.h.Status(t.Context())
		must(t, err)
		var out strings.Builder
		must(t, text.Status(&out, report))
		return out.String()
	}
	want := source.Origin(file, true)
	if out := status(); strings.Contains(out, want) {
		t.Errorf("before:\n%s", out)
	}
	r.h.Config.SourcesDir = dir
	if out := status(); !strings.Contains(out, want) {
		t.Errorf("status does not say %q:\n%s", want, out)
	}
}
