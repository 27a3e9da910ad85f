package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"lineup/internal/tracing"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/samplesite"
	"lineup/scraper/samplesite/faces"
)

// words are what attributes may say: ids of sources, steps, endpoints, outcomes and generations, and numbers.
var words = regexp.MustCompile(`^[a-z][a-z0-9 _-]{0,40}$|^[0-9]{1,4}$`)

// TestATraceGoesFromThePageToTheMark holds that one trace holds everything from a registrant's page until the index
// is marked, over the job's header; that each request is one trace with its stages; and that no span of a whole crawl
// and of searches by face, name, id and place, failed ones too, says who it was about.
func TestATraceGoesFromThePageToTheMark(t *testing.T) {
	r := newRoad(t)
	heard := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(heard))
	ctx := tracing.With(t.Context(), provider)
	r.renewMetrics()
	must(t, r.h.WithWorker(ctx, func(ctx context.Context) error {
		if _, err := r.h.CrawlSite(ctx, demoSource, &scraper.Crawl{}); err != nil {
			return err
		}
		return r.h.Drain(ctx, nil)
	}))
	crawled := heard.GetSpans()
	whole := []string{"page", "fetch", "parse", "photos", "accept", "enqueue", "index", "embed", "replace", "mark"}
	if n := tracesWith(crawled, whole); n < 40 {
		t.Errorf("%d traces hold all of %v, of %d spans", n, whole, len(crawled))
	}
	heard.Reset()
	id := sampleID(samplesite.FirstID)
	photo, err := faces.Files.ReadFile("p001b.jpg")
	must(t, err)
	ask := func(method, path, body string) {
		request := httptest.NewRequest(method, path, strings.NewReader(body)).WithContext(ctx)
		request.Header.Set("X-API-Key", r.key)
		request.Header.Set("Content-Type", "application/json")
		r.api.ServeHTTP(httptest.NewRecorder(), request)
	}
	ask("POST", "/faces", fmt.Sprintf(`{"queryImageBase64":%q}`, base64.StdEncoding.EncodeToString(photo)))
	if n := tracesWith(heard.GetSpans(), []string{"request", "read", "embed", "nearest", "score", "lookup", "ledger"}); n != 1 {
		t.Errorf("%d traces of a face search hold its stages", n)
	}
	ask("GET", "/sexoffender?firstName=Rowan&lastName=Testcase&city=Sampleton&address=1+Example+Road", "")
	ask("GET", "/sexoffender?uuid="+string(id), "")
	ask("GET", "/photos/"+string(id), "")
	ask("GET", "/record/"+string(id), "")
	ask("GET", "/v1/changes", "")
	ask("POST", "/faces", `{"queryImageBase64":"`+string(id)+`"}`)
	ask("GET", "/nothing/"+string(id), "")
	asked := heard.GetSpans()
	if n := tracesWith(asked, []string{"request"}); n != 8 {
		t.Errorf("%d traces of 8 requests", n)
	}
	for _, span := range slices.Concat(crawled, asked) {
		if len(span.Events) > 0 || span.Status.Description != "" || len(span.Links) > 0 || !words.MatchString(span.Name) {
			t.Errorf("span %q: events %v, status %q", span.Name, span.Events, span.Status.Description)
		}
		for _, a := range span.Attributes {
			if value := a.Value.String(); !words.MatchString(value) {
				t.Errorf("span %q says %s: %q", span.Name, a.Key, value)
			}
		}
	}
	// what a page or a person has would not pass
	for _, telling := range []string{string(id), "http://127.0.0.1/", "Rowan Testcase", "10001", "1 Example Road",
		string(schemas.DigestOf(photo))} {
		if words.MatchString(telling) {
			t.Errorf("this test would let %q pass", telling)
		}
	}
}

// TestCommandsAreTraced holds that what a command does is sent: itself, the pages that it reads and, over the jobs' headers, the
// way of each into the index.
func TestCommandsAreTraced(t *testing.T) {
	var mu sync.Mutex
	var body []byte
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		part, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		body = append(body, part...)
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	files, data := filepath.Join(t.TempDir(), "files"), filepath.Join(t.TempDir(), "data")
	for _, c := range []struct {
		line  string
		spans []string
	}{
		{"samplesite --export " + files + " --people 3", nil},
		{"import " + files + " --source import-nsopw", []string{"lineup import", "page", "accept", "enqueue", "index", "replace", "mark"}},
		{"audit", []string{"lineup audit"}},
		{"remove " + string(schemas.RegistrantID("import-nsopw", "x")) + " --reason other", []string{"lineup remove"}},
	} {
		body = nil
		code := run(append(strings.Fields(c.line), "--data", data, "--set", "models="+modelsForTests(t)), io.Discard, io.Discard)
		for _, span := range c.spans {
			if !bytes.Contains(body, []byte(span)) {
				t.Errorf("%s: exit %d: %d bytes were sent, without %q", c.line, code, len(body), span)
			}
		}
	}
}

// tracesWith counts the traces that hold spans of all names.
func tracesWith(spans tracetest.SpanStubs, names []string) (n int) {
	by := map[string]map[string]bool{}
	for _, s := range spans {
		trace := s.SpanContext.TraceID().String()
		if by[trace] == nil {
			by[trace] = map[string]bool{}
		}
		by[trace][s.Name] = true
	}
	for _, held := range by {
		if !slices.ContainsFunc(names, func(name string) bool { return !held[name] }) {
			n++
		}
	}
	return n
}
