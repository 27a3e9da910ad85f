package definition

import (
	"bytes"
	"errors"
	"fmt"
	"lineup/scraper/definition/notation"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
)

// Load reads a source.yml. file is the name used in errors. What Lint would find is an error.
func Load(file string, data []byte) (*Definition, error) {
	def, problems := Lint(file, data)
	if len(problems) > 0 {
		all := make([]error, len(problems))
		for i, p := range problems {
			all[i] = errors.New(p.String())
		}
		return nil, fmt.Errorf("load definition: %w", errors.Join(all...))
	}
	return def, nil
}

// LoadList reads a file that lists several definitions.
func LoadList(file string, data []byte) ([]*Definition, error) {
	var list []any
	if err := yaml.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("load definitions: %s", yamlProblem(file, err))
	}
	var all []*Definition
	for i, one := range list {
		text, err := yaml.Marshal(one)
		if err != nil {
			return nil, fmt.Errorf("%s: definition %d: %w", file, i+1, err)
		}
		def, err := Load(fmt.Sprintf("%s[%d]", file, i), text)
		if err != nil {
			return nil, err
		}
		all = append(all, def)
	}
	return all, nil
}

// Problem is a fault of a definition and where it stands.
type Problem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"` // from 1, 0 when the fault is of the whole file
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// String is file:line:column: message (hint), as editors and terminals link it.
func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", p.File, max(p.Line, 1), max(p.Column, 1), p.Message)
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// Lint reads a definition and lists its faults, in the order in which they stand in the file. The
// definition is nil when the file cannot be read as one.
func Lint(file string, data []byte) (*Definition, []Problem) {
	var def Definition
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&def); err != nil {
		return nil, []Problem{yamlProblem(file, err)}
	}
	l := &linter{file: file, data: data, def: &def}
	l.check()
	l.sort()
	return &def, l.problems
}

func yamlProblem(file string, err error) Problem {
	p := Problem{File: file, Message: err.Error()}
	var at yaml.Error
	if errors.As(err, &at) {
		p.Message = at.GetMessage()
		if token := at.GetToken(); token != nil && token.Position != nil {
			p.Line, p.Column = token.Position.Line, token.Position.Column
			if strings.Contains(p.Message, "unknown field") {
				p.Hint = hintFor(token.Value)
			}
		}
	}
	return p
}

// hintFor names the known key nearest to one that is not known.
func hintFor(key string) string {
	best, distance := "", 4
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice:
			walk(t.Elem())
			return
		case reflect.Map:
			walk(t.Elem())
			return
		case reflect.Struct:
		default:
			return
		}
		if seen[t] {
			return
		}
		seen[t] = true
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
			if n := edits(name, key); name != "" && n < distance {
				best, distance = name, n
			}
			walk(t.Field(i).Type)
		}
	}
	walk(reflect.TypeFor[Definition]())
	if best == "" {
		return "docs/add-a-registry.md lists every key"
	}
	return fmt.Sprintf("is %q meant?", best)
}

// edits is the Levenshtein distance of a and b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// walk calls do for every Value of the definition below at, with its YAML path.
func walk(at reflect.Value, path string, do func(path string, v *Value)) {
	switch at.Kind() {
	case reflect.Pointer:
		if !at.IsNil() {
			walk(at.Elem(), path, do)
		}
	case reflect.Slice:
		for i := range at.Len() {
			walk(at.Index(i), fmt.Sprintf("%s[%d]", path, i), do)
		}
	case reflect.Map:
		for _, key := range at.MapKeys() {
			if at.Type().Elem().Kind() == reflect.Struct {
				one := reflect.New(at.Type().Elem()).Elem()
				one.Set(at.MapIndex(key))
				walk(one, path+"."+key.String(), do)
			}
		}
	case reflect.Struct:
		if v, ok := at.Addr().Interface().(*Value); ok {
			do(path, v)
		}
		for i := range at.NumField() {
			name, rest, _ := strings.Cut(at.Type().Field(i).Tag.Get("yaml"), ",")
			if rest == "inline" {
				walk(at.Field(i), path, do)
			} else {
				walk(at.Field(i), path+"."+name, do)
			}
		}
	}
}

// LabelsByStep are the labels that each step reads.
func (def *Definition) LabelsByStep() map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for rule, step := range def.Steps {
		all[rule] = map[string]bool{}
		walk(reflect.ValueOf(&step), "", func(_ string, v *Value) {
			for _, label := range v.Label {
				all[rule][notation.Fold(label)] = true
			}
		})
	}
	return all
}
