package source

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"lineup/schemas"
	"lineup/scraper/definition"
	"lineup/scraper/definition/read"
)

// File is where the definition called name lies outside the program: name itself, or the source of that id in dir
// (sources_dir, "" for none) or in a checkout; "" for nowhere.
func File(dir, name string) string {
	files := []string{name, filepath.Join(checkout, name, "source.yml")}
	if dir != "" {
		files = []string{name, filepath.Join(dir, name, "source.yml"), files[1]}
	}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file
		}
	}
	return ""
}

// Find opens the source called name: by its definition's file, in dir, in a checkout, or in the program. A fault
// of another definition does not matter to it. An unknown id is fs.ErrNotExist.
func Find(dir, name string) (*read.Source, error) {
	if file := File(dir, name); file != "" {
		return Open(file)
	}
	return Get(name)
}

// Report is what a check of definitions found.
type Report struct {
	Definitions int                  `json:"definitions"`       // how many were looked at
	Faults      []definition.Problem `json:"faults"`            // of definitions, or of saved pages
	Written     []string             `json:"written,omitempty"` // files of what pages give now
}

// WriteReport prints a line for each fault, and for each file that was written.
func WriteReport(w io.Writer, r Report) error {
	var b strings.Builder
	for _, file := range r.Written {
		fmt.Fprintf(&b, "%s: written; read it against the page\n", file)
	}
	for _, p := range r.Faults {
		text := p.Message
		if p.Line > 0 || p.File != "" {
			text = p.String()
		}
		fmt.Fprintln(&b, text)
	}
	if len(r.Faults) == 0 {
		fmt.Fprintf(&b, "definitions: %d, no fault\n", r.Definitions)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Lint looks for faults of the definitions called names, or of all that c has.
func Lint(c *Catalog, dir string, names []string) (Report, error) {
	r := Report{Definitions: len(names), Faults: []definition.Problem{}}
	if len(names) == 0 {
		all, err := c.All()
		r.Definitions = len(all)
		return r, err
	}
	for _, name := range names {
		file := File(dir, name)
		if file == "" {
			if _, err := Get(name); err != nil { // those of the program have no fault, or it would not start
				return r, err
			}
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return r, fmt.Errorf("lint: %w", err)
		}
		_, problems := definition.Lint(file, data)
		r.Faults = append(r.Faults, problems...)
	}
	return r, nil
}

// Made is the folder of a new source.
type Made struct {
	Folder string `json:"folder"`
	Source string `json:"source"` // what the commands call it by
	Page   string `json:"page"`   // the first of its saved pages
}

// WriteMade prints what to do with a new folder.
func WriteMade(w io.Writer, m Made) error {
	_, err := fmt.Fprintf(w, "%s: edit source.yml, put pages into testdata, then: lineup sources try %s --page %s\n"+
		"(docs/add-a-registry.md is the guide)\n", m.Folder, m.Source, m.Page)
	return err
}

// New makes the folder of a new source in parent, else in dir, else in a checkout.
func New(parent, dir, id string) (Made, error) {
	at := cmp.Or(parent, dir, checkout)
	if _, err := os.Stat(at); err != nil {
		return Made{}, schemas.Misuse("new source: %s is not there: make it, or set sources_dir in the configuration, or give --dir", at)
	}
	folder, err := Scaffold(at, id)
	if err != nil {
		return Made{}, err
	}
	made := Made{Folder: folder, Source: id, Page: filepath.Join(folder, "testdata", "detail.html")}
	if file := filepath.Join(folder, "source.yml"); File(dir, id) != file {
		made.Source = file
	}
	return made, nil
}
