package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestOnlyTheModelKnowsTheEmbedding holds that length, metric and thresholds of embeddings come
// from schemas.Model alone: outside the embedders no code spells dlib's 128 numbers, its 0.6, or the name of
// a metric, so that a better model is one adapter and a reindex.
func TestOnlyTheModelKnowsTheEmbedding(t *testing.T) {
	files := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(filepath.ToSlash(path), "../../"))
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || rel == "build" || rel == "data") {
			return filepath.SkipDir
		}
		if d.IsDir() || strings.HasPrefix(rel, "indexer/index/indextest/") || !strings.HasSuffix(rel, ".go") ||
			strings.HasSuffix(rel, "_test.go") || strings.HasPrefix(rel, "indexer/face/") {
			return nil
		}
		files++
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if ok && spellsEmbedding(rel, literal) {
				t.Errorf("%s spells %s: ask the model", set.Position(literal.Pos()), literal.Value)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 150 {
		t.Errorf("%d files were read only", files)
	}
}

func spellsEmbedding(file string, l *ast.BasicLit) bool {
	switch l.Kind {
	case token.INT, token.FLOAT:
		v, err := strconv.ParseFloat(l.Value, 64)
		return err == nil && (v == 128 || v == 0.6)
	case token.STRING:
		return file != "schemas/model.go" && strings.Contains(strings.ToLower(l.Value), "euclid")
	}
	return false
}
