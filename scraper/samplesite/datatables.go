package samplesite

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// routesDataTables serves the shapes of the product that Virginia and Michigan use: a JSON list for a table drawn by script, and a
// page for each registrant.
func (s *Site) routesDataTables() {
	s.mux.HandleFunc("GET /Search/Results", s.vaResults)
	s.mux.HandleFunc("POST /search/searchRegistry", s.vaList)
	s.mux.HandleFunc("GET /Offender/Details/{uuid}", s.vaDetail)
	s.mux.HandleFunc("GET /api/file/image/{uuid}", func(w http.ResponseWriter, r *http.Request) {
		s.servePhoto(w, r, uuidNumber(r.PathValue("uuid")))
	})
	s.mux.HandleFunc("POST /Home/RegistrySearchAjax", s.miList)
	s.mux.HandleFunc("GET /Home/OffenderDetails/{uuid}", s.miDetail)
	s.mux.HandleFunc("GET /Home/OffenderImage/{uuid}", func(w http.ResponseWriter, r *http.Request) {
		s.servePhoto(w, r, uuidNumber(r.PathValue("uuid")))
	})
}

// uuidOf is a UUID that tells the number n.
func uuidOf(n int) string { return fmt.Sprintf("%08x-0000-4000-8000-%012d", n, n) }

func uuidNumber(uuid string) int {
	n, _ := strconv.ParseInt(uuid[:min(8, len(uuid))], 16, 64)
	return int(n)
}

// tableAsk is what a DataTables list is asked with.
type tableAsk struct {
	Start, Length int
	Columns       []struct{ Data string }
}

// tableRows are the rows that a DataTables list is asked for: at most a hundred.
func (s *Site) tableRows(w http.ResponseWriter, r *http.Request) (ask tableAsk, people []Person, total int, ok bool) {
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		http.Error(w, "want JSON", http.StatusBadRequest)
		return ask, nil, 0, false
	}
	people, total = s.found(r, func(Person) bool { return true }, ask.Start, min(max(ask.Length, 1), 100))
	return ask, people, total, true
}

// Virginia: a token in a header, addresses joined by line breaks, a page of labels and what stands behind them.

const (
	vaToken   = "CfDJ8sampletoken"
	vaColumns = "imageUrl fullName age addressType location city postalCode county id"
)

func (s *Site) vaResults(w http.ResponseWriter, _ *http.Request) {
	page(w, `<form><input name="vsppsorpdaccunhza" type="hidden" value="`+vaToken+`"></form><table id="offenders"></table>`)
}

func (s *Site) vaList(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("RequestVerificationToken") != vaToken || r.URL.Query().Get("Filter") != "None" {
		http.Error(w, "the required anti-forgery token is missing", http.StatusBadRequest)
		return
	}
	ask, people, total, ok := s.tableRows(w, r)
	if !ok {
		return
	}
	var columns []string
	for _, column := range ask.Columns {
		columns = append(columns, column.Data)
	}
	if strings.Join(columns, " ") != vaColumns {
		http.Error(w, "want the columns of the table", http.StatusBadRequest)
		return
	}
	rows := []object{}
	for _, p := range people {
		joined := func(say func(Address) string) string {
			var all []string
			for _, a := range p.Addresses {
				all = append(all, say(a))
			}
			return strings.Join(all, "<br/>")
		}
		rows = append(rows, object{"id": shownID(r, uuidOf(p.ID)), "firstName": upper(p.First), "middleName": upper(p.Middle),
			"lastName": upper(lastSuffix(p)), "fullName": upper(p.First + " " + p.Last), "age": referenceYear - p.Born.Year, "imageUrl": vaPhoto(p),
			"addressType": joined(func(a Address) string {
				return map[string]string{"home": "Home", "work": "Work", "inmate": "Incarcerated"}[a.Kind]
			}),
			"location": joined(func(a Address) string { return upper(a.Line()) }), "city": joined(func(a Address) string { return upper(a.City) }),
			"postalCode": joined(func(a Address) string { return a.Zip }), "county": joined(func(a Address) string { return upper(a.County) })})
	}
	writeJSON(w, object{"draw": 1, "recordsTotal": total, "recordsFiltered": total, "offenders": rows})
}

func vaPhoto(p Person) string {
	if len(p.Photos) == 0 {
		return ""
	}
	return "/api/file/image/" + uuidOf(p.Photos[0].ID)
}

func (s *Site) vaDetail(w http.ResponseWriter, r *http.Request) {
	p, ok := s.Person(uuidNumber(r.PathValue("uuid")))
	if !ok {
		http.NotFound(w, r)
		return
	}
	var m markup
	m.add(`<div id="offender-details"><h1>%s</h1>`, upper(strings.Join(strings.Fields(p.First+" "+p.Middle+" "+lastSuffix(p)), " ")))
	pair := func(label, text string) { m.add(`<div>%s:</div><div>%s</div>`, label, text) }
	pair("Registration Number", strconv.Itoa(p.ID))
	pair("Status", map[string]string{"Registered": "Active", "Incarcerated": "Incarcerated", "Absconder": "Wanted",
		"Non-Compliant": "Active"}[p.Status])
	pair("Age", strconv.Itoa(referenceYear-p.Born.Year))
	pair("Tier", fmt.Sprintf("Tier %d", p.Level))
	pair("Sex", upper(p.Sex))
	pair("Race", upper(p.Race))
	pair("Hair", upper(p.Hair))
	pair("Eyes", upper(p.Eyes))
	pair("Height", fmt.Sprintf("%d' %d\"", p.Height/12, p.Height%12))
	pair("Weight", fmt.Sprintf("%d lbs", p.Weight))
	pair("Initial Registration Start Date", usDate(p.Registered))
	pair("Reg. Renewed", usDate(p.Verified))
	m.add(`</div><div id="convictions">`)
	for _, o := range p.Offenses {
		m.add(`<div class="card"><div class="card-header gold"><span>%s - %s - </span></div></div>`, o.Statute, upper(o.Description))
	}
	m.add(`</div>`)
	if photo := vaPhoto(p); photo != "" {
		m.add(`<img alt="Photo of offender" src="%s">`, photo)
	}
	page(w, m.String())
}

// Michigan: the list without a token, a page of rows of two columns.

func (s *Site) miList(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("searchtype") != "all" {
		http.Error(w, "want a searchtype", http.StatusBadRequest)
		return
	}
	_, people, total, ok := s.tableRows(w, r)
	if !ok {
		return
	}
	rows := []object{}
	for _, p := range people {
		a := p.Addresses[0]
		rows = append(rows, object{"id": shownID(r, uuidOf(p.ID)), "firstName": p.First, "middleName": p.Middle, "lastName": lastSuffix(p),
			"age": referenceYear - p.Born.Year, "gender": p.Sex, "street": a.Line(), "city": a.City, "postalCode": a.Zip, "county": a.County,
			"compliant": miCompliance(p), "imageUrl": ""})
	}
	writeJSON(w, object{"totalItems": total, "offenders": rows})
}

func (s *Site) miDetail(w http.ResponseWriter, r *http.Request) {
	p, ok := s.Person(uuidNumber(r.PathValue("uuid")))
	if !ok {
		http.NotFound(w, r)
		return
	}
	var m markup
	pair := func(label, text string) {
		m.add(`<div class="row"><div class="col text-right">%s:</div><div class="col font-weight-bold">%s</div></div>`, label, text)
	}
	if len(p.Photos) > 0 {
		m.add(`<img alt="Photo of offender" src="/Home/OffenderImage/%s">`, uuidOf(p.Photos[0].ID))
	}
	pair("Registration Number", strconv.Itoa(p.ID))
	pair("MDOC #", "")
	pair("Status", p.Status)
	pair("Age", fmt.Sprintf("%d (DOB: %02d/%02d/%d)", referenceYear-p.Born.Year, p.Born.Month, p.Born.Day, p.Born.Year))
	pair("Last Verification Date", usDate(p.Verified))
	pair("Compliance Status", miCompliance(p))
	pair("Sex", title(p.Sex))
	pair("Race", p.Race)
	pair("Hair", p.Hair)
	pair("Height", feetInches(p))
	pair("Weight", fmt.Sprintf("%d lbs", p.Weight))
	pair("Eyes", p.Eyes)
	m.add(`<div id="addresses">`)
	for _, a := range p.Addresses {
		m.add(`<h3>%s Address</h3><div class="row"><div class="col">%s<br>%s, Michigan %s</div></div>`, title(a.Kind), a.Line(), a.City, a.Zip)
	}
	m.add(`</div><div id="aliases"><ul>`)
	for _, a := range p.Aliases {
		m.add(`<li>%s, %s</li>`, a.Last, a.First)
	}
	m.add(`</ul></div><div id="offenses">`)
	for _, o := range p.Offenses {
		m.add(`<div class="card"><div class="card-header">%s - %s</div><div class="card-body">`, o.Statute, o.Description)
		pair("Date Convicted", usDate(o.Convicted))
		pair("Conviction State", "Michigan")
		pair("County", "Sample")
		pair("Court", o.Court)
		pair("Counts", "1")
		pair("Attempted", "No")
		pair("Details", "")
		m.add(`</div></div>`)
	}
	m.add(`</div><div id="scarsmarkstattoos">`)
	if len(p.Marks) == 0 {
		m.add(`<p>None Found</p>`)
	}
	for _, mark := range p.Marks {
		m.add(`<li>%s</li>`, mark)
	}
	m.add(`</div><div id="vehicles"><table><tr><th>Make</th></tr></table></div>`)
	page(w, m.String())
}
