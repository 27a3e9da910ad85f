package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/config"
	"lineup/internal/node"
	"lineup/internal/operate/canary"
	"lineup/internal/testkit/brokertest"
	"lineup/internal/testkit/s3server"
	"lineup/queryd/keys"
)

// TestWhatARoleMayNotIsNamed holds that a command whose NATS user may not do it says whose credentials it needs,
// rather than that time was up.
func TestWhatARoleMayNotIsNamed(t *testing.T) {
	cluster := brokertest.Start(t, deployDir+"/nats")
	files := t.TempDir()
	as := func(role string, args ...string) (code int, said string) {
		var out, errs bytes.Buffer
		code = run(append(args, "--data", files, "--set", "nats.ca="+cluster.CAFile, "--set", "nats.url="+cluster.URL(role)), &out, &errs)
		return code, out.String() + errs.String()
	}
	if code, said := as("admin", "prepare"); code != exitDone {
		t.Fatalf("prepare: exit %d: %s", code, said)
	}
	code, said := as("query", "keys", "add", "x")
	if code != exitFailed || !strings.Contains(said, "credentials of admin") {
		t.Errorf("exit %d: %s", code, said)
	}
}

// TestPrepareMakesTheBucket holds that prepare makes the object store's bucket where the key may, says what doctor
// says, and fails where something is wrong.
func TestPrepareMakesTheBucket(t *testing.T) {
	server := s3server.Start(t, s3server.Engines()[0], false)
	data := filepath.Join(t.TempDir(), "data")
	prepare := func(secret string) (int, string) {
		return lineup(t, "prepare", "--data", data, "--set", "s3.endpoint="+server.Endpoint, "--set", "s3.lookup=path",
			"--set", "s3.access_key="+s3server.AccessKey, "--set", "s3.secret_key="+secret)
	}
	if code, said := prepare(s3server.SecretKey); code != exitDone || !strings.Contains(said, "made the object store's bucket lineup") ||
		!strings.Contains(said, "could be written, read and deleted in bucket lineup") {
		t.Errorf("exit %d: %s", code, said)
	}
	if code, said := prepare(s3server.SecretKey); code != exitDone || strings.Contains(said, "made the object store's") {
		t.Errorf("again: exit %d: %s", code, said)
	}
	if code, said := prepare("no such secret"); code != exitFailed || !strings.Contains(said, "wrong") {
		t.Errorf("with a wrong key: exit %d: %s", code, said)
	}
}

// TestTheCanaryProvesUnderDeployedRights has each role do its part of the canary under the NATS account that deploy/ gives it: scrape lists
// and delists, index indexes, query answers, and the administrator alone removes for ever.
func TestTheCanaryProvesUnderDeployedRights(t *testing.T) {
	cluster, data := brokertest.Start(t, deployDir+"/nats"), t.TempDir()
	as := func(role string) *node.Node {
		app := testApp(t, data, "")
		app.Config.NATS.URL, app.Config.NATS.CA = cluster.URL(role), cluster.CAFile
		n, err := node.Open(t.Context(), app.Options)
		must(t, err)
		t.Cleanup(func() { must(t, n.Close()) })
		return n
	}
	code, said := lineup(t, "prepare", "--data", data, "--set", "nats.ca="+cluster.CAFile, "--set", "nats.url="+cluster.URL("admin"))
	if code != exitDone {
		t.Fatalf("prepare: exit %d: %s", code, said)
	}
	admin, scrape, index, query := as("admin"), as("scrape"), as("index"), as("query")
	must(t, index.WithWorker(t.Context(), func(ctx context.Context) error { return index.Drain(ctx, nil) }))
	faces, err := query.OpenFaces(t.Context())
	must(t, err)
	defer faces.Close()
	api, err := query.NewServer(t.Context(), faces)
	must(t, err)
	door := httptest.NewServer(api)
	defer door.Close()
	key, _, err := admin.Keys.Add(t.Context(), "canary", keys.Limits{Canary: true, PerMinute: 10000})
	must(t, err)
	index.Metrics = prometheus.NewRegistry()
	must(t, index.WithWorker(t.Context(), func(ctx context.Context) error {
		for _, n := range []*node.Node{scrape, admin} {
			n.Config.Canary = config.Canary{Every: time.Minute, URL: door.URL, Key: key}
			c, err := n.Canary(ctx, "")
			if err != nil {
				return err
			}
			round := func(ctx context.Context) (canary.State, error) { return c.Round(ctx, true) }
			if n == admin {
				round = c.RoundWithRemoval
			}
			if s, err := round(ctx); err != nil || len(s.Done) != len(canary.Steps()) || s.Failure != "" {
				return fmt.Errorf("proved %v: %w", s.Done, err)
			}
		}
		return nil
	}))
	status, err := scrape.Status(t.Context())
	if must(t, err); status.Canary == nil || len(status.Canary.Late) > 0 {
		t.Errorf("the scrape role tells of the canary: %+v", status.Canary)
	}
}
