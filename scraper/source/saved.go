package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/definition"
	"lineup/scraper/definition/read"
)

// Answer is what a saved page gives, as its golden file holds it.
type Answer struct {
	Records  []schemas.Record   `json:"records,omitempty"`
	Photos   []string           `json:"photos,omitempty"`
	Listed   []string           `json:"listed,omitempty"`
	Next     []string           `json:"next,omitempty"`
	Total    int                `json:"total,omitempty"`
	Dropped  map[string]int     `json:"dropped,omitempty"`
	Leftover []scraper.Leftover `json:"leftover,omitempty"`
	Error    string             `json:"error,omitempty"`
}

// JSON is the text of the golden file.
func (a Answer) JSON() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(a)
	return out.Bytes(), err
}

// Saved is a page in a source's testdata: step.ext or step-what.ext.
type Saved struct {
	Path string
	Page scraper.Page
}

// Golden is the file that holds what the page must give.
func (s Saved) Golden() string {
	return strings.TrimSuffix(s.Path, filepath.Ext(s.Path)) + ".golden.json"
}

// SavedPages are the pages in folder/testdata, by name.
func SavedPages(src *read.Source, folder string) (all []Saved, err error) {
	files, err := os.ReadDir(filepath.Join(folder, "testdata"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("saved pages of %s: %w", src.Info().ID, err)
	}
	for _, file := range files {
		if file.IsDir() || strings.HasSuffix(file.Name(), ".golden.json") {
			continue
		}
		path := filepath.Join(folder, "testdata", file.Name())
		body, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("saved pages of %s: %w", src.Info().ID, err)
		}
		all = append(all, Saved{path, savedPage(src, path, body)})
	}
	return all, nil
}

// ruleOf is the step that a saved page is named after.
func ruleOf(file string) string {
	rule, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), "-")
	return rule
}

// statusOf is the status of a saved page: a variant that is a number, as list-404.json, or 200.
func statusOf(file string) int {
	_, variant, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), "-")
	if status, err := strconv.Atoi(variant); err == nil && status >= 400 && status < 600 {
		return status
	}
	return http.StatusOK
}

// savedDay is when saved pages were read, so that a golden file stays as it is.
var savedDay = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

// savedPage is a saved page as the crawl would hand it over; KEY, and names in capitals, are what a list would have
// carried.
func savedPage(src *read.Source, file string, body []byte) scraper.Page {
	address := src.Definition().Base
	if address == "" {
		address = "file://import/"
	}
	carry := map[string]string{"key": "KEY", "page": "1", "offset": "0"}
	for _, step := range src.Definition().Steps {
		for name := range step.Carry {
			carry[name] = strings.ToUpper(name)
		}
	}
	return scraper.Page{
		Request: scraper.Request{Rule: ruleOf(file), URL: address, Carry: carry},
		URL:     address, Status: statusOf(file), Header: http.Header{}, Body: body, Read: savedDay,
	}
}

// ReadPage is what src reads of a page.
func ReadPage(src *read.Source, page scraper.Page) Answer {
	parsed, err := src.Parse(page)
	if err != nil {
		return Answer{Error: err.Error()}
	}
	out := Answer{Listed: parsed.Listed, Total: parsed.Total, Leftover: parsed.Leftover}
	if len(parsed.Dropped) > 0 {
		out.Dropped = parsed.Dropped
	}
	for _, d := range parsed.Drafts {
		out.Records = append(out.Records, d.Record)
		for _, p := range d.Photos {
			out.Photos = append(out.Photos, p.URL)
		}
	}
	for _, r := range parsed.Next {
		text := strings.TrimSpace(r.Rule + " " + r.Method + " " + r.URL + " " + string(r.Body))
		for _, name := range slices.Sorted(maps.Keys(src.Definition().Steps[page.Request.Rule].Carry)) {
			text += " " + name + "=" + r.Carry[name]
		}
		out.Next = append(out.Next, text)
	}
	return out
}

// Test holds a definition of dir or of a checkout to its saved pages: each gives what its golden file says, and no selector can
// break unseen. With update it writes the golden files first.
func Test(dir, name string, update bool) (Report, error) {
	r := Report{Definitions: 1, Faults: []definition.Problem{}}
	file := File(dir, name)
	if file == "" {
		return r, schemas.Misuse("test %s: no %s in sources_dir or in a checkout; pages of the program's own definitions are not kept in it",
			name, filepath.Join(name, "source.yml"))
	}
	src, err := Open(file)
	if err != nil {
		return r, err
	}
	folder := filepath.Dir(file)
	pages, err := SavedPages(src, folder)
	if err != nil {
		return r, err
	}
	say := func(format string, args ...any) {
		r.Faults = append(r.Faults, definition.Problem{Message: fmt.Sprintf(format, args...)})
	}
	if len(pages) == 0 && len(src.Definition().Steps) > 0 {
		say("%s has no saved page in testdata", folder)
	}
	for _, p := range pages {
		got, err := ReadPage(src, p.Page).JSON()
		if err != nil {
			return r, fmt.Errorf("print a record: %w", err)
		}
		if update {
			if err := os.WriteFile(p.Golden(), got, 0o644); err != nil {
				return r, fmt.Errorf("write what a page gives: %w", err)
			}
			r.Written = append(r.Written, p.Golden())
			continue
		}
		want, err := os.ReadFile(p.Golden())
		switch {
		case errors.Is(err, fs.ErrNotExist):
			say("%s: there is no such file yet: --update writes it, then read it", p.Golden())
		case err != nil:
			return r, fmt.Errorf("read what a page gives: %w", err)
		case !bytes.Equal(want, got):
			say("%s: the page gives something else now\n%s", p.Golden(), differing(string(want), string(got)))
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return r, fmt.Errorf("read definition: %w", err)
	}
	_, unseen, err := BreakSelectors(src, text, pages)
	for _, one := range unseen {
		say("%s", one)
	}
	return r, err
}

// differing are the lines between what two texts have in common at their beginnings and ends.
func differing(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	var out []string
	for _, line := range a {
		out = append(out, "-"+line)
	}
	for _, line := range b {
		out = append(out, "+"+line)
	}
	return strings.Join(out, "\n")
}
