package api

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Field is one field of a body or an answer, as the page at /docs shows it.
type Field struct {
	Path, Type, Empty, Description string
	Required                       bool
}

// schema is the part of a JSON schema that the page shows.
type schema struct {
	Ref         string            `json:"$ref"`
	Type        any               `json:"type"` // a name, or a list of names
	Format      string            `json:"format"`
	Description string            `json:"description"`
	Enum        []any             `json:"enum"`
	Const       any               `json:"const"`
	Empty       any               `json:"x-empty"` // what is sent where nothing is known
	Required    []string          `json:"required"`
	Properties  map[string]schema `json:"properties"`
	Items       *schema           `json:"items"`
	OneOf       []schema          `json:"oneOf"`
}

// maxDepth bounds how deep fields are shown.
const maxDepth = 6

// fields are the fields below a schema, by name, those that are required first. named are the schemas that others refer to.
func (s schema) fields(named map[string]schema, prefix string, depth int) (all []Field) {
	if depth > maxDepth {
		return nil
	}
	s = s.resolve(named)
	if s.Items != nil {
		return s.Items.fields(named, prefix+"[]", depth+1)
	}
	names := sortedKeys(s.Properties)
	slices.SortStableFunc(names, func(a, b string) int { return s.place(a) - s.place(b) })
	for _, name := range names {
		p := s.Properties[name].resolve(named)
		f := Field{Path: strings.TrimPrefix(prefix+"."+name, "."), Type: p.kind(named), Description: p.Description,
			Required: slices.Contains(s.Required, name)}
		switch {
		case p.Empty != nil:
			f.Empty = fmt.Sprintf("%#v", p.Empty)
		case slices.Contains(p.types(), "null"):
			f.Empty = "null"
		case p.Items != nil:
			f.Empty = "[]"
		}
		all = append(all, f)
		all = append(all, p.fields(named, f.Path, depth+1)...)
	}
	return all
}

// place orders the properties of a schema: the required ones as they are listed there, then the others.
func (s schema) place(name string) int {
	if i := slices.Index(s.Required, name); i >= 0 {
		return i
	}
	return len(s.Required)
}

func (s schema) resolve(named map[string]schema) schema {
	if s.Ref == "" {
		return s
	}
	to := named[s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]]
	to.Description = cmp.Or(s.Description, to.Description)
	return to
}

func (s schema) types() (names []string) {
	switch t := s.Type.(type) {
	case string:
		names = []string{t}
	case []any:
		for _, one := range t {
			names = append(names, fmt.Sprint(one))
		}
	}
	return names
}

// kind says in a few words what values a schema allows.
func (s schema) kind(named map[string]schema) string {
	switch {
	case s.Const != nil:
		return fmt.Sprint(s.Const)
	case len(s.Enum) > 8:
		return "string"
	case len(s.Enum) > 0:
		var words []string
		for _, e := range s.Enum {
			words = append(words, fmt.Sprint(e))
		}
		return strings.Join(words, ", ")
	case len(s.OneOf) > 0:
		var words []string
		for _, one := range s.OneOf {
			words = append(words, one.resolve(named).kind(named))
		}
		return strings.Join(words, " or ")
	case s.Items != nil:
		return "list of " + s.Items.resolve(named).kind(named)
	}
	names := slices.DeleteFunc(s.types(), func(name string) bool { return name == "null" })
	if s.Format != "" && s.Format != "double" {
		return s.Format
	}
	return strings.Join(names, " or ")
}
