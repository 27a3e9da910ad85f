package node

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"lineup/config"
	"lineup/indexer"
	"lineup/indexer/face/facetest"
	"lineup/indexer/index"
	"lineup/ingest/blob"
	"lineup/ingest/broker"
	"lineup/internal/operate"
	"lineup/schemas"
)

// BenchmarkMillion measures a house of LINEUP_MILLION made-up registrants (20,000 unless set; 1,000,000 is what it is named for) with two
// blobs each, filled by the stores' own fast ways: one pass of each sweep, the end of a run, status, coverage, opening after a kill, one
// removal, with the most memory the process has meanwhile, and what it costs when nothing happens.
func BenchmarkMillion(b *testing.B) {
	size, err := strconv.Atoi(os.Getenv("LINEUP_MILLION"))
	if err != nil {
		size = 20_000
	}
	c := config.Default()
	c.Data = b.TempDir()
	n, err := Open(b.Context(), Options{Config: c, Make: true, Log: NewLog(c.Log, io.Discard), Metrics: prometheus.NewRegistry()})
	if err != nil {
		b.Fatal(err)
	}
	defer n.Close()
	ctx := b.Context()
	victim := populate(b, n, size)
	run, seen := sighted(b, n)
	cover, open := coverage(b, n), opened(b, n)
	debug.FreeOSMemory()
	peak(b)
	reconcile := func() error {
		done, err := n.Reconcile(ctx)
		if done.Enqueued > 0 {
			b.Errorf("%d jobs where nothing is due", done.Enqueued)
		}
		return err
	}
	measured(b, []step{
		{"reconcile", reconcile},
		{"reconcile-where-nothing-was-written", reconcile},
		{"orphans", func() error { _, err := n.Orphans(ctx); return err }},
		{"audit", func() error {
			report, err := n.Audit(ctx, operate.Rolling(time.Now(), 28), false, nil)
			if len(report.Differences) > 0 {
				b.Errorf("audit %+v", report)
			}
			return err
		}},
		{"coverage", cover},
		{"opening", open},
		{"status", func() error { _, err := n.Stores.Status(ctx); return err }},
	})
	idle(b, n)
	measured(b, []step{
		{"end-of-run", func() error { endRun(b, n, run, seen); return nil }},
		{"removal-from-answers", func() error {
			_, err := n.Remove(ctx, victim, schemas.Removal{Reason: "other"})
			return err
		}},
		{"scrub", func() error { _, err := n.Scrub(ctx); return err }},
	})
}

// step is something that is done once and measured.
type step struct {
	name string
	do   func() error
}

func measured(b *testing.B, steps []step) {
	for _, m := range steps {
		began := time.Now()
		if err := m.do(); err != nil {
			b.Fatal(m.name, err)
		}
		took, most := time.Since(began), peak(b)
		b.Run(m.name, func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(took.Seconds(), "s")
			b.ReportMetric(most, "MB")
		})
	}
}

// idle measures what the sweeping indexer costs while nothing happens, with the usual times.
func idle(b *testing.B, n *Node) {
	lasting, err := time.ParseDuration(os.Getenv("LINEUP_IDLE"))
	if err != nil {
		lasting = 20 * time.Second
	}
	ctx, stop := context.WithTimeout(b.Context(), lasting)
	defer stop()
	generations, err := n.Index.Generations(ctx)
	if err != nil {
		b.Fatal(err)
	}
	before := processor()
	if err := n.reconcile(ctx, generations[0].Model); err != nil {
		b.Fatal(err)
	}
	used := processor() - before
	b.Run("idle", func(b *testing.B) {
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(100*used.Seconds()/lasting.Seconds(), "%core")
	})
}

func processor() time.Duration {
	var use syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &use) != nil {
		return 0
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// finished is the source whose run is ended, and inOneRun how many registrants it has.
const (
	finished = "us-zz"
	inOneRun = 100_000
)

// putter writes listings past the ledger, many at once; settle waits for them.
func putter(b *testing.B, n *Node) (put func(schemas.Listing), settle func()) {
	var acks []jetstream.PubAckFuture
	settle = func() {
		for _, ack := range acks {
			select {
			case <-ack.Ok():
			case err := <-ack.Err():
				b.Fatal(err)
			}
		}
		acks = acks[:0]
	}
	return func(s schemas.Listing) {
		stored, err := s.Encode()
		if err != nil {
			b.Fatal(err)
		}
		ack, err := n.JS.PublishAsync("$KV."+broker.Listings+"."+broker.Token(s.Source)+"."+string(s.ID), stored)
		if err != nil {
			b.Fatal(err)
		}
		if acks = append(acks, ack); len(acks) == 512 {
			settle()
		}
	}, settle
}

// sighted begins a run over a source and notes that it saw everybody but one.
func sighted(b *testing.B, n *Node) (run string, seen int) {
	ctx := b.Context()
	run, _, err := n.Ingest.Begin(ctx, finished, false)
	if err != nil {
		b.Fatal(err)
	}
	put, settle := putter(b, n)
	for s, err := range n.Ledger.Each(ctx, finished) {
		if err != nil {
			b.Fatal(err)
		}
		if s.Listed && s.Key != "1" {
			s.Run = run
			put(s)
			seen++
		}
	}
	settle()
	return run, seen
}

// endRun ends such a run: one is delisted.
func endRun(b *testing.B, n *Node, run string, seen int) {
	s := schemas.RunSummary{State: schemas.RunComplete, Started: time.Now(), Registrants: seen}
	s, err := n.Ingest.Finish(b.Context(), finished, run, s)
	if err != nil || s.State != schemas.RunComplete || s.Delisted != 1 {
		b.Fatalf("the end of a run over %d: %+v, %v", seen, s, err)
	}
}

// coverage asks for the page of coverage, once its figures are there.
func coverage(b *testing.B, n *Node) func() error {
	server, err := n.NewServer(b.Context(), facetest.Fake{})
	if err != nil {
		b.Fatal(err)
	}
	ask := func() error {
		w := httptest.NewRecorder()
		server.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), "GET", "/v1/coverage", nil))
		if w.Code != http.StatusOK {
			return fmt.Errorf("coverage: %d %s", w.Code, w.Body)
		}
		return nil
	}
	if err := ask(); err != nil {
		b.Fatal(err)
	}
	return ask
}

// opened opens a copy of the house as a kill leaves it.
func opened(b *testing.B, n *Node) func() error {
	dir := b.TempDir()
	if err := os.CopyFS(dir, os.DirFS(n.Config.Data)); err != nil {
		b.Fatal(err)
	}
	return func() error {
		c := n.Config
		c.Data = dir
		again, err := Open(b.Context(), Options{Config: c, Make: true, Log: NewLog(c.Log, io.Discard), Metrics: prometheus.NewRegistry()})
		if err != nil {
			return err
		}
		if _, err := again.Index.Generations(b.Context()); err != nil {
			return err
		}
		return again.Close()
	}
}

// peak is the most memory this process has had since it was last asked, in MB.
func peak(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200); err != nil {
		b.Fatal(err)
	}
	return float64(kilobytes) / 1024
}

// populate fills ledger, blobs and a serving generation, and names one of the registrants.
func populate(b *testing.B, n *Node, size int) (one schemas.UUID) {
	ctx, model := b.Context(), schemas.Model{ID: "m1", Dimensions: 128, Metric: schemas.Euclidean, MaxDistance: 1}
	check := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	check(indexer.Prepare(ctx, n.Index, model))
	generations, err := n.Index.Generations(ctx)
	check(err)
	g := generations[0]
	put, settle := putter(b, n)
	var entries []index.Entry
	faces := rand.New(rand.NewPCG(1, 2))
	for i := range size {
		source := finished
		if i >= inOneRun {
			source = "us-zy"
		}
		id, key := schemas.RegistrantID(source, strconv.Itoa(i)), strconv.Itoa(i)
		record := schemas.Record{Source: source, Key: key, Name: schemas.Name{First: "Rowan", Last: fmt.Sprintf("Made%d", i)}}
		canonical, err := record.Canonical()
		check(err)
		photo := []byte("photo of " + key)
		listing := schemas.Listing{ID: id, Source: source, Revision: 1, Listed: true, Changed: g.Created.Add(-time.Hour), Key: key,
			Sighted: time.Now(),
			Record:  schemas.DigestOf(canonical), Photos: []schemas.PhotoState{{URL: "https://registry.example.test/" + key,
				Digest: schemas.DigestOf(photo)}},
			Marks: map[string]schemas.Mark{g.Name: {Revision: 1, Model: model.ID, Features: g.Features, Faces: 1, Built: g.Created}}}
		for kind, data := range map[blob.Kind][]byte{blob.Record: canonical, blob.Photo: photo} {
			dir := filepath.Join(n.Config.Dir("blobs"), string(id[:2]), string(id[2:4]))
			check(os.MkdirAll(dir, 0o700))
			check(os.WriteFile(filepath.Join(dir, string(id)+"."+string(kind)+"."+string(schemas.DigestOf(data))), data, 0o600))
		}
		put(listing)
		face := schemas.Face{ID: schemas.FaceID(id, schemas.DigestOf(photo)), Registrant: id, Photo: schemas.DigestOf(photo),
			Embedding: make([]float32, 128)}
		for j := range face.Embedding {
			face.Embedding[j] = faces.Float32() - .5
		}
		entries = append(entries, index.Entry{ID: id, Source: source, Revision: 1, Faces: []schemas.Face{face},
			Document: &index.Document{ID: id, Revision: 1,
				Record: record, Photos: []index.PhotoOutcome{{Photo: face.Photo, Face: face.ID}}}})
		if len(entries) == 2000 || i == size-1 {
			check(n.Index.Replace(ctx, g.Name, entries...))
			entries, one = entries[:0], id
		}
	}
	settle()
	check(n.Index.Switch(ctx, g.Name))
	return one
}
