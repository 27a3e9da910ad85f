package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"lineup/queryd/api"
	"lineup/schemas"
)

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

// TestBroadSearchesAskTheLedgerAboutOnePage holds that what the ledger is asked does not grow with
// the hits, that nobody who left is shown, and that nobody else moves to another page by it.
func TestBroadSearchesAskTheLedgerAboutOnePage(t *testing.T) {
	h := newNode(t)
	for i := range 500 {
		h.enrol(person(fmt.Sprint(i), "Rowan", "Testcase"), nil)
	}
	left := map[string]bool{}
	for i := 0; i < 500; i += 7 {
		id := schemas.RegistrantID("us-zz", fmt.Sprint(i))
		h.ledger.gone[id], left[string(id)] = true, true
	}
	shown := map[string]bool{}
	for page := 1; page <= 5; page++ {
		before := h.ledger.asked.Load()
		_, body := h.keyed("GET", fmt.Sprintf("/sexoffender?state=NY&perPage=100&page=%d", page), "")
		if asked := h.ledger.asked.Load() - before; asked > 100 {
			t.Errorf("page %d asks the ledger %d times", page, asked)
		}
		answer := decode[struct {
			Offenders  []struct{ UUID string }
			TotalPages int
		}](t, body)
		if answer.TotalPages != 5 {
			t.Errorf("%d pages", answer.TotalPages)
		}
		for _, o := range answer.Offenders {
			if left[o.UUID] || shown[o.UUID] {
				t.Errorf("%s left or is shown twice", o.UUID)
			}
			shown[o.UUID] = true
		}
	}
	if len(shown) != 500-len(left) {
		t.Errorf("%d shown, want %d", len(shown), 500-len(left))
	}
}

// TestAPageOfAPlaceIsAllThatIsRead holds that the engine is asked for the page alone, and that the number of pages is
// still of all.
func TestAPageOfAPlaceIsAllThatIsRead(t *testing.T) {
	h := newNode(t)
	for i := range 120 {
		h.enrol(person(fmt.Sprint(i), "Rowan", "Testcase"), nil)
	}
	for _, asked := range []string{"state=NY", "dob=1971-03-09", "state=NY&age=54", "lat=40.7&lng=-73.9&radius=50"} {
		_, body := h.keyed("GET", "/sexoffender?"+asked+"&perPage=10&page=3", "")
		answer := decode[api.Offenders](t, body)
		if q := h.gal.asked; q.Limit != 10 || q.Skip != 20 {
			t.Errorf("%s: the engine is asked for %d from %d, want 10 from 20", asked, q.Limit, q.Skip)
		}
		if strings.HasPrefix(asked, "state=NY") && (answer.TotalPages != 12 || len(answer.Offenders) != 10) {
			t.Errorf("%s: %d of %d pages", asked, len(answer.Offenders), answer.TotalPages)
		}
	}
}

// TestTheVeryNameReadsItsPage: of those with the very name only the page is read; who has it as a part of theirs comes
// behind them, and all pages together have everybody once.
func TestTheVeryNameReadsItsPage(t *testing.T) {
	h := newNode(t)
	var whole, part []string
	for i := range 95 {
		whole = append(whole, string(h.enrol(person(fmt.Sprint(i), "Rowan", "Testcase"), nil)))
	}
	for i := range 12 {
		part = append(part, string(h.enrol(person(fmt.Sprint("part", i), "Rowan", "Testcase-Mockley"), nil)))
	}
	alias := h.enrol(person("alias", "Quinn", "Mockley", func(r *schemas.Record) {
		r.Aliases = []schemas.Alias{{Name: schemas.Name{First: "Quinn", Last: "Testcase"}}}
	}), nil)
	h.enrol(person("other", "Quinn", "Sampleton"), nil)
	slices.Sort(whole)
	slices.Sort(part)
	for asked, want := range map[string][]string{
		"lastName=testcase":                          slices.Concat(whole, part),
		"lastName=Testcase&mode=extensive":           slices.Concat(whole, []string{string(alias)}, part),
		"lastName=Testcase&state=NY":                 slices.Concat(whole, part),
		"lastName=Testcase&state=CA":                 nil,
		"firstName=rowan&lastName=Testcase":          slices.Concat(whole, part),
		"firstName=rowan&lastName=Testcase&state=NY": slices.Concat(whole, part),
		"lastName=Testcase-Mockley":                  part,
	} {
		var got []string
		for page := 1; page <= 12; page++ {
			h.gal.read = 0
			_, body := h.keyed("GET", fmt.Sprintf("/sexoffender?%s&perPage=10&page=%d", asked, page), "")
			answer := decode[struct {
				Offenders  []struct{ UUID string }
				TotalPages int
			}](t, body)
			for _, o := range answer.Offenders {
				got = append(got, o.UUID)
			}
			if pages := (len(want) + 9) / 10; answer.TotalPages != pages {
				t.Errorf("%s, page %d: %d pages, want %d", asked, page, answer.TotalPages, pages)
			}
			if !strings.Contains(asked, "Mockley") && h.gal.read > 10+len(part)+1 {
				t.Errorf("%s, page %d: %d documents read", asked, page, h.gal.read)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n%v, want\n%v", asked, got, want)
		}
	}
}

// TestANameOfTooManySaysSo holds that a search that did not look at all says where it ended.
func TestANameOfTooManySaysSo(t *testing.T) {
	h := newNode(t)
	h.enrol(person("1", "Rowan", "Testcase"), nil)
	h.gal.more = true
	response, body := h.keyed("GET", "/sexoffender?lastName=Testcase", "")
	notices := strings.Join(response.Header.Values("X-Notice"), " ")
	if decode[api.Offenders](t, body).Error != 503 || !strings.Contains(notices, "More than 20000 records") {
		t.Errorf("%s, notices %q", body, notices)
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

// TestPersonsMustAgreeInAllNames holds that nobody is grouped on a guess, at any door: by the API in
// both directions, on the page, before a language model.
func TestPersonsMustAgreeInAllNames(t *testing.T) {
	born := schemas.Date{Year: 1971, Month: 3, Day: 9}
	tests := []struct {
		name          string
		first, second func(*schemas.Record)
		grouped       bool
	}{
		{"all the same", nil, nil, true},
		{"a middle name is not known", func(r *schemas.Record) { r.Name.Middle = "Quinn" }, nil, true},
		{"a middle initial", func(r *schemas.Record) { r.Name.Middle = "Quinn" }, func(r *schemas.Record) { r.Name.Middle = "Q." }, true},
		{"other middle names", func(r *schemas.Record) { r.Name.Middle = "Quinn" }, func(r *schemas.Record) { r.Name.Middle = "Ash" }, false},
		{"ODETTE ANN MADEUP and ODETTE ZELDA MADEUP", func(r *schemas.Record) {
			r.Name = schemas.Name{Full: "ODETTE ANN MADEUP", First: "ODETTE", Middle: "ANN", Last: "MADEUP"}
		}, func(r *schemas.Record) {
			r.Name = schemas.Name{Full: "ODETTE ZELDA MADEUP", First: "ODETTE", Middle: "ZELDA", Last: "MADEUP"}
		}, false},
		{"other suffixes", func(r *schemas.Record) { r.Name.Suffix = "Jr" }, func(r *schemas.Record) { r.Name.Suffix = "Sr" }, false},
		{"another sex", nil, func(r *schemas.Record) { r.Sex.Value = "female" }, false},
		{"sex not known", nil, func(r *schemas.Record) { r.Sex.Value = "" }, false},
		{"another day", nil, func(r *schemas.Record) { r.Birth.Day = 10 }, false},
		{"a year alone", func(r *schemas.Record) { r.Birth = schemas.Date{Year: 1971} },
			func(r *schemas.Record) { r.Birth = schemas.Date{Year: 1971} }, false},
		{"an alias only", nil, func(r *schemas.Record) {
			r.Aliases, r.Name.Last = []schemas.Alias{{Name: r.Name}}, "Other"
		}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newNode(t)
			for i, change := range []func(*schemas.Record){test.first, test.second} {
				h.enrol(person(fmt.Sprint(i), "Rowan", "Testcase", func(r *schemas.Record) {
					r.Birth = born
					if change != nil {
						change(r)
					}
				}), near(0.05)) // one face, which must not matter
			}
			_, body := h.keyed("GET", "/sexoffender?state=NY", "")
			persons := decode[struct {
				Offenders []struct{ PersonUUID *string }
			}](t, body).Offenders
			if len(persons) != 2 || (persons[0].PersonUUID != nil) != test.grouped || (persons[1].PersonUUID != nil) != test.grouped {
				t.Errorf("grouped %v, want %v: %s", !test.grouped, test.grouped, body)
			}
			group := h.gal.docs[0].Person
			if group == "" {
				group = h.gal.docs[1].Person
			}
			if group != "" && group == h.gal.docs[1].Person {
				_, body = h.keyed("GET", "/sexoffender?personUuid="+string(group), "")
				if joined := len(names(t, body)) == 2; joined != test.grouped {
					t.Errorf("personUuid joins them: %v, want %v", joined, test.grouped)
				}
			}
			id, other := h.gal.docs[0].ID, h.gal.docs[1].ID
			_, page := h.post("/record/"+string(id), "key="+h.key)
			if joined := strings.Contains(page, string(other)); joined != test.grouped {
				t.Errorf("the page joins them: %v, want %v", joined, test.grouped)
			}
			_, answer := h.keyed("POST", "/faces", faceBody(jpeg("x")))
			if joined := strings.Contains(answer, `"personUuid":"`); joined != test.grouped {
				t.Errorf("faces join them: %v, want %v: %s", joined, test.grouped, answer)
			}
		})
	}
}

func TestPagesAreStableAndWhole(t *testing.T) {
	h := newNode(t)
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

func TestThePageTurnsPages(t *testing.T) {
	h := newNode(t)
	for i := range 25 {
		h.enrol(person(fmt.Sprint(i), "Rowan", "Testcase", func(r *schemas.Record) { r.Birth = schemas.Date{Year: 1971} }), nil)
	}
	_, body := h.do("POST", "/search", "key="+h.key+"&lastName=Testcase&firstName=", "Content-Type", "application/x-www-form-urlencoded")
	if !strings.Contains(body, `name="page" value="2"`) || !strings.Contains(body, `name="lastName" value="Testcase"`) ||
		strings.Contains(body, `value="0"`) {
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
