package otlp_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lineup/internal/testkit/loopback"
	"lineup/internal/tracing"
	"lineup/internal/tracing/otlp"
)

func TestMain(m *testing.M) { loopback.Main(m) }

// TestOffUnlessAsked holds that traces go nowhere unless the standard variables say where.
func TestOffUnlessAsked(t *testing.T) {
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"
	for _, c := range []struct {
		environ []string
		want    bool
	}{
		{nil, false},
		{[]string{"HOME=/", "OTEL_SERVICE_NAME=x"}, false},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT="}, false},
		{[]string{endpoint}, true},
		{[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:4318/v1/traces"}, true},
		{[]string{endpoint, "OTEL_SDK_DISABLED=true"}, false},
		{[]string{endpoint, "OTEL_TRACES_EXPORTER=none"}, false},
		{[]string{endpoint, "OTEL_TRACES_EXPORTER=otlp"}, true},
	} {
		if got := otlp.Wanted(c.environ); got != c.want {
			t.Errorf("%v: %v", c.environ, got)
		}
	}
}

// TestWhatIsSent holds that a span arrives at the collector with the service's name, over the job's header, and without an error's text.
func TestWhatIsSent(t *testing.T) {
	var body []byte
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/v1/traces" {
			t.Errorf("asked %s %s", r.Method, r.URL.Path)
		}
		part, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		body = append(body, part...)
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_SERVICE_NAME", "lineup-of-a-test")
	provider, end, err := otlp.Open(t.Context(), "1.2.3", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, page := tracing.Root(tracing.With(t.Context(), provider), "page", tracing.Source("us-zz"))
	parent := tracing.Parent(ctx)
	_, job := tracing.Continue(tracing.With(t.Context(), provider), parent, "index")
	job.End(errors.New("photo of Rowan Testcase"))
	page.End(nil)
	end()
	for _, want := range []string{"lineup-of-a-test", "1.2.3", "page", "index", "us-zz"} {
		if !bytes.Contains(body, []byte(want)) {
			t.Errorf("%d bytes were sent, without %q", len(body), want)
		}
	}
	if bytes.Contains(body, []byte("Testcase")) || len(parent) != 55 || !strings.HasPrefix(parent, "00-") {
		t.Errorf("sent an error's text, or the parent %q", parent)
	}
}

// TestNothingWithoutAProvider holds that rooms may trace where nobody listens.
func TestNothingWithoutAProvider(t *testing.T) {
	ctx, span := tracing.Start(t.Context(), "page", tracing.Step("x"))
	span.Set(tracing.Status(200))
	span.End(errors.New("x"))
	if parent := tracing.Parent(ctx); parent != "" {
		t.Errorf("a parent %q of nothing", parent)
	}
	_, span = tracing.Continue(ctx, "not a parent", "index")
	span.End(nil)
}
