package embedded

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"
)

// alone is the lock of a test that nobody else works beside.
func alone() func() { return func() {} }

// BenchmarkScan measures the scan alone, without a database, each search right after reading
// all codes once: what else the machine does then weighs on both alike.
func BenchmarkScan(b *testing.B) {
	for _, size := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) { benchScan(b, size) })
	}
}

// BenchmarkScan10M is BenchmarkScan of ten million faces, or of LINEUP_BENCH_FACES when that is fewer: they take
// some nine gigabytes.
func BenchmarkScan10M(b *testing.B) {
	size := 10_000_000
	if most, err := strconv.Atoi(os.Getenv("LINEUP_BENCH_FACES")); err == nil {
		size = min(size, most)
	}
	benchScan(b, size)
}

func benchScan(b *testing.B, size int) {
	before := resident()
	a := newArena(128)
	defer a.close()
	people := newCrowd(1)
	for n := range int64(size) {
		if err := a.add(idOf(n), enrolled{rid: n}, attr{}, people.photo(n%3 == 0)); err != nil {
			b.Fatal(err)
		}
	}
	a.publish(1)
	start := time.Now()
	if _, err := a.improve(b.Context(), alone); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(time.Since(start).Seconds(), "sieve-s")
	b.ReportMetric(resident()-before, "resident-MB")
	v := a.acquire()
	defer a.release(v)
	times := max(b.N, 100)
	one := func() *search {
		return &search{ctx: context.Background(), query: people.photo(people.rng.IntN(5) == 0), k: 64}
	}
	floors, ratios := make([]time.Duration, times), make([]float64, times)
	var counts ScanCounts
	scans := timed(times, func(i int) {
		s := one()
		v.scan([]*search{s}, 1)
		counts.add(s.tally)
	}, func(i int) {
		start := time.Now()
		v.touch()
		floors[i] = time.Since(start)
	})
	for i := range ratios {
		ratios[i] = float64(scans[i]) / float64(floors[i])
	}
	split := timed(times, func(int) { v.scan([]*search{one()}, runtime.GOMAXPROCS(0)) }, nil)
	whole := timed(times, func(int) { plain(v).scan([]*search{one()}, 1) }, nil)
	company := make([]*search, many)
	for i := range company {
		company[i] = one()
	}
	start = time.Now()
	for range 10 {
		v.scan(company, runtime.GOMAXPROCS(0))
	}
	b.ReportMetric(float64(time.Since(start).Microseconds())/10/1000/many, "shared-ms/search")
	b.ReportMetric(100*float64(counts.Survived)/float64(max(1, counts.Sieved)), "survivors-%")
	b.ReportMetric(median(split), "all-cores-p50-ms")
	b.ReportMetric(median(whole), "without-sieve-p50-ms")
	for kernel, name := range []string{"plain-C", "AVX2"} {
		if kernel < v.kernel {
			other := *v
			other.kernel = kernel
			b.ReportMetric(median(timed(times, func(int) { other.scan([]*search{one()}, 1) }, nil)), name+"-p50-ms")
		}
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[times/2], "ratio-p50")
	b.ReportMetric(median(floors), "floor-p50-ms")
	b.ReportMetric(float64(floors[0].Microseconds())/1000, "floor-min-ms")
	quantiles(b, scans)
	b.ReportMetric(float64(scans[0].Microseconds())/1000, "min-ms")
}

// timed is how long do took each of so many times; before, if any, is done before it and not timed.
func timed(times int, do, before func(i int)) []time.Duration {
	took := make([]time.Duration, times)
	for i := range took {
		if before != nil {
			before(i)
		}
		start := time.Now()
		do(i)
		took[i] = time.Since(start)
	}
	return took
}

// median sorts.
func median(took []time.Duration) float64 {
	slices.Sort(took)
	return float64(took[len(took)/2].Microseconds()) / 1000
}
