package source

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"lineup/schemas"
	"lineup/scraper/definition"
	"lineup/scraper/definition/read"
)

// Catalog is what sources there are: those of this binary, and those in a directory of the operator's, which go
// before them. It is safe for concurrent use; its definitions are parsed once, on first use.
type Catalog struct {
	open func() ([]*read.Source, error)
}

// In is the catalogue with the definitions of dir, DIR/us-xx/source.yml; "" is none beside those of this binary.
func In(dir string) *Catalog {
	if dir == "" {
		return &Catalog{all}
	}
	return &Catalog{sync.OnceValues(func() ([]*read.Source, error) { return beside(dir) })}
}

// All gives every source, by id in order, those that are only linked to included.
func (c *Catalog) All() ([]*read.Source, error) {
	sources, err := c.open()
	return slices.Clone(sources), err
}

// Get gives one source by id, that of an agency by its definition's and its name: us-xx@agency. An unknown id is
// fs.ErrNotExist.
func (c *Catalog) Get(id string) (*read.Source, error) {
	sources, err := c.open()
	if err != nil {
		return nil, err
	}
	whole := id
	id, agency := schemas.SplitSource(id)
	i, ok := slices.BinarySearchFunc(sources, id, func(s *read.Source, id string) int { return strings.Compare(s.Info().ID, id) })
	if !ok {
		return nil, schemas.Misuse("%w", schemas.NotFound("there is no source %q; lineup sources list names them all", id))
	}
	if whole == id {
		return sources[i], nil
	}
	return sources[i].Of(agency)
}

// YAML is the text of source id's definition; fs.ErrNotExist where the id is unknown or only linked to.
func (c *Catalog) YAML(id string) ([]byte, error) {
	src, err := c.Get(id)
	if err != nil {
		return nil, err
	}
	file := src.Info().File
	if file == "" {
		id, _ := schemas.SplitSource(id)
		like := src.Definition().Like
		text, err := YAML(cmp.Or(like, id))
		if err == nil && like != "" {
			text = fmt.Appendf(nil, "# %s (%s) is asked and read like %s, whose definition follows, with values %v.\n%s", id, src.Info().Name, like,
				src.Definition().Values, text)
		}
		return text, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("definition of %q: %w", id, err)
	}
	return text, nil
}

// beside gives the sources of this binary and of dir. The error names every fault of every definition in dir.
func beside(dir string) ([]*read.Source, error) {
	shipped, err := all()
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("sources_dir: %s is no directory that can be read (it holds a folder for each source, as us-xx/source.yml)", dir)
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*", "source.yml"))
	if err != nil {
		return nil, fmt.Errorf("sources_dir: list %s: %w", dir, err)
	}
	known := make(map[string]*read.Source)
	for _, src := range shipped {
		known[src.Info().ID] = src
	}
	var faults []error
	for _, file := range paths {
		src, err := Open(file)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		_, shadows := known[src.Info().ID]
		known[src.Info().ID] = src.From(file, shadows)
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("sources_dir: %w", errors.Join(faults...))
	}
	var sources []*read.Source
	for _, src := range known {
		sources = append(sources, src)
	}
	slices.SortFunc(sources, func(a, b *read.Source) int { return strings.Compare(a.Info().ID, b.Info().ID) })
	return sources, nil
}

// Open reads the definition of a folder outside the binary: FOLDER/source.yml, whose id is the folder's name.
func Open(file string) (*read.Source, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, schemas.NotFound("%s is not there; lineup sources new makes one", file)
	}
	if err != nil {
		return nil, fmt.Errorf("read definition: %w", err)
	}
	src, err := parseFile(file, text, Get)
	if err != nil {
		return nil, err
	}
	return src.From(file, false), nil
}

// parseFile parses a definition whose folder bears its id. get gives the source of this binary that it may be like.
func parseFile(file string, text []byte, get func(id string) (*read.Source, error)) (*read.Source, error) {
	def, err := definition.Load(file, text)
	if err != nil {
		return nil, err
	}
	if def.Like != "" {
		base, err := get(def.Like)
		if err != nil {
			return nil, fmt.Errorf("%s: like: %w", file, err)
		}
		if def, err = definition.Alike(def, base.Definition()); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	src, err := read.New(def)
	if err != nil {
		return nil, err
	}
	if folder := filepath.Base(filepath.Dir(file)); src.Info().ID != folder {
		return nil, fmt.Errorf("%s: id %q is not the folder's name", file, src.Info().ID)
	}
	return src, nil
}
