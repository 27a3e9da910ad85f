package source

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"lineup/scraper/definition/read"
)

// selecting are the keys of a definition that find something on a page.
var selecting = []string{"css", "having", "numbered", "path", "xpath", "column", "label", "section", "row", "in", "root", "marker", "empty",
	"cut", "table", "query", "attr", "group", "on"}

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
// value is left over, or the share of records with a field moves.
func noticed(want, got Answer) bool {
	return got.Error != "" || newLeftover(want, got) || !maps.Equal(share(want), share(got)) ||
		len(got.Records) != len(want.Records) && got.Dropped["no name"] == 0 && len(got.Records) == 0 ||
		want.Total != got.Total || len(got.Next) != len(want.Next) || got.Dropped["no name"] > want.Dropped["no name"]
}

// newLeftover reports whether got leaves something over that want does not.
func newLeftover(want, got Answer) bool {
	for _, l := range got.Leftover {
		if !slices.Contains(want.Leftover, l) {
			return true
		}
	}
	return false
}

// share counts the records that have each field whose share is followed, run by run.
func share(g Answer) map[string]int {
	n := map[string]int{}
	for _, r := range g.Records {
		for _, field := range r.Filled() {
			n[field]++
		}
		if len(r.Photos) > 0 {
			n["photo"]++
		}
	}
	return n
}

// BreakSelectors breaks each selector of a definition in turn and says which of them could break on the real pages
// while a run goes on as if nothing had happened, and which no saved page needs. n is how many were broken.
func BreakSelectors(src *read.Source, text []byte, pages []Saved) (n int, unseen []string, err error) {
	var tree map[string]any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return 0, nil, fmt.Errorf("break the selectors of %s: %w", src.Info().ID, err)
	}
	want := make([]Answer, len(pages))
	for i, p := range pages {
		want[i] = ReadPage(src, p.Page)
	}
	breakOne(tree["steps"], "", "steps", func(path, key string) {
		n++
		mutant, merr := yaml.Marshal(tree)
		if merr != nil {
			err = fmt.Errorf("break %s: %w", path, merr)
			return
		}
		broken, lerr := read.Load("mutant", mutant)
		if lerr != nil {
			return // lint stops it
		}
		if say := unseenBreak(broken, path, key, pages, want); say != "" {
			unseen = append(unseen, say)
		}
	})
	return n, unseen, err
}

// unseenBreak says why nobody would hear of a broken selector; "" for one that is noticed.
func unseenBreak(src *read.Source, path, key string, pages []Saved, want []Answer) string {
	changed := ""
	for i, p := range pages {
		if want[i].Error != "" || !strings.HasPrefix(path, "steps."+p.Page.Request.Rule+".") {
			continue
		}
		got := ReadPage(src, p.Page)
		if noticed(want[i], got) {
			return ""
		}
		if !reflect.DeepEqual(want[i], got) {
			changed = p.Path
		}
	}
	switch {
	case unnoticed[key] != "", strings.Contains(path, ".has."): // what decides by a value that may be missing
	case changed != "":
		return fmt.Sprintf("%s broken: the answer of %s changes and nothing is said (two rules read one place, or ignore hides it)",
			path, changed)
	case !strings.Contains(path, ".drop["):
		return fmt.Sprintf("%s broken: no saved page needs it (write one that does)", path)
	}
	return ""
}
