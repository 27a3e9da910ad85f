package node

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"lineup/config"
	"lineup/indexer/face/dlib/blas"
	"lineup/indexer/index"
	"lineup/indexer/index/indextest"
	"lineup/internal/operate"
	"lineup/internal/operate/gallery"
	"lineup/internal/testkit/certtest"
	"lineup/internal/trust"
)

// TestScanMetrics: what the scan counts is told, and an index that has no scan tells nothing.
func TestScanMetrics(t *testing.T) {
	x, err := Options{Config: config.Config{Data: t.TempDir()}, Log: slog.New(slog.DiscardHandler)}.OpenIndex(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	indextest.Serving(t, x, indextest.Model)
	indextest.Put(t, x, indextest.Person(1, 1, nil))
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(scanMetrics(x)...)
	if _, _, err := x.Nearest(t.Context(), make([]float32, indextest.Model.Dimensions), 5, index.Filter{}); err != nil {
		t.Fatal(err)
	}
	told, err := metrics.Gather()
	if err != nil || len(told) != 5 {
		t.Fatalf("%d metrics, %v", len(told), err)
	}
	counted := map[string]float64{}
	for _, m := range told {
		counted[m.GetName()] = m.GetMetric()[0].GetCounter().GetValue()
	}
	// The one face is looked at in the first stage and survives it, or is compared without it.
	sieved, survived := counted["lineup_scan_sieved_faces_total"], counted["lineup_scan_surviving_faces_total"]
	if counted["lineup_scan_searches_total"] != 1 || sieved+counted["lineup_scan_whole_faces_total"] != 1 || survived != sieved {
		t.Errorf("after one search among one face: %v", counted)
	}
	if all := scanMetrics(nil); len(all) != 0 {
		t.Errorf("no embedded index, %d metrics", len(all))
	}
}

// TestTheMatrixKernelIsNamed: with the figures that are of it.
func TestTheMatrixKernelIsNamed(t *testing.T) {
	told, err := NewMetrics().Gather()
	if err != nil {
		t.Fatal(err)
	}
	kernel := blas.Current()
	for _, m := range told {
		if m.GetName() != "lineup_matrix_kernel_slow" {
			continue
		}
		labels := map[string]string{}
		for _, l := range m.GetMetric()[0].GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		if labels["kernel"] != kernel.Name || labels["library"] != kernel.Library || kernel.Name == "" {
			t.Errorf("labels %v, the kernel is %v", labels, kernel)
		}
		if slow := m.GetMetric()[0].GetGauge().GetValue() == 1; slow != kernel.Slow {
			t.Errorf("slow: %v, the kernel is %v", slow, kernel)
		}
		return
	}
	t.Error("no metric names the kernel")
}

// TestGalleryIsCheckedAtEachTick: of the day before it, told as counts, and going on after a failure.
func TestGalleryIsCheckedAtEachTick(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	metrics, ticks, asked := prometheus.NewRegistry(), make(chan time.Time), make(chan gallery.Check)
	answers := []gallery.Report{{}, {}, {Counts: map[string]int{gallery.FindingDuplicate: 3}}, {}}
	failures := []error{errors.New("the index is away"), index.ErrNoneServing, nil, index.ErrNoneServing}
	check := func(_ context.Context, c gallery.Check) (report gallery.Report, err error) {
		report, err = answers[0], failures[0]
		answers, failures = answers[1:], failures[1:]
		asked <- c
		return report, err
	}
	ended := make(chan error)
	go func() { ended <- checkAt(ctx, ticks, check, metrics, slog.New(slog.DiscardHandler)) }()
	night := time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)
	for range 4 { // the fourth is taken when the third is told
		ticks <- night
		if c := <-asked; !c.Since.Equal(night.Add(-24 * time.Hour)) {
			t.Errorf("looked at those enrolled since %s", c.Since)
		}
		night = night.Add(24 * time.Hour)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	want := `
# HELP lineup_gallery_findings What the last nightly check of newly enrolled faces found, by kind; lineup gallery check names them.
# TYPE lineup_gallery_findings gauge
lineup_gallery_findings{kind="duplicate"} 3
`
	if err := testutil.GatherAndCompare(metrics, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// TestReloadRereadsCertificates: those that can be used are taken over, others are told, and replace nothing.
func TestReloadRereadsCertificates(t *testing.T) {
	var said strings.Builder
	dir := t.TempDir()
	files := certtest.Write(t, dir)
	n := &Node{Options: Options{Log: slog.New(slog.NewTextHandler(&said, nil)), Certificates: new(trust.Store)}}
	n.Config.NATS.URL, n.Config.NATS.CA = "tls://nats.example:4222", files.CA
	c, err := n.Certificates.Load("nats", trust.Files{CA: files.CA})
	if err != nil {
		t.Fatal(err)
	}
	refused := func() string {
		t.Helper()
		told, err := testutil.CollectAndFormat(hostFigures{n.Options}, expfmt.TypeTextPlain, "lineup_certificate_refused")
		if err != nil {
			t.Fatal(err)
		}
		return string(told)
	}
	first := c.Config().RootCAs
	certtest.Write(t, dir)
	n.rereadCertificates()
	if c.Config().RootCAs.Equal(first) || !strings.Contains(said.String(), "certificates read anew") ||
		!strings.Contains(refused(), `{engine="nats"} 0`) {
		t.Errorf("a new file: %s%s", &said, refused())
	}
	second := c.Config().RootCAs
	if err := os.WriteFile(files.CA, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	n.rereadCertificates()
	if !c.Config().RootCAs.Equal(second) || !strings.Contains(said.String(), "those before stay in force") ||
		!strings.Contains(refused(), `{engine="nats"} 1`) {
		t.Errorf("a file that is none: %s%s", &said, refused())
	}
	var found operate.Checkup
	if found.CheckCertificates(n.Config); !found.Wrongs() {
		t.Errorf("doctor: %+v", found)
	}
}
