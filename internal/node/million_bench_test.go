package node

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// BenchmarkMillion measures a house of LINEUP_MILLION made-up registrants (20,000 unless set; 1,000,000 is what it is named for) with two
// blobs each, filled by the stores' own fast ways. NATS and the roles are processes of their own, with the memory limits they are deployed
// with: of each step it tells how long it took, the processor time and the most memory of the role and of NATS. The roles that would ask
// Qdrant have the embedded index in them, so "opened" says what a role holds before it does anything. LINEUP_MILLION_DIR is kept, and
// used again.
func BenchmarkMillion(b *testing.B) {
	size, err := strconv.Atoi(os.Getenv("LINEUP_MILLION"))
	if err != nil {
		size = 20_000
	}
	dir := os.Getenv("LINEUP_MILLION_DIR")
	if dir == "" {
		dir = b.TempDir()
	}
	if _, err := os.Stat(filepath.Join(dir, "filled")); err != nil {
		populate(b, dir, size)
	}
	opened(b, dir)
	nats := enter(b, "nats", dir, "")
	index, scrape := enter(b, "index", dir, nats.url), enter(b, "scrape", dir, nats.url)
	query, admin := enter(b, "query", dir, nats.url), enter(b, "admin", dir, nats.url)
	for _, step := range []struct {
		by   *part
		name string
	}{
		{index, "opened"}, {index, "reconcile"}, {index, "reconcile-where-nothing-was-written"}, {index, "orphans"},
		{scrape, "opened"}, {scrape, "audit"},
		{query, "opened"}, {query, "coverage-first"}, {query, "coverage"}, {query, "search"},
		{admin, "opened"}, {admin, "status"},
		{scrape, "sighted"}, {scrape, "end-of-run"},
		{admin, "removal-from-answers"},
	} {
		nats.do(b, "look")
		began := time.Now()
		done := step.by.do(b, step.name)
		took, server := time.Since(began), nats.do(b, "look")
		b.Run(step.by.name+"/"+step.name, func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(took.Seconds(), "s")
			b.ReportMetric(done.Processor, "cpu-s")
			b.ReportMetric(done.Memory, "MB")
			b.ReportMetric(server.Processor, "nats-cpu-s")
			b.ReportMetric(server.Memory, "nats-MB")
		})
	}
	admin.end(b)
	roles := []*part{index, scrape, query, nats}
	for _, r := range roles {
		r.ask(b, "idle")
	}
	for _, r := range roles {
		done := r.answer(b)
		b.Run(r.name+"/idle", func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(100*done.Processor/lasting().Seconds(), "%core")
		})
	}
	scrubbing := enter(b, "admin", dir, nats.url)
	scrubbed := scrubbing.do(b, "scrub")
	b.Run("admin/scrub", func(b *testing.B) {
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(scrubbed.Seconds, "s")
		b.ReportMetric(scrubbed.Memory, "MB")
	})
	for _, r := range []*part{index, scrape, query, scrubbing, nats} {
		r.end(b)
		b.Run(r.name+"/memory", func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(r.most, "MB")
			b.ReportMetric(deployed(b, r.name, `limits: \{memory: (\d+)([MG])i`), "limit-MB")
		})
	}
}

// deployed is what the manifest of a role says of its memory, in MB: the first such figure behind its GOMEMLIMIT.
func deployed(b testing.TB, role, pattern string) float64 {
	text, err := os.ReadFile(filepath.Join("../../deploy/kubernetes", role+".yaml"))
	if err != nil {
		b.Fatal(err)
	}
	found := regexp.MustCompile(`(?s)name: GOMEMLIMIT.*?` + pattern).FindSubmatch(text)
	if found == nil {
		b.Fatalf("%s.yaml has no %s", role, pattern)
	}
	figure, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	if string(found[2]) == "G" {
		figure *= 1024
	}
	return figure
}
