package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"lineup/ingest/broker"
	"lineup/internal/node"
	"lineup/internal/testkit/loopback"
	"lineup/internal/testkit/qdranttest"
)

// BenchmarkQueryAlone starts `lineup query` as a process of its own, with two recognizers, NATS and
// an external index (a stand-in for Qdrant) in this one: the time until it says that it is ready, and
// its memory when nobody has asked it anything yet. Medians of at least five starts.
func BenchmarkQueryAlone(b *testing.B) {
	nats, err := broker.Start(b.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer nats.Close()
	settings := filepath.Join(b.TempDir(), "lineup.yml")
	qdrant := qdranttest.Start(b, nil).Direct().Address
	text := fmt.Sprintf("nats: {url: %q}\nqdrant: {address: %q}\nindex: {workers: 2}\nprivate: \"\"\nlog: {level: warn}\n", nats.URL(), qdrant)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	app := testApp(b, b.TempDir(), "")
	app.Config.NATS.URL, app.Config.Qdrant.Address = nats.URL(), qdrant
	if err := app.withNode(b.Context(), func(h *node.Node) error { // as an indexer does, which is not here
		faces, err := app.OpenFaces(b.Context())
		if err != nil {
			return err
		}
		_, err = h.Prepared(b.Context(), faces.Model())
		return errors.Join(err, faces.Close())
	}); err != nil {
		b.Fatal(err)
	}
	var starts, memories []float64
	for range max(b.N, 5) {
		started, memory := startQuery(b, settings)
		starts, memories = append(starts, started.Seconds()), append(memories, memory)
	}
	slices.Sort(starts)
	slices.Sort(memories)
	b.ReportMetric(starts[len(starts)/2], "start-s")
	b.ReportMetric(memories[len(memories)/2], "idle-MB")
	b.ReportMetric(0, "ns/op")
}

// startQuery starts the daemon, and stops it when it has been idle for three seconds.
func startQuery(b *testing.B, settings string) (started time.Duration, memory float64) {
	address := loopback.Address(b)
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	defer cancel()
	var said bytes.Buffer
	child := exec.CommandContext(ctx, exe)
	child.Args = []string{"lineup", "query", "--listen", address, "--config", settings, "--data", b.TempDir()}
	child.Env = append(os.Environ(), "LINEUP_MODELS="+modelsForTests(b))
	child.Stdout, child.Stderr = &said, &said
	child.Cancel = func() error { return child.Process.Signal(os.Interrupt) }
	start := time.Now()
	if err := child.Start(); err != nil {
		b.Fatal(err)
	}
	for !ready(ctx, "http://"+address+"/readyz") {
		if ctx.Err() != nil {
			cancel()
			b.Fatalf("never ready: %v\n%s", child.Wait(), &said)
		}
		time.Sleep(2 * time.Millisecond)
	}
	started = time.Since(start)
	time.Sleep(3 * time.Second)
	memory = residentMB(b, child.Process.Pid)
	cancel()
	_ = child.Wait() // it was interrupted
	return started, memory
}

func ready(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err == nil && response.StatusCode == http.StatusOK
}
