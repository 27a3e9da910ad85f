package person_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"lineup/schemas"
	"lineup/schemas/person"
)

func odette(change ...func(*schemas.Record)) schemas.Record {
	r := schemas.Record{Name: schemas.Name{First: "ODETTE", Last: "MADEUP"}, Birth: schemas.Date{Year: 1971, Month: 3, Day: 9},
		Sex: schemas.Coded{Value: "female"}}
	for _, c := range change {
		c(&r)
	}
	return r
}

func middle(name string) func(*schemas.Record) {
	return func(r *schemas.Record) { r.Name.Middle = name }
}

func TestID(t *testing.T) {
	full := odette(middle("Ann"))
	same := odette(func(r *schemas.Record) {
		r.Name, r.Source, r.Key = schemas.Name{First: "Odétte", Last: "MADEUP JR"}, "zz", "1"
	})
	if person.ID(full) == "" || person.ID(full) != person.ID(same) {
		t.Errorf("%q and %q should share an id", person.ID(full), person.ID(same))
	}
	for name, change := range map[string]func(*schemas.Record){
		"no first name":     func(r *schemas.Record) { r.Name.First = "" },
		"no last name":      func(r *schemas.Record) { r.Name.Last = "" },
		"no whole date":     func(r *schemas.Record) { r.Birth = schemas.Date{Year: 1971} },
		"no sex":            func(r *schemas.Record) { r.Sex = schemas.Coded{Raw: "X"} },
		"another birth day": func(r *schemas.Record) { r.Birth.Day = 10 },
		"the other sex":     func(r *schemas.Record) { r.Sex.Value = "male" },
		"another name":      func(r *schemas.Record) { r.Name.First = "Odelia" },
	} {
		id := person.ID(odette(change))
		if id == person.ID(full) {
			t.Errorf("%s: still the same id", name)
		}
		if missing := strings.HasPrefix(name, "no "); missing != (id == "") {
			t.Errorf("%s: id %q", name, id)
		}
	}
}

func TestSame(t *testing.T) {
	for _, c := range []struct {
		name    string
		records []schemas.Record
		want    bool
	}{
		{"nobody", nil, false},
		{"one alone", []schemas.Record{odette()}, false},
		{"two alike", []schemas.Record{odette(), odette()}, true},
		{"a middle name and none", []schemas.Record{odette(middle("Ann")), odette()}, true},
		{"a middle name and its initial", []schemas.Record{odette(middle("Ann")), odette(middle("A."))}, true},
		{"a middle name and a short form of it", []schemas.Record{odette(middle("Annabel")), odette(middle("Ann"))}, false},
		{"two middle names", []schemas.Record{odette(middle("Ann")), odette(middle("Zelda"))}, false},
		{"two middle names and one without", []schemas.Record{odette(middle("Ann")), odette(middle("Zelda")), odette()}, false},
		{"a second middle name", []schemas.Record{odette(middle("Ann Zelda")), odette(middle("Ann"))}, true},
		{"accented initials", []schemas.Record{odette(middle("Ōlga")), odette(middle("O"))}, true},
		{"other suffixes", []schemas.Record{odette(func(r *schemas.Record) { r.Name.Suffix = "Jr" }),
			odette(func(r *schemas.Record) { r.Name.Suffix = "Sr." })}, false},
		{"a suffix in either field", []schemas.Record{odette(func(r *schemas.Record) { r.Name.Last = "MADEUP Jr" }),
			odette(func(r *schemas.Record) { r.Name.Suffix = "Junior" })}, true},
		{"beginnings alike", []schemas.Record{odette(middle("Quinn")), odette(middle("Quincy"))}, false},
		{"other days", []schemas.Record{odette(), odette(func(r *schemas.Record) { r.Birth.Day = 10 })}, false},
		{"no sex", []schemas.Record{odette(func(r *schemas.Record) { r.Sex.Value = "" }), odette(func(r *schemas.Record) { r.Sex.Value = "" })},
			false},
	} {
		back := slices.Clone(c.records)
		slices.Reverse(back)
		if got := person.Same(c.records...); got != c.want || person.Same(back...) != got {
			t.Errorf("%s: %v, want %v in any order", c.name, got, c.want)
		}
	}
}

func ExampleSame() {
	ann := schemas.Record{Name: schemas.Name{First: "Odette", Middle: "Ann", Last: "Madeup"},
		Birth: schemas.Date{Year: 1971, Month: 3, Day: 9},
		Sex:   schemas.Coded{Value: "female"}}
	initial, zelda := ann, ann
	initial.Name.Middle, zelda.Name.Middle = "A.", "Zelda"
	fmt.Println(person.Same(ann, initial), person.Same(ann, zelda))
	// Output: true false
}

func TestContradict(t *testing.T) {
	born := func(year, month, day int) schemas.Record {
		return schemas.Record{Birth: schemas.Date{Year: year, Month: month, Day: day}}
	}
	sex := func(v string) schemas.Record { return schemas.Record{Sex: schemas.Coded{Value: v}} }
	for _, c := range []struct {
		name string
		a, b schemas.Record
		want bool
	}{
		{"two birth dates", born(1970, 1, 2), born(1970, 1, 3), true},
		{"one birth date", born(1970, 1, 2), born(1970, 1, 2), false},
		{"a date and a year", born(1970, 1, 2), born(1971, 0, 0), false},
		{"a date and none", born(1970, 1, 2), schemas.Record{}, false},
		{"two sexes", sex("male"), sex("female"), true},
		{"a sex and none", sex("male"), sex(""), false},
		{"two names", schemas.Record{Name: schemas.Name{Last: "Madeup"}}, schemas.Record{Name: schemas.Name{Last: "Testcase"}}, false},
	} {
		if got := person.Contradict(c.a, c.b); got != c.want || person.Contradict(c.b, c.a) != c.want {
			t.Errorf("%s: contradict = %v", c.name, got)
		}
	}
}
