package scraper_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/samplesite"
	"lineup/scraper/scrapertest"
)

var loadPeople = flag.Int("load", 2000, "registrants of BenchmarkCrawl's sample registry")

// countingSink knows everybody by a digest only, so that what is measured is the crawl.
type countingSink struct {
	scrapertest.Sink
	mu    sync.Mutex
	known map[schemas.UUID]schemas.Standing
}

func (s *countingSink) Begin(context.Context, string, bool) (string, []byte, error) {
	return fmt.Sprint(time.Now().UnixNano()), nil, nil
}
func (s *countingSink) Checkpoint(context.Context, string, string, []byte) error { return nil }
func (s *countingSink) Known(_ context.Context, source, key string) (schemas.Standing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	standing, ok := s.known[schemas.RegistrantID(source, key)]
	if !ok {
		return standing, os.ErrNotExist
	}
	return standing, nil
}
func (s *countingSink) Accept(_ context.Context, run string, c schemas.Capture) (schemas.Outcome, error) {
	standing := schemas.Standing{Listed: true, Run: run, Sighted: c.Read}
	for i, p := range c.Photos {
		digest := p.Unchanged
		if p.Data != nil {
			digest = schemas.DigestOf(p.Data)
		}
		standing.Photos = append(standing.Photos, schemas.PhotoState{URL: c.Record.Photos[i].URL, Digest: digest, ETag: p.ETag, LastModified: p.LastModified, Taken: c.Record.Photos[i].Taken, Problem: p.Problem})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[schemas.RegistrantID(c.Record.Source, c.Record.Key)] = standing
	return schemas.OutcomeNew, nil
}
func (s *countingSink) Finish(_ context.Context, _, _ string, sum schemas.RunSummary) (schemas.RunSummary, error) {
	return sum, nil
}

// BenchmarkCrawl crawls -load registrants twice, the second time with 1 % changed, without
// delay: the rate of the crawl itself. The sample site runs in the same process, and its share
// of the time is in the numbers.
func BenchmarkCrawl(b *testing.B) {
	site, err := samplesite.New(samplesite.Options{People: *loadPeople, Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	server, err := samplesite.Start(b.Context(), site, "127.0.0.1:0", "")
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	for b.Loop() {
		sink := &countingSink{known: map[schemas.UUID]schemas.Standing{}}
		peak, stop := watchHeap()
		for pass, name := range []string{"first", "second"} {
			photos := site.Requests("/SomsSUBDirectory/offenderDetailsServletOther")
			start := time.Now()
			c := scraper.Crawl{Source: scrapertest.NewSource(server.URL), Sink: sink, Fetcher: scraper.FetcherConfig{Version: "bench"}}
			sum, err := c.Run(b.Context())
			if err != nil || sum.State != schemas.RunComplete {
				b.Fatalf("%s: %s %v", name, sum.Reason, err)
			}
			b.ReportMetric(float64(sum.Registrants)/time.Since(start).Seconds(), name+"-registrants/s")
			b.ReportMetric(float64(site.Requests("/SomsSUBDirectory/offenderDetailsServletOther")-photos), name+"-photo-requests")
			if pass == 0 {
				var ids []int
				for i := 0; i < *loadPeople; i += 100 {
					ids = append(ids, samplesite.FirstID+i)
				}
				if err := site.Rephotograph("b", ids...); err != nil {
					b.Fatal(err)
				}
			}
		}
		stop()
		b.ReportMetric(float64(*peak)/(1<<20), "peak-heap-MiB")
	}
}

// watchHeap samples the live heap until stop is called.
func watchHeap() (*uint64, func()) {
	var peak uint64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for {
			select {
			case <-done:
				return
			case <-time.After(100 * time.Millisecond):
				metrics.Read(sample)
				peak = max(peak, sample[0].Value.Uint64())
			}
		}
	}()
	runtime.GC()
	return &peak, func() { close(done); <-ended }
}
