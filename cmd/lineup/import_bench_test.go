package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lineup/internal/node"
	"lineup/scraper"
	"lineup/scraper/fetch"
	"lineup/scraper/source"
)

// BenchmarkRecordsImport imports a file of LINEUP_BENCH_IMPORT invented people without photos, 10,000 unless set, into an
// all-in-one: until all are accepted, then until all are in the index, each on the disk.
func BenchmarkRecordsImport(b *testing.B) {
	size := 10_000
	if n, err := fmt.Sscan(os.Getenv("LINEUP_BENCH_IMPORT"), &size); n == 1 && err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "file.csv")
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Fprintln(file, "NAME,SEX,RACE,YEAR OF BIRTH,HEIGHT,WEIGHT,EYE COLOR,HAIR COLOR,STREET NUMBER,STREET,CITY,STATE,ZIP CODE,COUNTY,"+
		"REGISTRATION DATE,CRIME,CONVICTION DATE,CONVICTION STATE,INCARCERATED,PREDATOR,ABSCONDER,RES VERIFICATION DATE,LEVELING")
	c := newCountry()
	for i := range size {
		fmt.Fprintf(file, "\"%s%d, %s Q\",MALE,WHITE,%d,511,190,BRO,BRO,%d,NOWHERE LN,%s,GA,%05d,SAMPLE,01/04/2010,INVENTED OFFENSE,"+
			"03/05/2009,GEORGIA, , , ,02/02/2026,LEVEL 1\n", strings.ToUpper(c.last[c.often(len(c.last))]), i,
			strings.ToUpper(c.first[c.often(len(c.first))]), 1940+i%60, i%1000, strings.ToUpper(c.town().name), i%100_000)
	}
	if err := file.Close(); err != nil {
		b.Fatal(err)
	}
	s, err := source.Get("us-ga")
	if err != nil {
		b.Fatal(err)
	}
	files, transport, err := s.Import(path)
	if err != nil {
		b.Fatal(err)
	}
	app := testApp(b, b.TempDir(), "")
	n, err := node.Open(b.Context(), app.Options)
	if err != nil {
		b.Fatal(err)
	}
	defer n.Close()
	before, start := processorTime(b), time.Now()
	var accepted time.Duration
	err = n.WithWorker(b.Context(), func(ctx context.Context) error {
		sum, err := n.CrawlSource(ctx, files, &scraper.Crawl{Fetcher: fetch.Config{Transport: transport}})
		if err == nil && sum.New < size*9/10 { // of fewer than the source's floor it is refused in the end
			err = fmt.Errorf("%d new, %s (%s)", sum.New, sum.State, sum.Reason)
		}
		accepted = time.Since(start)
		if err != nil {
			return err
		}
		return n.Drain(ctx, nil)
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(size)/accepted.Seconds(), "accepted/s")
	b.ReportMetric(float64(size)/time.Since(start).Seconds(), "indexed/s")
	b.ReportMetric((processorTime(b)-before).Seconds()*1000/float64(size), "cpu-ms/registrant")
	b.ReportMetric(500, "aim/s")
	b.ReportMetric(0, "ns/op")
}
