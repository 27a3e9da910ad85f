package embedded

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
)

// alone is the lock of a test that nobody else works beside.
func alone() func() { return func() {} }

// BenchmarkScan measures the scan alone, without a database, each search right after reading
// all codes once: what else the machine does then weighs on both alike.
func BenchmarkScan(b *testing.B) {
	for _, size := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			a := newArena(128)
			defer a.close()
			people := newCrowd(1)
			for n := range int64(size) {
				if err := a.add(idOf(n), enrolled{rid: n}, attr{}, people.photo(n%3 == 0)); err != nil {
					b.Fatal(err)
				}
			}
			a.publish(1)
			if _, err := a.improve(b.Context(), alone); err != nil {
				b.Fatal(err)
			}
			v := a.acquire()
			defer a.release(v)
			times := max(b.N, 100)
			scans, floors, ratios := make([]time.Duration, times), make([]time.Duration, times), make([]float64, times)
			var counts ScanCounts
			for i := range times {
				probe := people.photo(i%5 == 0)
				start := time.Now()
				v.touch()
				floors[i] = time.Since(start)
				start = time.Now()
				s := &search{ctx: context.Background(), query: probe, k: 64}
				v.scan([]*search{s}, 1)
				counts.add(s.tally)
				scans[i] = time.Since(start)
				ratios[i] = float64(scans[i]) / float64(floors[i])
			}
			b.ReportMetric(100*float64(counts.Survived)/float64(max(1, counts.Sieved)), "survivors-%")
			b.ReportMetric(float64(counts.Whole)/float64(times), "whole-rows")
			split := make([]time.Duration, times)
			for i := range split {
				s := &search{ctx: context.Background(), query: people.photo(i%5 == 0), k: 64}
				start := time.Now()
				v.scan([]*search{s}, runtime.GOMAXPROCS(0))
				split[i] = time.Since(start)
			}
			slices.Sort(split)
			b.ReportMetric(float64(split[times/2].Microseconds())/1000, "all-cores-p50-ms")
			company := make([]*search, many)
			for i := range company {
				company[i] = &search{ctx: context.Background(), query: people.photo(i%2 == 0), k: 64}
			}
			start := time.Now()
			for range 10 {
				v.scan(company, runtime.GOMAXPROCS(0))
			}
			b.ReportMetric(float64(time.Since(start).Microseconds())/10/1000/many, "shared-ms/search")
			slices.Sort(floors)
			slices.Sort(ratios)
			b.ReportMetric(float64(floors[times/2].Microseconds())/1000, "floor-p50-ms")
			b.ReportMetric(float64(floors[0].Microseconds())/1000, "floor-min-ms")
			b.ReportMetric(ratios[times/2], "ratio-p50")
			quantiles(b, scans)
			b.ReportMetric(float64(scans[0].Microseconds())/1000, "min-ms")
		})
	}
}
