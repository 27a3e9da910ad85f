package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lineup/indexer/index"
	"lineup/schemas"
)

var benchModel = schemas.Model{ID: "bench/v1", Dimensions: 128, Metric: "euclidean", MaxDistance: 0.6}

// crowd makes embeddings as dlib's lie: identities at 1.35 from the origin around a common
// mean, in about 40 effective dimensions, and photos of them about 0.35 apart.
type crowd struct {
	rng      *rand.Rand
	mean     []float64
	spectrum []float64
	centre   []float64
}

func newCrowd(seed uint64) *crowd {
	c := &crowd{rng: rand.New(rand.NewPCG(seed, 7)), mean: make([]float64, 128), spectrum: make([]float64, 128)}
	for i := range c.mean {
		c.spectrum[i] = math.Exp(-float64(i) / 40)
		c.mean[i] = c.rng.NormFloat64() * 0.3
	}
	return c
}

// photo gives a photo of the present identity, of a new one when asked.
func (c *crowd) photo(fresh bool) []float32 {
	if fresh || c.centre == nil {
		c.centre = make([]float64, 128)
		norm := 0.0
		for i := range c.centre {
			c.centre[i] = c.mean[i] + c.rng.NormFloat64()*c.spectrum[i]
			norm += c.centre[i] * c.centre[i]
		}
		for i := range c.centre {
			c.centre[i] *= 1.35 / math.Sqrt(norm)
		}
	}
	strength := 0.25 * math.Exp(c.rng.NormFloat64()*0.2) / math.Sqrt(128)
	e := make([]float32, 128)
	for i := range e {
		e[i] = float32(c.centre[i] + strength*(0.7*c.spectrum[i]*2+0.3)*c.rng.NormFloat64())
	}
	return e
}

func benchEntry(n int, revision uint64, e []float32) index.Entry {
	r := schemas.Record{Schema: 1, Source: fmt.Sprintf("us-s%d", n%50), Key: strconv.Itoa(n), Jurisdiction: fmt.Sprintf("S%d", n%50),
		Name: schemas.Name{First: "Invented", Last: fmt.Sprintf("Person%d", n%40000)}, Sex: schemas.Coded{Value: []string{"male", "female"}[n%2]},
		Birth: schemas.Date{Year: 1940 + n%60, Month: 1 + n%12, Day: 1 + n%28},
		Addresses: []schemas.Address{{Kind: "home", Street: "1 Nowhere Lane", City: fmt.Sprintf("Town %d", n%2000),
			Zip: fmt.Sprintf("%05d", n%20000)}}}
	id := schemas.RegistrantID(r.Source, r.Key)
	photo := schemas.DigestOf([]byte(r.Key))
	f := schemas.Face{ID: schemas.FaceID(id, photo), Registrant: id, Photo: photo, Embedding: e, Quality: schemas.Quality{Step: "hog"}}
	return index.Entry{ID: id, Source: r.Source, Revision: revision, Faces: []schemas.Face{f}, Document: &index.Document{
		ID: id, Revision: revision, Record: r, Keys: []string{"l:" + r.Name.Last, "f:invented"},
		Photos: []index.PhotoOutcome{{Photo: photo, Face: f.ID, Hash: uint64(n)*0x9e3779b97f4a7c15 | 1}}}}
}

func openBench(b *testing.B, dir string) *Index {
	b.Helper()
	x, err := Open(context.Background(), dir, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	return x
}

func quantiles(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(0, "ns/op")
}

// searches runs b.N searches by callers at once.
func searches(b *testing.B, x *Index, probes [][]float32, callers int, f index.Filter) {
	took := make([]time.Duration, max(b.N, 200))
	var wg sync.WaitGroup
	start := time.Now()
	for caller := range callers {
		wg.Go(func() {
			for i := caller; i < len(took); i += callers {
				from := time.Now()
				if _, _, err := x.Nearest(context.Background(), probes[i%len(probes)], 64, f); err != nil {
					b.Error(err)
				}
				took[i] = time.Since(from)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(len(took))/time.Since(start).Seconds(), "searches/s")
	quantiles(b, took)
}

// BenchmarkIndex measures galleries of 10,000, 100,000 and 1,000,000 synthetic faces, up to
// LINEUP_BENCH_FACES when that is set.
func BenchmarkIndex(b *testing.B) {
	most, err := strconv.Atoi(os.Getenv("LINEUP_BENCH_FACES"))
	if err != nil {
		most = 1_000_000
	}
	for _, size := range []int{10_000, 100_000, 1_000_000} {
		if size <= most {
			b.Run(fmt.Sprint(size), func(b *testing.B) { benchSize(b, size) })
		}
	}
}

func benchSize(b *testing.B, size int) {
	ctx, dir := context.Background(), b.TempDir()
	x := openBench(b, dir)
	if err := x.Create(ctx, index.Generation{Name: "one", Model: benchModel}); err != nil {
		b.Fatal(err)
	}
	if err := x.Switch(ctx, "one"); err != nil {
		b.Fatal(err)
	}
	people := newCrowd(1)
	var probes [][]float32
	all := make([][]float32, 0, size)
	start := time.Now()
	for n := 0; n < size; {
		var batch []index.Entry
		for range min(5000, size-n) {
			all = append(all, people.photo(n%3 == 0))
			batch = append(batch, benchEntry(n, 1, all[n]))
			n++
		}
		probes = append(probes, people.photo(false))
		if err := x.Replace(ctx, "one", batch...); err != nil {
			b.Fatal(err)
		}
	}
	load := time.Since(start)
	for len(probes) < 250 {
		probes = append(probes, people.photo(true))
	}
	b.Run("load", func(b *testing.B) {
		b.ReportMetric(float64(size)/load.Seconds(), "registrants/s")
		b.ReportMetric(disk(dir, ""), "disk-MB")
		b.ReportMetric(resident(), "resident-MB")
		b.ReportMetric(0, "ns/op")
	})
	b.Run("recall", func(b *testing.B) { recall(b, x, all, probes[:25]) })
	all = nil
	runtime.GC()
	b.Run("floor", func(b *testing.B) { floor(b, x) })
	for _, callers := range []int{1, 8} {
		b.Run(fmt.Sprintf("search/callers=%d", callers), func(b *testing.B) { searches(b, x, probes, callers, index.Filter{}) })
		b.Run(fmt.Sprintf("search/callers=%d/replacing", callers), func(b *testing.B) {
			stop := replacing(b, x, size)
			defer stop()
			searches(b, x, probes, callers, index.Filter{})
		})
	}
	b.Run("search/one state of 50", func(b *testing.B) { searches(b, x, probes, 1, index.Filter{States: []string{"S7"}}) })
	b.Run("find", func(b *testing.B) { benchFind(b, x) })
	if err := x.Close(); err != nil {
		b.Fatal(err)
	}
	b.Run("open", func(b *testing.B) { benchOpen(b, dir, size) })
}

func floor(b *testing.B, x *Index) {
	g, release, err := x.reading(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	defer release()
	v, err := g.view(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	defer g.arena.release(v)
	took := make([]time.Duration, max(b.N, 31))
	for i := range took {
		from := time.Now()
		v.touch()
		took[i] = time.Since(from)
	}
	quantiles(b, took)
}

func recall(b *testing.B, x *Index, all [][]float32, probes [][]float32) {
	found, wanted := 0, 0
	for _, p := range probes {
		hits, _, err := x.Nearest(context.Background(), p, 20, index.Filter{})
		if err != nil {
			b.Fatal(err)
		}
		distances := make([]float64, len(all))
		for i, e := range all {
			for j := range e {
				d := float64(e[j]) - float64(p[j])
				distances[i] += d * d
			}
		}
		slices.Sort(distances)
		for _, h := range hits {
			if h.Distance <= math.Sqrt(distances[19])*(1+1e-12) {
				found++
			}
		}
		wanted += 20
	}
	b.ReportMetric(float64(found)/float64(wanted), "recall@20")
	b.ReportMetric(0, "ns/op")
}

// replacing replaces 50 registrants a second until stopped, and reports the rate it reached.
func replacing(b *testing.B, x *Index, size int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	n, start := 0, time.Now()
	wg.Go(func() {
		people := newCrowd(2)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := x.Replace(context.Background(), "one", benchEntry(people.rng.IntN(size), 2, people.photo(true))); err != nil {
				b.Error(err)
			}
			n++
		}
	})
	return func() {
		cancel()
		wg.Wait()
		b.ReportMetric(float64(n)/time.Since(start).Seconds(), "replaces/s")
	}
}

func benchFind(b *testing.B, x *Index) {
	var took []time.Duration
	for i := range max(b.N, 100) {
		from := time.Now()
		for _, q := range []index.Query{{AnyKey: []string{fmt.Sprintf("l:Person%d", i)}, Limit: 50}, {City: fmt.Sprintf("Town %d", i), Limit: 50},
			{Filter: index.Filter{States: []string{"S3"}, BornMax: 1950}, Limit: 50}} {
			if _, err := x.Find(context.Background(), q); err != nil {
				b.Fatal(err)
			}
		}
		took = append(took, time.Since(from)/3)
	}
	quantiles(b, took)
}

func benchOpen(b *testing.B, dir string, size int) {
	if old, err := filepath.Glob(filepath.Join(dir, "*"+snapshotSuffix)); err == nil {
		for _, path := range old {
			_ = os.Remove(path)
		}
	}
	start := time.Now()
	x := openBench(b, dir)
	b.ReportMetric(time.Since(start).Seconds(), "from-database-s")
	if size >= snapshotFrom {
		g, release, err := x.reading(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		if err := g.saveSnapshot(context.Background()); err != nil {
			b.Fatal(err)
		}
		release()
		b.ReportMetric(time.Since(start).Seconds(), "save-s")
		b.ReportMetric(disk(dir, snapshotSuffix), "snapshot-MB")
		if err := x.Close(); err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		x = openBench(b, dir)
		b.ReportMetric(time.Since(start).Seconds(), "from-snapshot-s")
	}
	b.ReportMetric(0, "ns/op")
	if err := x.Close(); err != nil {
		b.Fatal(err)
	}
}

func disk(dir, suffix string) (mb float64) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && strings.HasSuffix(e.Name(), suffix) {
			mb += float64(info.Size()) / 1e6
		}
	}
	return mb
}

// resident is the process's memory, or 0 where the system does not tell.
func resident() float64 {
	data, _ := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.Atoi(fields[1])
	return float64(pages*os.Getpagesize()) / 1e6
}
