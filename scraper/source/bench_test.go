package source_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"lineup/scraper"
	"lineup/scraper/source"
)

// BenchmarkFile reads a Georgia file of 10,000 invented rows, one person each.
func BenchmarkFile(b *testing.B) {
	src, err := source.Get("us-ga")
	if err != nil {
		b.Fatal(err)
	}
	var body bytes.Buffer
	body.WriteString("NAME,SEX,RACE,YEAR OF BIRTH,HEIGHT,WEIGHT,EYE COLOR,HAIR COLOR,STREET NUMBER,STREET,CITY,STATE,ZIP " +
		"CODE,COUNTY,REGISTRATION DATE,CRIME,CONVICTION DATE,CONVICTION STATE,INCARCERATED,PREDATOR,ABSCONDER,RES VERIFICATION DATE,LEVELING\n")
	const rows = 10000
	for i := range rows {
		fmt.Fprintf(&body, "\"FABRICATED%d, WENDELL Q\",MALE,WHITE,1961,511,190,BRO,BRO,12,NOWHERE "+
			"LN,NOTOWN,GA,00001,SAMPLE,01/04/2010,INVENTED OFFENSE,03/05/2009,GEORGIA, , , ,02/02/2026,LEVEL 1\n", i)
	}
	page := scraper.Page{Request: scraper.Request{Rule: "file"}, URL: "https://x.example", Body: body.Bytes(),
		Read: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}
	b.ReportAllocs()
	for b.Loop() {
		parsed, err := src.Parse(page)
		if err != nil {
			b.Fatal(err)
		}
		n := len(parsed.Drafts)
		for _, err := range parsed.Rows {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != rows {
			b.Fatalf("%d records of %d rows", n, rows)
		}
	}
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "registrants/s")
}
