package source_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lineup/internal/testkit/scrapertest"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/definition/read"
	"lineup/scraper/fetch"
	"lineup/scraper/samplesite"
	"lineup/scraper/source"
)

// facts are what is said of a registrant: a text for each field, in one form for all shapes.
type facts map[string]string

// set joins what is said of a field; nothing said is no fact.
func (f facts) set(field string, said ...string) {
	for i := range said {
		said[i] = strings.ToUpper(strings.TrimSpace(said[i]))
	}
	if text := strings.Join(said, "; "); strings.Trim(text, "; ") != "" {
		f[field] = text
	}
}

// each is set for what every one of a list says.
func each[T any](f facts, field string, all []T, say func(T) string) {
	var said []string
	for _, one := range all {
		said = append(said, say(one))
	}
	f.set(field, said...)
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func coordinate(f *float64) string {
	if f == nil {
		return ""
	}
	return strconv.FormatFloat(*f, 'f', 4, 64)
}

func yes(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}

// recordFacts is what a record says.
func recordFacts(r schemas.Record) facts {
	f := facts{}
	f.set("first", r.Name.First)
	f.set("middle", r.Name.Middle)
	f.set("last", r.Name.Last)
	f.set("suffix", r.Name.Suffix)
	f.set("birth", r.Birth.String())
	f.set("sex", r.Sex.Value)
	f.set("race", r.Race.Value)
	f.set("ethnicity", r.Ethnicity.Value)
	f.set("height", number(r.Height.Value))
	f.set("weight", number(r.Weight.Value))
	f.set("eyes", r.Eyes.Value)
	f.set("hair", r.Hair.Value)
	f.set("marks", r.Marks...)
	f.set("level", r.Level.Value)
	f.set("designation", r.Designation)
	f.set("status", r.Status.Value)
	f.set("predator", yes(r.Predator))
	f.set("absconder", yes(r.Absconder))
	f.set("registered", r.Registered.String())
	f.set("verified", r.Verified.String())
	each(f, "aliases", r.Aliases, func(a schemas.Alias) string {
		if a.First == "" && a.Last == "" {
			return a.Full
		}
		return a.First + " " + a.Last
	})
	each(f, "alias births", r.Aliases, func(a schemas.Alias) string { return a.Birth.String() })
	each(f, "kinds", r.Addresses, func(a schemas.Address) string { return a.Kind })
	each(f, "streets", r.Addresses, func(a schemas.Address) string { return a.Street + a.Raw })
	each(f, "cities", r.Addresses, func(a schemas.Address) string { return a.City })
	each(f, "counties", r.Addresses, func(a schemas.Address) string { return a.County })
	each(f, "states", r.Addresses, func(a schemas.Address) string { return a.State })
	each(f, "zips", r.Addresses, func(a schemas.Address) string { return a.Zip })
	each(f, "since", r.Addresses, func(a schemas.Address) string { return a.From.String() })
	each(f, "coordinates", r.Addresses, func(a schemas.Address) string { return strings.Trim(coordinate(a.Lat)+" "+coordinate(a.Lon), " ") })
	each(f, "offenses", r.Offenses, func(o schemas.Offense) string { return o.Description })
	each(f, "statutes", r.Offenses, func(o schemas.Offense) string { return o.Statute })
	each(f, "committed", r.Offenses, func(o schemas.Offense) string { return o.Committed.String() })
	each(f, "convicted", r.Offenses, func(o schemas.Offense) string { return o.Convicted.String() })
	each(f, "released", r.Offenses, func(o schemas.Offense) string { return o.Released.String() })
	each(f, "sentences", r.Offenses, func(o schemas.Offense) string { return o.Sentence })
	each(f, "victims", r.Offenses, func(o schemas.Offense) string { return o.Victim })
	each(f, "charges", r.Offenses, func(o schemas.Offense) string { return strings.TrimSuffix(fmt.Sprint(len(o.Charges)), "0") })
	each(f, "photos", slices.DeleteFunc(slices.Clone(r.Photos), func(p schemas.Photo) bool { return p.Digest == "" }),
		func(p schemas.Photo) string { return string(p.Digest) })
	each(f, "taken", r.Photos, func(p schemas.Photo) string { return p.Taken.String() })
	return f
}

// personFacts is what the registry would say if a shape said everything.
func personFacts(t *testing.T, p samplesite.Person) facts {
	f := facts{}
	f.set("first", p.First)
	f.set("middle", p.Middle)
	f.set("last", p.Last)
	f.set("suffix", p.Suffix)
	f.set("birth", p.Born.String())
	f.set("sex", p.Sex)
	f.set("race", p.Race)
	f.set("ethnicity", p.Ethnicity)
	f.set("height", number(p.Height))
	f.set("weight", number(p.Weight))
	f.set("eyes", p.Eyes)
	f.set("hair", p.Hair)
	f.set("marks", p.Marks...)
	f.set("level", number(p.Level))
	f.set("designation", p.Designation)
	f.set("status", map[string]string{"Registered": schemas.StatusRegistered, "Incarcerated": schemas.StatusIncarcerated,
		"Absconder": schemas.StatusAbsconded, "Non-Compliant": schemas.StatusNonCompliant}[p.Status])
	f.set("predator", strconv.FormatBool(p.Designation == "Sexual Predator"))
	f.set("absconder", strconv.FormatBool(p.Status == "Absconder"))
	f.set("registered", p.Registered.String())
	f.set("verified", p.Verified.String())
	each(f, "aliases", p.Aliases, func(a samplesite.Alias) string { return a.First + " " + a.Last })
	each(f, "alias births", p.Aliases, func(a samplesite.Alias) string { return a.Born.String() })
	addressFacts(f, p.Addresses)
	offenseFacts(f, p.Offenses)
	each(f, "photos", p.Photos, func(photo samplesite.Photo) string {
		data, err := photo.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return string(schemas.DigestOf(data))
	})
	each(f, "taken", p.Photos, func(photo samplesite.Photo) string { return photo.Taken.String() })
	return f
}

func offenseFacts(f facts, all []samplesite.Offense) {
	each(f, "offenses", all, func(o samplesite.Offense) string { return o.Description })
	each(f, "statutes", all, func(o samplesite.Offense) string { return o.Statute })
	each(f, "committed", all, func(o samplesite.Offense) string { return o.Committed.String() })
	each(f, "convicted", all, func(o samplesite.Offense) string { return o.Convicted.String() })
	each(f, "released", all, func(o samplesite.Offense) string { return o.Released.String() })
	each(f, "sentences", all, func(o samplesite.Offense) string { return o.Sentence })
	each(f, "victims", all, func(o samplesite.Offense) string { return map[bool]string{true: "minor", false: "adult"}[o.Minor()] })
	each(f, "charges", all, func(o samplesite.Offense) string { return fmt.Sprint(len(o.Charges)) })
}

func addressFacts(f facts, all []samplesite.Address) {
	for _, field := range []string{"kinds", "streets", "cities", "counties", "states", "zips", "since", "coordinates"} {
		delete(f, field)
	}
	each(f, "kinds", all, func(a samplesite.Address) string { return a.Kind })
	each(f, "streets", all, func(a samplesite.Address) string { return a.Line() })
	each(f, "cities", all, func(a samplesite.Address) string { return a.City })
	each(f, "counties", all, func(a samplesite.Address) string { return a.County })
	each(f, "states", all, func(a samplesite.Address) string { return a.State })
	each(f, "zips", all, func(a samplesite.Address) string { return a.Zip })
	each(f, "since", all, func(a samplesite.Address) string { return a.Reported.String() })
	each(f, "coordinates", all, func(a samplesite.Address) string { return fmt.Sprintf("%.4f %.4f", a.Lat, a.Lon) })
}

// shape is what a source's shape cannot say of a person, and what it says in its own way. What is
// in neither must come out of the shape exactly as it went in.
type shape struct {
	lacks string // fields it does not publish
	bends func(f facts, p samplesite.Person)
	start func(site string, people []samplesite.Person) []scraper.Request // in the place of the definition's own
}

// placeholderDigest is of the site's picture for "no photo".
func placeholderDigest() string {
	data, err := samplesite.Photo{File: "placeholder.jpg"}.Bytes()
	if err != nil {
		return err.Error()
	}
	return string(schemas.DigestOf(data))
}

// TestSamePeopleThroughEveryShape crawls the same people through every shape, by the definitions
// as shipped, with another base URL and nothing else, and compares field by field.
func TestSamePeopleThroughEveryShape(t *testing.T) {
	covered := map[string]bool{}
	for name, has := range shapes {
		id, _, _ := strings.Cut(name, " ")
		covered[id] = true
		t.Run(name, func(t *testing.T) {
			site := newSite(t)
			people := slices.Collect(site.People())
			sink, sum := crawlShape(t, site, id, name, has, people)
			if sum.State != schemas.RunComplete || sum.Registrants != len(people) || len(sink.Records) != len(people) {
				t.Fatalf("%s (%s), %d registrants, %d records of %d people", sum.State, sum.Reason, sum.Registrants, len(sink.Records), len(people))
			}
			if len(sum.Leftovers)+len(sum.Dropped)+len(sum.Errors)+sum.Photos["failed"] > 0 {
				t.Errorf("left over %v, dropped %v, errors %v, photos %v", sum.Leftovers, sum.Dropped, sum.Errors, sum.Photos)
			}
			compareAll(t, has, people, sink.Records)
		})
	}
	for _, id := range append(samplesite.ShapeIDs(), "import-nsopw") {
		if !covered[id] {
			t.Errorf("the site serves %s, and no shape of it is compared", id)
		}
	}
}

func compareAll(t *testing.T, has shape, people []samplesite.Person, records map[string]schemas.Record) {
	t.Helper()
	byName := map[string]schemas.Record{}
	for _, r := range records {
		byName[strings.ToUpper(r.Name.First+" "+r.Name.Last)] = r
	}
	said, wrong := map[string]bool{}, map[string][]string{}
	for _, p := range people {
		r, ok := byName[strings.ToUpper(p.First+" "+p.Last)]
		if !ok {
			t.Errorf("%d is missing", p.ID)
			continue
		}
		want := personFacts(t, p)
		if has.bends != nil {
			has.bends(want, p)
		}
		for _, field := range strings.Split(has.lacks, ", ") {
			delete(want, field)
		}
		got := recordFacts(r)
		for field := range got {
			said[field] = true
		}
		for field := range union(want, got) {
			if want[field] != got[field] {
				wrong[field] = append(wrong[field], fmt.Sprintf("%d says %q, want %q", p.ID, got[field], want[field]))
			}
		}
	}
	for _, field := range slices.Sorted(maps.Keys(wrong)) {
		t.Errorf("%s of %d people, as %s", field, len(wrong[field]), wrong[field][0])
	}
	for _, field := range strings.Split(has.lacks, ", ") {
		if said[field] {
			t.Errorf("publishes %s, which it is said to lack", field)
		}
	}
}

func union(a, b facts) facts {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// started is a source that begins elsewhere.
type started struct {
	*read.Source
	start []scraper.Request
}

func (s started) Start() ([]scraper.Request, error) { return s.start, nil }

// crawlShape crawls a shape, then reads its stored pages again: that must change nothing.
func crawlShape(t *testing.T, site *samplesite.Site, id, name string, has shape, people []samplesite.Person) (*scrapertest.Sink,
	schemas.RunSummary) {
	t.Helper()
	src, err := source.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	sink := scrapertest.NewSink()
	crawl := scraper.Crawl{Sink: sink, Fetcher: fetch.Config{Version: "test", Tries: 1}}
	if form, ok := strings.CutPrefix(name, "import-nsopw "); ok {
		dir := t.TempDir()
		if err := site.Export(dir, form); err != nil {
			t.Fatal(err)
		}
		if src, crawl.Fetcher.Transport, err = src.Import(dir); err != nil {
			t.Fatal(err)
		}
	} else {
		server, err := samplesite.Start(t.Context(), site, "127.0.0.1:0", "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Close() })
		if src, err = src.Sample(server.URL); err != nil {
			t.Fatal(err)
		}
		if has.start != nil {
			crawl.Source = started{src, has.start(server.URL, people)}
		}
	}
	if crawl.Source == nil {
		crawl.Source = src
	}
	sum, err := crawl.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time of what the first has kept
		again := scraper.Reread{Source: src, Sink: sink}
		if reread, err := again.Run(t.Context()); err != nil || reread.Unchanged != len(people) ||
			len(reread.Errors)+len(reread.Leftovers)+len(reread.Dropped) > 0 {
			t.Errorf("stored pages read again: %d unchanged, %d changed, errors %v, left over %v, dropped %v, %v",
				reread.Unchanged, reread.Changed, reread.Errors, reread.Leftovers, reread.Dropped, err)
		}
	}
	return sink, sum
}
