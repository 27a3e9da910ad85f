package names_test

import (
	"strings"
	"testing"

	"lineup/queryd/names"
	"lineup/schemas"
	"lineup/schemas/namekey"
)

func record(first, middle, last string) schemas.Record {
	return schemas.Record{Name: schemas.Name{First: first, Middle: middle, Last: last}}
}

func TestScore(t *testing.T) {
	type query = namekey.Query
	for _, c := range []struct {
		name   string
		query  query
		record schemas.Record
		low    float64 // the score is in low..high; high 0 means no match
		high   float64
		basis  names.Basis
	}{
		{"the very name", query{First: "rowan", Last: "testcase"}, record("ROWAN", "", "TESTCASE"), 1, 1, names.Exact},
		{"accents and marks", query{First: "jose", Last: "obrien"}, record("José", "", "O'Brien"), 1, 1, names.Exact},
		{"last name alone", query{Last: "Testcase"}, record("Rowan", "", "Testcase"), 1, 1, names.Exact},
		{"first name alone", query{First: "Rowan"}, record("Rowan", "", "Testcase"), 1, 1, names.Exact},
		{"another last name", query{First: "rowan", Last: "mockley", Fuzzy: true}, record("Rowan", "", "Testcase"), 0, 0, ""},
		{"another first name", query{First: "quinn", Last: "testcase", Fuzzy: true}, record("Rowan", "", "Testcase"), 0, 0, ""},

		{"Smyth~Smith", query{First: "rowan", Last: "Smyth", Fuzzy: true}, record("Rowan", "", "Smith"), 0.9, 0.97, names.Sound},
		{"Smyth~Smith only when fuzzy", query{First: "rowan", Last: "Smyth"}, record("Rowan", "", "Smith"), 0, 0, ""},
		{"Jon~Jonathan", query{First: "Jon", Last: "Testcase", Fuzzy: true}, record("Jonathan", "", "Testcase"), 0.95, 0.99, names.Nickname},
		{"Jonathan~Jon", query{First: "Jonathan", Last: "Testcase", Fuzzy: true}, record("Jon", "", "Testcase"), 0.95, 0.99, names.Nickname},
		{"Bob~Robert", query{First: "Bob", Last: "Testcase", Fuzzy: true}, record("Robert", "", "Testcase"), 0.95, 0.99, names.Nickname},
		{"Robert~Bob", query{First: "Robert", Last: "Testcase", Fuzzy: true}, record("Bob", "", "Testcase"), 0.95, 0.99, names.Nickname},
		{"Bob~Robert only when fuzzy", query{First: "Bob", Last: "Testcase"}, record("Robert", "", "Testcase"), 0, 0, ""},
		{"SMITH JOHNSON~SMITH-JOHNSON", query{First: "rowan", Last: "SMITH JOHNSON"}, record("Rowan", "", "SMITH-JOHNSON"), 1, 1, names.Exact},
		{"SMITHJOHNSON~SMITH-JOHNSON", query{First: "rowan", Last: "smithjohnson"}, record("Rowan", "", "Smith-Johnson"), 0.99, 0.999,
			names.Exact},
		{"JOHNSON-SMITH~SMITH-JOHNSON", query{First: "rowan", Last: "johnson-smith"}, record("Rowan", "", "Smith-Johnson"), 0.95, 0.99,
			names.Order},
		{"half of a double name", query{First: "rowan", Last: "Johnson"}, record("Rowan", "", "Smith-Johnson"), 0.93, 0.96, names.Partial},
		{"double name asked, half held", query{First: "rowan", Last: "Smith Johnson", Fuzzy: true}, record("Rowan", "", "Smith"), 0.9, 0.93,
			names.Partial},
		{"double name asked, half held, exact", query{First: "rowan", Last: "Smith Johnson"}, record("Rowan", "", "Smith"), 0, 0, ""},

		{"swapped letters", query{First: "rowan", Last: "tetscase", Fuzzy: true}, record("Rowan", "", "Testcase"), 0.9, 0.95, names.Typo},
		{"a wrong letter in both", query{First: "rowax", Last: "testcaxe", Fuzzy: true}, record("Rowan", "", "Testcase"), 0.8, 0.93, names.Typo},
		{"too many", query{First: "rowan", Last: "tastkace", Fuzzy: true}, record("Rowan", "", "Testcase"), 0, 0, ""},
		{"short names must agree", query{First: "rowan", Last: "li", Fuzzy: true}, record("Rowan", "", "Lo"), 0, 0, ""},
		{"first and last mixed up", query{First: "testcase", Last: "rowan", Fuzzy: true}, record("Rowan", "", "Testcase"), 0.89, 0.91,
			names.Order},
		{"mixed up only when fuzzy", query{First: "testcase", Last: "rowan"}, record("Rowan", "", "Testcase"), 0, 0, ""},
		{"shortened first name", query{First: "theo", Last: "testcase", Fuzzy: true}, record("Theophania", "", "Testcase"), 0.88, 0.95,
			names.Partial},

		{"middle name agrees", query{First: "Rowan Quinn", Last: "Testcase"}, record("Rowan", "Quinn", "Testcase"), 1, 1, names.Exact},
		{"middle initial agrees", query{First: "Rowan Q", Last: "Testcase"}, record("Rowan", "Quinn", "Testcase"), 0.99, 0.999, names.Exact},
		{"middle initial held", query{First: "Rowan Quinn", Last: "Testcase"}, record("Rowan", "Q.", "Testcase"), 0.99, 0.999, names.Exact},
		{"middle name not held", query{First: "Rowan Quinn", Last: "Testcase"}, record("Rowan", "", "Testcase"), 0.97, 0.99, names.Exact},
		{"middle name differs", query{First: "Rowan Quinn", Last: "Testcase"}, record("Rowan", "Ash", "Testcase"), 0, 0, ""},
		{"middle name differs, fuzzy", query{First: "Rowan Quinn", Last: "Testcase", Fuzzy: true}, record("Rowan", "Ash", "Testcase"), 0.93, 0.96,
			names.Exact},
		{"goes by the middle name", query{First: "Quinn", Last: "Testcase"}, record("Rowan", "Quinn", "Testcase"), 0.92, 0.95, names.Middle},
		{"double first name", query{First: "Rowan Quinn", Last: "Testcase"}, record("Rowan Quinn", "", "Testcase"), 1, 1, names.Exact},
		{"first of a double first name", query{First: "Rowan", Last: "Testcase"}, record("Rowan Quinn", "", "Testcase"), 0.95, 0.96,
			names.Partial},
		{"an initial for the first name", query{First: "R", Last: "Testcase", Fuzzy: true}, record("Rowan", "", "Testcase"), 0.88, 0.9,
			names.Initial},

		{"suffix agrees", query{First: "Rowan", Last: "Testcase Jr."}, schemas.Record{Name: schemas.Name{First: "Rowan", Last: "Testcase",
			Suffix: "JR"}}, 1, 1, names.Exact},
		{"suffix not held", query{First: "Rowan", Last: "Testcase Jr."}, record("Rowan", "", "Testcase"), 0.985, 0.995, names.Exact},
		{"the father", query{First: "Rowan", Last: "Testcase Jr."}, record("Rowan", "", "Testcase Sr"), 0.89, 0.91, names.Partial},

		{"prefix", query{First: "rowan", Last: "testc", PrefixLast: true}, record("Rowan", "", "Testcase"), 0.96, 0.99, names.Prefix},
		{"prefix of the first name", query{First: "row", Last: "testcase", PrefixFirst: true}, record("Rowan", "", "Testcase"), 0.96, 0.99,
			names.Prefix},
		{"no prefix unasked", query{First: "rowan", Last: "testc"}, record("Rowan", "", "Testcase"), 0, 0, ""},
		{"a middle is no prefix", query{Last: "case", PrefixLast: true}, record("Rowan", "", "Testcase"), 0, 0, ""},

		{"any", query{Any: "rowan testcase"}, record("Rowan", "", "Testcase"), 1, 1, names.Exact},
		{"any, middle left out", query{Any: "rowan testcase"}, record("Rowan", "Quinn", "Testcase"), 0.985, 0.995, names.Exact},
		{"any, last first", query{Any: "Testcase, Rowan"}, record("Rowan", "", "Testcase"), 0.97, 0.99, names.Order},
		{"any, suffix", query{Any: "Rowan Testcase Jr"}, record("Rowan", "", "Testcase"), 0.985, 0.995, names.Exact},
		{"any, last name of several words", query{Any: "de la testcase"}, record("Rowan", "", "De La Testcase"), 0.85, 0.99, names.Exact},
		{"any, one word of none", query{Any: "rowan mockley"}, record("Rowan", "", "Testcase"), 0, 0, ""},
		{"any, fuzzy", query{Any: "bob smyth", Fuzzy: true}, record("Robert", "", "Smith"), 0.85, 0.97, names.Sound},
		{"nothing asked", query{}, record("Rowan", "", "Testcase"), 0, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, ok := names.Score(c.query, c.record, false)
			if ok != (c.high > 0) || m.Score < c.low-1e-9 || m.Score > c.high+1e-9 || m.Basis != c.basis {
				t.Errorf("got %+v, %v; want %g..%g by %q", m, ok, c.low, c.high, c.basis)
			}
		})
	}
}

func TestAliasesCountWhenAsked(t *testing.T) {
	r := record("Rowan", "", "Testcase")
	r.Aliases = []schemas.Alias{{Name: schemas.Name{Full: "MOCKLEY, ASH"}}}
	q := namekey.Query{First: "Ash", Last: "Mockley"}
	if _, ok := names.Score(q, r, false); ok {
		t.Error("an alias matched unasked")
	}
	if m, ok := names.Score(q, r, true); !ok || !m.Alias || m.Score != 0.97 {
		t.Errorf("got %+v, %v; want the alias at 0.97", m, ok)
	}
	if m, ok := names.Score(namekey.Query{First: "Rowan", Last: "Testcase"}, r, true); !ok || m.Alias || m.Score != 1 {
		t.Errorf("got %+v, %v; want the name at 1", m, ok)
	}
}

func FuzzScore(f *testing.F) {
	f.Add("Rowan Q", "Testcase Jr", "", true, "Rowan", "Quinn", "Testcase")
	f.Add("", "", "de la cruz", false, "José", "", "de la Cruz")
	f.Fuzz(func(t *testing.T, first, last, any string, fuzzy bool, f2, m2, l2 string) {
		q := namekey.Query{First: first, Last: last, Any: any, Fuzzy: fuzzy}
		m, ok := names.Score(q, record(f2, m2, l2), true)
		if m.Score < 0 || m.Score > 1 || ok != (m.Basis != "") {
			t.Errorf("%+v, %v", m, ok)
		}
		own := namekey.Query{First: f2, Last: l2, Fuzzy: fuzzy}
		if m, ok := names.Score(own, record(f2, "", l2), false); len(own.Keys()) > 0 && strings.TrimSpace(f2+l2) != "" && (!ok || m.Score < 0.9) {
			t.Errorf("%q %q asked for by its own name: %+v, %v", f2, l2, m, ok)
		}
	})
}
