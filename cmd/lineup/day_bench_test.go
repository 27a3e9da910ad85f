package main

import (
	"os"
	"strconv"
	"testing"
	"time"

	"lineup/schemas"
	"lineup/scraper/samplesite"
)

// BenchmarkDay measures what a registry costs from its pages to the index, with the real
// embedder and stores: LINEUP_BENCH_PEOPLE invented people (1,000 unless set) crawled and indexed,
// then the crawl of a day on which 1 % of them have another photo, then of one on which nobody
// has changed. "share-of-first" is that day's time as a part of the first crawl's.
func BenchmarkDay(b *testing.B) {
	size, err := strconv.Atoi(os.Getenv("LINEUP_BENCH_PEOPLE"))
	if err != nil {
		size = 1_000
	}
	r := newRoadTo(b, samplesite.Options{People: size, Framed: true})
	day := func() (time.Duration, schemas.RunSummary) {
		start := time.Now()
		s := r.crawl("")
		if s.State != schemas.RunComplete {
			b.Fatalf("crawl: %+v", s)
		}
		return time.Since(start), s
	}
	first, summary := day()
	b.Run("first", func(b *testing.B) {
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(size)/first.Seconds(), "registrants/s")
		b.ReportMetric(float64(summary.Photos["fetched"]), "photos")
	})
	var some []int
	for i := size / 10; i < size && len(some) < size/100; i++ {
		if p, ok := r.site.Person(samplesite.FirstID + i); ok && len(p.Photos) > 0 && p.Photos[0].Tag != 0 {
			some = append(some, p.ID)
		}
	}
	if err := r.site.Rephotograph("b", some...); err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"one-percent", "nothing"} {
		took, s := day()
		b.Run(name, func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(took.Seconds()/first.Seconds(), "share-of-first")
			b.ReportMetric(float64(s.Photos["fetched"]), "photos")
			b.ReportMetric(float64(s.Changed), "changed")
		})
	}
}
