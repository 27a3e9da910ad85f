package source_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"lineup/scraper/definition/read"
	"lineup/scraper/source"
)

// selecting are the keys of a definition that find something on a page.
var selecting = []string{"css", "having", "numbered", "path", "xpath", "column", "label", "section", "row", "in", "root", "marker", "empty", "table", "query", "attr", "group", "on"}

// unnoticed are mutations that may go without an alarm: what they find is there beside another
// rule, or only in a part of the pages.
var unnoticed = map[string]string{
	"having": "narrows what another selector finds",
	"attr":   "an attribute is no text a page shows; its emptiness is found where it is needed",
}

// breakOne calls do once for every selector in tree, while that selector finds nothing.
func breakOne(tree any, key, path string, do func(path, key string)) {
	switch at := tree.(type) {
	case map[string]any:
		for name, child := range at {
			if text, ok := child.(string); ok && slices.Contains(selecting, name) {
				at[name] = broken(name, text)
				do(path+"."+name, name)
				at[name] = child
				continue
			}
			if on, ok := child.(map[string]any); ok && name == "on" {
				for theirs, ours := range on {
					delete(on, theirs)
					on[theirs+" zzz"] = ours
					do(path+".on", name)
					delete(on, theirs+" zzz")
					on[theirs] = ours
				}
				continue
			}
			breakOne(child, name, path+"."+name, do)
		}
	case []any:
		for i, child := range at {
			if text, ok := child.(string); ok {
				if slices.Contains(selecting, key) {
					at[i] = broken(key, text)
					do(fmt.Sprintf("%s[%d]", path, i), key)
					at[i] = child
				}
				continue
			}
			breakOne(child, key, fmt.Sprintf("%s[%d]", path, i), do)
		}
	}
}

func broken(key, text string) string {
	switch key {
	case "css", "having", "row", "in", "root", "numbered", "path", "xpath", "marker":
		return "zzz"
	}
	return text + " zzz"
}

// noticed reports whether an operator would hear of what got is beside want: the run stops, a
// value is left over, or the share of records with a photo, birth date or offence moves.
func noticed(want, got golden) bool {
	return got.Error != "" || newLeftover(want, got) || share(want) != share(got) ||
		len(got.Records) != len(want.Records) && got.Dropped["no name"] == 0 && len(got.Records) == 0 ||
		want.Total != got.Total || len(got.Next) != len(want.Next) || got.Dropped["no name"] > want.Dropped["no name"]
}

// newLeftover reports whether got leaves something over that want does not.
func newLeftover(want, got golden) bool {
	for _, l := range got.Leftover {
		if !slices.Contains(want.Leftover, l) {
			return true
		}
	}
	return false
}

func share(g golden) [3]int {
	var n [3]int
	for _, r := range g.Records {
		for i, has := range []bool{len(r.Photos) > 0, !r.Birth.IsZero(), len(r.Offenses) > 0} {
			if has {
				n[i]++
			}
		}
	}
	return n
}

func TestBrokenSelectorsAreNoticed(t *testing.T) {
	pages := map[string][]saved{}
	for _, s := range savedPages(t) {
		pages[s.src.Info().ID] = append(pages[s.src.Info().ID], s)
	}
	for id, saves := range pages {
		t.Run(id, func(t *testing.T) {
			text, err := source.YAML(id)
			if err != nil {
				t.Fatal(err)
			}
			var tree map[string]any
			if err := yaml.Unmarshal(text, &tree); err != nil {
				t.Fatal(err)
			}
			want := map[string]golden{}
			for _, s := range saves {
				want[s.path] = result(s.src, s.page)
			}
			n := 0
			breakOne(tree["steps"], "", "steps", func(path, key string) {
				n++
				mutant, err := yaml.Marshal(tree)
				if err != nil {
					t.Fatal(err)
				}
				src, err := read.Load("mutant", mutant)
				if err != nil {
					return // lint stops it
				}
				checkMutant(t, src, path, key, saves, want)
			})
			if n == 0 {
				t.Error("nothing was broken: the test does not test")
			}
		})
	}
}

func checkMutant(t *testing.T, src *read.Source, path, key string, saves []saved, want map[string]golden) {
	t.Helper()
	changed := ""
	for _, s := range saves {
		if want[s.path].Error != "" || !strings.HasPrefix(path, "steps."+s.page.Request.Rule+".") {
			continue
		}
		got := result(src, s.page)
		if noticed(want[s.path], got) {
			return
		}
		if diff := cmp.Diff(want[s.path], got); diff != "" {
			changed = diff
		}
	}
	switch {
	case unnoticed[key] != "":
	case changed != "":
		t.Errorf("%s broken: the answer changes and nothing is said:\n%s", path, changed)
	case !strings.Contains(path, ".drop["):
		t.Errorf("%s broken: no saved page needs it", path)
	}
}
