package source

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"

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

// Lint writes a line for each fault of the definitions called names, and gives their number.
func Lint(w io.Writer, dir string, names []string) (faults int, err error) {
	for _, name := range names {
		file := File(dir, name)
		if file == "" {
			if _, err := Get(name); err != nil { // those of the program have no fault, or it would not start
				return faults, err
			}
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return faults, fmt.Errorf("lint: %w", err)
		}
		_, problems := definition.Lint(file, data)
		for _, p := range problems {
			fmt.Fprintln(w, p)
		}
		faults += len(problems)
	}
	return faults, nil
}

// New makes the folder of a new source in parent, else in dir, else in a checkout, and gives it and what
// the source can be called by.
func New(parent, dir, id string) (folder, name string, err error) {
	at := cmp.Or(parent, dir, checkout)
	if _, err := os.Stat(at); err != nil {
		return "", "", fmt.Errorf("new source: %s is not there: make it, or set sources_dir in the configuration, or give --dir", at)
	}
	if folder, err = Scaffold(at, id); err != nil {
		return "", "", err
	}
	name = id
	if file := filepath.Join(folder, "source.yml"); File(dir, id) != file {
		name = file
	}
	return folder, name, nil
}
