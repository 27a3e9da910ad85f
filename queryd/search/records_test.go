package search_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/indexer/index"
	"lineup/indexer/index/embedded"
	"lineup/queryd/search"
	"lineup/schemas"
	"lineup/schemas/namekey"
)

var today = schemas.Date{Year: 2026, Month: 11, Day: 28}

// reading counts the documents that an engine gives.
type reading struct {
	index.Reader
	documents int
}

func (r *reading) Find(ctx context.Context, q index.Query) (index.Found, error) {
	found, err := r.Reader.Find(ctx, q)
	r.documents += len(found.Documents)
	return found, err
}

// everybody is a ledger that lists whomever it is asked about.
type everybody struct{ search.Ledger }

func (everybody) Listing(_ context.Context, source string, id schemas.UUID) (schemas.Listing, error) {
	return schemas.Listing{ID: id, Source: source, Listed: true}, nil
}

// searching is an engine over invented records.
func searching(t *testing.T, records ...schemas.Record) (*search.Engine, *reading) {
	t.Helper()
	ctx := t.Context()
	ix, err := embedded.Open(ctx, t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ix.Close(); err != nil {
			t.Error(err)
		}
	})
	model := schemas.Model{ID: "test/v1", Dimensions: 8, Metric: schemas.Euclidean, MaxDistance: 0.6}
	if err := ix.Create(ctx, index.Generation{Name: "one", Model: model}); err != nil {
		t.Fatal(err)
	}
	if err := ix.Switch(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	var entries []index.Entry
	for n, r := range records {
		r.Source, r.Key = "us-zz", fmt.Sprint(n)
		id := schemas.RegistrantID(r.Source, r.Key)
		entries = append(entries, index.Entry{ID: id, Source: r.Source, Revision: 1,
			Document: &index.Document{ID: id, Revision: 1, Record: r, Keys: namekey.Of(r)}})
	}
	if err := ix.Replace(ctx, "one", entries...); err != nil {
		t.Fatal(err)
	}
	read := &reading{Reader: ix}
	engine, err := search.New(search.Config{SearchTimeout: time.Minute}, search.Deps{Index: read, Ledger: everybody{},
		Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
		Now: today.Start})
	if err != nil {
		t.Fatal(err)
	}
	return engine, read
}

func named(name namekey.Query) search.Question {
	return search.Question{Name: name, Named: true, Age: -1, Page: 1, PerPage: 10,
		Query: index.Query{AnyKey: name.Keys(), AllKeys: name.Joint()}}
}

// TestANameWithABirthDateReadsItsPage: of hundreds who have the very name and state no birth date, a page is read.
func TestANameWithABirthDateReadsItsPage(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var records []schemas.Record
	day := schemas.Date{Year: 1971, Month: 2, Day: 2}
	for n := range 400 {
		r := schemas.Record{Name: schemas.Name{First: "Rowan", Last: "Testcase"}}
		switch rng.IntN(8) {
		case 0:
			r.Birth = day
		case 1:
			r.Birth = schemas.Date{Year: 1980}
		case 2:
			r.Age = schemas.AgeAsOf{Years: 55, On: schemas.Date{Year: 2026, Month: 11, Day: 1}}
		}
		if n%40 == 0 {
			r.Name.Last = "Testcase-Mockley" // means less, and comes behind who states as much
		}
		records = append(records, r)
	}
	engine, read := searching(t, records...)
	for _, asked := range []search.Question{{Birth: day, Age: -1}, {Age: 55}, {Birth: day, Age: 55}, {Age: -1}} {
		q := named(namekey.Query{First: "Rowan", Last: "Testcase"})
		q.Birth, q.Age = asked.Birth, asked.Age
		want := 0
		for _, r := range records {
			facts := r.BirthFacts()
			if (q.Birth.IsZero() || schemas.BornOn(day).Of(facts) != schemas.Disagrees) &&
				(q.Age < 0 || schemas.AgedOn(q.Age, today).Of(facts) != schemas.Disagrees) {
				want++
			}
		}
		var got []search.Hit
		total := 0
		for q.Page = 1; ; q.Page++ {
			read.documents = 0
			page, err := engine.Records(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if read.documents > 50 {
				t.Fatalf("page %d of %d reads %d documents", q.Page, page.Pages, read.documents)
			}
			if got, total = append(got, page.Hits...), page.Total; q.Page >= page.Pages {
				break
			}
		}
		if len(got) != want || total != want {
			t.Errorf("%d hits on all pages, %d in all, want %d", len(got), total, want)
		}
		inOrder := slices.IsSortedFunc(got, func(a, b search.Hit) int {
			for _, way := range []int{a.Unstated - b.Unstated, int(1e6 * (b.Score - a.Score))} {
				if way != 0 {
					return way
				}
			}
			if a.Document.ID < b.Document.ID {
				return -1
			}
			return 1
		})
		if !inOrder {
			t.Errorf("not in order: %+v", got)
		}
	}
}

// TestADoubleNameReadsNoHalf: who has only one of two family names is not read when both are asked for as they are.
func TestADoubleNameReadsNoHalf(t *testing.T) {
	var records []schemas.Record
	for _, last := range []string{"Testcase", "Mockley"} {
		for range 300 {
			records = append(records, schemas.Record{Name: schemas.Name{First: "Rowan", Last: last}})
		}
	}
	for _, last := range []string{"Testcase-Mockley", "Testcase Mockley", "Mockley Testcase", "Testcasemockley",
		"Testcase Mockley Sampleton"} {
		records = append(records, schemas.Record{Name: schemas.Name{First: "Rowan", Last: last}})
	}
	alias := schemas.Record{Name: schemas.Name{First: "Ash", Last: "Sampleton"}}
	alias.Aliases = []schemas.Alias{{Name: schemas.Name{Full: "Testcase Mockley, Rowan"}}}
	engine, read := searching(t, append(records, alias)...)
	for _, name := range []namekey.Query{{Last: "Testcase Mockley"}, {First: "Rowan", Last: "Testcase-Mockley"},
		{Last: "Rowan Testcase Mockley"},
		{First: "rowan", Last: "Rowan Testcase Mockley"}} {
		read.documents = 0
		q := named(name)
		q.Extensive = true
		found, err := engine.Records(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if found.Total != 6 || read.documents > 20 {
			t.Errorf("%+v: %d records, %d documents read; want 6 records", name, found.Total, read.documents)
		}
	}
}
