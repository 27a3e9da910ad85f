package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"lineup/schemas"
)

// OpenAPI is the description of the API, for programs and for people.
type OpenAPI struct {
	json []byte
	Docs Docs
}

// Docs is what the page at /docs shows.
type Docs struct {
	Description string
	Operations  []Operation
}

type Operation struct {
	ID, Method, Path, Summary, Description string
	Parameters                             []Parameter
	Body, Answer                           []Field
	Errors                                 []Problem
	Examples                               []Example
	place                                  int // of its tag
}

// Problem is an answer that is an error, and the reasons it can give.
type Problem struct {
	Status, Description string
	Reasons             []string
}

type Parameter struct {
	Name        string `json:"name"`
	In          string `json:"in"`
	Required    bool   `json:"required"`
	Description string `json:"description"`
	Ref         string `json:"$ref"`
}

type Example struct{ Title, Text string }

// media is the content of a request or an answer.
type media map[string]struct {
	Schema   schema `json:"schema"`
	Examples map[string]struct {
		Summary string          `json:"summary"`
		Value   json.RawMessage `json:"value"`
	} `json:"examples"`
}

// operation is the part of an operation that the page shows.
type operation struct {
	ID          string      `json:"operationId"`
	Summary     string      `json:"summary"`
	Description string      `json:"description"`
	Tags        []string    `json:"tags"`
	Parameters  []Parameter `json:"parameters"`
	Body        struct {
		Content media `json:"content"`
	} `json:"requestBody"`
	Responses map[string]answer `json:"responses"`
}

type answer struct {
	Description string `json:"description"`
	Content     media  `json:"content"`
	Ref         string `json:"$ref"`
}

// NewOpenAPI reads the description that is built in.
func NewOpenAPI() (*OpenAPI, error) {
	data, err := yaml.YAMLToJSON(schemas.OpenAPI)
	if err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	var doc document
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	out := &OpenAPI{json: data, Docs: Docs{Description: doc.Info.Description}}
	for path, methods := range doc.Paths {
		if err := out.add(doc, path, methods); err != nil {
			return nil, err
		}
	}
	for _, methods := range doc.Webhooks {
		if err := out.add(doc, "your webhook", methods); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out.Docs.Operations, func(a, b Operation) int {
		return cmp.Or(cmp.Compare(a.place, b.place), strings.Compare(a.Path+a.Method, b.Path+b.Method))
	})
	return out, nil
}

// document is the part of openapi.yaml that the page shows.
type document struct {
	Info struct {
		Description string `json:"description"`
	} `json:"info"`
	Tags []struct {
		Name string `json:"name"`
	} `json:"tags"`
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Webhooks   map[string]map[string]json.RawMessage `json:"webhooks"`
	Components struct {
		Parameters map[string]Parameter `json:"parameters"`
		Responses  map[string]answer    `json:"responses"`
		Schemas    map[string]schema    `json:"schemas"`
	} `json:"components"`
}

// add adds the operations of a path.
func (o *OpenAPI) add(doc document, path string, methods map[string]json.RawMessage) error {
	for method, raw := range methods {
		var op operation
		if err := json.Unmarshal(raw, &op); err != nil {
			return fmt.Errorf("read openapi.yaml: %s %s: %w", method, path, err)
		}
		shown := Operation{ID: op.ID, Method: strings.ToUpper(method), Path: path, Summary: op.Summary, Description: op.Description}
		for i, tag := range doc.Tags {
			if slices.Contains(op.Tags, tag.Name) {
				shown.place = i
			}
		}
		for _, p := range op.Parameters {
			if p.Ref != "" {
				p = doc.Components.Parameters[p.Ref[strings.LastIndexByte(p.Ref, '/')+1:]]
			}
			shown.Parameters = append(shown.Parameters, p)
		}
		shown.Body = op.Body.Content["application/json"].Schema.fields(doc.Components.Schemas, "", 0)
		shown.Examples = op.Body.Content.examples("Request")
		for _, status := range sortedKeys(op.Responses) {
			a := op.Responses[status]
			if a.Ref != "" {
				a = doc.Components.Responses[a.Ref[strings.LastIndexByte(a.Ref, '/')+1:]]
			}
			shown.Examples = append(shown.Examples, a.Content.examples("Answer "+status)...)
			content := a.Content["application/json"].Schema
			if status < "300" {
				shown.Answer = content.fields(doc.Components.Schemas, "", 0)
				continue
			}
			p := Problem{Status: status, Description: a.Description}
			for _, reason := range content.resolve(doc.Components.Schemas).Properties["reason"].Enum {
				p.Reasons = append(p.Reasons, fmt.Sprint(reason))
			}
			shown.Errors = append(shown.Errors, p)
		}
		programs, err := snippetsOf(op.ID)
		if err != nil {
			return err
		}
		shown.Examples = append(programs, shown.Examples...)
		o.Docs.Operations = append(o.Docs.Operations, shown)
	}
	return nil
}

func (m media) examples(title string) []Example {
	var all []Example
	for _, kind := range sortedKeys(m) {
		for _, name := range sortedKeys(m[kind].Examples) {
			e := m[kind].Examples[name]
			text := string(e.Value)
			var plain string
			if indented, err := json.MarshalIndent(e.Value, "", "  "); json.Unmarshal(e.Value, &plain) == nil {
				text = plain
			} else if err == nil {
				text = string(indented)
			}
			all = append(all, Example{Title: title + ": " + e.Summary, Text: text})
		}
	}
	return all
}

func sortedKeys[V any](m map[string]V) []string {
	all := make([]string, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// ServeJSON answers GET /openapi.json.
func (o *OpenAPI) ServeJSON(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Write(o.json) // the client may have left: nothing to do about it
	return nil
}
