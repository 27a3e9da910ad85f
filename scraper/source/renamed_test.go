package source_test

import (
	"archive/zip"
	"bytes"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lineup/scraper/definition"
	"lineup/scraper/source"
)

// renames are the columns, labels and JSON names that a step reads: what a site may rename.
func renames(step definition.Step) []string {
	var names []string
	add := func(all ...string) {
		for _, name := range all {
			if name != "" && !strings.HasPrefix(name, "@") && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	var walk func(reflect.Value)
	walk = func(at reflect.Value) {
		switch at.Kind() {
		case reflect.Pointer:
			if !at.IsNil() {
				walk(at.Elem())
			}
		case reflect.Slice:
			for i := range at.Len() {
				walk(at.Index(i))
			}
		case reflect.Map:
			for _, key := range at.MapKeys() {
				walk(at.MapIndex(key))
			}
		case reflect.Struct:
			if v, ok := at.Interface().(definition.Value); ok {
				add(v.Column...)
				add(v.Label...)
				path := strings.NewReplacer("[*]", "", "[0]", "").Replace(v.Path)
				add(path[strings.LastIndexByte(path, '.')+1:])
				for theirs, ours := range v.On {
					add(theirs, ours)
				}
			}
			for i := range at.NumField() {
				walk(at.Field(i))
			}
		}
	}
	walk(reflect.ValueOf(step))
	return names
}

// renamed is body with name changed wherever it stands as the name of a field: in a ZIP (and a
// workbook, which is one) in every file of it.
func renamed(body []byte, name string) []byte {
	if !bytes.HasPrefix(body, []byte("PK\x03\x04")) {
		out := body
		to := name + "zzz"
		for _, around := range [][2]string{{`"`, `"`}, {`\"`, `\"`}, {">", "<"}, {">", ":"}, {",", ","}, {",", "\n"}, {",", "\r"}, {"\t", "\t"},
			{"\t", "\n"}, {"\ufeff", ","}, {"\ufeff", "\t"}} {
			out = bytes.ReplaceAll(out, []byte(around[0]+name+around[1]), []byte(around[0]+to+around[1]))
			out = bytes.ReplaceAll(out, []byte(around[0]+name+around[1]), []byte(around[0]+to+around[1]))
		}
		for _, end := range []string{",", "\t"} { // the first column
			if bytes.HasPrefix(out, []byte(name+end)) {
				out = append([]byte(to), out[len(name):]...)
			}
		}
		first, rest, _ := bytes.Cut(out, []byte("\n"))
		if ruler, _, _ := bytes.Cut(rest, []byte("\n")); len(ruler) > 0 &&
			len(bytes.Trim(ruler, "- \r")) == 0 { // fixed width: the name keeps its width
			cells := " " + string(first) + " "
			cells = strings.ReplaceAll(cells, " "+name+" ", " "+"Z"+name[1:]+" ")
			out = append([]byte(strings.TrimSuffix(cells[1:], " ")+"\n"), rest...)
		}
		return out
	}
	r, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		panic(err)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, file := range r.File {
		in, err := file.Open()
		if err != nil {
			panic(err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			panic(err)
		}
		out, err := w.Create(file.Name)
		if err == nil {
			_, err = out.Write(renamed(content, name))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// When a site renames a column, a label or a name in its JSON, the run hears of it: it stops, or
// something is left over.
func TestRenamedFieldsAreNoticed(t *testing.T) {
	n := 0
	for _, s := range savedPages(t) {
		want := result(s.src, s.page)
		if want.Error != "" || s.src.Definition().Steps[s.page.Request.Rule].Record == nil {
			continue
		}
		for _, name := range renames(s.src.Definition().Steps[s.page.Request.Rule]) {
			page := s.page
			if page.Body = renamed(s.page.Body, name); bytes.Equal(page.Body, s.page.Body) {
				continue // this page has no such field
			}
			n++
			got := result(s.src, page)
			if !cmp.Equal(want.Records, got.Records) && !source.Noticed(want, got) { // a field without a value loses nothing
				t.Errorf("%s: %q is renamed and nothing is said", s.path, name)
			}
		}
	}
	if n < 200 {
		t.Errorf("%d fields renamed: the test does not test", n)
	}
}
