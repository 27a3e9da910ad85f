package evaluate

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lineup/schemas"
)

// Photo is one labelled photo.
type Photo struct {
	Person string
	Group  string // "" for none
	Path   string
}

// ErrNoPhotos is returned when there is nothing to evaluate.
var ErrNoPhotos = errors.New("no labelled photos: give a folder with one folder a person, or a CSV with the columns person and photo")

// Read lists the labelled photos at path, ordered by person and path: a folder that holds one
// folder a person, or a CSV file with a header and the columns "person" and "photo" (also
// "identity" and "file"), whose photo paths are relative to it. groupColumn names the CSV's
// column of groups; "group" is used when there is one and groupColumn is "".
// Errors: ErrNoPhotos, and any of the file system.
func Read(path, groupColumn string) ([]Photo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, schemas.Misuse("read labelled photos: %w", err)
	}
	var photos []Photo
	if info.IsDir() {
		if groupColumn != "" {
			return nil, schemas.Misuse("read labelled photos: groups come from a column, so give a CSV file instead of a folder")
		}
		photos, err = readFolder(path)
	} else {
		photos, err = readCSV(path, groupColumn)
	}
	if err != nil {
		return nil, fmt.Errorf("read labelled photos: %w", err)
	}
	if len(photos) == 0 {
		return nil, schemas.Misuse("%s: %w", path, ErrNoPhotos)
	}
	slices.SortFunc(photos, func(a, b Photo) int {
		return cmp.Or(cmp.Compare(a.Person, b.Person), cmp.Compare(a.Path, b.Path))
	})
	return photos, nil
}

// pictures are the endings of files that are taken for photos.
var pictures = []string{".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"}

func readFolder(dir string) ([]Photo, error) {
	people, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var photos []Photo
	for _, p := range people {
		if !p.IsDir() {
			continue
		}
		files, err := fs.Glob(os.DirFS(filepath.Join(dir, p.Name())), "*")
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if slices.Contains(pictures, strings.ToLower(filepath.Ext(f))) {
				photos = append(photos, Photo{Person: p.Name(), Path: filepath.Join(dir, p.Name(), f)})
			}
		}
	}
	return photos, nil
}

func readCSV(path, groupColumn string) ([]Photo, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	rows := csv.NewReader(file)
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, schemas.Misuse("%s: %w", filepath.Base(path), err)
	}
	column := func(names ...string) int {
		return slices.IndexFunc(header, func(h string) bool {
			return slices.Contains(names, strings.ToLower(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff"))))
		})
	}
	person, photo, group := column("person", "identity"), column("photo", "file"), column(strings.ToLower(cmp.Or(groupColumn, "group")))
	if person < 0 || photo < 0 {
		return nil, schemas.Misuse("%s: the first line must name the columns person and photo, and names %s", filepath.Base(path),
			strings.Join(header, " and "))
	}
	if group < 0 && groupColumn != "" {
		return nil, schemas.Misuse("%s has no column %q: there are %s", filepath.Base(path), groupColumn, strings.Join(header, " and "))
	}
	var photos []Photo
	for {
		row, err := rows.Read()
		if err == io.EOF {
			return photos, nil
		} else if err != nil {
			return nil, schemas.Misuse("%s: %w", filepath.Base(path), err)
		}
		if row[person] == "" || row[photo] == "" {
			continue // not a photo of anybody
		}
		p := Photo{Person: row[person], Path: row[photo]}
		if group >= 0 {
			p.Group = row[group]
		}
		if !filepath.IsAbs(p.Path) {
			p.Path = filepath.Join(filepath.Dir(path), p.Path)
		}
		photos = append(photos, p)
	}
}
