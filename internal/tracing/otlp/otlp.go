// Package otlp sends traces by OTLP over HTTP, as the standard OTEL_ variables of the environment say. It alone holds OpenTelemetry's SDK.
package otlp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Wanted reports whether an environment, given as by os.Environ, names a receiver of traces.
func Wanted(environ []string) bool {
	set := map[string]string{}
	for _, one := range environ {
		name, value, _ := strings.Cut(one, "=")
		set[name] = value
	}
	switch {
	case strings.EqualFold(set["OTEL_SDK_DISABLED"], "true"), set["OTEL_TRACES_EXPORTER"] == "none":
		return false
	}
	return set["OTEL_EXPORTER_OTLP_ENDPOINT"] != "" || set["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] != ""
}

// flush bounds how long sending the last spans may take.
const flush = 5 * time.Second

// Open returns a provider that sends what is recorded, configured by the standard variables: receiver, sampling
// (OTEL_TRACES_SAMPLER) and service name. What cannot be sent is dropped and logged. end sends the rest.
func Open(ctx context.Context, version string, log *slog.Logger) (p trace.TracerProvider, end func(), err error) {
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("open the exporter of traces: %w (OTEL_EXPORTER_OTLP_ENDPOINT says where they go)", err)
	}
	what, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "lineup"),
		attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, nil, errors.Join(fmt.Errorf("describe this process for traces: %w", err), exporter.Shutdown(ctx))
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces not sent", "error", err) }))
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(what))
	return provider, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flush)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			log.Warn("last traces not sent", "error", err)
		}
	}, nil
}
