// Package source holds the registries Lineup knows: one folder each, with its definition, saved
// pages of invented people and the records they must give.
package source

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"lineup/scraper/definition"
	"lineup/scraper/definition/read"
)

//go:embed */source.yml links.yml alike.yml
var files embed.FS

// all are the sources of this binary, parsed on first use.
var all = sync.OnceValues(parse)

// All gives every source of this binary, by id in order, those that are only linked to included.
func All() ([]*read.Source, error) { return In("").All() }

// Get gives one source of this binary by id. An unknown id is fs.ErrNotExist.
func Get(id string) (*read.Source, error) { return In("").Get(id) }

func parse() ([]*read.Source, error) {
	paths, err := fs.Glob(files, "*/source.yml")
	if err != nil {
		return nil, fmt.Errorf("list definitions: %w", err)
	}
	var sources []*read.Source
	for _, file := range paths {
		one, err := load(file)
		if err != nil {
			return nil, err
		}
		sources = append(sources, one)
	}
	list, err := listed("links.yml")
	if err != nil {
		return nil, err
	}
	alike, err := listed("alike.yml")
	if err != nil {
		return nil, err
	}
	for _, def := range alike {
		i := slices.IndexFunc(sources, func(s *read.Source) bool { return s.Info().ID == def.Like })
		if i < 0 {
			return nil, fmt.Errorf("alike.yml: %s is like %q, which is no source: %w", def.ID, def.Like, fs.ErrNotExist)
		}
		if def, err = definition.Alike(def, sources[i].Definition()); err != nil {
			return nil, fmt.Errorf("alike.yml: %w", err)
		}
		list = append(list, def)
	}
	for _, def := range list {
		one, err := read.New(def)
		if err != nil {
			return nil, err
		}
		sources = append(sources, one)
	}
	slices.SortFunc(sources, func(a, b *read.Source) int { return strings.Compare(a.Info().ID, b.Info().ID) })
	return sources, nil
}

// listed are the definitions that a file of this binary lists.
func listed(file string) ([]*definition.Definition, error) {
	data, err := files.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read definitions: %w", err)
	}
	return definition.LoadList(file, data)
}

// YAML is the text of the definition of source id of this binary. An unknown id is fs.ErrNotExist.
func YAML(id string) ([]byte, error) {
	data, err := files.ReadFile(path.Join(id, "source.yml"))
	if err != nil {
		return nil, fmt.Errorf("definition of %q: %w", id, err)
	}
	return data, nil
}

func load(file string) (*read.Source, error) {
	data, err := files.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read definition: %w", err)
	}
	return parseFile(file, data, func(id string) (*read.Source, error) {
		return nil, fmt.Errorf("%q: those of this binary that are like another are listed in alike.yml: %w", id, fs.ErrNotExist)
	})
}
