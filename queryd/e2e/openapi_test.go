package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"lineup/schemas"
)

// described is the router of openapi.yaml, read once.
var described = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromData(schemas.OpenAPI)
	if err != nil {
		return nil, err
	}
	return legacy.NewRouter(doc) // also validates the document, examples included
})

// validate checks a request and its answer against openapi.yaml. What is not described there
// (pages, other methods) passes; a request that was refused need not be valid itself.
func validate(t testing.TB, r *http.Request, requestBody string, response *http.Response, body string) {
	requestBody = strings.ReplaceAll(requestBody, "\ufeff", "") // taken, though it is no JSON
	t.Helper()
	router, err := described()
	if err != nil {
		t.Fatal(err)
	}
	again := r.Clone(context.Background())
	again.Body, again.GetBody = io.NopCloser(strings.NewReader(requestBody)), nil
	again.URL.Scheme, again.URL.Host = "", ""
	route, params, err := router.FindRoute(again)
	if err != nil {
		if route, ok := pathOf(r.URL.Path); ok && response.StatusCode == http.StatusMethodNotAllowed {
			seen.answered(route, response.StatusCode, body)
		}
		return
	}
	seen.asked(r, route)
	seen.answered(route.Path+" "+route.Method, response.StatusCode, body)
	input := &openapi3filter.RequestValidationInput{Request: again, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}}
	if response.StatusCode == http.StatusOK {
		if kind := r.Header.Get("Content-Type"); kind == "" || kind == "text/plain" {
			again.Header.Set("Content-Type", "application/json") // which we do not insist on
		}
		if err := openapi3filter.ValidateRequest(again.Context(), input); err != nil {
			t.Errorf("%s %s was answered, but openapi.yaml refuses it: %v", r.Method, r.URL.Path, err)
		}
	}
	if body == "" || response.Header.Get("Content-Encoding") != "" && body[0] != '{' ||
		strings.HasPrefix(response.Header.Get("Content-Type"), "image/") {
		return
	}
	answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: response.StatusCode, Header: response.Header,
		Body: io.NopCloser(strings.NewReader(body)), Options: input.Options}
	if err := openapi3filter.ValidateResponse(again.Context(), answer); err != nil {
		t.Errorf("%s %s: the answer is not as openapi.yaml says: %v\n%.500s", r.Method, r.URL.Path, err, body)
	}
}

// coverage is what of openapi.yaml requests and answers have shown.
type coverage struct {
	answers, params, reasons map[string]bool
}

var seen = &coverage{}

func (c *coverage) reset() {
	*c = coverage{answers: map[string]bool{}, params: map[string]bool{}, reasons: map[string]bool{}}
}

func (c *coverage) asked(r *http.Request, route *routers.Route) {
	for name := range r.URL.Query() {
		if c.params != nil {
			c.params[route.Path+" "+route.Method+" "+name] = true
		}
	}
}

func (c *coverage) answered(operation string, status int, body string) {
	if c.answers == nil {
		return
	}
	c.answers[fmt.Sprintf("%s %d", operation, status)] = true
	var failed struct{ Reason string }
	if json.Unmarshal([]byte(body), &failed) == nil && failed.Reason != "" {
		c.reasons[failed.Reason] = true
	}
}

// pathOf names the operation that a path has, whatever the method.
func pathOf(path string) (operation string, ok bool) {
	router, err := described()
	if err != nil {
		return "", false
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		r, err := http.NewRequest(method, path, nil)
		if err != nil {
			continue
		}
		if route, _, err := router.FindRoute(r); err == nil {
			return route.Path + " " + route.Method, true
		}
	}
	return "", false
}

// missing lists what openapi.yaml describes and nobody has asked for or been answered. A 500 has no
// request that makes it.
func (c *coverage) missing(t *testing.T) (all []string) {
	doc, err := openapi3.NewLoader().LoadFromData(schemas.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			for status := range op.Responses.Map() {
				if name := path + " " + method + " " + status; status != "500" && !c.answers[name] &&
					!(method == "POST" && status == "405" && item.Get != nil) {
					all = append(all, "the answer "+name)
				}
			}
			for _, p := range op.Parameters {
				if name := path + " " + method + " " + p.Value.Name; p.Value.In == "query" && !c.params[name] {
					all = append(all, "the parameter "+name)
				}
			}
		}
	}
	for _, reason := range doc.Components.Schemas["BadRequest"].Value.Properties["reason"].Value.Enum {
		if reason != "incomplete_body" && !c.reasons[reason.(string)] { // a client that breaks off: TestSlowAndOversizedClientsAreCutOff
			all = append(all, fmt.Sprintf("the reason %q", reason))
		}
	}
	slices.Sort(all)
	return all
}

func TestOpenAPIIsServedAndEveryAnswerHasAnExample(t *testing.T) {
	h := newNode(t)
	response, body := h.do("GET", "/openapi.json", "")
	if response.StatusCode != 200 {
		t.Fatalf("status %d", response.StatusCode)
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background(), openapi3.EnableExamplesValidation()); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("version %s", doc.OpenAPI)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Summary == "" || op.OperationID == "" {
				t.Errorf("%s %s has no summary or id", method, path)
			}
			for status, ref := range op.Responses.Map() {
				for kind, media := range ref.Value.Content {
					if strings.HasPrefix(kind, "image/") {
						continue
					}
					if len(media.Examples) == 0 {
						t.Errorf("%s %s %s %s has no example", method, path, status, kind)
					}
					for name, example := range media.Examples {
						if media.Schema == nil {
							continue
						}
						data, _ := json.Marshal(example.Value.Value)
						var plain any
						json.Unmarshal(data, &plain)
						if err := media.Schema.Value.VisitJSON(plain, openapi3.EnableJSONSchema2020()); err != nil {
							t.Errorf("%s %s %s example %s: %v", method, path, status, name, err)
						}
					}
				}
			}
		}
	}
	response, page := h.do("GET", "/docs", "")
	if response.StatusCode != 200 || !strings.Contains(page, "queryImageBase64") || !strings.Contains(page, "/sexoffender") {
		t.Errorf("docs page: %d", response.StatusCode)
	}
	if strings.Contains(page, `src="http`) || strings.Contains(page, `href="http`) {
		t.Error("docs page refers to an outside host")
	}
}

// TestDocsAreTables holds what /docs says of fields, errors and tools, with POST /faces first.
func TestDocsAreTables(t *testing.T) {
	h := town(t)
	_, page := h.do("GET", "/docs", "")
	page = regexp.MustCompile(`<[^>]+>`).ReplaceAllStringFunc(page, func(tag string) string {
		return map[bool]string{true: "|", false: ""}[strings.HasPrefix(tag, "</t") || strings.HasPrefix(tag, "</h")]
	})
	for _, want := range []string{
		"queryImageBase64|string, required|base64 of a JPEG or PNG of fewer than 3,000,000 bytes",
		"ageMin|integer or string|years, 0 to 130; who states no age passes",
		"faceMatches[].offender.personUuid|string|null|", "faceMatches[].offender.firstName|string|&#34;&#34;|", "faceMatches|list of object|[]|",
		"offenders[].lat|number|-1|", "offenders[].aliases[].surName|string|", "401|The key is missing or invalid", "too_many_watches",
		"POST your webhook", "X-Lineup-Signature", "a photo has fewer than 3,000,000 bytes",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("/docs lacks %q", want)
		}
	}
	if first := strings.Index(page, "POST /faces"); first < 0 || first > strings.Index(page, "GET /") {
		t.Error("/docs does not begin with POST /faces")
	}
	_, chapter, _ := strings.Cut(page, "POST /mcp|")
	tools, err := backends(t, h, h.key)["in the process"].ListTools(t.Context(), nil)
	must(t, err)
	for _, tool := range tools.Tools {
		if !strings.Contains(chapter, tool.Name) {
			t.Errorf("the chapter of MCP does not speak of %s", tool.Name)
		}
	}
}
