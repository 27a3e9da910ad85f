package queryd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
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
	t.Helper()
	router, err := described()
	if err != nil {
		t.Fatal(err)
	}
	route, params, err := router.FindRoute(r)
	if err != nil {
		return
	}
	ctx := context.Background()
	again := r.Clone(ctx)
	again.Body = io.NopCloser(strings.NewReader(requestBody))
	input := &openapi3filter.RequestValidationInput{Request: again, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}}
	if response.StatusCode == http.StatusOK && r.Header.Get("Content-Type") != "" {
		if err := openapi3filter.ValidateRequest(ctx, input); err != nil {
			t.Errorf("%s %s was answered, but openapi.yaml refuses it: %v", r.Method, r.URL.Path, err)
		}
	}
	if response.StatusCode == http.StatusNotModified || response.Header.Get("Content-Encoding") != "" || strings.HasPrefix(response.Header.Get("Content-Type"), "image/") {
		return
	}
	answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: response.StatusCode, Header: response.Header,
		Body: io.NopCloser(bytes.NewReader([]byte(body))), Options: input.Options}
	if err := openapi3filter.ValidateResponse(ctx, answer); err != nil {
		t.Errorf("%s %s: the answer is not as openapi.yaml says: %v\n%.500s", r.Method, r.URL.Path, err, body)
	}
}

func TestOpenAPIIsServedAndEveryAnswerHasAnExample(t *testing.T) {
	h := newHouse(t)
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
