package namekey_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lineup/schemas"
	"lineup/schemas/namekey"
)

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"":                  "",
		"  SMITH ":          "smith",
		"O'Brien-Núñez, Jr": "obrien nunez jr",
		"D’Angelo":          "dangelo",
		"Strauß Æsir Øre":   "strauss aesir ore",
		"Nguyễn":            "nguyen",
		"Jose\u0301":        "jose",
		"St. John":          "st john",
		"--":                "",
		"SMITH-JOHNSON":     "smith johnson",
	} {
		if got := namekey.Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
}

// The examples are worked by hand through Taft's rules.
func TestPhonetic(t *testing.T) {
	for word, want := range map[string]string{
		"Smith": "SNAT", "Smyth": "SNAT", "Kelly": "CALY", "Schmidt": "SNAD", "Knuth": "NAT", "MacDonald": "MCDANALD", "Phillips": "FALAP",
		"Brown": "BRAN",
		"John":  "JAN", "Jon": "JAN", "Stephen": "STAFAN", "Steven": "STAFAN", "Catherine": "CATARAN", "Katherine": "CATARAN",
		"Lee": "LY", "A": "A", "": "", "123": "", "Núñez": "NAN",
	} {
		if got := namekey.Phonetic(word); got != want {
			t.Errorf("Phonetic(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestRootsAndNicknames(t *testing.T) {
	for first, want := range map[string][]string{
		"bob":  {"bob", "robert", "roberto"},
		"jon":  {"john", "jon", "jonathan"},
		"zyxw": {"zyxw"},
	} {
		if diff := cmp.Diff(want, namekey.Roots(first)); diff != "" {
			t.Errorf("Roots(%q): %s", first, diff)
		}
	}
	for _, pair := range [][2]string{{"Robert", "bob"}, {"BOB", "robert"}, {"Bob", "robbie"}, {"Jonathan", "jon"}, {"Elizabeth", "betsy"}} {
		if got := namekey.Nicknames(pair[0]); !slices.Contains(got, pair[1]) || slices.Contains(got, namekey.Fold(pair[0])) {
			t.Errorf("Nicknames(%q) = %v, want %q among them and not the name itself", pair[0], got, pair[1])
		}
	}
	if got := namekey.Nicknames("Zyxw"); got == nil || len(got) != 0 {
		t.Errorf("Nicknames of a name without any = %#v, want an empty list", got)
	}
}

func TestParts(t *testing.T) {
	for _, c := range []struct {
		name                        schemas.Name
		first, middle, last, suffix string
	}{
		{schemas.Name{First: "Rowan", Middle: "Q.", Last: "Testcase", Suffix: "JR."}, "rowan", "q", "testcase", "jr"},
		{schemas.Name{First: "Rowan", Last: "Testcase III"}, "rowan", "", "testcase", "iii"},
		{schemas.Name{Full: "TESTCASE, ROWAN QUINN"}, "rowan", "quinn", "testcase", ""},
		{schemas.Name{Full: "TESTCASE JR, ROWAN"}, "rowan", "", "testcase", "jr"},
		{schemas.Name{Full: "Rowan Testcase, Jr."}, "rowan", "", "testcase", "jr"},
		{schemas.Name{Full: "Rowan Quinn de la Testcase"}, "rowan", "quinn", "de la testcase", ""},
		{schemas.Name{Full: "Rowan"}, "", "", "rowan", ""},
		{schemas.Name{Last: "V"}, "", "", "v", ""},
	} {
		first, middle, last, suffix := namekey.Parts(c.name)
		got := []string{strings.Join(first, " "), strings.Join(middle, " "), strings.Join(last, " "), suffix}
		if diff := cmp.Diff([]string{c.first, c.middle, c.last, c.suffix}, got); diff != "" {
			t.Errorf("%+v: %s", c.name, diff)
		}
	}
}

func record(first, middle, last string, aliases ...string) schemas.Record {
	r := schemas.Record{Name: schemas.Name{First: first, Middle: middle, Last: last}}
	for _, a := range aliases {
		r.Aliases = append(r.Aliases, schemas.Alias{Name: schemas.Name{Full: a}})
	}
	return r
}

func TestAQueryMeetsTheRecordsItCanMean(t *testing.T) {
	for _, c := range []struct {
		name   string
		query  namekey.Query
		record schemas.Record
		want   bool
	}{
		{"exact", namekey.Query{First: "rowan", Last: "TESTCASE"}, record("Rowan", "", "Testcase"), true},
		{"last alone", namekey.Query{Last: "testcase"}, record("Rowan", "", "Testcase"), true},
		{"first alone", namekey.Query{First: "rowan"}, record("Rowan", "", "Testcase"), true},
		{"alias", namekey.Query{First: "ash", Last: "mockley"}, record("Rowan", "", "Testcase", "MOCKLEY, ASH"), true},
		{"another first name", namekey.Query{First: "ash", Last: "testcase"}, record("Rowan", "", "Testcase"), false},
		{"a typo is not exact", namekey.Query{First: "rowan", Last: "testcaze"}, record("Rowan", "", "Testcase"), false},
		{"a typo, fuzzy", namekey.Query{First: "rowan", Last: "tetscase", Fuzzy: true}, record("Rowan", "", "Testcase"), true},
		{"a typo in the last name alone", namekey.Query{Last: "testcxse", Fuzzy: true}, record("Rowan", "", "Testcase"), true},
		{"a typo in the first name alone", namekey.Query{First: "rowwan", Fuzzy: true}, record("Rowan", "", "Testcase"), true},
		{"Smyth, Smith", namekey.Query{First: "rowan", Last: "smyth", Fuzzy: true}, record("Rowan", "", "Smith"), true},
		{"Smyth, Smith, no first name", namekey.Query{Last: "smyth", Fuzzy: true}, record("Rowan", "", "Smith"), true},
		{"Jon, Jonathan", namekey.Query{First: "jon", Last: "testcase", Fuzzy: true}, record("Jonathan", "", "Testcase"), true},
		{"Bob, Robert", namekey.Query{First: "bob", Last: "testcase", Fuzzy: true}, record("Robert", "", "Testcase"), true},
		{"Robert, Bob", namekey.Query{First: "robert", Last: "testcase", Fuzzy: true}, record("Bob", "", "Testcase"), true},
		{"Bobby, Rob", namekey.Query{First: "bobby", Last: "testcase", Fuzzy: true}, record("Rob", "", "Testcase"), true},
		{"Bob, Robert, no last name", namekey.Query{First: "bob", Fuzzy: true}, record("Robert", "", "Testcase"), true},
		{"hyphen", namekey.Query{First: "rowan", Last: "SMITH JOHNSON"}, record("Rowan", "", "Smith-Johnson"), true},
		{"joined", namekey.Query{First: "rowan", Last: "smithjohnson"}, record("Rowan", "", "Smith-Johnson"), true},
		{"half of a double name", namekey.Query{First: "rowan", Last: "johnson"}, record("Rowan", "", "Smith-Johnson"), true},
		{"fields mixed up", namekey.Query{First: "testcase", Last: "rowan", Fuzzy: true}, record("Rowan", "", "Testcase"), true},
		{"middle name", namekey.Query{First: "quinn", Last: "testcase"}, record("Rowan", "Quinn", "Testcase"), true},
		{"suffix in the last name", namekey.Query{First: "rowan", Last: "Testcase Jr."}, record("Rowan", "", "Testcase"), true},
		{"prefix of the last name", namekey.Query{First: "rowan", Last: "testc", PrefixLast: true}, record("Rowan", "", "Testcase"), true},
		{"prefix of the last name alone", namekey.Query{Last: "testcas", PrefixLast: true}, record("Rowan", "", "Testcase"), true},
		{"prefix of the first name", namekey.Query{First: "row", Last: "testcase", PrefixFirst: true}, record("Rowan", "", "Testcase"), true},
		{"prefix of the first name alone", namekey.Query{First: "rowan", PrefixFirst: true}, record("Rowan", "", "Testcase"), true},
		{"prefixes of both", namekey.Query{First: "row", Last: "tes", PrefixFirst: true, PrefixLast: true}, record("Rowan", "", "Testcase"),
			true},
		{"no prefix without asking", namekey.Query{First: "rowan", Last: "testc"}, record("Rowan", "", "Testcase"), false},
		{"any, first last", namekey.Query{Any: "rowan testcase"}, record("Rowan", "", "Testcase"), true},
		{"any, last first", namekey.Query{Any: "Testcase, Rowan"}, record("Rowan", "", "Testcase"), true},
		{"any, with the middle name", namekey.Query{Any: "rowan quinn testcase"}, record("Rowan", "Quinn", "Testcase"), true},
		{"any, one word", namekey.Query{Any: "quinn"}, record("Rowan", "Quinn", "Testcase"), true},
		{"any, fuzzy", namekey.Query{Any: "bob smyth", Fuzzy: true}, record("Robert", "", "Smith"), true},
		{"any, one word fuzzy", namekey.Query{Any: "smyth", Fuzzy: true}, record("Robert", "", "Smith"), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			held := namekey.Of(c.record)
			got := slices.ContainsFunc(c.query.Keys(), func(k string) bool { return slices.Contains(held, k) })
			if got != c.want {
				t.Errorf("query %v meets record %v: %v, want %v", c.query.Keys(), held, got, c.want)
			}
		})
	}
}

func TestNothingAskedHasNoKeys(t *testing.T) {
	for _, q := range []namekey.Query{{}, {First: "-"}, {Last: "te", PrefixLast: true}, {Any: " , "}} {
		if got := q.Keys(); len(got) != 0 {
			t.Errorf("%+v: keys %v, want none", q, got)
		}
	}
}

func TestKeysOfARecordAreBounded(t *testing.T) {
	r := record(strings.Repeat("Rowan ", 50), strings.Repeat("Quinn ", 50), strings.Repeat("testcase ", 50))
	for range 500 {
		r.Aliases = append(r.Aliases, schemas.Alias{Name: schemas.Name{Full: strings.Repeat("ab ", 40) + strings.Repeat("x", 10_000)}})
	}
	if got := len(namekey.Of(r)); got == 0 || got > 2000 {
		t.Errorf("%d keys", got)
	}
	t.Logf("an ordinary record has %d keys", len(namekey.Of(record("Rowan", "Quinn", "Testcase"))))
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"O'Brien-Núñez, Jr", "Strauß", "\xff", "İstanbul", "ǅ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := namekey.Fold(s)
		if twice := namekey.Fold(once); twice != once {
			t.Errorf("Fold(%q) = %q, folded again %q", s, once, twice)
		}
		namekey.Phonetic(s)
	})
}

func FuzzARecordIsFoundByItsOwnName(f *testing.F) {
	f.Add("Rowan", "Quinn", "Testcase")
	f.Add("José", "", "de la Cruz")
	f.Add("A", "B", "Li")
	f.Fuzz(func(t *testing.T, first, middle, last string) {
		held := namekey.Of(record(first, middle, last))
		for _, fuzzy := range []bool{false, true} {
			keys := namekey.Query{First: first, Last: last, Fuzzy: fuzzy}.Keys()
			if len(keys) > 0 && !slices.ContainsFunc(keys, func(k string) bool { return slices.Contains(held, k) }) {
				t.Errorf("keys %q of the query meet none of %q", keys, held)
			}
		}
	})
}
