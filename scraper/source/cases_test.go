package source_test

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/source"
)

// parsed is what a definition reads in a file that nobody here wrote the definition for: a page or
// export in the shape that public code reads from the real site, or one of a public bug report.
func parsed(t *testing.T, id, step, file string) (scraper.Parsed, error) {
	t.Helper()
	body, err := os.ReadFile("testdata/cases/" + file)
	if err != nil {
		t.Fatal(err)
	}
	src, err := source.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	const at = "https://registry.example/page"
	request := scraper.Request{Rule: step, URL: at, Carry: map[string]string{"key": "K", "page": "1", "offset": "0", "size": "100"}}
	return src.Parse(scraper.Page{Request: request, URL: at, Status: http.StatusOK, Header: http.Header{}, Body: body,
		Read: time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)})
}

func record(t *testing.T, id, step, file string) schemas.Record {
	t.Helper()
	got, err := parsed(t, id, step, file)
	if err != nil || len(got.Drafts) == 0 {
		t.Fatalf("%s %s: %d records, %v", id, file, len(got.Drafts), err)
	}
	if len(got.Leftover) > 0 {
		t.Errorf("%s %s: nothing reads %v", id, file, got.Leftover)
	}
	return got.Drafts[0].Record
}

// TestPublicShapes: the shapes that public code reads from the real registries give the person whole.
func TestPublicShapes(t *testing.T) {
	type person struct{ Name, Alias, Born, Street, City, Zip, Offense, Statute, Committed, Convicted, Height, Sex string }
	whole := func(r schemas.Record) person {
		p := person{Name: strings.Join(slices.DeleteFunc([]string{r.Name.First, r.Name.Middle, r.Name.Last, r.Name.Suffix},
			func(s string) bool { return s == "" }), " "),
			Born: r.Birth.String(), Sex: r.Sex.Value}
		if r.Height.Value > 0 {
			p.Height = r.Height.Raw
		}
		for _, a := range r.Aliases {
			p.Alias += a.Full + "; "
		}
		for _, a := range r.Addresses {
			p.Street, p.City, p.Zip = a.Street, a.City, a.Zip
		}
		for _, o := range r.Offenses {
			p.Offense, p.Statute, p.Committed, p.Convicted = o.Description, o.Statute, o.Committed.String(), o.Convicted.String()
		}
		return p
	}
	for _, test := range []struct {
		id, step, file string
		want           person
	}{
		{"us-or", "file", "public-shapes/or-offenders.csv", person{Name: "WENDELL Q FAKE JR", Born: "1971-02-03", Street: "1 UNREAL ST",
			City: "NOTOWN", Zip: "97001", Height: "511"}},
		{"us-ia", "detail", "public-shapes/ia-detail.json", person{Name: "WENDELL Q FAKE JR", Born: "1971-02-03", Street: "1 UNREAL ST",
			City: "NOTOWN", Zip: "50001", Height: "71", Sex: "male"}},
		{"us-tn", "list", "public-shapes/tn-list.json", person{Name: "WENDELL Q FAKE", Alias: "PHANTOM, WEN; MIRAGE, W; ", Born: "1971-02-03",
			Street: "1 UNREAL ST", City: "NOTOWN", Zip: "37001",
			Offense: "INVENTED", Statute: "39-13-000", Committed: "2003-01-02", Height: "511", Sex: "male"}},
		{"us-ne", "detail", "public-shapes/ne-detail.html", person{Name: "Wendell Q Fake", Alias: "Wen Phantom; ", Born: "1971-02-03",
			Street: "1 Unreal St", City: "Notown", Zip: "68001", Offense: "Invented",
			Height: "5' 11\"", Sex: "male"}},
		{"us-nc", "file", "public-shapes/nc-file.zip", person{Name: "WENDELL Q FAKE", Alias: "PHANTOM,WEN; ", Born: "1970-01-02",
			Street: "1 UNREAL ST", City: "NOTOWN", Zip: "27001", Offense: "INVENTED", Statute: "14-000",
			Committed: "2003-01-02", Convicted: "2004-01-02", Height: "511", Sex: "male"}},
		{"us-tx", "file", "tx-export-without-headers.zip", person{Name: "WENDELL Q FAKE", Alias: "PHANTOM,WEN; ", Born: "1970-01-02",
			Street: "12 UNREAL ST", City: "NOTOWN", Zip: "75001", Offense: "INVENTED OFFENSE",
			Statute: "99.01", Convicted: "2004-02-02", Height: "511", Sex: "male"}},
	} {
		t.Run(test.id, func(t *testing.T) {
			if diff := cmp.Diff(test.want, whole(record(t, test.id, test.step, test.file))); diff != "" {
				t.Error(diff)
			}
		})
	}
	list, err := parsed(t, "us-ia", "list", "public-shapes/ia-list.json")
	if err != nil || list.Total != 2 || len(list.Listed) != 1 || list.Listed[0] != "71" {
		t.Errorf("the list of Iowa: %+v, %v", list, err)
	}
}

// TestCasesOfBugReports: inputs of public bug reports of this field, each with the right answer.
func TestCasesOfBugReports(t *testing.T) {
	t.Run("a quotation mark in a dump", func(t *testing.T) {
		got, err := parsed(t, "us-tx", "file", "tx-name-quote-200.zip")
		if err != nil || len(got.Drafts) != 200 {
			t.Fatalf("%d people, %v", len(got.Drafts), err)
		}
		for _, d := range got.Drafts {
			if d.Record.Key == "01110050" && (len(d.Record.Aliases) != 1 || d.Record.Aliases[0].Full != `"BUBBA`) {
				t.Errorf("01110050 is also called %+v", d.Record.Aliases)
			}
		}
	})
	for _, file := range []string{"us-ga-file-barequote.csv", "us-ga-file-trailcomma.csv"} {
		t.Run(file, func(t *testing.T) {
			if got, err := parsed(t, "us-ga", "file", file); err != nil || len(got.Drafts) != 2 {
				t.Errorf("%d people, %v", len(got.Drafts), err)
			}
		})
	}
	for _, file := range []string{"us-fl-file-1900.csv", "us-fl-file-future.csv"} {
		t.Run(file, func(t *testing.T) {
			got, err := parsed(t, "us-fl", "file", file)
			if err != nil || len(got.Drafts) != 1 || !got.Drafts[0].Record.Birth.IsZero() {
				t.Errorf("%+v, %v", got, err)
			}
			reported := slices.ContainsFunc(got.Leftover, func(l scraper.Leftover) bool { return l.Name == "BIRTH_DATE" })
			if future := strings.Contains(file, "future"); reported != future {
				t.Errorf("reported: %v", got.Leftover)
			}
		})
	}
	t.Run("a victim under 18", func(t *testing.T) {
		if r := record(t, "us-ne", "detail", "us-ne-detail-under18.html"); len(r.Offenses) != 1 || r.Offenses[0].Victim != "minor" {
			t.Errorf("%+v", r.Offenses)
		}
	})
	t.Run("a lone percent", func(t *testing.T) {
		got, err := parsed(t, "us-ne", "detail", "us-ne-detail-badpercent.html")
		if err != nil || len(got.Drafts) != 1 || len(got.Drafts[0].Photos) != 1 || !strings.Contains(got.Drafts[0].Photos[0].URL, "%25") {
			t.Errorf("%+v, %v", got.Drafts, err)
		}
	})
	t.Run("an empty point", func(t *testing.T) {
		got, err := parsed(t, "us-mt", "layer", "us-mt-layer-nan.json")
		if err != nil || len(got.Drafts) != 1 {
			t.Fatalf("%d people, %v", len(got.Drafts), err)
		}
		// As the columns say: the point says nothing.
		if a := got.Drafts[0].Record.Addresses[0]; a.Lat == nil || *a.Lat != 46.1 || a.Lon == nil || *a.Lon != -112.2 {
			t.Errorf("an empty point is at %v %v", a.Lat, a.Lon)
		}
	})
	t.Run("a card twice", func(t *testing.T) {
		got, err := parsed(t, "us-ne", "list", "us-ne-list-dup.html")
		if err != nil || got.Total != 14 || got.Entries != 3 || !slices.Equal(got.Listed, []string{"AB12cd", "EF34gh"}) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
