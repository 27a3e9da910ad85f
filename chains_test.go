package lineup_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// deepest is how many files may stand one upon the other inside a package.
const deepest = 6

// TestPackagesAreSixFilesDeep holds that who changes a file reads five others of its package at most: a file stands
// on those whose package-level declarations it names, and files in a circle count as a chain of all of them, for
// none can be read without the rest. Methods belong to their type. Of cmd/lineup, one file a command, every one
// names the flags all share.
func TestPackagesAreSixFilesDeep(t *testing.T) {
	packages, fset := map[string][]*ast.File{}, token.NewFileSet()
	source(t, func(path, text string) {
		if dir := filepath.ToSlash(filepath.Dir(path)); dir != "cmd/lineup" && !strings.HasSuffix(path, "_test.go") {
			file, err := parser.ParseFile(fset, path, text, 0)
			if err != nil {
				t.Fatal(err)
			}
			packages[dir] = append(packages[dir], file)
		}
	})
	if len(packages) < 50 {
		t.Fatalf("%d packages", len(packages))
	}
	for dir, files := range packages {
		if chain := longest(uses(dir, fset, files)); len(chain) > deepest {
			t.Errorf("%s is %d files deep, %d at most: %s", dir, len(chain), deepest, strings.Join(chain, " > "))
		}
	}
}

// uses gives, for every file, those whose package-level declarations it names.
func uses(dir string, fset *token.FileSet, files []*ast.File) map[string][]string {
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: noImports{}, FakeImportC: true, Error: func(error) {}}
	pkg, _ := config.Check(dir, fset, files, &info) // what others declare is not looked at, and missing
	at := func(p token.Pos) string { return filepath.Base(fset.Position(p).Filename) }
	named := map[string]map[string]bool{}
	for _, f := range files {
		named[at(f.Package)] = map[string]bool{}
	}
	for id, object := range info.Uses {
		if object.Parent() == pkg.Scope() && at(object.Pos()) != at(id.Pos()) {
			named[at(id.Pos())][at(object.Pos())] = true
		}
	}
	all := map[string][]string{}
	for file, others := range named {
		all[file] = slices.Sorted(maps.Keys(others))
	}
	return all
}

// noImports is an importer of nothing.
type noImports struct{}

func (noImports) Import(string) (*types.Package, error) { return nil, errors.New("not looked at") }

// longest is the longest chain of files of which each stands on the next, all files of a circle among them.
func longest(uses map[string][]string) []string {
	reach := map[[2]string]bool{}
	var walk func(from, at string)
	walk = func(from, at string) {
		for _, next := range uses[at] {
			if !reach[[2]string{from, next}] {
				reach[[2]string{from, next}] = true
				walk(from, next)
			}
		}
	}
	files := slices.Sorted(maps.Keys(uses))
	for _, f := range files {
		walk(f, f)
	}
	known := map[string][]string{}
	var below func(f string) []string
	below = func(f string) []string {
		if chain, ok := known[f]; ok {
			return chain
		}
		circle, best := []string{f}, []string(nil)
		for _, other := range files {
			if other != f && reach[[2]string{f, other}] && reach[[2]string{other, f}] {
				circle = append(circle, other)
			}
		}
		for _, member := range circle {
			for _, next := range uses[member] {
				if !slices.Contains(circle, next) {
					if chain := below(next); len(chain) > len(best) {
						best = chain
					}
				}
			}
		}
		known[f] = append(circle, best...)
		return known[f]
	}
	var most []string
	for _, f := range files {
		if chain := below(f); len(chain) > len(most) {
			most = chain
		}
	}
	return most
}

// TestLongest holds the count of chains to chains that are plain to see.
func TestLongest(t *testing.T) {
	for want, uses := range map[string]map[string][]string{
		"[a b c]":   {"a": {"b"}, "b": {"c"}, "c": nil, "d": {"c"}},
		"[a b c d]": {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": nil},
		"[a]":       {"a": nil},
	} {
		if got := fmt.Sprint(longest(uses)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
