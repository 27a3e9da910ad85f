package source_test

import (
	"slices"
	"strings"
	"testing"

	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/samplesite"
	"lineup/scraper/scrapertest"
	"lineup/scraper/source"
)

// shape is what a source's shape says of a person.
type shape struct {
	birth                          string // precision
	sex, height, offenses, aliases bool
	photos                         bool
}

var shapes = map[string]shape{
	"us-ny": {"exact", true, true, true, true, true},
	"us-ga": {"year", true, true, true, false, false},
	"us-or": {"exact", false, true, false, false, false},
	"us-fl": {"exact", true, true, false, false, true},
	"us-dc": {"unknown", false, false, false, false, false},
	"us-mo": {"exact", false, false, true, true, false},
	"us-nc": {"exact", true, true, true, true, true},
	"us-tn": {"exact", true, true, true, true, true},
	"us-ia": {"exact", true, true, true, true, true},
	"us-mt": {"unknown", false, false, false, false, true},
	"us-tx": {"exact", true, true, true, true, true},

	"us-mo-map": {"unknown", false, false, false, false, false},
	"us-tn-map": {"exact", true, false, true, false, false},
}

// crawlSample crawls one source whole over a sample site, through the real Crawl.
func crawlSample(t *testing.T, site *samplesite.Site, id string) (schemas.RunSummary, map[string]schemas.Record, error) {
	t.Helper()
	server, err := samplesite.Start(t.Context(), site, "127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	src, err := source.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	if src, err = src.Sample(server.URL); err != nil {
		t.Fatal(err)
	}
	sink := scrapertest.NewSink()
	c := scraper.Crawl{Source: src, Sink: sink, Fetcher: scraper.FetcherConfig{Version: "test", Tries: 1}}
	sum, err := c.Run(t.Context())
	return sum, sink.Records, err
}

func newSite(t *testing.T) *samplesite.Site {
	t.Helper()
	site, err := samplesite.New(samplesite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return site
}

func TestSamePeopleThroughEveryShape(t *testing.T) {
	for id, has := range shapes {
		t.Run(id, func(t *testing.T) {
			site := newSite(t)
			sum, records, err := crawlSample(t, site, id)
			if err != nil || sum.State != schemas.RunComplete {
				t.Fatalf("%s (%s): %v", sum.State, sum.Reason, err)
			}
			if len(sum.Leftovers) > 0 || len(sum.Dropped) > 0 {
				t.Errorf("left over %v, dropped %v", sum.Leftovers, sum.Dropped)
			}
			byName := map[string]schemas.Record{}
			for _, r := range records {
				byName[strings.ToUpper(r.Name.First+" "+r.Name.Last)] = r
			}
			n := 0
			for p := range site.People() {
				n++
				r, ok := byName[strings.ToUpper(p.First+" "+p.Last)]
				if !ok {
					t.Errorf("%s %s is missing", p.First, p.Last)
					continue
				}
				has.compare(t, p, r)
			}
			if n != len(records) {
				t.Errorf("%d records of %d people", len(records), n)
			}
		})
	}
}

func (has shape) compare(t *testing.T, p samplesite.Person, r schemas.Record) {
	t.Helper()
	same := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%d %s: %v, want %v", p.ID, what, got, want)
		}
	}
	same("birth precision", r.Birth.Precision(), has.birth)
	switch has.birth {
	case "exact":
		same("birth", r.Birth, p.Born)
	case "year":
		same("birth", r.Birth, schemas.Date{Year: p.Born.Year})
	}
	if has.sex {
		same("sex", r.Sex.Value, p.Sex)
	}
	if has.height {
		same("height", r.Height.Value, p.Height)
		same("weight", r.Weight.Value, p.Weight)
	}
	if has.offenses {
		var got, want []string
		for _, o := range r.Offenses {
			got = append(got, strings.ToUpper(o.Description))
		}
		for _, o := range p.Offenses {
			want = append(want, strings.ToUpper(o.Description))
		}
		for _, text := range want {
			if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, text) }) {
				t.Errorf("%d offenses %q, want %q", p.ID, got, want)
			}
		}
		if r.Source != "us-mo" { // whose rows have no date: two alike are one
			same("offenses", len(r.Offenses), len(p.Offenses))
		}
	}
	if has.aliases {
		same("aliases", len(r.Aliases), len(p.Aliases))
	}
	if has.photos {
		want := len(p.Photos) > 0 && p.Photos[0].File != "placeholder.jpg"
		got := len(r.Photos) > 0 && r.Photos[0].Digest != ""
		if want && !got {
			t.Errorf("%d photos %+v", p.ID, r.Photos)
		}
	}
	if home, ok := r.Home(); !ok || home.City == "" {
		t.Errorf("%d lives nowhere: %+v", p.ID, r.Addresses)
	}
}

func TestSpoiledTablesAreNoticed(t *testing.T) {
	for _, id := range []string{"us-ga", "us-or", "us-fl", "us-dc", "us-mo", "us-nc", "us-tx", "us-mt"} {
		for kind, noticed := range map[samplesite.Kind]bool{samplesite.Renamed: true, samplesite.Reordered: false, samplesite.Duplicated: false,
			samplesite.Gate: true, samplesite.Block: true, samplesite.Empty: true} {
			if id == "us-mo" && kind == samplesite.Reordered {
				noticed = true // its header is found by the first cell
			}
			t.Run(id+"/"+string(kind), func(t *testing.T) {
				site := newSite(t)
				if err := site.Fault(samplesite.Fault{Kind: kind}); err != nil {
					t.Fatal(err)
				}
				sum, records, err := crawlSample(t, site, id)
				if noticed != (err != nil || sum.State != schemas.RunComplete) {
					t.Errorf("%s, %d read, error %v", sum.State, len(records), err)
				}
				if !noticed && len(records) != samplesite.DefaultPeople {
					t.Errorf("%d records", len(records))
				}
			})
		}
	}
}

func TestUnchangedFileIsNotReadTwice(t *testing.T) {
	for id, want := range map[string]schemas.RunState{"us-ga": schemas.RunSame, "us-mo": schemas.RunSame, "us-tn": schemas.RunComplete} {
		t.Run(id, func(t *testing.T) {
			site := newSite(t)
			server, err := samplesite.Start(t.Context(), site, "127.0.0.1:0", "")
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			src, err := source.Get(id)
			if err != nil {
				t.Fatal(err)
			}
			if src, err = src.Sample(server.URL); err != nil {
				t.Fatal(err)
			}
			sink := scrapertest.NewSink()
			run := func() schemas.RunSummary {
				c := scraper.Crawl{Source: src, Sink: sink, Fetcher: scraper.FetcherConfig{Version: "test"}}
				sum, err := c.Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return sum
			}
			run()
			if sum := run(); sum.State != want || sink.Listed(id) != samplesite.DefaultPeople {
				t.Errorf("second run: %s, %d listed", sum.State, sink.Listed(id))
			}
			if err := site.Delist(samplesite.FirstID); err != nil {
				t.Fatal(err)
			}
			if sum := run(); sum.State != schemas.RunComplete || sum.Delisted != 1 {
				t.Errorf("after a change: %s, %d delisted", sum.State, sum.Delisted)
			}
		})
	}
}
