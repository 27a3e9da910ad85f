package indextest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"lineup/indexer/index"
	"lineup/schemas"
)

// crowd are invented registrants of a few towns, whose records state dates of birth to the day, to the year, with an
// alias, as an age, or not at all.
func crowd(n int) []index.Entry {
	rng := rand.New(rand.NewPCG(7, 7))
	birth := func() schemas.Date {
		return schemas.Date{Year: 1970 + rng.IntN(3), Month: 1 + rng.IntN(2), Day: 1 + rng.IntN(3)}
	}
	var out []index.Entry
	for i := range n {
		e := Person(2000+i, 1, func(r *schemas.Record) {
			switch r.Birth = birth(); rng.IntN(6) {
			case 0:
				r.Birth.Day = 0
			case 1:
				r.Birth.Month, r.Birth.Day = 0, 0
			case 2:
				r.Birth = schemas.Date{}
			case 3:
				r.Birth, r.Age = schemas.Date{}, schemas.AgeAsOf{Years: 50 + rng.IntN(6), On: schemas.Date{Year: 2024, Month: 2, Day: 1 + rng.IntN(28)}}
			}
			if rng.IntN(4) == 0 {
				r.Aliases = []schemas.Alias{{Name: schemas.Name{Full: "Alias"}, Birth: birth()}}
			}
			for range rng.IntN(3) { // nobody, or twice in a place
				lat, lon := 40+rng.Float64()/10, -90+rng.Float64()/10
				a := schemas.Address{Kind: "home", City: fmt.Sprintf("Town %d", rng.IntN(2)), State: []string{"AA", "BB"}[rng.IntN(2)],
					Zip: fmt.Sprintf("0000%d", rng.IntN(3))}
				if rng.IntN(3) > 0 {
					a.Lat, a.Lon = &lat, &lon
				}
				r.Addresses = append(r.Addresses, a)
			}
		})
		for n, key := range map[int]string{3: "third", 5: "fifth", 7: "seventh"} {
			if i%n == 0 {
				e.Document.Keys = append(e.Document.Keys, key)
			}
		}
		out = append(out, e)
	}
	return out
}

// meets reports whether a document meets what a question says of keys and places.
func meets(d index.Document, q index.Query) bool {
	return q.Keyed(d.Keys) && (q.City+q.State+q.Zip == "" || livesIn(d, q))
}

func livesIn(d index.Document, q index.Query) bool {
	return slices.ContainsFunc(index.FactsOf(d.Record).Places, func(p index.Place) bool {
		return (q.City == "" || p.City == index.FoldPlace(q.City)) && (q.State == "" || p.State == index.FoldPlace(q.State)) &&
			(q.Zip == "" || p.Zip == q.Zip)
	})
}

// pageQuestions are questions that engines answer in different ways, and all must answer alike.
func pageQuestions() map[string]index.Query {
	day := schemas.Date{Year: 1971, Month: 2, Day: 2}
	born := func(d schemas.Date) []schemas.BirthQuestion { return []schemas.BirthQuestion{schemas.BornOn(d)} }
	aged := schemas.AgedOn(53, schemas.Date{Year: 2024, Month: 2, Day: 2})
	level := func(n int) *int { return &n }
	circle := &index.Circle{Lat: 40.05, Lon: -89.95, Miles: 3}
	return map[string]index.Query{
		"everybody": {}, "a state": {State: "AA"}, "a city": {City: "town 1"}, "a city of a state": {City: "Town 1", State: "BB"},
		"a ZIP": {Zip: "00002"}, "a ZIP of a state": {Zip: "00002", State: "AA"}, "all of an address": {City: "Town 0", Zip: "00001",
			State: "BB"},
		"a day": {Births: born(day)}, "a month": {Births: born(schemas.Date{Year: 1971, Month: 2})},
		"a year": {Births: born(schemas.Date{Year: 1971})},
		"an age": {Births: []schemas.BirthQuestion{aged}}, "a day and an age": {Births: append(born(day), aged)},
		"a day in a state": {Births: born(day), State: "AA"}, "an age in a city": {Births: []schemas.BirthQuestion{aged}, City: "Town 1"},
		"a day in a ZIP": {Births: born(day), Zip: "00001"}, "near": {Near: circle}, "near, of a day": {Near: circle, Births: born(day)},
		"near, of a state": {Near: circle, State: "AA"}, "a key": {AnyKey: []string{"first:invented"}, State: "BB"},
		"one of three": {AnyKey: []string{"third"}}, "the others": {NoKey: []string{"third", "last:nobody"}},
		"two keys together": {AllKeys: [][]string{{"first:invented", "third"}}},
		"two keys together of few, or none": {AllKeys: [][]string{{"fifth", "third", "first:invented"}, {"third", "last:nobody"}},
			State: "AA"},
		"a key, or two together":                  {AnyKey: []string{"seventh"}, AllKeys: [][]string{{"third", "fifth"}}, Births: born(day)},
		"two keys together near":                  {AllKeys: [][]string{{"third", "fifth"}}, Near: circle},
		"two keys together, not a third":          {AllKeys: [][]string{{"third", "fifth"}}, NoKey: []string{"seventh"}},
		"the others of a key":                     {AnyKey: []string{"first:invented", "third"}, NoKey: []string{"third"}},
		"the others of a state":                   {NoKey: []string{"third"}, State: "AA"},
		"the others of a day":                     {NoKey: []string{"third"}, Births: born(day)},
		"the others near":                         {NoKey: []string{"third"}, Near: circle},
		"a key and a day":                         {AnyKey: []string{"first:invented"}, Births: born(day)},
		"of a source":                             {Filter: index.Filter{Sources: []string{"us-aa"}}},
		"a day, who states it":                    {Births: born(day), Unstated: new(int)},
		"a day in a state, who does not state it": {Births: born(day), Unstated: level(1), State: "AA"},
		"a key, a day and an age, who states one": {AnyKey: []string{"third"}, Births: append(born(day), aged), Unstated: level(1)},
		"near, who does not state a day":          {Near: circle, Births: born(day), Unstated: level(1)},
		"nobody":                                  {State: "ZZ", Births: born(day)},
	}
}

func findPages(t *testing.T, open opener) {
	ix := open(t)
	Serving(t, ix, Model)
	all := crowd(300)
	Put(t, ix, all...)
	Put(t, ix, Gone(all[0], 2))
	comparePages(t, ix, all[1:])
	var got []schemas.UUID
	q := index.Query{State: "AA", Births: []schemas.BirthQuestion{schemas.BornOn(schemas.Date{Year: 1971})}, Limit: 7}
	staying := map[schemas.UUID]bool{}
	for _, e := range all[1:] {
		if _, ok := q.RankOf(e.ID, e.Document.Record); ok && livesIn(*e.Document, q) {
			staying[e.ID] = true
		}
	}
	for _, e := range crowd(330)[300:] { // while others come
		Put(t, ix, e)
		found, err := ix.Find(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, idsOf(found.Documents)...)
		if q.After = found.Next; q.After == nil {
			break
		}
	}
	for _, id := range got {
		delete(staying, id)
	}
	if sorted := slices.Sorted(slices.Values(got)); len(staying) > 0 || len(slices.Compact(sorted)) != len(got) {
		t.Errorf("continued while others came: %d missed, %d seen, %d of them once", len(staying), len(got), len(slices.Compact(sorted)))
	}
}

// findUnordered asks a generation that an older version made; what is written to it now does not make it whole.
func findUnordered(t *testing.T, open opener) {
	ix := open(t)
	if err := ix.Create(context.Background(), index.Generation{Name: "one", Model: Model, Features: 2}); err != nil {
		t.Fatal(err)
	}
	if err := ix.Switch(context.Background(), "one"); err != nil {
		t.Fatal(err)
	}
	all := crowd(60)
	Put(t, ix, all...)
	comparePages(t, ix, all)
}

// findMoving asks about circles while very many move, come and leave: an engine may remember where everybody is.
func findMoving(t *testing.T, open opener) {
	ix, other := open(t), open(t)
	Serving(t, ix, Model)
	all := crowd(1300)
	Put(t, ix, all[:250]...)
	circles := map[string]index.Query{}
	for _, miles := range []float64{.1, 1, 4, 5000} {
		circles[fmt.Sprint(miles, " miles")] = index.Query{Near: &index.Circle{Lat: 40.05, Lon: -89.95, Miles: miles}}
	}
	compareAnswers(t, ix, all[:250], circles)
	rng := rand.New(rand.NewPCG(8, 8))
	held := map[schemas.UUID]index.Entry{}
	for _, e := range all[:250] {
		held[e.ID] = e
	}
	for round, writer := range []index.Index{ix, other, ix, other, ix} {
		var changed []index.Entry
		some := all[:20]
		if round == 3 {
			some = all
		}
		for _, e := range some {
			e.Revision = uint64(round + 2)
			d := *e.Document
			e.Document, d.Revision = &d, e.Revision
			d.Record.Addresses = nil
			for range rng.IntN(3) {
				lat, lon := 40+rng.Float64()/10, -90+rng.Float64()/10
				d.Record.Addresses = append(d.Record.Addresses, schemas.Address{Kind: "home", Lat: &lat, Lon: &lon})
			}
			held[e.ID] = e
			if rng.IntN(5) == 0 {
				e = Gone(e, e.Revision)
				delete(held, e.ID)
			}
			changed = append(changed, e)
		}
		Put(t, writer, changed...)
		compareAnswers(t, ix, slices.Collect(maps.Values(held)), circles)
	}
}

// comparePages compares answers with those of the rule itself: whole, page by page by number, and continued.
func comparePages(t *testing.T, ix index.Index, all []index.Entry) {
	t.Helper()
	compareAnswers(t, ix, all, pageQuestions())
}

func compareAnswers(t *testing.T, ix index.Index, all []index.Entry, questions map[string]index.Query) {
	t.Helper()
	ctx := context.Background()
	for name, q := range questions {
		var docs []index.Document
		for _, e := range all {
			if meets(*e.Document, q) {
				docs = append(docs, *e.Document)
			}
		}
		want := idsOf(q.PageOf(docs).Documents)
		page := max(len(want)/4, 1)
		q.Limit = page
		var numbered, continued []schemas.UUID
		for q.Skip = 0; q.Skip <= len(want); q.Skip += page {
			found, err := ix.Find(ctx, q)
			if err != nil || found.Total != len(want) || len(found.Documents) > page {
				t.Fatalf("%s, from %d: %d of %d, %v, want %d in all", name, q.Skip, len(found.Documents), found.Total, err, len(want))
			}
			numbered = append(numbered, idsOf(found.Documents)...)
		}
		for q.Skip = 0; ; {
			found, err := ix.Find(ctx, q)
			if err != nil || found.Total != len(want) {
				t.Fatalf("%s, behind %v: %d of %d, %v", name, q.After, len(found.Documents), found.Total, err)
			}
			continued = append(continued, idsOf(found.Documents)...)
			if q.After = found.Next; q.After == nil || len(continued) > len(want) {
				break
			}
		}
		if !slices.Equal(numbered, want) {
			t.Errorf("%s: by pages\n%v, want\n%v", name, numbered, want)
		}
		if !slices.Equal(continued, want) {
			t.Errorf("%s: continued\n%v, want\n%v", name, continued, want)
		}
	}
}

// walkFrom holds that a walk begins where it is asked to, whoever is there.
func walkFrom(t *testing.T, ix index.Index, all []schemas.UUID) {
	t.Helper()
	last := len(all) - 1
	for at, from := range map[int]schemas.UUID{0: "00000000-0000-0000-0000-000000000000", 7: all[7], last: all[last],
		len(all): "ffffffff-ffff-ffff-ffff-ffffffffffff"} {
		var got []schemas.UUID
		for d, err := range ix.Walk(t.Context(), "one", from) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, d.ID)
		}
		if !slices.Equal(got, all[at:]) {
			t.Errorf("walk from %s gives %d registrants, want the last %d", from, len(got), len(all)-at)
		}
	}
}
