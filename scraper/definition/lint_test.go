package definition_test

import (
	"strings"
	"testing"

	"lineup/scraper/definition"
)

const good = `id: us-xx
name: Test Registry
jurisdiction: XX
home: https://registry.example/
mode: enabled
base: https://registry.example/
guards: {min_count: 1}
policy: {evidence: invented}
start: list
steps:
  list:
    as: html
    marker: h1
    items: {css: li}
    key: {attr: id}
    record:
      name: {order: first_last}
      height: {attr: data-height, format: feet100}
      addresses: [{city: {attr: data-city}, lat: {attr: data-lat}, lon: {attr: data-lon}}]
`

func TestLint(t *testing.T) {
	if _, problems := definition.Lint("source.yml", []byte(good)); len(problems) > 0 {
		t.Fatal(problems)
	}
	tests := []struct{ name, old, new, want string }{
		{"unknown key", "marker: h1", "markr: h1", `source.yml:13:5: unknown field "markr" (is "marker" meant?)`},
		{"unknown key far from any", "marker: h1", "zzzzzzzz: h1", `source.yml:13:5: unknown field "zzzzzzzz" (docs/add-a-registry.md ` +
			`lists every key)`},
		{"no step", "start: list", "start: lists", `source.yml:9:8: start is "lists", which is no step`},
		{"no marker", "    marker: h1\n", "", `marker is missing`},
		{"selector", "{css: li}", `{css: "li["}`, `source.yml:14:18: "li[" is no CSS selector`},
		{"height format", ", format: feet100", "", `source.yml:18:15: height needs its format (feet_inches, feet100`},
		{"mode", "mode: enabled", "mode: on", `mode "on" is none`},
		{"guard", "{min_count: 1}", "{max_drop: 5}", `5 is no share`},
		{"evidence", "{evidence: invented}", "{terms: x}", `policy.evidence is missing`},
		{"denied field", "name: {order: first_last}", "name: {order: first_last}\n      designation: {label: Supervising Officer Phone}",
			`is on the deny list`},
		{"coordinates", "{evidence: invented}", "{evidence: invented, no_coords: true}", `coordinates are read that may not be stored`},
		{"key", "    key: {attr: id}\n", "", `items without a key`},
		{"case", "{attr: data-city}", "{attr: data-city, case: upper}", `case "upper" is none (lower or title)`},
		{"order", "order: first_last", "order: last_first", `order "last_first" is none (last_comma_first, first_last, capital_last, ` +
			`comma_tells)`},
		{"label's selector", "    marker: h1", "    marker: h1\n    labels: {layout: next, label: 'li['}", `"li[" is no CSS selector`},
		{"label missing", "    marker: h1", "    marker: h1\n    labels: {layout: next}", `layout next needs a label`},
		{"prefix without its name", "    marker: h1", "    marker: h1\n    pages: {by: prefix, cap: 3}", `pages by prefix without var`},
		{"prefix that is never cut off", "    marker: h1", "    marker: h1\n    pages: {by: prefix, var: q}", `without cap and cut`},
		{"prefix to nowhere", "    marker: h1", "    marker: h1\n    pages: {by: prefix, var: q, cap: 3, step: lists}", `"lists" is no step`},
		{"cut that is not told", "    marker: h1", "    marker: h1\n    pages: {by: prefix, var: q, cut: too many}",
			`pages.cut is read from failures alone`},
		{"told by a page", "    marker: h1", "    marker: h1\n    request: {told: true}", `told is for steps as: json`},
		{"order of a data set", "    marker: h1", "    marker: h1\n    request: {query: {$limit: \"{size}\", $offset: \"{offset}\"}}",
			`$order is missing`},
		{"order of a layer", "as: html\n    marker: h1", "as: arcgis\n    marker: h1\n    pages: {by: offset, size: 10}",
			`orderByFields is missing`},
		{"starts", "start: list", "start: list\nstarts: {q: []}", `starts is no list of values`},
		{"date format", "name: {order: first_last}", "name: {order: first_last}\n      birth: {label: DOB, format: week Y}",
			`date format "week Y" is none (of d, m or Month`},
		{"not yaml", "steps:", "steps: [", `source.yml:`},
		{"link with steps", "mode: enabled", "mode: link_only", `a link_only source is a link and nothing more`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(good, test.old, test.new, 1)
			if text == good {
				t.Fatal("the test changes nothing")
			}
			_, problems := definition.Lint("source.yml", []byte(text))
			var all []string
			for _, p := range problems {
				all = append(all, p.String())
			}
			if got := strings.Join(all, "\n"); !strings.Contains(got, test.want) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if _, err := definition.Load("source.yml", []byte(text)); err == nil {
				t.Error("it loads")
			}
		})
	}
}

func FuzzLint(f *testing.F) {
	f.Add([]byte(good))
	f.Fuzz(func(t *testing.T, data []byte) {
		if def, problems := definition.Lint("f", data); def == nil && len(problems) == 0 {
			t.Error("neither a definition nor a fault")
		}
	})
}
