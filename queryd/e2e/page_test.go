package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lineup/indexer/face"
	"lineup/queryd"
	"lineup/queryd/keys"
	"lineup/schemas"
)

// whole is a record in which every field is filled in.
func whole(key string) schemas.Record {
	yes, no := true, false
	lat, lon := 42.65, -73.75
	return person(key, "Rowan", "Testcase", func(r *schemas.Record) {
		r.Birth = schemas.Date{Year: 1971, Month: 3, Day: 9}
		r.Aliases = []schemas.Alias{{Name: schemas.Name{First: "RORY", Last: "TESTMAN"}, Birth: schemas.Date{Year: 1972}}}
		r.Race, r.Ethnicity = schemas.Coded{Raw: "Race as printed"}, schemas.Coded{Raw: "Ethnicity as printed"}
		r.Height, r.Weight = schemas.Measure{Value: 71}, schemas.Measure{Value: 173}
		r.Eyes, r.Hair, r.Marks = schemas.Coded{Value: "brown"}, schemas.Coded{Value: "black"}, []string{"Tattoo of a fish"}
		r.Addresses = []schemas.Address{
			{Kind: "home", Street: "1 Example Road", City: "Sampleton", County: "Example", State: "NY", Zip: "00001", Lat: &lat, Lon: &lon,
				From: schemas.Date{Year: 2019}},
			{Kind: "work", Street: "2 Example Road", City: "Sampleton", State: "NY", Zip: "00002"}}
		r.Offenses = []schemas.Offense{{Description: "Example offense", Statute: "1.2(a)", Convicted: schemas.Date{Year: 2001},
			Committed: schemas.Date{Year: 2000}, Released: schemas.Date{Year: 2005},
			Place: "Example County Court", Disposition: "Convicted by plea", Sentence: "Four years", Counts: 2, Victim: "adult",
			Charges: []schemas.Charge{{Title: "Example charge", Section: "1.2", Subsection: "(b)", Class: "B", Category: "F", Counts: 3}}}}
		r.Vehicles = []schemas.Vehicle{{Make: "Exemplar", Model: "One", Year: "2001", Color: "Red", Plate: "XX 0001"}}
		r.Level, r.Designation = schemas.Level{Scheme: "ny-risk-level", Value: "3"}, "Sexually Violent Offender"
		r.Status = schemas.Coded{Value: "registered", Raw: "ACTIVE"}
		r.Predator, r.Absconder, r.Lifetime = &yes, &no, &yes
		r.Registered, r.Updated, r.Verified, r.RegistersTo = schemas.Date{Year: 2006}, schemas.Date{Year: 2025, Month: 6},
			schemas.Date{Year: 2025, Month: 7}, schemas.Date{Year: 2046}
		r.SourceFields = []schemas.Field{{Name: "Supervising agency", Value: "Example Probation"}}
	})
}

func (h *daemon) post(path, form string, headers ...string) (*http.Response, string) {
	h.t.Helper()
	return h.do("POST", path, form, append(headers, "Content-Type", "application/x-www-form-urlencoded")...)
}

func TestNamesAndRecordsInABrowser(t *testing.T) {
	h, _ := gallerySeen(t)
	other := whole("2002")
	other.Source = "us-yy" // the same person, registered elsewhere
	h.enrol(other, nil)
	b := h.browser(t, "/search", "#lastName")
	b.look("names-start")
	b.set("#key", h.key)
	b.typed("#lastName", "Testcas\r")
	b.wait(".card")
	text := b.text("#answer")
	for _, want := range []string{"2 records", "Rowan Testcase", "Read the official page", "fingerprints", "The closest names come first",
		"Rory Testman"} {
		if !strings.Contains(text, want) {
			t.Errorf("the name search lacks %q: %s", want, text)
		}
	}
	if b.value("#lastName") != "Testcas" || b.value("#key") != h.key {
		t.Errorf("the form came back with %q and key %q", b.value("#lastName"), b.value("#key"))
	}
	b.look("names")
	b.click("[data-do=clear]")
	b.visit("/record/"+string(schemas.RegistrantID("us-zz", "1001")), "#record #submit")
	b.set("#key", h.key)
	b.click("#submit")
	b.wait("article.record")
	text = strings.ToLower(b.text("#answer"))
	for _, want := range []string{"march 9, 1971", "54", "male", "race as printed", "ethnicity as printed", `5' 11"`, "173", "brown", "black",
		"tattoo of a fish", "1 example road", "new york 00001", "county: example",
		"2 example road", "from 2019", "example offense", "1.2(a)", "2001", "example county court", "convicted by plea", "four years", "adult",
		"example charge 1.2 (b), class b, category f, counts: 3", "2001 red exemplar one xx 0001",
		"3 (new york risk level)", "sexually violent offender", "active", "registered since", "2006", "june 2025", "july 2025", "2046",
		"supervising agency", "example probation", "rory testman (born 1972)",
		"last read from the registry\nmarch 4, 2026", "first seen here", "other records of this person", "20920(e)", "20920(f)",
		"example registry", "operator@lineup.test", "positive identification needs fingerprints"} {
		if !strings.Contains(text, want) {
			t.Errorf("the record lacks %q in %s", want, text)
		}
	}
	b.until(`document.querySelector(".photos img").naturalWidth > 0`)
	b.look("record")
}

func TestTheOtherPagesInABrowser(t *testing.T) {
	h, _ := gallerySeen(t, func(_ *queryd.Config, d *queryd.Deps) {
		d.Sources = append(d.Sources, queryd.Source{ID: "us-yy", Name: "Stale Registry", Jurisdiction: "YY", Mode: "import", MaxAge: time.Minute},
			queryd.Source{ID: "us-xx", Name: "Linked Registry", Jurisdiction: "XX", Home: "https://linked.example.test/", Mode: "link_only",
				Terms: "https://linked.example.test/terms"})
		known := d.State
		d.State = func(ctx context.Context, id string) (queryd.SourceState, error) {
			if id == "us-xx" {
				return queryd.SourceState{}, nil
			}
			return known(ctx, id)
		}
	})
	b := h.browser(t, "/coverage", ".coverage")
	text := b.text("#answer")
	for _, want := range []string{"of 3 registries are copied here", "Up to date: read 1 hour ago", "last change yesterday",
		"Out of date: read 1 hour ago", "publishes none", "Should be read again within 0 hours",
		"Not copied here: 1 registry to search yourself"} {
		if !strings.Contains(text, want) {
			t.Errorf("coverage lacks %q: %s", want, text)
		}
	}
	if order := strings.Index(text, "Not copied here"); order < strings.Index(text, "Out of date") ||
		strings.Contains(text, "Linked Registry") {
		t.Errorf("what is not copied does not stand folded behind what is: %s", text)
	}
	b.set("#filter", "linked")
	eval[bool](b, `document.querySelector("#filter").dispatchEvent(new Event("input"))`)
	if text := b.text("#answer"); !strings.Contains(text, "Linked Registry") || strings.Contains(text, "Example Registry") ||
		b.text("#status") != "Registries found: 1" {
		t.Errorf("filtered for one: %s, %s", text, b.text("#status"))
	}
	b.set("#filter", " ")
	eval[bool](b, `document.querySelector("#filter").dispatchEvent(new Event("input"))`)
	b.look("coverage")
	for _, path := range []string{"/docs", "/terms", "/nothing"} {
		b.visit(path, "h1")
		b.look(path[1:])
	}
}

func TestTheScriptsStayWithinTheirPolicy(t *testing.T) {
	h, _ := gallerySeen(t)
	response, body := h.do("GET", "/", "")
	csp := response.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || response.Header.Get("Set-Cookie") != "" {
		t.Errorf("csp %q, cookie %q", csp, response.Header.Get("Set-Cookie"))
	}
	for _, bad := range []string{" style=", " onclick=", "<script>", "javascript:", "//cdn"} {
		if strings.Contains(body, bad) {
			t.Errorf("the page has %q, which the policy forbids", bad)
		}
	}
}

func TestThePageWorksWithoutScripts(t *testing.T) {
	h, _ := gallerySeen(t)
	form := func(fields ...string) string {
		var b strings.Builder
		for i := 0; i+1 < len(fields); i += 2 {
			fmt.Fprintf(&b, "--b\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", fields[i], fields[i+1])
		}
		return b.String() + "--b--\r\n"
	}
	multipart := []string{"Content-Type", "multipart/form-data; boundary=b"}
	response, body := h.do("POST", "/", form("key", "DEMO", "sex", "male"), multipart...)
	if response.StatusCode != 200 || !strings.Contains(body, "Rowan Testcase") || !strings.Contains(body, "<!doctype html>") ||
		!strings.Contains(body, `<option value="male" selected>`) {
		t.Errorf("%d %s", response.StatusCode, body)
	}
	response, body = h.do("POST", "/", form("key", "DEMO", "json", "1"), multipart...)
	if kind := response.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") || !strings.Contains(body, `"faceMatches"`) ||
		strings.Contains(body, `"search"`) {
		t.Errorf("JSON only: %s %s", kind, body)
	}
	for _, c := range []struct{ name, path, body, kind, want string }{
		{"bad key", "/", form("key", "wrong", "ageMin", "30"), multipart[1], `value="wrong"`},
		{"words for an age", "/", form("key", "DEMO", "ageMin", "old"), multipart[1], `data-reason="bad_age"`},
		{"broken form", "/", "--b\r\nwhat", multipart[1], `data-reason="bad_form"`},
		{"nothing asked", "/search", "key=" + h.key, "", `data-reason="no query params presented"`},
		{"kept fields", "/search", "key=" + h.key + "&lastName=Testcase&zipcode=12&fuzzy=true", "", `value="Testcase"`},
		{"explained", "/search", "key=" + h.key + "&lastName=Testcase&zipcode=12", "", "five digits"},
		{"DEMO for records", "/search", "key=DEMO&lastName=Testcase", "", `data-reason="demo_key"`},
		{"names", "/search", "key=" + h.key + "&lastName=Testcase&radius=1", "", ">1 record<"},
		{"a record that never was", "/record/" + string(schemas.RegistrantID("us-zz", "none")), "key=" + h.key, "", `data-reason="not_found"`},
		{"no id", "/record/7", "key=" + h.key, "", `data-reason="bad_uuid"`},
		{"pages", "/search", "key=" + h.key + "&lastName=Nobody&prefixMatch=lastName&perPage=10&page=2", "", "60 records, page 2 of 6"},
	} {
		if c.kind == "" {
			c.kind = "application/x-www-form-urlencoded"
		}
		_, body := h.do("POST", c.path, c.body, "Content-Type", c.kind)
		if !strings.Contains(body, c.want) || !strings.Contains(body, "</html>") {
			t.Errorf("%s: no %q in %s", c.name, c.want, body)
		}
	}
	_, body = h.post("/search", "key="+h.key+"&lastName=Nobody&prefixMatch=lastName&perPage=10&page=2")
	for _, want := range []string{`name="page" value="1"`, `name="page" value="3"`, `name="lastName" value="Nobody"`,
		`name="perPage" value="10"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the way to further pages lacks %s", want)
		}
	}
	id := schemas.RegistrantID("us-zz", "1001")
	h.ledger.gone[id] = true
	if response, body := h.post("/record/"+string(id), "key="+h.key); response.StatusCode != http.StatusNotFound ||
		strings.Contains(body, "Testcase") {
		t.Errorf("a delisted record: %d %s", response.StatusCode, body)
	}
	if _, body = h.do("POST", "/", form("key", "DEMO"), multipart...); strings.Contains(body, "Testcase") {
		t.Error("a delisted registrant is on a card")
	}
}

func TestFailuresOfThePageSayWhatToDo(t *testing.T) {
	h, _ := gallerySeen(t)
	few, _, err := h.keys.Add(t.Context(), "few "+t.Name(), keys.Limits{PerMinute: 1})
	if err != nil {
		t.Fatal(err)
	}
	h.post("/search", "key="+few+"&lastName=Testcase")
	response, body := h.post("/search", "key="+few+"&lastName=Testcase")
	if response.StatusCode != http.StatusTooManyRequests || !strings.Contains(body, "Too many requests") ||
		!strings.Contains(body, "Try again in "+response.Header.Get("Retry-After")+" seconds") {
		t.Errorf("rate: %d %s", response.StatusCode, body)
	}
	h.ledger.err = fmt.Errorf("down")
	if response, body := h.post("/search", "key="+h.key+"&lastName=Testcase"); response.StatusCode != http.StatusServiceUnavailable ||
		!strings.Contains(body, "not the same as no match") || strings.Contains(body, "ROWAN") {
		t.Errorf("ledger down: %d %s", response.StatusCode, body)
	}
	if response, body := h.do("GET", "/nothing", "", "Accept", "text/html,*/*"); response.StatusCode != 404 ||
		!strings.Contains(body, "There is no such page") {
		t.Errorf("no such page, for a browser: %d %s", response.StatusCode, body)
	}
	if response, _ := h.do("GET", "/nothing", "", "Accept", "*/*"); response.Header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("no such page, for a program: %s", response.Header.Get("Content-Type"))
	}
	if response, body := h.do("DELETE", "/search", ""); response.StatusCode != http.StatusMethodNotAllowed ||
		!strings.Contains(body, "cannot be used that way") {
		t.Errorf("method: %d %s", response.StatusCode, body)
	}
	h.gal.probeError = &face.Problem{Code: "new_code", Text: "A text the language file does not know."}
	if _, body := h.post("/", "key=DEMO"); !strings.Contains(body, "A text the language file does not know.") {
		t.Errorf("a reason without a text: %s", body)
	}
}

func TestThePageEscapesWhatRegistriesSay(t *testing.T) {
	h := newNode(t)
	id := h.enrol(person("1", "Rowan", `<script>alert(1)</script>`, func(r *schemas.Record) {
		r.Name.Full, r.URL = `<img src=x onerror=alert(1)>`, "javascript:alert(1)"
		r.SourceFields = []schemas.Field{{Name: "<b>", Value: "<i>"}}
	}), nil)
	for path, form := range map[string]string{"/search": "&firstName=Rowan", "/record/" + string(id): ""} {
		response, body := h.post(path, "key="+h.key+form)
		if response.StatusCode != 200 || !strings.Contains(body, "&lt;") || strings.Contains(strings.ToLower(body), "<img src=x") ||
			strings.Contains(body, "javascript:alert") || strings.Contains(body, "<i>") {
			t.Errorf("%s: %d %s", path, response.StatusCode, body)
		}
	}
}

// TestThePageSaysWhoWasNotAsked holds what the page says of places that are not covered, of records that
// do not state what was asked, and of why a name matched.
func TestThePageSaysWhoWasNotAsked(t *testing.T) {
	h := town(t, uncovered)
	h.crowd(3)
	moreNames(h)
	for _, c := range []struct {
		name, path, form string
		want             []string
		never            []string
	}{
		{"a state that is not copied", "/search", "state=CA&lastName=Testcase", []string{"Nobody was searched", "California is not copied here.",
			"https://ca.registry.example.test/"}, []string{"No record found", "may be incomplete"}},
		{"records without an address", "/search", "state=TX",
			[]string{"No record found", "7 records of these registries have no published address"}, nil},
		{"the whole country", "/search", "lastName=Nobodywhatever", []string{"No record found", "2 of 3 registries were searched.",
			"Not searched:", ">California</a>"}, nil},
		{"no birth date", "/search", "firstName=Ottilie&lastName=Undated&dob=3/9/1971&mode=extensive",
			[]string{"Exactly this name", "Date of birth not published", "does not publish a date of birth", "Other name: Ottilie Undated"}, nil},
		{"a nickname", "/search", "firstName=Bob&lastName=Smith&fuzzy=true", []string{"Other names and spellings", "Nickname: Bob = Robert",
			"Sounds like"}, nil},
		{"faces of a state that is not copied", "/", "state=CA", []string{"Nobody was searched", "California is not copied here.",
			`data-outcome="nobody_searched"`}, []string{"No photo here looks like this"}},
		{"faces of a state without photos", "/", "state=TX", []string{"Nobody was searched", "Texas publishes no photos"},
			[]string{"No photo here looks like this"}},
		{"faces of the whole country", "/", "", []string{"2 of 3 registries were searched."}, []string{"Nobody was searched"}},
	} {
		_, page := h.post(c.path, "key="+h.key+"&"+c.form)
		for _, want := range c.want {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page does not say %q", c.name, want)
			}
		}
		for _, never := range c.never {
			if strings.Contains(page, never) {
				t.Errorf("%s: the page says %q", c.name, never)
			}
		}
	}
}
