package api

import (
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
	Examples                               []Example
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
	var doc struct {
		Info struct {
			Description string `json:"description"`
		} `json:"info"`
		Paths      map[string]map[string]json.RawMessage `json:"paths"`
		Components struct {
			Parameters map[string]Parameter `json:"parameters"`
			Responses  map[string]answer    `json:"responses"`
		} `json:"components"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	out := &OpenAPI{json: data, Docs: Docs{Description: doc.Info.Description}}
	for path, methods := range doc.Paths {
		for method, raw := range methods {
			var op operation
			if err := json.Unmarshal(raw, &op); err != nil {
				return nil, fmt.Errorf("read openapi.yaml: %s %s: %w", method, path, err)
			}
			shown := Operation{ID: op.ID, Method: strings.ToUpper(method), Path: path, Summary: op.Summary, Description: op.Description}
			for _, p := range op.Parameters {
				if p.Ref != "" {
					p = doc.Components.Parameters[p.Ref[strings.LastIndexByte(p.Ref, '/')+1:]]
				}
				shown.Parameters = append(shown.Parameters, p)
			}
			shown.Examples = op.Body.Content.examples("Request")
			for _, status := range sortedKeys(op.Responses) {
				a := op.Responses[status]
				if a.Ref != "" {
					a = doc.Components.Responses[a.Ref[strings.LastIndexByte(a.Ref, '/')+1:]]
				}
				shown.Examples = append(shown.Examples, a.Content.examples("Answer "+status)...)
			}
			out.Docs.Operations = append(out.Docs.Operations, shown)
		}
	}
	slices.SortFunc(out.Docs.Operations, func(a, b Operation) int {
		return strings.Compare(a.Path+a.Method, b.Path+b.Method)
	})
	return out, nil
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
