package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/indexer/index"
	"lineup/indexer/index/embedded"
	"lineup/ingest/ledger"
	"lineup/internal/testkit/stores"
	"lineup/queryd/search"
	"lineup/schemas"
	"lineup/schemas/namekey"
)

// benchRecords is how many records BenchmarkRecords searches: LINEUP_BENCH_RECORDS.
func benchRecords() int {
	if n, err := strconv.Atoi(os.Getenv("LINEUP_BENCH_RECORDS")); err == nil && n >= 500 {
		return n
	}
	return 100_000
}

// benchListings is how many of them the ledger holds, all unless LINEUP_BENCH_LISTINGS says fewer: then each of these stands for
// others too, which costs a question as much as its own, and filling far less.
func benchListings() int {
	if n, err := strconv.Atoi(os.Getenv("LINEUP_BENCH_LISTINGS")); err == nil && n >= 500 {
		return n
	}
	return math.MaxInt
}

// standIns is a ledger in which the listings of few stand for everybody's.
type standIns struct {
	*ledger.Ledger
	held []schemas.Record
}

func (s standIns) Listing(ctx context.Context, source string, id schemas.UUID) (schemas.Listing, error) {
	sum := fnv.New32a()
	io.WriteString(sum, string(id))
	r := s.held[int(sum.Sum32()%uint32(len(s.held)))]
	listing, err := s.Ledger.Listing(ctx, r.Source, schemas.RegistrantID(r.Source, r.Key))
	listing.ID, listing.Source = id, source
	return listing, err
}

// country is an invented country of records: states of which the largest holds a tenth, towns and names as uneven as real
// ones are.
type country struct {
	rng         *rand.Rand
	first, last []string
	towns       []town
	weights     []float64 // of the towns, added up
}

type town struct {
	name, state, zip string
	lat, lon         float64
}

func newCountry() *country {
	c := &country{rng: rand.New(rand.NewPCG(1, 2))}
	syllables := strings.Fields("ba be bi bo bu da de di do du fa fe fi fo ka ke ki ko la le li lo lu ma me mi mo mu na ne ni no nu ra re " +
		"ri ro ru sa se si so su ta te ti to tu va ve vi")
	word := func(n int) string {
		text := ""
		for range n {
			text += syllables[c.rng.IntN(len(syllables))]
		}
		return strings.ToUpper(text[:1]) + text[1:]
	}
	for range 1500 {
		c.first = append(c.first, word(2+c.rng.IntN(2)))
	}
	for range 60_000 {
		c.last = append(c.last, word(2+c.rng.IntN(3)))
	}
	codes := strings.Fields("TX CA FL NY PA IL OH GA NC MI NJ VA WA AZ TN MA IN MO MD WI CO MN SC AL LA KY OR OK CT UT NV IA AR KS MS NM NE " +
		"ID WV HI NH ME MT RI DE SD ND AK VT WY")
	total := 0.0
	for s, code := range codes {
		for t := range 300 {
			at := town{name: word(3), state: code, zip: fmt.Sprintf("%02d%03d", s, t), lat: 27 + 20*c.rng.Float64(), lon: -120 + 45*c.rng.Float64()}
			c.towns = append(c.towns, at)
			total += 1 / (1 + float64(s)/4) / (2 + float64(t))
			c.weights = append(c.weights, total)
		}
	}
	return c
}

// often picks a number below n, small ones often.
func (c *country) often(n int) int {
	return min(int(math.Exp(c.rng.Float64()*math.Log(float64(n)+1)))-1, n-1)
}

func (c *country) town() town {
	at, _ := slices.BinarySearch(c.weights, c.rng.Float64()*c.weights[len(c.weights)-1])
	return c.towns[min(at, len(c.towns)-1)]
}

func (c *country) record(n int) schemas.Record {
	home := c.town()
	lat, lon := home.lat+c.rng.NormFloat64()/20, home.lon+c.rng.NormFloat64()/20
	r := schemas.Record{Schema: schemas.RecordSchema, Source: "us-" + strings.ToLower(home.state), Key: fmt.Sprint(n),
		Jurisdiction: home.state,
		URL:          fmt.Sprintf("https://registry.invalid/detail?id=%d", n),
		Name: schemas.Name{First: c.first[c.often(len(c.first))], Middle: c.first[c.often(len(c.first))],
			Last: c.last[c.often(len(c.last))]},
		Sex: schemas.Coded{Value: "male", Raw: "M"}, Race: schemas.Coded{Raw: "Not stated"}, Height: schemas.Measure{Value: 70, Raw: "5'10\""},
		Birth: schemas.Date{Year: 1940 + c.rng.IntN(60), Month: 1 + c.rng.IntN(12), Day: 1 + c.rng.IntN(28)},
		Addresses: []schemas.Address{{Kind: schemas.AddressHome, Street: fmt.Sprintf("%d %s Street", c.rng.IntN(9999), c.last[c.often(2000)]),
			City:  home.name,
			State: home.state, Zip: home.zip, Lat: &lat, Lon: &lon}},
		Offenses: []schemas.Offense{{Description: "INVENTED OFFENSE IN THE FIRST DEGREE", Statute: "12.345(a)",
			Convicted: schemas.Date{Year: 2001, Month: 2, Day: 3},
			Place:     "Invented County", Disposition: "Convicted"}},
	}
	switch c.rng.IntN(40) {
	case 0:
		r.Birth = schemas.Date{}
	case 1:
		r.Birth, r.Age = schemas.Date{}, schemas.AgeAsOf{Years: 20 + c.rng.IntN(60), On: schemas.Date{Year: 2026, Month: 11, Day: 1}}
	case 2, 3:
		r.Birth.Month, r.Birth.Day = 0, 0
	}
	return r
}

// fillRecords fills index and ledger, unless they hold so many already, and gives some of the records to ask for.
func fillRecords(b *testing.B, c *country, ix index.Index, l *ledger.Ledger, size int) (asked, held []schemas.Record) {
	ctx := context.Background()
	kept, err := ix.Count(ctx, "one")
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now().UTC()
	for n := 0; n < size; {
		var batch []index.Entry
		for range min(20_000, size-n) {
			r := c.record(n)
			id := schemas.RegistrantID(r.Source, r.Key)
			batch = append(batch, index.Entry{ID: id, Source: r.Source, Revision: 1, Document: &index.Document{ID: id, Revision: 1, Record: r,
				FirstSeen: now, Changed: now, Keys: namekey.Of(r)}})
			if n < benchListings() && n < 1000 {
				held = append(held, r)
			}
			if n%(size/500) == 0 {
				asked = append(asked, r)
			}
			n++
		}
		if kept.Registrants == size {
			continue
		}
		if err := ix.Replace(ctx, "one", batch...); err != nil {
			b.Fatal(err)
		}
		batch = batch[:max(min(len(batch), benchListings()-(n-len(batch))), 0)]
		var wg sync.WaitGroup
		for part := range slices.Chunk(batch, 32) {
			wg.Go(func() {
				for _, e := range part {
					_, err := l.Update(ctx, e.Source, e.ID, func(s *schemas.Listing) error {
						s.Revision, s.Listed, s.Key, s.FirstSeen, s.Changed = 1, true, e.Document.Record.Key, now, now
						return nil
					})
					if err != nil {
						b.Error(err)
					}
				}
			})
		}
		wg.Wait()
	}
	return asked, held
}

// BenchmarkRecords searches invented records without photos, over the embedded index and the ledger in this process. The
// aims, of 1,000,000 records, are printed beside.
func BenchmarkRecords(b *testing.B) {
	ctx := context.Background()
	dir := os.Getenv("LINEUP_BENCH_DIR") // kept, so that a million are filled in once
	if dir == "" {
		dir = b.TempDir()
	}
	js, shut := stores.Reopen(b, dir+"/nats")
	b.Cleanup(shut)
	l, err := ledger.Open(ctx, js, 1)
	if err != nil {
		b.Fatal(err)
	}
	ix, err := embedded.Open(ctx, dir+"/index", slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = ix.Close() })
	model := schemas.Model{ID: "bench/v1", Dimensions: 128, Metric: schemas.Euclidean, MaxDistance: 0.6}
	if err := ix.Create(ctx, index.Generation{Name: "one", Model: model}); err != nil && !errors.Is(err, index.ErrExists) {
		b.Fatal(err)
	}
	if err := ix.Switch(ctx, "one"); err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	c := newCountry()
	asked, held := fillRecords(b, c, ix, l, benchRecords())
	took := time.Since(start)
	b.Run("load", func(b *testing.B) {
		b.ReportMetric(float64(benchRecords())/took.Seconds(), "registrants/s")
		b.ReportMetric(0, "ns/op")
	})
	var listings search.Ledger = l
	if benchListings() < benchRecords() {
		listings = standIns{l, held}
	}
	engine, err := search.New(search.Config{SearchTimeout: time.Minute}, search.Deps{Index: ix, Ledger: listings,
		Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	benchQuestions(b, engine, c, asked)
	b.Run("memory", func(b *testing.B) {
		b.ReportMetric(residentMB(b, os.Getpid()), "resident-MB")
		b.ReportMetric(400, "aim-MB")
		b.ReportMetric(0, "ns/op")
	})
}

// recordQuestions are the kinds of questions, and the median each may take.
func recordQuestions(c *country, asked []schemas.Record) []struct {
	name string
	aim  float64 // ms
	ask  func() search.Question
} {
	pick := func() schemas.Record { return asked[c.rng.IntN(len(asked))] }
	question := func(q index.Query) search.Question { return search.Question{Age: -1, Query: q, Page: 1, PerPage: 20} }
	named := func(n namekey.Query) search.Question {
		q := question(index.Query{AnyKey: n.Keys(), AllKeys: n.Joint()})
		q.Name, q.Named = n, true
		return q
	}
	paged := func(q search.Question, most int) search.Question {
		q.Page = 1 + c.rng.IntN(most)
		return q
	}
	return []struct {
		name string
		aim  float64
		ask  func() search.Question
	}{
		{"uuid", 2, func() search.Question {
			r := pick()
			return question(index.Query{IDs: []schemas.UUID{schemas.RegistrantID(r.Source, r.Key)}})
		}},
		{"name and birth date", 10, func() search.Question {
			r := pick()
			q := named(namekey.Query{First: r.Name.First, Last: r.Name.Last})
			q.Birth = r.Birth
			return q
		}},
		{"double name", 0, func() search.Question { return named(namekey.Query{Last: pick().Name.Last + "-" + pick().Name.Last}) }},
		{"name", 10, func() search.Question {
			r := pick()
			return named(namekey.Query{First: r.Name.First, Last: r.Name.Last})
		}},
		{"last name alone", 0, func() search.Question { return named(namekey.Query{Last: pick().Name.Last}) }},
		{"fuzzy", 30, func() search.Question {
			r := pick()
			return named(namekey.Query{First: r.Name.First, Last: r.Name.Last, Fuzzy: true})
		}},
		{"state", 15, func() search.Question { return question(index.Query{State: pick().Jurisdiction}) }},
		{"any page of the largest state", 15, func() search.Question {
			return paged(question(index.Query{State: "TX"}), max(benchRecords()/10/20, 1))
		}},
		{"city", 15, func() search.Question {
			a := pick().Addresses[0]
			return paged(question(index.Query{City: a.City, State: a.State}), 5)
		}},
		{"zip", 15, func() search.Question { return paged(question(index.Query{Zip: pick().Addresses[0].Zip}), 5) }},
		{"birth date", 15, func() search.Question {
			q := paged(question(index.Query{}), 500)
			q.Birth = schemas.Date{Year: 1940 + c.rng.IntN(60), Month: 1 + c.rng.IntN(12), Day: 1 + c.rng.IntN(28)}
			return q
		}},
		{"birth date in a state", 15, func() search.Question {
			q := question(index.Query{State: pick().Jurisdiction})
			q.Birth = schemas.Date{Year: 1940 + c.rng.IntN(60), Month: 1 + c.rng.IntN(12), Day: 1 + c.rng.IntN(28)}
			return q
		}},
		{"age", 0, func() search.Question { q := question(index.Query{}); q.Age = 20 + c.rng.IntN(60); return q }},
		{"radius of a mile", 20, func() search.Question {
			a := pick().Addresses[0]
			q := question(index.Query{Near: &index.Circle{Lat: *a.Lat, Lon: *a.Lon, Miles: 1}})
			q.PerPage = 50
			return q
		}},
		{"radius of five miles", 20, func() search.Question {
			a := pick().Addresses[0]
			q := question(index.Query{Near: &index.Circle{Lat: *a.Lat, Lon: *a.Lon, Miles: 5}})
			q.PerPage = 50
			return q
		}},
		{"radius of a hundred miles", 0, func() search.Question {
			a := pick().Addresses[0]
			return question(index.Query{Near: &index.Circle{Lat: *a.Lat, Lon: *a.Lon, Miles: 100}})
		}},
	}
}

// processorTime is what this process has used: on a machine with other work it says more than the clock.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func benchQuestions(b *testing.B, engine *search.Engine, c *country, asked []schemas.Record) {
	kinds := recordQuestions(c, asked)
	measure := func(b *testing.B, list []search.Question, callers int) []time.Duration {
		took := make([]time.Duration, len(list))
		var wg sync.WaitGroup
		for caller := range callers {
			wg.Go(func() {
				for i := caller; i < len(list); i += callers {
					from := time.Now()
					if _, err := engine.Records(context.Background(), list[i]); err != nil {
						b.Error(err)
					}
					took[i] = time.Since(from)
				}
			})
		}
		wg.Wait()
		slices.Sort(took)
		return took
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	var mix []search.Question
	for _, kind := range kinds {
		var list []search.Question
		for range 100 {
			list = append(list, kind.ask())
		}
		if kind.aim > 0 {
			mix = append(mix, list...)
		}
		b.Run(kind.name, func(b *testing.B) {
			before := processorTime(b)
			took := measure(b, list, 1)
			b.ReportMetric(ms(processorTime(b)-before)/float64(len(list)), "cpu-ms")
			b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
			b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
			if kind.aim > 0 {
				b.ReportMetric(kind.aim, "aim-p50-ms")
				b.ReportMetric(5*kind.aim, "aim-p99-ms")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
	c.rng.Shuffle(len(mix), func(i, j int) { mix[i], mix[j] = mix[j], mix[i] })
	b.Run("mix", func(b *testing.B) {
		start, before := time.Now(), processorTime(b)
		took := measure(b, mix, 8)
		b.ReportMetric(ms(processorTime(b)-before)/float64(len(mix)), "cpu-ms")
		b.ReportMetric(float64(len(mix))/time.Since(start).Seconds(), "requests/s")
		b.ReportMetric(200, "aim/s")
		b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
		b.ReportMetric(0, "ns/op")
	})
}
