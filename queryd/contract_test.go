package queryd_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"lineup/queryd"
	"lineup/schemas"
)

var update = flag.Bool("update", false, "write the answers of the contract files")

// town makes the registrants that the contract files speak of.
func town(t *testing.T) *house {
	h := newHouse(t)
	at := func(street, city, zip string, where ...float64) func(*schemas.Record) {
		return func(r *schemas.Record) {
			a := schemas.Address{Kind: schemas.AddressHome, Street: street, City: city, State: "NY", Zip: zip}
			if len(where) == 2 {
				a.Lat, a.Lon = &where[0], &where[1]
			}
			r.Addresses = append(r.Addresses, a)
		}
	}
	born := func(y, m, d int) func(*schemas.Record) {
		return func(r *schemas.Record) { r.Birth = schemas.Date{Year: y, Month: m, Day: d} }
	}
	predator := true
	h.enrol(person("1", "Rowan", "Testcase", at("1 Example Road", "Sampleton", "00001", 40.5, -75.5), born(1971, 3, 9), func(r *schemas.Record) {
		r.Name.Middle, r.Aliases = "Q", []schemas.Alias{{Name: schemas.Name{First: "Ro", Last: "Pretend"}}}
		r.Race, r.Height, r.Weight = schemas.Coded{Raw: "White"}, schemas.Measure{Value: 71}, schemas.Measure{Value: 173}
		r.Eyes, r.Hair, r.Marks = schemas.Coded{Value: "brown"}, schemas.Coded{Value: "black"}, []string{"Scar", "Tattoo"}
		r.Level, r.Predator = schemas.Level{Scheme: "NY", Value: "3"}, &predator
		r.Offenses = []schemas.Offense{{Description: "Example", Convicted: schemas.Date{Year: 2001, Month: 1, Day: 31}, Statute: "1.2", Victim: "minor"}, {Description: "Second example"}}
		r.SourceFields = []schemas.Field{{Name: "shoeSize", Value: "10"}}
		r.Registered = schemas.Date{Year: 2002, Month: 5}
	}), near(0.1))
	h.enrol(person("2", "Rowan", "Testcase", born(1971, 3, 9), at("9 Other Street", "Elsewhereville", "00002", 40.6, -75.5)), nil) // the same person, another record
	h.enrol(person("3", "Robert", "Smith", at("2 Example Road", "Sampleton", "00001", 40.51, -75.5), born(1980, 0, 0)), nil)
	h.enrol(person("4", "Bob", "Smyth", at("TRANSIENT", "Sampleton", "00001")), nil)
	h.enrol(person("5", "Jonathan", "Smith-Johnson", at("22 Nowhere Drive", "Faketown", "00003", -1, -1)), nil)
	h.enrol(schemas.Record{Source: "us-zz", Key: "6", Jurisdiction: "NY"}, nil) // nothing known
	return h
}

// TestContract runs testdata/contract/*.txtar: files "<name>.request" (a line with method and
// target, then the body) and "<name>.answer" (a line with the status, then the body as JSON).
func TestContract(t *testing.T) {
	files, err := filepath.Glob("testdata/contract/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no contract files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			h := town(t)
			answers := map[string]int{}
			for i, f := range archive.Files {
				answers[f.Name] = i
			}
			for _, f := range archive.Files {
				name, ok := strings.CutSuffix(f.Name, ".request")
				if !ok {
					continue
				}
				t.Run(name, func(t *testing.T) {
					line, body, _ := strings.Cut(string(f.Data), "\n")
					method, target, _ := strings.Cut(strings.TrimSpace(line), " ")
					response, got := h.do(method, target, strings.TrimSpace(body), "X-API-Key", h.key, "Content-Type", "application/json")
					text := fmt.Sprintf("%d\n%s", response.StatusCode, indent(got))
					i, ok := answers[name+".answer"]
					if !ok && !*update {
						t.Fatal("no answer in the file")
					}
					if *update {
						if !ok {
							i = len(archive.Files)
							archive.Files = append(archive.Files, txtar.File{Name: name + ".answer"})
						}
						archive.Files[i].Data = []byte(text)
						return
					}
					if diff := cmp.Diff(string(archive.Files[i].Data), text); diff != "" {
						t.Errorf("answer (-want +got):\n%s", diff)
					}
				})
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func indent(text string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", " ") != nil {
		return text
	}
	return strings.TrimSpace(b.String()) + "\n"
}

// names are the names in an answer, in order.
func names(t *testing.T, body string) []string {
	t.Helper()
	answer := decode[struct {
		Offenders []struct{ Name string }
	}](t, body)
	out := []string{}
	for _, o := range answer.Offenders {
		out = append(out, o.Name)
	}
	return out
}

func TestSearchFindsAndOrders(t *testing.T) {
	h := town(t)
	tests := []struct {
		name, query string
		want        []string
	}{
		{"exact", "firstName=rowan&lastName=testcase&city=sampleton", []string{"ROWAN TESTCASE"}},
		{"exact is not fuzzy", "lastName=Smythe", []string{}},
		{"fuzzy: exact, sound, part of a name", "lastName=Smith&fuzzy=true", []string{"ROBERT SMITH", "BOB SMYTH", "JONATHAN SMITH-JOHNSON"}},
		{"nickname", "firstName=Bob&lastName=Smith&fuzzy=true", []string{"ROBERT SMITH", "BOB SMYTH"}},
		{"hyphen", "lastName=SMITH+JOHNSON", []string{"JONATHAN SMITH-JOHNSON"}},
		{"short form", "firstName=Jon&lastName=Smith-Johnson&fuzzy=true", []string{"JONATHAN SMITH-JOHNSON"}},
		{"free text", "q=testcase+rowan&city=Sampleton", []string{"ROWAN TESTCASE"}},
		{"prefix", "lastName=smi&prefixMatch=lastName&city=sampleton", []string{"ROBERT SMITH"}},
		{"alias is extensive", "lastName=Pretend&firstName=Ro", []string{}},
		{"alias", "lastName=Pretend&firstName=Ro&mode=extensive", []string{"ROWAN TESTCASE"}},
		{"birth date", "lastName=Testcase&dob=1971-03-09&zipcode=00002", []string{"ROWAN TESTCASE"}},
		{"another birth date", "lastName=Testcase&dob=1971-03-10", []string{}},
		{"birth date against a year", "lastName=Smith&dob=1980-07-07", []string{"ROBERT SMITH"}},
		{"age", "lastName=Testcase&age=54&zipcode=00002", []string{"ROWAN TESTCASE"}},
		{"wrong age", "lastName=Testcase&age=53", []string{}},
		{"address abbreviated", "address=1+example+rd", []string{"ROWAN TESTCASE"}},
		{"address with a wrong number", "address=3+example+rd", []string{}},
		{"state by name", "state=new+york&lastName=Smyth", []string{"BOB SMYTH"}},
		{"another state", "state=CA&lastName=Smyth", []string{}},
		{"near, nearest first", "lat=40.5&lng=-75.5&radius=20", []string{"ROWAN TESTCASE", "ROBERT SMITH", "ROWAN TESTCASE"}},
		{"near, a mile", "lat=40.5&lng=-75.5", []string{"ROWAN TESTCASE", "ROBERT SMITH"}},
		{"first seen later", "createdAtStart=2026-03-01&lastName=Testcase", []string{}},
		{"first seen on the day that ends", "createdAtEnd=2026-02-22&lastName=Smyth", []string{"BOB SMYTH"}},
		{"updated", "updatedAtStart=2026-02-27T00:00:00Z&updatedAtEnd=2026-02-27T23:00:00Z&lastName=Smyth", []string{"BOB SMYTH"}},
		{"unknown id", "uuid=00000000-0000-4000-8000-000000000000", []string{}},
		{"unknown face", "faceId=00000000-0000-4000-8000-000000000000", []string{}},
		{"beyond the end", "lastName=Testcase&page=99", []string{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			response, body := h.keyed("GET", "/sexoffender?"+test.query, "")
			if response.StatusCode != 200 {
				t.Fatalf("%d %s", response.StatusCode, body)
			}
			if diff := cmp.Diff(test.want, names(t, body)); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSearchByIDs(t *testing.T) {
	h := town(t)
	id := schemas.RegistrantID("us-zz", "1")
	person := func(body string) any {
		return decode[map[string]any](t, body)["offenders"].([]any)[0].(map[string]any)["personUuid"]
	}
	_, body := h.keyed("GET", "/sexoffender?uuid="+strings.ToUpper(string(id)), "")
	group := person(body)
	if group == nil {
		t.Fatalf("two listed registrants share name, birth date and sex, but personUuid is null: %s", body)
	}
	if _, body = h.keyed("GET", "/sexoffender?personUuid="+group.(string), ""); len(names(t, body)) != 2 {
		t.Errorf("personUuid: %s", body)
	}
	if _, body = h.keyed("GET", "/sexoffender?faceId="+string(h.gal.faces[0].ID), ""); len(names(t, body)) != 1 {
		t.Errorf("faceId: %s", body)
	}
	h.ledger.gone[schemas.RegistrantID("us-zz", "2")] = true
	if _, body = h.keyed("GET", "/sexoffender?uuid="+string(id), ""); person(body) != nil {
		t.Error("the other record is delisted, but personUuid is still there")
	}
}

func TestPagesAreStableAndWhole(t *testing.T) {
	h := newHouse(t)
	for i := range 45 {
		h.enrol(person(fmt.Sprint(i), "Rowan", "Testcase"), nil)
	}
	seen := map[string]bool{}
	for page := 1; page <= 4; page++ {
		_, body := h.keyed("GET", fmt.Sprintf("/sexoffender?lastName=Testcase&page=%d", page), "")
		answer := decode[struct {
			Offenders        []struct{ UUID string }
			Page, TotalPages int
		}](t, body)
		if want := []int{20, 20, 5, 0}[page-1]; len(answer.Offenders) != want || answer.TotalPages != 3 || answer.Page != page {
			t.Errorf("page %d: %d of %d pages, %d records", answer.Page, page, answer.TotalPages, len(answer.Offenders))
		}
		for _, o := range answer.Offenders {
			if seen[o.UUID] {
				t.Errorf("%s is on two pages", o.UUID)
			}
			seen[o.UUID] = true
		}
	}
	if len(seen) != 45 {
		t.Errorf("%d records on all pages, want 45", len(seen))
	}
}

func TestAStaleSourceIsSaid(t *testing.T) {
	h := newHouse(t, func(_ *queryd.Config, d *queryd.Deps) { d.Sources[0].MaxAge = 30 * time.Minute })
	_, body := h.keyed("GET", "/sexoffender?lastName=Testcase", "")
	if !strings.Contains(body, `"error":503`) {
		t.Errorf("stale source: %s", body)
	}
	_, body = h.do("GET", "/v1/coverage", "")
	if !strings.Contains(body, `"freshness":"stale"`) {
		t.Errorf("coverage: %s", body)
	}
	_, body = h.keyed("GET", "/sexoffender?lastName=Testcase&state=CA", "")
	if strings.Contains(body, `"error":503`) {
		t.Errorf("a source of another state is stale: %s", body)
	}
}

func TestLegacySettingAnswers200(t *testing.T) {
	h := newHouse(t, func(c *queryd.Config, _ *queryd.Deps) { c.Legacy200 = true })
	response, body := h.do("GET", "/sexoffender?key="+h.key, "")
	if response.StatusCode != 200 || strings.TrimSpace(body) != `{"error":"Invalid input params","reason":"no query params presented"}` {
		t.Errorf("%d %s", response.StatusCode, body)
	}
}

func TestThePageTurnsPages(t *testing.T) {
	h := newHouse(t)
	for i := range 25 {
		h.enrol(person(fmt.Sprint(i), "Rowan", "Testcase", func(r *schemas.Record) { r.Birth = schemas.Date{Year: 1971} }), nil)
	}
	_, body := h.do("POST", "/search", "key="+h.key+"&lastName=Testcase&firstName=", "Content-Type", "application/x-www-form-urlencoded")
	if !strings.Contains(body, `name="page" value="2"`) || !strings.Contains(body, `name="lastName" value="Testcase"`) || strings.Contains(body, `value="0"`) {
		t.Errorf("no way to the second page: %s", body)
	}
	if strings.Contains(body, "1971-01-01") || !strings.Contains(body, "Born 1971") {
		t.Error("a birth year alone is shown as a day")
	}
	_, body = h.do("POST", "/search", "key="+h.key+"&lastName=Testcase&page=2", "Content-Type", "application/x-www-form-urlencoded")
	if strings.Count(body, `class="card"`) != 5 || !strings.Contains(body, `name="page" value="1"`) {
		t.Errorf("second page: %s", body)
	}
}
