package deploy

import (
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/sizing.md")

// What was measured, per face or as said. Sources stand in the document's notes.
const (
	embedRate       = 55.4 / 2 // photos a second and core
	recognizerMB    = 60
	qdrantBytes     = 1.7e9 / 1e6 // resident, a face
	qdrantDisk      = 0.96e9 / 1e6
	exactQdrantMS   = 85.0 / 1e6
	embeddedBytes   = 883e6 / 1e6
	embeddedScanMS  = 5.6 / 1e6
	ledgerDisk      = 133e6 / 1e6 // a registrant and replica, S2
	sweepSeconds    = 5.0 / 1e6
	syncWritesFast  = 4000.0 // a second, of a whole NATS server
	syncWritesSlow  = 200.0
	writesEach      = 3 // synchronous writes a new registrant takes: listing, job, mark
	photoBytes      = 25e3
	pageBytes       = 4e3
	recordBytes     = 1.5e3
	firstIndexHours = 24
)

const sizingHead = `# Sizing

Computed by ` + "`cd deploy && go test -run Sizing -update .`" +
	` from the figures below; nothing here is a promise, and only the columns up to
1M rest on runs of that size. One face a registrant.

| | 100k faces | 1M faces | 10M faces | from |
|---|---|---|---|---|
`

const sizingNotes = `
Settings that go with it: where the memory is there, one process with the embedded index does up to 10M faces (measured: 56 ms a search
on one core, 8.7 GB), and some 600 searches a second and core of a million when they come together (1.5 ms each); beyond, or with
several query daemons over one gallery, Qdrant. At 1M the embedded index is exact in the time that Qdrant takes for an approximate
search with recall .998 (m2, m3), and Qdrant's exact one takes fifteen times as long: what Qdrant is for is that several daemons ask one
index, and that it may be on machines of its own. At 10M keep Qdrant in shards on at least two machines (its own memory row is the sum),
and raise NATS' GOMEMLIMIT to half of its memory.

Measured (2 cores, AMD EPYC or Intel Xeon, virtual machine, 2026-11):

- m1: the embedder on 120 photos of about 300 × 375: 55.4 photos/s with two recognizers on two cores, one BLAS thread each. Photos of
  1400 × 1900 take eight times as long unless scaled first, which lineup does.
- m2: Qdrant 1.18.3, 1,000,000 × 128, int8 in memory: 1.7 GB resident, 0.96 GB on disk, exact p50 85 ms, HNSW (ef 512, rescored,
  oversampling 3) 5.4 ms at recall@20 .998. Time of an exact search taken as growing with the number; that of HNSW was 2.5 ms at 100k
  with recall 1.000. Exact with a filter that a fifth passes: 27 ms at 1,000,000. Written in 22 s by four callers, its graph complete
  after 8.5 min.
- m3: the embedded index over 128 numbers a face, with its sieve: 883 MB resident at 1,000,000 and 8,731 MB at 10,000,000; a search on
  one core 5.2 ms and 56 ms (p50; least 4.6 and 40), on a machine where reading all codes once took 18 ms at 1,000,000.
- m4: a JetStream bucket of 1,000,000 keys of 300 bytes: 133 MB with S2, a sweep of all of it 3-5 s, memory 200-500 MB and up to 1.7 GB
  after sweeps without a limit. Listings with several photos and pages are longer: up to three times that.
- m5: synchronous writes: 4,000/s on a fast disk; 200/s expected where an fsync takes 5 ms. Three for a new registrant.
- m6: a recognizer holds 60 MB.
- m7: the whole program over Qdrant 1.18.3: 6,000 registrants crawled and indexed by one process, 13 a second while the crawl shared the
  two cores, then 25 to 27 a second whatever the index held: the embedder's rate. A stopped server is a 503 after .06 s; one that came
  back empty served 44 registrants again after 8 s; a reindex beside 165 searches failed none. 1.19 reworked quantised scoring: m2 is of
  1.18.3.
- m8: sweeps and roles at 100,000, NATS and each role a process of its own, loaded: one pass of reconcile 1.6 s of the indexer's processor
  time and 0.6 s of NATS'; most memory of any role 280 MB with the embedded index in it, of NATS 297 MB.
  The ledger of 1,000,000 alone: 13.9 s and 9.4 s, the indexer without an index 201 MB, NATS 591 MB (docs/benchmarks.md).

Assumed, measure your own: 25 KB a photo (the 130 synthetic ones have 13 KB), 4 KB a page snapshot compressed, 1.5 KB a record.
`

func TestSizing(t *testing.T) {
	sizes := []float64{1e5, 1e6, 1e7}
	var b strings.Builder
	b.WriteString(sizingHead)
	row := func(name, from string, cell func(n float64) string) {
		fmt.Fprintf(&b, "| %s |", name)
		for _, n := range sizes {
			fmt.Fprintf(&b, " %s |", cell(n))
		}
		fmt.Fprintf(&b, " %s |\n", from)
	}
	row("embedding everything once, core hours", "m1", func(n float64) string { return fmt.Sprintf("%.1f", n/embedRate/3600) })
	row("cores of indexers to do so in a day", "m1", func(n float64) string {
		return fmt.Sprint(math.Ceil(n / embedRate / 3600 / firstIndexHours))
	})
	row("memory of their recognizers", "m6", func(n float64) string {
		return size(math.Ceil(n/embedRate/3600/firstIndexHours) * recognizerMB * 1e6)
	})
	row("ledger and queue writes of a first crawl, fast disk", "m5", func(n float64) string { return span(n * writesEach / syncWritesFast) })
	row("the same where an fsync takes 5 ms", "m5", func(n float64) string { return span(n * writesEach / syncWritesSlow) })
	row("NATS disk, each of three", "m4", func(n float64) string { return size(n * ledgerDisk) })
	row("one sweep of the ledger, at most", "m4", func(n float64) string { return span(n * sweepSeconds) })
	row("blobs (photos, pages, records)", "assumed", func(n float64) string { return size(n * (photoBytes + pageBytes + recordBytes)) })
	row("Qdrant memory", "m2", func(n float64) string { return size(n * qdrantBytes) })
	row("Qdrant disk, one generation", "m2", func(n float64) string { return size(n * qdrantDisk) })
	row("Qdrant disk while reindexing", "m2", func(n float64) string { return size(2 * n * qdrantDisk) })
	row("Qdrant exact search, p50", "m2", func(n float64) string { return fmt.Sprintf("%.0f ms", n*exactQdrantMS) })
	row("embedded index, memory", "m3", func(n float64) string { return size(n * embeddedBytes) })
	row("embedded exact search, one core", "m3", func(n float64) string { return fmt.Sprintf("%.1f ms", n*embeddedScanMS) })
	b.WriteString(sizingNotes)

	const file = "../docs/sizing.md"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(b.String(), string(read(t, file))); diff != "" {
		t.Errorf("%s is not what is computed; run with -update (-want +got):\n%s", file, diff)
	}
}

func size(bytes float64) string {
	switch {
	case bytes >= 1e9:
		return fmt.Sprintf("%.1f GB", bytes/1e9)
	default:
		return fmt.Sprintf("%.0f MB", bytes/1e6)
	}
}

func span(seconds float64) string {
	switch {
	case seconds >= 5400:
		return fmt.Sprintf("%.1f h", seconds/3600)
	case seconds >= 90:
		return fmt.Sprintf("%.0f min", seconds/60)
	default:
		return fmt.Sprintf("%.1f s", seconds)
	}
}
