package read_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lineup/scraper"
)

func TestDaysOfBirth(t *testing.T) {
	const step = "as: csv\nkey: {column: Id}\nrecord: {name: {column: Who}, birth: {column: B, format: m/d/Y}, registered: {column: R, " +
		"format: m/d/Y}}"
	for _, test := range []struct{ name, birth, registered, want string }{
		{"of this century and no adult", "02/03/15", "", "1 A 1915-02-03"},
		{"an adult of this century", "02/03/01", "", "1 A 2001-02-03"},
		{"of the last century", "02/03/71", "", "1 A 1971-02-03"},
		{"in the future", "02/03/2068", "", "1 A; left p: birth date of nobody who is listed B"},
		{"of a baby", "06/01/2026", "", "1 A; left p: birth date of nobody who is listed B"},
		{"of a juvenile", "02/03/2012", "", "dropped under 18"},
		{"a database's nothing", "01/01/1900", "", "1 A"},
		{"two digits elsewhere", "02/03/71", "01/04/10", "1 A 1971-02-03"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parse(t, step, "Id,Who,B,R\n1,A,"+test.birth+","+test.registered+"\n", nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, said(got)); diff != "" {
				t.Error(diff)
			}
			if test.registered != "" && got.Drafts[0].Record.Registered.Year != 2010 {
				t.Errorf("registered %v", got.Drafts[0].Record.Registered)
			}
		})
	}
}

func TestNamesThatNameNobody(t *testing.T) {
	const step = "as: csv\nkey: {column: Id}\nrecord: {name: {column: Who, order: last_comma_first}}"
	for who, want := range map[string]string{"JR": "dropped no name", "III": "dropped no name", "Vi": "1 Vi", "JUNIOR": "1 JUNIOR"} {
		got, err := parse(t, step, "Id,Who\n1,"+who+"\n", nil)
		if err != nil || said(got) != want {
			t.Errorf("%s: %s, %v; want %s", who, said(got), err, want)
		}
	}
}

// TestTablesAsPeopleExportThem: one cell never swallows the rows below it, and a row that counts
// the others is nobody.
func TestTablesAsPeopleExportThem(t *testing.T) {
	const record = "key: {column: Id}\nrecord: {name: {column: Who}}"
	for _, test := range []struct{ name, as, body, want string }{
		{"a dump's quotation mark", "tsv", "Id\tWho\n1\t\"BUBBA\n2\tC\n3\tD\n", `1 "BUBBA; 2 C; 3 D`},
		{"a dump's pair of them", "tsv", "Id\tWho\n1\t\"A\nB\" C\n", "a dump's line is a row"},
		{"a quotation mark inside a cell", "csv", "Id,Who\n1,A \"B\" C\n2,D\n", `1 A "B" C; 2 D`},
		{"one that opens and never closes", "csv", "Id,Who\n1,\"BUBBA\n2,C\n3,D\n", `1 BUBBA; 2 C; 3 D`},
		{"one that closes three rows on", "csv", "Id,Who\n1,\"BUBBA\n2,C\n3,D\"\n4,E\n", `1 BUBBA; 2 C; 3 D"; 4 E`},
		{"a comma behind the row", "csv", "Id,Who\n1,A,\n2,C\n", "1 A; 2 C"},
		{"a line break inside a cell", "csv", "Id,Who\n1,\"A\nB\"\n2,C\n", "1 A B; 2 C"},
		{"totals", "csv", "Id,Who\n1,A\n2,C\nTotal,2\n", "1 A; 2 C"},
		{"totals in words", "csv", "Id,Who\n1,A\n2,C\nTotal records: 2,\n", "1 A; 2 C"},
		{"somebody of that name", "csv", "Id,Who\n1,A\n2,Total\n", "1 A; 2 Total"},
		{"a remark below", "csv", "Id,Who\n1,A\n2,C\n\nReport generated 11/27/2026\n(2 rows affected)\n", "1 A; 2 C"},
		{"the header once more", "csv", "Id,Who\n1,A\nId,Who\n2,C\n", "1 A; 2 C"},
		{"line ends of old Macs", "csv", "Id,Who\r1,A\r2,C\r", "1 A; 2 C"},
		{"a word to Excel", "csv", "sep=,\nId,Who\n1,A\n2,C\n", "1 A; 2 C"},
		{"a zero byte", "csv", "Id,Who\n1,A\x00\n2,C\n", "1 A; 2 C"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parse(t, "as: "+test.as+"\n"+record, test.body, nil)
			if strings.HasPrefix(test.want, "a dump") {
				if err == nil && strings.Contains(said(got), "A B") {
					t.Errorf("two lines became %s", said(got))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, said(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAddressesOfHandWrittenPages(t *testing.T) {
	const step = "as: html\nmarker: img\nkey: {css: b}\nrecord: {name: {css: i}, photos: [{url: {css: img, attr: src}}]}"
	for _, test := range []struct{ name, head, src, want string }{
		{"lone percent", "", "photos/100%.jpg", "https://x.example/a/photos/100%25.jpg"},
		{"percent that escapes", "", "photos/1%2F2.jpg", "https://x.example/a/photos/1%2F2.jpg"},
		{"base", `<base href="/other/">`, "p.jpg", "https://x.example/other/p.jpg"},
		{"base of another host is not followed", `<base href="https://y.example/">`, "p.jpg", "https://x.example/a/p.jpg"},
		{"backslashes", "", `photos\1.jpg`, "https://x.example/a/photos/1.jpg"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parse(t, step, "<html><head>"+test.head+"</head><body><b>1</b><i>A</i><img src=\""+test.src+"\"></body></html>",
				nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Drafts) != 1 || len(got.Drafts[0].Photos) != 1 || got.Drafts[0].Photos[0].URL != test.want {
				t.Errorf("%+v", got.Drafts)
			}
		})
	}
}

// TestRowsThatDoNotFit: a row with a cell too many is an error of that row. Whom its key names is
// not read this time; where nobody can be named, somebody is missing.
func TestRowsThatDoNotFit(t *testing.T) {
	const keyed, weak = "as: csv\nkey: {column: Id}\nrecord: {name: {column: Who}}",
		"as: csv\nkey: {weak: [{column: Who}]}\nrecord: {name: {column: Who}}"
	for _, test := range []struct {
		name, step, body string
		unnamed, misfits int
	}{
		{"a cell too many", keyed, "Id,Who\n1,A\n2,B,C\n3,D\n", 1, 0},
		{"nobody can be named", keyed, "Id,Who\n1,A\n,B,C\n3,D\n", 0, 1},
		{"a hashed key", weak, "Id,Who\n1,A\n2,B,C\n3,D\n", 0, 0},
		{"a dump", "as: tsv\n" + strings.TrimPrefix(keyed, "as: csv\n"), "Id\tWho\n1\tA\n2\tB\tC\n3\tD\n", 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parse(t, test.step, test.body, nil)
			if err != nil {
				t.Fatal(err)
			}
			told := slices.ContainsFunc(got.Leftover, func(l scraper.Leftover) bool {
				return strings.Contains(l.Where,
					"row 2 has 3 cells under 2 columns")
			})
			if hashed := test.step == weak; hashed != (len(got.Perhaps) == 1) || hashed && len(got.Perhaps[0]) != 2 {
				t.Errorf("whom the row may speak of: %v", got.Perhaps) // C, and B,C
			}
			if len(got.Drafts) != 2 || len(got.Unnamed) != test.unnamed || got.Misfits != test.misfits || !told {
				t.Errorf("%s; unnamed %v, %d misfits", said(got), got.Unnamed, got.Misfits)
			}
		})
	}
	const three = "as: csv\nkey: {column: Id}\nrecord: {name: {column: Who}, marks: {column: M}}"
	got, err := parse(t, three, "Id,Who,M\n1,A,x\n2,B\n3,D,y\n", nil)
	if err != nil || said(got) != "1 A; 3 D; left p: row 2 has 2 cells under 3 columns p" || len(got.Unnamed) != 1 {
		t.Errorf("a row that lost a cell: %s, unnamed %v, %v", said(got), got.Unnamed, err)
	}
	// A workbook's text leaves out the empty cells at the end, of sixteen rows together.
	trimmed := "Id,Who,M\n"
	for i := range 40 {
		trimmed += fmt.Sprintf("%d,A%s\n", i, map[bool]string{true: ",x"}[i < 20 || i > 36])
	}
	if got, err = parse(t, three, trimmed, nil); err != nil || len(got.Drafts) != 40 {
		t.Errorf("a workbook's text: %d people, %v", len(got.Drafts), err)
	}
	if _, err := parse(t, keyed, "Id,Who\n1,A,B\n2,C,D\n", nil); err == nil || !strings.Contains(err.Error(), "row 1") {
		t.Errorf("a table of nothing else is read: %v", err)
	}
}
