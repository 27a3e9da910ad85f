package samplesite

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"lineup/scraper/samplesite/people"
)

// routesGated serves the shapes of registries that are crawled with a permission only: CA, ID, NE, ND, SD and MN.
func (s *Site) routesGated() {
	s.mux.HandleFunc("POST /Offenders/Search", s.sdSearch)
	s.mux.HandleFunc("GET /sorfiles/OffenderImages/{name}", s.namedPhoto)
	s.mux.HandleFunc("GET /PublicRegistrantSearch/Results/GetSearchResults", s.mnGroup)
	s.mux.HandleFunc("GET /PublicRegistrantSearch/Details", s.mnDetail)
	s.mux.HandleFunc("GET /PublicRegistrantSearch/Images/{name}", s.namedPhoto)
	s.mux.HandleFunc("GET /Search.aspx", s.caSearch)
	s.mux.HandleFunc("POST /CASOMA.svc/DoCitySearchLoc", s.caSession(s.caList))
	s.mux.HandleFunc("POST /CASOMA.svc/GetOffenderFull", s.caSession(s.caRecord))
	s.mux.HandleFunc("GET /OffenderPop.aspx", s.caPopup)
	s.mux.HandleFunc("GET /PI.ashx", s.photoByQuery("f"))

	s.mux.HandleFunc("GET /sor_id/zip.html", s.idZips)
	s.mux.HandleFunc("GET /sor_id/SOR", s.idGet)
	s.mux.HandleFunc("POST /sor_id/SOR", s.idList)
	s.mux.HandleFunc("GET /sorFiles/photos/{name}", s.idPhoto)

	s.mux.HandleFunc("GET /Registry/RegionSearch", s.neRegions)
	s.mux.HandleFunc("GET /Registry/Search", s.neSearch)
	s.mux.HandleFunc("GET /Registry/Offender/{id}", s.neDetail)
	s.mux.HandleFunc("GET /Image/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, _ := strconv.Atoi(r.PathValue("id"))
		s.servePhoto(w, r, id)
	})

	s.mux.HandleFunc("GET /offender/search", s.ndSearch)
	s.mux.HandleFunc("POST /offender/name-search", s.ndList)
	s.mux.HandleFunc("GET /offender/details/{guid}", s.ndDetail)
	s.mux.HandleFunc("GET /photos/{name}", func(w http.ResponseWriter, r *http.Request) {
		id, _ := strconv.Atoi(strings.TrimSuffix(r.PathValue("name"), ".JPG"))
		s.servePhoto(w, r, id)
	})
}

// shownID is an id as the list prints it, in lower case under the fault of that name.
func shownID(r *http.Request, id string) string {
	if tableFault(r.Context()) == CaseIDs {
		return strings.ToLower(id)
	}
	return id
}

// found are the people of a list, from the from-th on and count of them, and how many there are;
// under Shrunk the registry has lost its second half.
func (s *Site) found(r *http.Request, match func(Person) bool, from, count int) (people []Person, total int) {
	n := 0
	for p := range s.People() {
		if n++; tableFault(r.Context()) == Shrunk && n > s.Size()/2 {
			break
		}
		if !match(p) {
			continue
		}
		if total >= from && total < from+count {
			people = append(people, p)
		}
		total++
	}
	return people, total
}

// California: a session from the search page, a JSON service behind it.

const caCookie = "ASP.NET_SessionId"

// caID is an id of California's kind: eight digits, a letter, four digits.
func caID(p Person) string { return fmt.Sprintf("%08dA%04d", p.ID, p.ID%10000) }

func (s *Site) caSearch(w http.ResponseWriter, _ *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: caCookie, Value: "sample", Path: "/", HttpOnly: true})
	var m markup
	m.add(`<select id="OCity">`)
	for _, t := range people.Towns {
		m.add(`<option value="%s">%s</option>`, upper(t.Name), t.Name)
	}
	m.add(`</select><input type="checkbox" id="IncludeTransient">`)
	page(w, m.String())
}

// caSession lets only those through who were at the search page; others get the disclaimer.
func (s *Site) caSession(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie(caCookie); err != nil {
			page(w, `<h1>Disclaimer</h1><form method="post"><input type="checkbox" name="AcceptDisclaimer"><button>Continue</button></form>`)
			return
		}
		next(w, r)
	}
}

func (s *Site) caList(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		City             string
		IncludeTransient bool
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		http.Error(w, "want JSON", http.StatusBadRequest)
		return
	}
	people, _ := s.found(r, func(p Person) bool { return upper(p.Addresses[0].City) == ask.City }, 0, s.Size())
	offenders := []object{}
	for _, p := range people {
		offenders = append(offenders, object{"OffenderID": shownID(r, caID(p))})
	}
	writeJSON(w, object{"d": object{"Offenders": offenders}})
}

func caAddress(a Address) string {
	return fmt.Sprintf("%s, %s, %s %s", upper(a.Line()), upper(a.City), a.State, a.Zip)
}

func caAliases(p Person) []string {
	out := []string{}
	for _, a := range p.Aliases {
		out = append(out, upper(a.Last)+", "+upper(a.First))
	}
	return append(out, "OTHERDOB, 01011900") // what the real list holds beside names
}

// caPhotoID is the number of a person's photo, "" for none.
func caPhotoID(p Person) string {
	if len(p.Photos) == 0 {
		return ""
	}
	return strconv.Itoa(p.Photos[0].ID)
}

func caPhoto(p Person) string {
	if len(p.Photos) == 0 {
		return ""
	}
	return fmt.Sprintf("/PI.ashx?t=f&f=%d&p=sample", p.Photos[0].ID)
}

func (s *Site) caRecord(w http.ResponseWriter, r *http.Request) {
	var ask struct{ OffenderID string }
	err := json.NewDecoder(r.Body).Decode(&ask)
	p, ok := s.Person(idOf(ask.OffenderID, 8))
	if err != nil || !ok {
		http.NotFound(w, r)
		return
	}
	offenses := []object{}
	for _, o := range p.Offenses {
		offenses = append(offenses, object{"Description": upper(o.Description), "Code": o.Statute,
			"LastConviction": strconv.Itoa(o.Convicted.Year), "LastRelease": strconv.Itoa(o.Released.Year)})
	}
	writeJSON(w, object{"d": object{"__type": "Offender", "OffenderID": ask.OffenderID, "Name": lastFirst(p), "AliasList": caAliases(p),
		"DOB": usDate(p.Born), "Sex": upper(p.Sex),
		"Ethnicity": upper(p.Race), "Height": feetInches(p), "Weight": strconv.Itoa(p.Weight), "EyeColor": upper(p.Eyes),
		"HairColor": upper(p.Hair), "SMTs": append([]string{}, p.Marks...),
		"LastKnownAddress": caAddress(p.Addresses[0]), "County": upper(p.Addresses[0].County), "Offenses": offenses,
		"RiskScore": strconv.Itoa(p.Level), "FCN": caPhotoID(p), "Path": "sample"}})
}

// caPopup is the older way to print a record: cells by id, offenses by number.
func (s *Site) caPopup(w http.ResponseWriter, r *http.Request) {
	p, ok := s.Person(idOf(r.URL.Query().Get("ID"), 8))
	if !ok {
		http.NotFound(w, r)
		return
	}
	var m markup
	m.add(`<div id="OffenderPop">`)
	if photo := caPhoto(p); photo != "" {
		m.add(`<img src="%s&amp;session=zzz" alt="Photo">`, photo)
	}
	cell := func(id, text string) { m.add(`<span id="P%s">%s</span>`, id, text) }
	list := func(id string, items []string) {
		m.add(`<ul id="P%s">`, id)
		for _, item := range items {
			m.add(`<li>%s</li>`, item)
		}
		m.add(`</ul>`)
	}
	cell("Name", lastFirst(p))
	list("AliasList", caAliases(p))
	cell("DOB", usDate(p.Born))
	cell("Sex", upper(p.Sex))
	cell("Height", feetInches(p))
	cell("Weight", strconv.Itoa(p.Weight))
	cell("EyeColor", upper(p.Eyes))
	cell("HairColor", upper(p.Hair))
	cell("Ethnicity", upper(p.Race))
	list("SMTs", p.Marks)
	cell("Address_LKA", caAddress(p.Addresses[0]))
	m.add(`<table>`)
	for i, o := range p.Offenses {
		m.add(`<tr><td id="PLastConviction_%d">%d</td><td id="PDescription_%d">%s</td></tr>`, i+1, o.Convicted.Year, i+1,
			upper(o.Description))
	}
	m.add(`</table></div>`)
	page(w, m.String())
}
