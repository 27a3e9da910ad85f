// Package tracing is the part of tracing that the rooms use: spans begin and end, and travel with a job as a W3C
// traceparent. Without a provider in the context nothing happens. Span names and attributes are fixed words of the
// program: never a name, id, address or query, and of an error only that there was one. Package otlp sends what is
// recorded.
package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

type providerKey struct{}

// With returns a context whose spans go to a provider.
func With(ctx context.Context, p trace.TracerProvider) context.Context {
	return context.WithValue(ctx, providerKey{}, p)
}

// Attribute is a word or a number about a span.
type Attribute = attribute.KeyValue

// The attributes. Their values are words of the program: ids of sources, steps of definitions, endpoints, outcomes.
func Source(id string) Attribute       { return attribute.String("lineup.source", id) }
func Step(rule string) Attribute       { return attribute.String("lineup.step", rule) }
func Command(name string) Attribute    { return attribute.String("lineup.command", name) }
func Endpoint(kind string) Attribute   { return attribute.String("lineup.endpoint", kind) }
func Outcome(word string) Attribute    { return attribute.String("lineup.outcome", word) }
func Generation(name string) Attribute { return attribute.String("lineup.generation", name) }
func Attempt(n int) Attribute          { return attribute.Int("lineup.attempt", n) }
func Status(code int) Attribute        { return attribute.Int("http.response.status_code", code) }

// Span is a piece of work. The zero Span records nothing.
type Span struct{ span trace.Span }

// Start begins a span below the context's span, or a new trace if it has none.
func Start(ctx context.Context, name string, about ...Attribute) (context.Context, Span) {
	return start(ctx, name, about)
}

// Root begins a new trace, even if the context has a span.
func Root(ctx context.Context, name string, about ...Attribute) (context.Context, Span) {
	return start(ctx, name, about, trace.WithNewRoot())
}

func start(ctx context.Context, name string, about []Attribute, how ...trace.SpanStartOption) (context.Context, Span) {
	provider, ok := ctx.Value(providerKey{}).(trace.TracerProvider)
	if !ok {
		return ctx, Span{}
	}
	ctx, span := provider.Tracer("lineup").Start(ctx, name, append(how, trace.WithAttributes(about...))...)
	return ctx, Span{span}
}

// Set adds attributes.
func (s Span) Set(about ...Attribute) {
	if s.span != nil {
		s.span.SetAttributes(about...)
	}
}

// End ends the span. Of err it records only that there was one, since an error's text may contain anything.
func (s Span) End(err error) {
	if s.span == nil {
		return
	}
	if err != nil {
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}

// traceparent is the header of W3C Trace Context.
const traceparent = "traceparent"

// Parent returns the context's span as a traceparent; "" if there is none.
func Parent(ctx context.Context) string {
	header := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, header)
	return header[traceparent]
}

// Continue begins a span below one of another process; if parent is not valid it begins a trace.
func Continue(ctx context.Context, parent, name string, about ...Attribute) (context.Context, Span) {
	if parent != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceparent: parent})
	}
	return start(ctx, name, about)
}
