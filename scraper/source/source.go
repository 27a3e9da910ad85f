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

	"lineup/scraper/definition"
)

//go:embed */source.yml links.yml
var files embed.FS

// All gives every source, by id in order, those that are only linked to included.
func All() ([]*definition.Source, error) {
	paths, err := fs.Glob(files, "*/source.yml")
	if err != nil {
		return nil, fmt.Errorf("list definitions: %w", err)
	}
	var all []*definition.Source
	for _, file := range paths {
		one, err := load(file)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	links, err := files.ReadFile("links.yml")
	if err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	more, err := definition.LoadList("links.yml", links)
	if err != nil {
		return nil, err
	}
	all = append(all, more...)
	slices.SortFunc(all, func(a, b *definition.Source) int { return strings.Compare(a.Info().ID, b.Info().ID) })
	return all, nil
}

// Get gives one source by id. An unknown id is fs.ErrNotExist.
func Get(id string) (*definition.Source, error) {
	all, err := All()
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		if one.Info().ID == id {
			return one, nil
		}
	}
	return nil, fmt.Errorf("source %q: %w; lineup sources list names them all", id, fs.ErrNotExist)
}

// YAML is the text of source id's definition. An unknown id is fs.ErrNotExist.
func YAML(id string) ([]byte, error) {
	data, err := files.ReadFile(path.Join(id, "source.yml"))
	if err != nil {
		return nil, fmt.Errorf("definition of %q: %w", id, err)
	}
	return data, nil
}

func load(file string) (*definition.Source, error) {
	data, err := files.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read definition: %w", err)
	}
	one, err := definition.Load(file, data)
	if err != nil {
		return nil, err
	}
	if folder := path.Dir(file); one.Info().ID != folder {
		return nil, fmt.Errorf("%s: id %q is not the folder's name", file, one.Info().ID)
	}
	return one, nil
}
