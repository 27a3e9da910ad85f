package scraper_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"lineup/internal/testkit/scrapertest"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/fetch"
	"lineup/scraper/samplesite"
)

var loadPeople = flag.Int("load", 2000, "registrants of BenchmarkCrawl's sample registry")

// countingSink knows everybody by a digest only, so that what is measured is the crawl.
type countingSink struct {
	scrapertest.Sink
	mu    sync.Mutex
	known map[schemas.UUID]schemas.Listing
}

func (s *countingSink) Begin(context.Context, string, bool) (string, []byte, error) {
	return fmt.Sprint(time.Now().UnixNano()), nil, nil
}
func (s *countingSink) Checkpoint(context.Context, string, string, []byte) error { return nil }
func (s *countingSink) Known(_ context.Context, source, key string) (schemas.Listing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	listing, ok := s.known[schemas.RegistrantID(source, key)]
	if !ok {
		return listing, os.ErrNotExist
	}
	return listing, nil
}
func (s *countingSink) Accept(_ context.Context, run string, c schemas.Capture) (schemas.Outcome, error) {
	listing := schemas.Listing{Listed: true, Run: run, Sighted: c.Read}
	for i, p := range c.Photos {
		digest := p.Unchanged
		if p.Data != nil {
			digest = schemas.DigestOf(p.Data)
		}
		listing.Photos = append(listing.Photos, schemas.PhotoState{URL: c.Record.Photos[i].URL, Digest: digest, ETag: p.ETag,
			LastModified: p.LastModified, Taken: c.Record.Photos[i].Taken, Problem: p.Problem})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[schemas.RegistrantID(c.Record.Source, c.Record.Key)] = listing
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
		sink := &countingSink{known: map[schemas.UUID]schemas.Listing{}}
		peak, stop := watchHeap()
		for pass, name := range []string{"first", "second"} {
			photos := site.Requests("/SomsSUBDirectory/offenderDetailsServletOther")
			start := time.Now()
			c := scraper.Crawl{Source: scrapertest.NewSource(server.URL), Sink: sink, Fetcher: fetch.Config{Version: "bench"}}
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
		with := live()
		clear(sink.known)
		sink.known = nil
		own := with - min(live(), with) // what this benchmark remembers, and an ingester has on disk
		b.ReportMetric(float64(*peak)/(1<<20), "peak-heap-MiB")
		b.ReportMetric(float64(own)/(1<<20), "own-books-MiB")
		b.ReportMetric(float64(peakResident(b))/1024, "peak-resident-MiB")
	}
}

// live is the heap in use after a collection, in bytes.
func live() uint64 {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// peakResident is the most memory the process ever had, in KiB.
func peakResident(b *testing.B) (kib int) {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib
		}
	}
	b.Fatal("no VmHWM in /proc/self/status")
	return 0
}

// TestSecondCrawlCostsWhatChanged is BenchmarkCrawl in small: one in a hundred has a new photo and
// another an address, and that is what a second crawl costs.
func TestSecondCrawlCostsWhatChanged(t *testing.T) {
	const people = 400
	b := newBench(t, people)
	const photos = "/SomsSUBDirectory/offenderDetailsServletOther"
	if sum := b.run(t); sum.State != schemas.RunComplete || sum.New != people {
		t.Fatalf("first crawl: %+v", sum)
	}
	pages, pictures := b.site.Requests(details), b.site.Requests(photos)
	for i := 0; i < people; i += 100 {
		must(t, b.site.Rephotograph("b", first+i), b.site.Move(first+i+50))
	}
	sum := b.run(t)
	if sum.State != schemas.RunComplete || sum.Changed != 2*people/100 || sum.Photos["fetched"] != people/100 {
		t.Errorf("second crawl: %d changed, photos %v", sum.Changed, sum.Photos)
	}
	// Four people have an older picture, which has no date of its own: it is asked for on a condition.
	if again := b.site.Requests(photos) - pictures; again != people/100+4 {
		t.Errorf("%d photos asked for", again)
	}
	if again := b.site.Requests(details) - pages; again != people {
		t.Errorf("%d pages read", again)
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
