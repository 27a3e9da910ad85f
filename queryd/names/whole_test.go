package names_test

import (
	"slices"
	"testing"

	"lineup/queryd/names"
	"lineup/schemas"
	"lineup/schemas/namekey"
)

// TestWholeNames: who has one of the keys of a whole name has the best score there is, for that very reason; and who has
// none of them has it only if the query has no such keys, or another answer is worse.
func TestWholeNames(t *testing.T) {
	lasts := []string{"Testcase", "TESTCASE", "Test-Case", "Test Case", "Case Test", "Testcase Jr.", "Testcase-Mockley", "Müller", "Mueller",
		"Muller",
		"de la Cruz", "Cruz", "Delacruz", "St. John", "Saint John", "John", "O'Brien", "Obrien", "Rowan Testcase", "", "Jr"}
	var records []schemas.Record
	for _, last := range lasts {
		for _, first := range []string{"Rowan", "", "Testcase", "Rowan Quinn", "Quinn", "Ro"} {
			records = append(records, record(first, "", last), record(first, "Rowan", last))
		}
		full := schemas.Record{Name: schemas.Name{Full: "ROWAN QUINN " + last}}
		alias := record("Rowan", "", "Sampleton")
		alias.Aliases = []schemas.Alias{{Name: schemas.Name{First: "Rowan", Last: last}}}
		records = append(records, full, alias)
	}
	for _, last := range lasts {
		for _, q := range []namekey.Query{{Last: last}, {Last: last, Fuzzy: true}, {Last: last, PrefixLast: true}, {Last: last, Any: "Rowan"},
			{First: "Rowan", Last: last}, {First: "rowan", Last: last, Fuzzy: true}, {First: "Rowan", Last: last, PrefixFirst: true},
			{First: "Rowan Quinn", Last: last}, {First: "Rowan"}} {
			whole := q.Whole()
			if (q.Any != "" || q.Last == "" || q.First == "Rowan Quinn") && whole != nil {
				t.Errorf("%+v is no whole name, and has the keys %v", q, whole)
			}
			for _, r := range records {
				has := slices.ContainsFunc(namekey.Of(r), func(key string) bool { return slices.Contains(whole, key) })
				match, ok := names.Score(q, r, true)
				best := ok && match.Score == 1 && match.Why() == names.Exact
				if has && !best {
					t.Errorf("%+v, %+v: has the key, and matches as %+v", q, r.Name, match)
				}
				if whole != nil && best && !has {
					t.Errorf("%+v, %+v: is a best match without the key", q, r.Name)
				}
			}
		}
	}
	for _, last := range []string{"Testcase", "Müller", "de la Cruz"} {
		if (namekey.Query{Last: last}).Whole() == nil {
			t.Errorf("%s has no keys", last)
		}
	}
}

// TestJointKeysLoseNobody: whoever a question means and has a key of any of its words is found by all of them together too.
func TestJointKeysLoseNobody(t *testing.T) {
	lasts := []string{"Testcase", "Testcase Mockley", "Mockley-Testcase", "Testcasemockley", "Mockley Sampleton Testcase", "de la Cruz",
		"Cruz",
		"de la Cruz Mockley", "Delacruz", "Cruz de la", "Rowan Testcase Mockley", "Quinn Mockley", "Müller Testcase", "Mueller-Testcase", "de la",
		"St. John Mockley", "Testcase Mockley Jr", "Rowan", ""}
	firsts := []string{"Rowan", "", "Rowan Quinn", "Quinn Rowan", "De Rowan", "de la", "Quinn"}
	type listed struct {
		schemas.Record
		keys []string
	}
	var records []listed
	for _, last := range lasts {
		for _, first := range firsts {
			for _, middle := range []string{"", "Rowan", "Quinn Mockley"} {
				r := record(first, middle, last)
				records = append(records, listed{r, namekey.Of(r)})
			}
		}
	}
	met := 0
	for _, last := range lasts {
		for _, first := range firsts {
			q := namekey.Query{First: first, Last: last}
			var single []string
			for _, l := range namekey.LastWords(schemas.Name{Last: last}) {
				if first == "" {
					single = append(single, "l:"+l)
				}
				for _, f := range namekey.FirstWords(schemas.Name{First: first}) {
					single = append(single, "n:"+f+" "+l)
				}
			}
			for _, r := range records {
				has := func(key string) bool { return slices.Contains(r.keys, key) }
				lacks := func(key string) bool { return !has(key) }
				found := slices.ContainsFunc(q.Keys(), has) ||
					slices.ContainsFunc(q.Joint(), func(list []string) bool { return !slices.ContainsFunc(list, lacks) })
				if _, means := names.Score(q, r.Record, true); means && found {
					met++
				} else if means && slices.ContainsFunc(single, has) {
					t.Errorf("%+v is not found by %+v: it has neither one of %q nor all of one of %q", r.Name, q, q.Keys(), q.Joint())
				}
			}
		}
	}
	if met < 1000 {
		t.Errorf("only %d pairs were compared", met)
	}
}
