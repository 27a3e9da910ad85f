package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/config"
	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/ingest/blob"
	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/samplesite"
)

// archived is what an archive says was put into it.
type archived struct {
	Made    string // by which version
	Key     string
	Removed schemas.UUID
	Match   string       // of which there is evidence
	Watch   schemas.UUID // of the key
}

// countingFaces counts the photos that are embedded.
type countingFaces struct {
	face.Embedder
	embedded atomic.Int64
}

func (c *countingFaces) Embed(ctx context.Context, photo []byte, purpose face.Purpose) (face.Result, error) {
	c.embedded.Add(1)
	return c.Embedder.Embed(ctx, photo, purpose)
}

// Close closes nothing: who made the embedder does.
func (c *countingFaces) Close() error { return nil }

// TestUpgrade opens a data directory of every release: it answers at once, is rebuilt beside the serving generation without
// embedding anything anew, and is written to.
func TestUpgrade(t *testing.T) {
	archives, err := filepath.Glob(filepath.Join("testdata", "upgrade", "*.tgz"))
	if err != nil || len(archives) < 2 {
		t.Fatalf("%d archives, %v", len(archives), err)
	}
	for _, archive := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(archive), ".tgz"), func(t *testing.T) { upgrades(t, archive) })
	}
}

func upgrades(t *testing.T, archive string) {
	ctx := t.Context()
	site, err := samplesite.New(samplesite.Options{People: 4, Seed: 7})
	must(t, err)
	web, err := samplesite.Start(ctx, site, "127.0.0.1:0", "")
	must(t, err)
	t.Cleanup(func() { must(t, web.Close()) })
	dir := t.TempDir()
	untar(t, archive, dir)
	about := archived{ // of 0.0.0, which says nothing
		Key: "lu_4MoOYSunBJ3KdX8k8by0AI3u2Orv6PNy2BTWJQAyY8U", Removed: "1711b82c-95fc-5b68-b1be-acb2736db34c"}
	if said, err := os.ReadFile(filepath.Join(dir, "about.json")); err == nil {
		must(t, json.Unmarshal(said, &about))
	}
	app := testApp(t, filepath.Join(dir, "data"), web.URL)
	app.Make = false // it is there
	upgradeAsks(t, app, false, "advice")
	upgradeAsks(t, app, true, "ok")
	upgradeAsks(t, app, false, "ok")
	real, err := app.OpenFaces(ctx)
	must(t, err)
	faces := &countingFaces{Embedder: real}
	app.Faces = faces
	n, err := node.Open(ctx, app.Options)
	must(t, err)
	t.Cleanup(func() { must(t, n.Close(), real.Close()) })
	api, err := n.NewServer(ctx, faces)
	must(t, err)

	one, photo := somebody(t, n)
	upgradeAnswers(t, api, about, one, photo)
	before, err := n.Index.Generations(ctx)
	must(t, err)
	faces.embedded.Store(0)
	n.Metrics = prometheus.NewRegistry()
	must(t, n.WithWorker(ctx, func(ctx context.Context) error {
		return errors.Join(n.ReconcileOnce(ctx), n.Drain(ctx, nil))
	}))
	after, err := n.Index.Generations(ctx)
	must(t, err)
	serving, err := index.ServingOf(after)
	if err != nil || len(before) != 1 || serving.Features != index.FeatureVersion {
		t.Errorf("after the upgrade: %+v, %v", after, err)
	}
	var doctor operate.Checkup
	doctor.CheckGenerations(before, nil)
	says := slices.ContainsFunc(doctor, func(f operate.Finding) bool { return strings.Contains(f.Say, "builds them anew beside it") })
	if says != (before[0].Features < index.FeatureVersion) {
		t.Errorf("doctor says of features %d: %+v", before[0].Features, doctor)
	}
	if rebuilt := serving.Name != before[0].Name; rebuilt != (before[0].Features < index.FeatureVersion) {
		t.Errorf("the old index had features %d of %d; rebuilt: %t", before[0].Features, index.FeatureVersion, rebuilt)
	}
	if anew := faces.embedded.Load(); anew != 0 {
		t.Errorf("the upgrade embedded %d photos anew", anew)
	}
	upgradeAnswers(t, api, about, one, photo)

	n.Metrics = prometheus.NewRegistry()
	var summary schemas.RunSummary
	must(t, n.WithWorker(ctx, func(ctx context.Context) error {
		if summary, err = n.CrawlSite(ctx, demoSource, &scraper.Crawl{Resume: true}); err != nil {
			return err
		}
		return n.Drain(ctx, nil)
	}))
	if summary.State != schemas.RunComplete || summary.Refused != 1 || summary.New != 0 || summary.Delisted != 0 {
		t.Errorf("a crawl after the upgrade: %+v", summary)
	}
	if s, err := n.Ledger.Find(ctx, about.Removed); err != nil || s.Listed {
		t.Errorf("who was removed before the upgrade: %+v, %v", s, err)
	}
	report, err := n.Audit(ctx, operate.Share(1), false, nil)
	if err != nil || report.Registrants != 3 || report.Due != 0 || len(report.Differences) != 0 {
		t.Errorf("audit: %+v, %v", report, err)
	}
}

// upgradeAsks has doctor look for what the upgrade left to do, and with done note that it is done.
func upgradeAsks(t *testing.T, app *App, done bool, want string) {
	t.Helper()
	found := node.Examine(t.Context(), app.Options, config.Loaded{Config: app.Config}, nil, done)
	var states []string
	for _, f := range found {
		if f.What == "upgrade" {
			states = append(states, f.State)
		}
	}
	if states = slices.Compact(states); len(states) != 1 || states[0] != want {
		t.Errorf("doctor, noting %t, says %v of the upgrade, want %s: %+v", done, states, want, found)
	}
}

// somebody is a listed registrant with a photo.
func somebody(t *testing.T, n *node.Node) (schemas.Listing, []byte) {
	t.Helper()
	for s, err := range n.Ledger.Each(t.Context(), demoSource) {
		must(t, err)
		if s.Listed && len(s.Photos) > 0 && s.Photos[0].Digest != "" {
			photo, err := n.Blobs.Get(t.Context(), blob.Ref{Owner: s.ID, Kind: blob.Photo, Digest: s.Photos[0].Digest})
			must(t, err)
			return s, photo
		}
	}
	t.Fatal("nobody with a photo is listed")
	return schemas.Listing{}, nil
}

// upgradeAnswers searches with the old key for a photo and by record.
func upgradeAnswers(t *testing.T, api http.Handler, about archived, one schemas.Listing, photo []byte) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"queryImageBase64": base64.StdEncoding.EncodeToString(photo)})
	must(t, err)
	for _, request := range []*http.Request{
		httptest.NewRequest(http.MethodPost, "/faces?key="+about.Key, bytes.NewReader(body)),
		httptest.NewRequest(http.MethodGet, "/sexoffender?uuid="+string(one.ID)+"&key="+about.Key, nil),
	} {
		request.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, request)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), string(one.ID)) ||
			strings.Contains(w.Body.String(), string(about.Removed)) {
			t.Errorf("%s %s: %d %.300s", request.Method, request.URL.Path, w.Code, w.Body)
		}
	}
	if about.Watch == "" {
		return
	}
	for path, want := range map[string][]int{"/v1/watches/" + string(about.Watch): {http.StatusOK},
		"/v1/matches/" + about.Match + "/evidence": {http.StatusOK, http.StatusNotFound}} { // it ends with its days
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path+"?key="+about.Key, nil))
		if !slices.Contains(want, w.Code) {
			t.Errorf("%s: %d %.300s", path, w.Code, w.Body)
		}
	}
}

// untar unpacks an archive of our own into dir.
func untar(t *testing.T, archive, dir string) {
	t.Helper()
	file, err := os.Open(archive)
	must(t, err)
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	must(t, err)
	for r := tar.NewReader(unzipped); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		must(t, err)
		path := filepath.Join(dir, filepath.Clean("/"+header.Name))
		if header.Typeflag == tar.TypeDir {
			must(t, os.MkdirAll(path, 0o700))
			continue
		}
		data, err := io.ReadAll(r)
		must(t, err, os.WriteFile(path, data, 0o600))
	}
}
