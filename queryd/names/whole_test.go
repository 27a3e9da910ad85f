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
