package names_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"lineup/queryd/names"
	"lineup/schemas"
	"lineup/schemas/namekey"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The people are made up: every given name below with every surname, most of which nobody has.
var (
	givenNames = strings.Fields("Robert Roberta Jonathan John Joan Katherine Catherine William Elizabeth Michael Michelle Stephen Stephanie " +
		"Richard Margaret " +
		"Charles Charlotte Edward Edwin James Jamie Theodore Rowan Ash Quinn José Zoë Geoffrey Anthony Patricia Patrick Alexander Alexandra")
	surnames = []string{"Smith", "Smithe", "Smitherly", "Johnson", "Jonsson", "Smith-Johnson", "O'Testcase", "Testcase", "Testcast", "Mockley",
		"Mocksley", "MacSample", "Sampleton",
		"Samplerton", "de la Fixture", "Fixture", "Núñez-Placeholder", "Placeholder", "Stubb", "Stubbs", "Dummy", "Dumney", "Exampler",
		"Examplar", "Schmock", "Shmock", "Knullman", "Nullman", "Vanderfake", "van der Fake"}
)

// TestQuality is the golden file of name search: for each way of asking, how often the person meant
// comes first and among the first five, and how many records the keys brought for it. A
// change of any figure is to be looked at in review; -update writes the file.
func TestQuality(t *testing.T) {
	var people []schemas.Record
	holders := map[string][]int{}
	for _, last := range surnames {
		for i, first := range givenNames {
			r := record(first, givenNames[(i*7+len(last))%len(givenNames)], last)
			for _, key := range namekey.Of(r) {
				holders[key] = append(holders[key], len(people))
			}
			people = append(people, r)
		}
	}
	type ask func(first, last string) namekey.Query
	typo := func(name string, at int) string { // two letters swapped, towards the end
		letters := []rune(name)
		at = len(letters) - 2 - at
		letters[at], letters[at+1] = letters[at+1], letters[at]
		return string(letters)
	}
	nickname := func(first string) string {
		if all := namekey.Nicknames(first); len(all) > 0 {
			return all[0]
		}
		return first
	}
	ways := []struct {
		name string
		ask  ask
	}{
		{"exact", func(f, l string) namekey.Query { return namekey.Query{First: f, Last: l} }},
		{"upper case, no accents", func(f, l string) namekey.Query {
			return namekey.Query{First: strings.ToUpper(namekey.Fold(f)), Last: strings.ToUpper(namekey.Fold(l))}
		}},
		{"exact, asked fuzzily", func(f, l string) namekey.Query { return namekey.Query{First: f, Last: l, Fuzzy: true} }},
		{"nickname", func(f, l string) namekey.Query { return namekey.Query{First: nickname(f), Last: l, Fuzzy: true} }},
		{"swapped letters in the last name", func(f, l string) namekey.Query { return namekey.Query{First: f, Last: typo(l, 0), Fuzzy: true} }},
		{"a letter left out of the last name", func(f, l string) namekey.Query {
			return namekey.Query{First: f, Last: l[:len(l)-2] + l[len(l)-1:], Fuzzy: true}
		}},
		{"swapped letters in the first name", func(f, l string) namekey.Query { return namekey.Query{First: typo(f, 0), Last: l, Fuzzy: true} }},
		{"fields mixed up", func(f, l string) namekey.Query { return namekey.Query{First: l, Last: f, Fuzzy: true} }},
		{"prefix of the last name", func(f, l string) namekey.Query {
			return namekey.Query{First: f, Last: string([]rune(namekey.Fold(l))[:4]), PrefixLast: true}
		}},
		{"one line", func(f, l string) namekey.Query { return namekey.Query{Any: f + " " + l} }},
		{"one line, last name first", func(f, l string) namekey.Query { return namekey.Query{Any: l + ", " + f} }},
		{"one line, nickname and typo", func(f, l string) namekey.Query {
			return namekey.Query{Any: nickname(f) + " " + typo(l, 0), Fuzzy: true}
		}},
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d invented people, each asked for in every way. MRR is the mean of 1/rank.\n", len(people))
	fmt.Fprintf(&b, "Prefixes of four letters are shared by several surnames, so no order can be right for all.\n\n")
	fmt.Fprintf(&b, "%-36s %7s %7s %7s %10s\n", "way of asking", "first", "top 5", "MRR", "candidates")
	for _, way := range ways {
		var first, five, reciprocal float64
		candidates := 0
		for i, p := range people {
			rank, judged := rankOf(way.ask(p.Name.First, p.Name.Last), i, people, holders)
			candidates += judged
			if rank == 0 {
				continue
			}
			reciprocal += 1 / float64(rank)
			if rank == 1 {
				first++
			}
			if rank <= 5 {
				five++
			}
		}
		n := float64(len(people))
		fmt.Fprintf(&b, "%-36s %6.1f%% %6.1f%% %7.3f %10.1f\n", way.name, 100*first/n, 100*five/n, reciprocal/n, float64(candidates)/n)
	}
	golden := filepath.Join("testdata", "quality.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("quality changed (-golden +now):\n%s", diff)
	}
}

// rankOf gives the place of person among the answers to q, 0 when missing, and how many records
// the keys brought.
func rankOf(q namekey.Query, person int, people []schemas.Record, holders map[string][]int) (rank, judged int) {
	type answer struct {
		person int
		score  float64
	}
	seen := map[int]bool{}
	for _, key := range q.Keys() {
		for _, i := range holders[key] {
			seen[i] = true
		}
	}
	for _, list := range q.Joint() {
		for _, i := range holders[list[0]] {
			if !slices.ContainsFunc(list[1:], func(key string) bool { return !slices.Contains(holders[key], i) }) {
				seen[i] = true
			}
		}
	}
	var answers []answer
	for i := range seen {
		if m, ok := names.Score(q, people[i], false); ok {
			answers = append(answers, answer{i, m.Score})
		}
	}
	slices.SortFunc(answers, func(a, b answer) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.person, b.person))
	})
	return slices.IndexFunc(answers, func(a answer) bool { return a.person == person }) + 1, len(seen)
}
