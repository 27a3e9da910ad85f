package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/indexer"
	"lineup/indexer/index"
	"lineup/ingest/blob"
	"lineup/ingest/broker"
	"lineup/internal/commands"
	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/internal/testkit/brokertest"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/samplesite"
	"lineup/scraper/samplesite/faces"
)

// TestAuditTellsKinds breaks one thing after another and looks what audit calls it, and that
// a job or the next crawl mends it.
func TestAuditTellsKinds(t *testing.T) {
	r := newRoad(t)
	ctx := t.Context()
	r.crawl("")
	listing := func(id int) schemas.Listing {
		s, err := r.h.Ledger.Listing(ctx, demoSource, sampleID(id))
		must(t, err)
		return s
	}
	expect := func(want ...string) operate.AuditReport {
		t.Helper()
		report, err := r.h.Audit(ctx, operate.Share(1), false, nil)
		must(t, err)
		var got []string
		for _, d := range report.Differences {
			got = append(got, d.Kind)
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("audit finds %v, want %v", got, want)
		}
		return report
	}
	expect()

	s := listing(samplesite.FirstID)
	must(t, r.h.Blobs.Delete(ctx, blob.Ref{Owner: s.ID, Kind: blob.Page, Digest: s.Pages[0].Digest}))
	expect("missing_page")
	r.h.PageDays = 30
	expect("missing_page") // stored today: it cannot have expired
	_, err := r.h.Ledger.Update(ctx, demoSource, s.ID, func(s *schemas.Listing) error {
		s.FirstSeen = time.Now().AddDate(0, 0, -31)
		return nil
	})
	must(t, err)
	if report := expect(); report.Expired != 1 {
		t.Errorf("%d pages expired, want 1", report.Expired)
	}
	must(t, r.h.Blobs.Delete(ctx, blob.Ref{Owner: s.ID, Kind: blob.Record, Digest: s.Record}))
	expect("missing_record")
	stray := schemas.RegistrantID(demoSource, "nobody")
	_, err = r.h.Blobs.Put(ctx, stray, blob.Photo, []byte("of nobody"))
	must(t, err)
	expect("blob_without_registrant", "missing_record")
	r.crawl("") // reads the record again and stores it
	expect("blob_without_registrant")
	must(t, r.h.Blobs.Delete(ctx, blob.Ref{Owner: stray, Kind: blob.Photo, Digest: schemas.DigestOf([]byte("of nobody"))}))

	// The index lost somebody, and its mark says otherwise.
	generations, err := r.h.Index.Generations(ctx)
	must(t, err)
	lost := listing(samplesite.FirstID + 2)
	gone := schemas.Mark{Revision: lost.Revision, Model: generations[0].Model.ID, Features: generations[0].Features,
		Built: generations[0].Created, At: time.Now()}
	_, err = r.h.Ledger.Update(ctx, demoSource, lost.ID, func(s *schemas.Listing) error { s.Revision++; return nil })
	must(t, err)
	gone.Revision++
	must(t, r.h.Ledger.Mark(ctx, demoSource, lost.ID, generations[0].Name, gone, func(string) bool { return true }))
	expect("index_revision_differs")
	report, err := r.h.Audit(ctx, operate.Share(0), true, nil)
	if must(t, err); report.Enqueued != 1 {
		t.Errorf("%d jobs queued, want 1", report.Enqueued)
	}
	r.h.Metrics = prometheus.NewRegistry()
	must(t, r.h.Settle(ctx))
	if report := expect(); report.Due != 0 {
		t.Errorf("%d due after the repair", report.Due)
	}
}

// TestReindexToAnotherModel switches a serving house to the mirrored model and back: the daemon
// follows, and answers all the time.
func TestReindexToAnotherModel(t *testing.T) {
	r := newRoad(t)
	r.crawl("")
	_, _, err := indexer.Calibrate(t.Context(), r.h.Index) // as its indexer does within seconds
	must(t, err)
	before := r.search("p005c.jpg")
	model := func() string {
		all, err := r.h.Index.Generations(t.Context())
		must(t, err)
		return all[len(all)-1].Model.ID
	}
	plain, album := model(), filepath.Join(t.TempDir(), "album.csv")
	rows := "person,photo,group\n"
	for name, label := range map[string]string{"p005c.jpg": "five,%s,\n", "p006b.jpg": "six,%s,invented\n", "noface.jpg": "nobody,%s,\n"} {
		data, err := faces.Files.ReadFile(name)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(filepath.Dir(album), name), data, 0o600))
		rows += fmt.Sprintf(label, name)
	}
	must(t, os.WriteFile(album, []byte(rows), 0o600))
	for _, id := range []string{plain + "/mirror", plain} {
		var said bytes.Buffer
		r.app.Stdout, r.h.Metrics = &said, prometheus.NewRegistry()
		serving := func() string {
			all, err := r.h.Index.Generations(t.Context())
			must(t, err)
			g, err := index.ServingOf(all)
			must(t, err)
			return g.Model.ID
		}
		was := serving()
		hold := Reindex{Model: id, Sample: 100, Hold: true, Labelled: album}
		must(t, r.h.WithWorker(t.Context(), func(ctx context.Context) error { return hold.build(ctx, r.app, r.h) }))
		if text := said.String(); serving() != was || !strings.Contains(text, "all: the first match stays in") ||
			!strings.Contains(text, "  labelled: the first match stays in 2 of 2 searches; 2 answered above 80 before, 2 after") ||
			!strings.Contains(text, "  labelled invented: the first match stays in 1 of 1") || !strings.Contains(text, "1 more photos") ||
			!strings.Contains(text, "calibration after: slope") ||
			!strings.Contains(text, "does not serve yet") {
			t.Errorf("held: %s serves after\n%s", serving(), text)
		}
		beyond := commands.Share(1.5) // what can be
		strict := Reindex{Model: id, Sample: 100, LeastAgreement: &beyond}
		r.h.Metrics = prometheus.NewRegistry()
		err := r.h.WithWorker(t.Context(), func(ctx context.Context) error { return strict.build(ctx, r.app, r.h) })
		if err == nil || !strings.Contains(err.Error(), "not switched") || serving() != was {
			t.Errorf("too little agreement: %v, and %s serves", err, serving())
		}
		said.Reset()
		r.h.Metrics = prometheus.NewRegistry()
		c := Reindex{Model: id, Sample: 100, DropOld: true}
		must(t, r.h.WithWorker(t.Context(), func(ctx context.Context) error { return c.build(ctx, r.app, r.h) }))
		if !strings.Contains(said.String(), "sampled faces find themselves") || model() != id {
			t.Errorf("now %s: %s", model(), said.String())
		}
		if best := r.search("p005c.jpg"); len(best) == 0 || best[0].UUID != sampleID(samplesite.FirstID+4) {
			t.Errorf("under %s: %+v", id, best)
		}
	}
	if after := r.search("p005c.jpg"); after[0] != before[0] {
		t.Errorf("back at the first model: %+v, was %+v", after[0], before[0])
	}
	c := Reindex{Model: "nonsense"}
	if err := c.build(t.Context(), r.app, r.h); err == nil || !strings.Contains(err.Error(), plain) {
		t.Errorf("an unknown model: %v, want the known ones", err)
	}
}

// TestRestoreIntoACluster backs an all-in-one up and restores it into a cluster of three with
// the deployed configuration: who was removed stays removed, keys open, receipts verify.
func TestRestoreIntoACluster(t *testing.T) {
	r := newRoad(t)
	ctx := t.Context()
	r.crawl("")
	const removed = samplesite.FirstID + 4
	var receipt bytes.Buffer
	r.app.Stdout = &receipt
	gone, err := r.h.Ingest.Remove(ctx, sampleID(removed), schemas.Removal{Reason: "other"})
	must(t, err)
	signed, err := r.h.Forget(ctx, gone, nil)
	must(t, err, r.app.printJSON(signed))
	r.app.Stdout = io.Discard
	dir := filepath.Join(t.TempDir(), "backup")
	must(t, r.h.Close(), (&Backup{Dir: dir}).Run(ctx, r.app)) // on a stopped house

	c := brokertest.Start(t, filepath.Join(deployDir, "nats"))
	app := testApp(t, t.TempDir(), r.app.Config.Sources[demoSource].BaseURL)
	app.Config.NATS.URL, app.Config.NATS.CA, app.Config.NATS.Replicas = c.URL("admin"), c.CAFile, 3
	var said bytes.Buffer
	app.Stdout = &said
	must(t, (&Restore{Dir: dir}).Run(ctx, app))
	if !strings.Contains(said.String(), "entries added") {
		t.Errorf("restore says %q", said.String())
	}
	h, err := node.Open(ctx, app.Options)
	must(t, err)
	t.Cleanup(func() { must(t, h.Close()) })
	if _, err := h.Keys.Check(ctx, r.key); err != nil {
		t.Errorf("the client's key: %v", err)
	}
	var summary schemas.RunSummary
	must(t, h.WithWorker(ctx, func(ctx context.Context) (err error) {
		if summary, err = h.CrawlSite(ctx, demoSource, &scraper.Crawl{Resume: true}); err != nil {
			return err
		}
		if err := h.ReconcileOnce(ctx); err != nil {
			return err
		}
		return h.Drain(ctx, nil)
	}))
	if summary.State != schemas.RunComplete || summary.Refused != 1 {
		t.Errorf("the first crawl after the restore: %+v", summary)
	}
	file := filepath.Join(t.TempDir(), "receipt.json")
	must(t, os.WriteFile(file, receipt.Bytes(), 0o600), (&RemovalVerify{File: file}).Run(ctx, app))
	if stream, err := h.JS.Stream(ctx, "KV_"+broker.Listings); err != nil || stream.CachedInfo().Config.Replicas != 3 {
		t.Errorf("the restored ledger: %v", err)
	}
	report, err := h.Audit(ctx, operate.Share(1), false, nil)
	if err != nil || len(report.Differences) != 0 || report.Due != 0 {
		t.Errorf("audit: %+v %v", report, err)
	}
}
