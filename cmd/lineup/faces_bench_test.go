package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/image/draw"

	"lineup/indexer"
	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/schemas"
	"lineup/scraper/samplesite/faces"
)

// BenchmarkFaces measures the whole of POST /faces over real HTTP with the real embedder, and its
// parts alone, in a gallery of LINEUP_BENCH_FACES faces (1,000,000 unless set) in the embedded
// index: the sample registry, crawled, in a crowd of invented embeddings drawn around those of
// its people. Probes are the b and c views of these people, 400 x 500 pixels. Every part is
// measured with 1 and with 8 callers, quiet and while 50 registrants a second are being replaced.
func BenchmarkFaces(b *testing.B) {
	size, err := strconv.Atoi(os.Getenv("LINEUP_BENCH_FACES"))
	if err != nil {
		size = 1_000_000
	}
	r := newRoad(b)
	r.crawl("")
	people := newCrowd(b, r.h.Index)
	start := time.Now()
	people.fill(b, size)
	b.Run("load", func(b *testing.B) {
		b.ReportMetric(float64(size)/time.Since(start).Seconds(), "registrants/s")
		b.ReportMetric(folderMB(b, r.app.Config.Dir("index")), "disk-MB")
		b.ReportMetric(0, "ns/op")
	})
	b.Run("open", func(b *testing.B) { reopen(b, r, size) })
	people.index = r.h.Index
	b.Cleanup(func() {
		if err := r.h.Index.Close(); err != nil {
			b.Error(err)
		}
	})
	embedder, err := r.h.OpenFaces(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer embedder.Close()
	probes := benchProbes(b, embedder)
	ask := serving(b, r, embedder)
	parts := []struct {
		name string
		do   func(ctx context.Context, p benchProbe) error
	}{
		{"request", ask},
		{"search", func(ctx context.Context, p benchProbe) error {
			_, _, err := r.h.Index.Nearest(ctx, p.embedding, score.K, index.Filter{})
			return err
		}},
		{"embed", func(ctx context.Context, p benchProbe) error {
			_, err := embedder.Embed(ctx, p.photo, face.Probe)
			return err
		}},
	}
	for _, part := range parts {
		for _, callers := range []int{1, 8} {
			name := fmt.Sprintf("%s/callers=%d", part.name, callers)
			b.Run(name, func(b *testing.B) {
				before := stages(b, r)
				latencies(b, probes, callers, part.do)
				for stage, now := range stages(b, r) {
					if n := now.count - before[stage].count; n > 0 {
						b.ReportMetric(1000*(now.seconds-before[stage].seconds)/float64(n), stage+"-ms")
					}
				}
			})
			if part.name == "embed" {
				continue
			}
			b.Run(name+"/replacing", func(b *testing.B) {
				stop := people.replacing(b, size)
				defer stop()
				latencies(b, probes, callers, part.do)
			})
		}
	}
}

// reopen closes the index and opens it twice: from the database, and from the file that is
// written for a quick start. It leaves the index open, and reports the memory of the process
// with it, the garbage of filling it given back.
func reopen(b *testing.B, r *road, size int) {
	open := func(unit string) {
		if err := r.h.Index.Close(); err != nil {
			b.Fatal(err)
		}
		debug.FreeOSMemory()
		before, start := residentMB(b, os.Getpid()), time.Now()
		var err error
		if r.h.Index, err = r.h.OpenIndex(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), unit)
		b.ReportMetric(residentMB(b, os.Getpid())-before, "gallery-MB")
	}
	b.ReportMetric(0, "ns/op")
	for _, old := range quickStarts(b, r) {
		if err := os.Remove(old); err != nil {
			b.Fatal(err)
		}
	}
	open("from-database-s")
	const snapshotFrom, patience = 200_000, 10 * time.Minute // the index writes none for fewer
	if size < snapshotFrom {
		return
	}
	for start := time.Now(); len(quickStarts(b, r)) == 0; time.Sleep(100 * time.Millisecond) {
		if time.Since(start) > patience {
			b.Fatal("no quick-start file was written")
		}
	}
	open("from-quick-start-s")
	b.ReportMetric(folderMB(b, r.app.Config.Dir("index")), "disk-MB")
}

func quickStarts(b *testing.B, r *road) []string {
	paths, err := filepath.Glob(filepath.Join(r.app.Config.Dir("index"), "*.faces"))
	if err != nil {
		b.Fatal(err)
	}
	return paths
}

// benchProbe is a photo to search with, as a request's body and as an embedding.
type benchProbe struct {
	photo, body []byte
	embedding   []float32
}

// benchProbes are the b and c views of the sample's people, 400 x 500 pixels.
func benchProbes(b *testing.B, embedder face.Embedder) (probes []benchProbe) {
	for person := 1; person <= 40; person++ {
		for _, view := range []string{"b", "c"} {
			data, err := faces.Files.ReadFile(fmt.Sprintf("p%03d%s.jpg", person, view))
			if err != nil {
				b.Fatal(err)
			}
			small, err := jpeg.Decode(bytes.NewReader(data))
			if err != nil {
				b.Fatal(err)
			}
			large := image.NewRGBA(image.Rect(0, 0, 400, 500))
			draw.CatmullRom.Scale(large, large.Bounds(), small, small.Bounds(), draw.Src, nil)
			var photo bytes.Buffer
			if err := jpeg.Encode(&photo, large, &jpeg.Options{Quality: 90}); err != nil {
				b.Fatal(err)
			}
			result, err := embedder.Embed(b.Context(), photo.Bytes(), face.Probe)
			if err != nil {
				b.Fatalf("p%03d%s: %v", person, view, err)
			}
			body, err := json.Marshal(map[string]string{"queryImageBase64": base64.StdEncoding.EncodeToString(photo.Bytes())})
			if err != nil {
				b.Fatal(err)
			}
			probes = append(probes, benchProbe{photo.Bytes(), body, slices.Clone(result.Embedding)})
		}
	}
	return probes
}

// serving runs the query daemon on a port of its own until the benchmark ends, and returns what
// asks it.
func serving(b *testing.B, r *road, embedder face.Embedder) func(context.Context, benchProbe) error {
	r.renewMetrics()
	server, err := r.h.NewServer(b.Context(), embedder)
	if err != nil {
		b.Fatal(err)
	}
	if _, _, err := indexer.Calibrate(b.Context(), r.h.Index); err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- server.Run(ctx, listener) }()
	b.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	url := "http://" + listener.Addr().String() + "/faces?key=" + r.key
	return func(ctx context.Context, p benchProbe) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(p.body))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err == nil && response.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d: %s", response.StatusCode, answer)
		}
		return err
	}
}

// spent is how often a stage of an answer was gone through, and how long in all.
type spent struct {
	count   uint64
	seconds float64
}

// stages is what the query daemon has spent on each stage of its answers, as it tells its metrics.
func stages(b *testing.B, r *road) map[string]spent {
	families, err := r.h.Metrics.Gather()
	if err != nil {
		b.Fatal(err)
	}
	all := map[string]spent{}
	for _, family := range families {
		if family.GetName() != "lineup_query_stage_seconds" {
			continue
		}
		for _, m := range family.GetMetric() {
			all[m.GetLabel()[0].GetValue()] = spent{m.GetHistogram().GetSampleCount(), m.GetHistogram().GetSampleSum()}
		}
	}
	return all
}

// latencies runs at least 200 calls by so many callers at once.
func latencies(b *testing.B, probes []benchProbe, callers int, do func(context.Context, benchProbe) error) {
	took := make([]time.Duration, max(b.N, 200))
	var wait sync.WaitGroup
	start := time.Now()
	for caller := range callers {
		wait.Go(func() {
			for i := caller; i < len(took); i += callers {
				from := time.Now()
				if err := do(b.Context(), probes[i%len(probes)]); err != nil {
					b.Error(err)
				}
				took[i] = time.Since(from)
			}
		})
	}
	wait.Wait()
	b.ReportMetric(float64(len(took))/time.Since(start).Seconds(), "calls/s")
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(0, "ns/op")
}

// crowd invents people whose embeddings lie as those of the sample's people do: their mean, a
// random mixture of how each differs from it, and something of one's own.
type crowd struct {
	index      index.Index
	generation string
	mean       []float64
	residuals  [][]float64
	random     *rand.Rand
	written    *os.File       // where fill writes the embeddings too, if set
	order      []schemas.UUID // of the registrants written
}

func newCrowd(b *testing.B, ix index.Index) *crowd {
	all, err := ix.Generations(b.Context())
	if err != nil || len(all) == 0 {
		b.Fatalf("%d generations: %v", len(all), err)
	}
	known, err := ix.Sample(b.Context(), all[len(all)-1].Name, 100, 1)
	if err != nil || len(known) < 20 {
		b.Fatalf("%d faces to draw a crowd around: %v", len(known), err)
	}
	c := &crowd{index: ix, generation: all[len(all)-1].Name, mean: make([]float64, len(known[0].Embedding)),
		random: rand.New(rand.NewPCG(1, 2))}
	for _, f := range known {
		for i, x := range f.Embedding {
			c.mean[i] += float64(x) / float64(len(known))
		}
	}
	for _, f := range known {
		residual := make([]float64, len(c.mean))
		for i, x := range f.Embedding {
			residual[i] = float64(x) - c.mean[i]
		}
		c.residuals = append(c.residuals, residual)
	}
	return c
}

func (c *crowd) embedding() []float32 {
	e := slices.Clone(c.mean)
	share := 1 / math.Sqrt(float64(len(c.residuals)))
	for _, residual := range c.residuals {
		weight := c.random.NormFloat64() * share
		for i, x := range residual {
			e[i] += weight * x
		}
	}
	out := make([]float32, len(e))
	for i, x := range e {
		out[i] = float32(x + c.random.NormFloat64()*0.02)
	}
	return out
}

func (c *crowd) entry(n int, revision uint64) index.Entry {
	r := schemas.Record{Schema: 1, Source: demoSource, Key: fmt.Sprint("crowd-", n), Jurisdiction: "NY",
		Name: schemas.Name{First: "Invented", Last: fmt.Sprint("Person", n%40000)}, Sex: schemas.Coded{Value: []string{"male", "female"}[n%2]},
		Birth: schemas.Date{Year: 1940 + n%60, Month: 1 + n%12, Day: 1 + n%28},
		Addresses: []schemas.Address{{Kind: "home", Street: "1 Nowhere Lane", City: fmt.Sprint("Town ", n%2000),
			Zip: fmt.Sprintf("%05d", n%20000)}}}
	id, photo := schemas.RegistrantID(r.Source, r.Key), schemas.DigestOf([]byte(r.Key))
	f := schemas.Face{ID: schemas.FaceID(id, photo), Registrant: id, Photo: photo, Embedding: c.embedding(),
		Quality: schemas.Quality{Step: "hog"}}
	return index.Entry{ID: id, Source: r.Source, Revision: revision, Faces: []schemas.Face{f},
		Document: &index.Document{ID: id, Revision: revision, Record: r, Photos: []index.PhotoOutcome{{Photo: photo, Face: f.ID}}}}
}

// fill enrols the crowd, as many as are missing from size.
func (c *crowd) fill(b *testing.B, size int) {
	for n := len(c.residuals); n < size; {
		var batch []index.Entry
		for range min(5000, size-n) {
			e := c.entry(n, 1)
			if c.written != nil {
				c.order = append(c.order, e.ID)
				if err := binary.Write(c.written, binary.LittleEndian, e.Faces[0].Embedding); err != nil {
					b.Fatal(err)
				}
			}
			batch = append(batch, e)
			n++
		}
		if err := c.index.Replace(b.Context(), c.generation, batch...); err != nil {
			b.Fatal(err)
		}
	}
}

// replacing replaces 50 registrants a second until stopped, and reports the rate it reached.
func (c *crowd) replacing(b *testing.B, size int) (stop func()) {
	ctx, cancel := context.WithCancel(b.Context())
	var wait sync.WaitGroup
	n, start := 0, time.Now()
	wait.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			at := len(c.residuals) + c.random.IntN(size-len(c.residuals))
			if err := c.index.Replace(b.Context(), c.generation, c.entry(at, 2)); err != nil {
				b.Error(err)
			}
			n++
		}
	})
	return func() {
		cancel()
		wait.Wait()
		b.ReportMetric(float64(n)/time.Since(start).Seconds(), "replaces/s")
	}
}

func folderMB(b *testing.B, dir string) (mb float64) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			mb += float64(info.Size()) / 1e6
		}
	}
	return mb
}

// residentMB is the memory of a process, by /proc.
func residentMB(b *testing.B, pid int) float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "VmRSS:")
	kilobytes, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]), "kB")))
	if err != nil {
		b.Fatal(err)
	}
	return float64(kilobytes) / 1000
}
