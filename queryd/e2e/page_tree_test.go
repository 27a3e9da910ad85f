package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// spokenProperties are the properties of a node that a screen reader tells.
var spokenProperties = []accessibility.PropertyName{"live", "level", "checked", "pressed", "expanded", "required", "invalid", "disabled",
	"roledescription"}

// uuids differ from run to run.
var uuids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// tree is what a screen reader reads of the page, in its order: role, name and state, a line each.
func (b tab) tree() string {
	b.t.Helper()
	var nodes []*accessibility.Node
	do(b, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		result, err := chromedp.Call(ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		nodes = result.Nodes
		return err
	}))
	byID := map[accessibility.NodeID]*accessibility.Node{}
	for _, n := range nodes {
		byID[n.NodeID] = n
	}
	text := func(v *accessibility.Value) string {
		if v == nil || len(v.Value) == 0 {
			return ""
		}
		var any any
		if err := json.Unmarshal(v.Value, &any); err != nil || any == nil {
			return ""
		}
		return strings.Join(strings.Fields(fmt.Sprint(any)), " ")
	}
	var out strings.Builder
	var walk func(n *accessibility.Node, depth int, above string)
	walk = func(n *accessibility.Node, depth int, above string) {
		role, name := text(n.Role), text(n.Name)
		said := !n.Ignored && !slices.Contains([]string{"none", "generic", "InlineTextBox", "ListMarker", "LineBreak", "RootWebArea"}, role)
		if role == "StaticText" && (name == "" || name == above) { // told with what holds it
			said = false
		}
		if said {
			line := strings.Repeat("  ", depth) + role
			if name != "" {
				line += fmt.Sprintf(" %q", name)
			}
			if value := text(n.Value); value != "" && role != "StaticText" {
				line += " = " + value
			}
			for _, p := range n.Properties {
				if value := text(p.Value); slices.Contains(spokenProperties, p.Name) && value != "" && value != "false" &&
					!(p.Name == "live" && value == "off") {
					line += fmt.Sprintf(" [%s %s]", p.Name, value)
				}
			}
			if described := text(n.Description); described != "" && described != name {
				line += " (" + described + ")"
			}
			out.WriteString(line + "\n")
			depth++
		}
		if name == "" || !said {
			name = above
		}
		for _, id := range n.ChildIDs {
			if child := byID[id]; child != nil {
				walk(child, depth, name)
			}
		}
	}
	walk(nodes[0], 0, "")
	return uuids.ReplaceAllString(out.String(), "(id)")
}

// TestWhatAScreenReaderReads holds names, roles, states, live regions and their order on each page.
func TestWhatAScreenReaderReads(t *testing.T) {
	h, _ := gallerySeen(t, uncovered)
	b := h.browser(t, "/", "#submit")
	hold := func(name string) {
		t.Helper()
		path := filepath.Join("testdata", "tree", name+".txt")
		got := b.tree()
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s is read otherwise than %s says:\n%s", name, path, diff)
		}
	}
	b.demoChosen()
	hold("face")
	b.set("#key", h.key)
	b.submit(".card")
	b.until(`document.querySelector("#status").textContent.includes("below") && [...document.querySelectorAll(".card img")].every(i => ` +
		`i.naturalWidth > 0)`)
	hold("face-answer")
	b.click(".card form button")
	b.there(`document.querySelector("article.record") !== null && document.querySelector("#place")?.textContent === "Result 1 of 1"`)
	hold("record")
	b.visit("/search", "#submit")
	b.set("#lastName", "Testcase")
	b.set("#key", h.key)
	b.set("#dob", "yesterday")
	b.submit(".problem")
	b.until(`document.activeElement.id === "dob"`)
	hold("names-fault")
	b.set("#dob", "1971")
	b.submit(".card")
	b.until(`document.querySelector("#status").textContent.includes("below")`)
	hold("names-answer")
	b.visit("/coverage", ".coverage")
	hold("coverage")
	b.visit("/search?lang=es", "#submit")
	hold("names-es")
}
