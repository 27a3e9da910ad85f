package samplesite

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"lineup/schemas"
)

// routesGated serves the shapes of registries that are crawled with a permission only: CA, ID, NE and ND.
func (s *Site) routesGated() {
	s.mux.HandleFunc("GET /Search.aspx", s.caSearch)
	s.mux.HandleFunc("POST /CASOMA.svc/DoCitySearchLoc", s.caSession(s.caList))
	s.mux.HandleFunc("POST /CASOMA.svc/GetOffenderFull", s.caSession(s.caRecord))
	s.mux.HandleFunc("GET /OffenderPop.aspx", s.caPopup)
	s.mux.HandleFunc("GET /PI.ashx", s.photoByQuery("f"))

	s.mux.HandleFunc("GET /sor_id/zip.html", s.idZips)
	s.mux.HandleFunc("GET /sor_id/SOR", s.idGet)
	s.mux.HandleFunc("POST /sor_id/SOR", s.idList)
	s.mux.HandleFunc("GET /sorFiles/photos/{name}", s.idPhoto)

	s.mux.HandleFunc("GET /Registry/RegionSearch", s.neSearch)
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

// markup is a page in the making. Every argument of add that is a string is escaped.
type markup struct{ strings.Builder }

func (m *markup) add(format string, args ...any) {
	for i, arg := range args {
		if text, ok := arg.(string); ok {
			args[i] = html.EscapeString(text)
		}
	}
	fmt.Fprintf(m, format, args...)
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

func idOf(text string, digits int) int {
	id, _ := strconv.Atoi(text[:min(digits, len(text))])
	return id
}

func (s *Site) caSearch(w http.ResponseWriter, _ *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: caCookie, Value: "sample", Path: "/", HttpOnly: true})
	var m markup
	m.add(`<select id="OCity">`)
	for _, t := range towns {
		m.add(`<option value="%s">%s</option>`, upper(t.name), t.name)
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
		offenses = append(offenses, object{"Description": upper(o.Description), "Code": o.Statute, "LastConviction": strconv.Itoa(o.Convicted.Year), "LastRelease": strconv.Itoa(o.Released.Year)})
	}
	writeJSON(w, object{"d": object{"__type": "Offender", "OffenderID": ask.OffenderID, "Name": lastFirst(p), "AliasList": caAliases(p), "DOB": usDate(p.Born), "Sex": upper(p.Sex),
		"Ethnicity": upper(p.Race), "Height": feetInches(p), "Weight": strconv.Itoa(p.Weight), "EyeColor": upper(p.Eyes), "HairColor": upper(p.Hair), "SMTs": append([]string{}, p.Marks...),
		"LastKnownAddress": caAddress(p.Addresses[0]), "County": upper(p.Addresses[0].County), "Offenses": offenses, "RiskScore": strconv.Itoa(p.Level), "FCN": caPhotoID(p), "Path": "sample"}})
}

func feetInches(p Person) string { return fmt.Sprintf("%d'%02d\"", p.Height/12, p.Height%12) }

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
		m.add(`<tr><td id="PLastConviction_%d">%d</td><td id="PDescription_%d">%s</td></tr>`, i+1, o.Convicted.Year, i+1, upper(o.Description))
	}
	m.add(`</table></div>`)
	page(w, m.String())
}

// Idaho: a posted form, fifteen rows a page whatever is asked for, cells with ids that repeat.

const idRows = 15

// kno is the stable number of a registrant in Idaho.
func kno(p Person) string { return fmt.Sprintf("SX%05d", p.ID) }

func (s *Site) idGet(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	switch {
	case q.Get("id") != "":
		s.idDetail(w, r)
		return
	case q.Get("form") != "":
		s.idList(w, r)
		return
	}
	http.NotFound(w, r)
}

func (s *Site) idZips(w http.ResponseWriter, _ *http.Request) {
	var m markup
	m.add(`<form method="post" action="SOR"><input type="hidden" name="form" value="5"><select name="zip">`)
	for _, t := range towns {
		m.add(`<option value="%s">%s</option>`, t.zip, t.zip)
	}
	m.add(`</select><label><input type="radio" name="rad" value="A" checked> adult</label><input type="submit"></form>`)
	page(w, m.String())
}

func (s *Site) idList(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("form") != "5" || r.FormValue("rad") != "A" {
		http.Error(w, "only the list of adults by ZIP is here", http.StatusBadRequest)
		return
	}
	zip := r.FormValue("zip")
	n, _ := strconv.Atoi(r.FormValue("page"))
	n = max(n, 1)
	people, total := s.found(r, func(p Person) bool { return p.Addresses[0].Zip == zip }, (n-1)*idRows, idRows)
	var m markup
	m.add(`<div id="results"><table id="data_tbl">`)
	if total == 0 {
		m.add(`</table><p>No records found.</p></div>`)
		page(w, m.String())
		return
	}
	m.add(`<tr><th>Name</th><th>KNO</th><th>Address</th><th>City</th><th>County</th><th>Zip</th><th>Status</th></tr>`)
	for _, p := range people {
		a := p.Addresses[0]
		m.add(`<tr><td id="nam_field"><a href="SOR?id=%d">%s</a></td><td id="kno_field">%s</td><td id="adr_field">%s</td><td id="cty_field">%s</td><td id="cty_field">%s</td><td id="zip_field">%s</td><td id="sts_field">%s</td></tr>`,
			7000000+p.ID, lastFirst(p), shownID(r, kno(p)), upper(a.Line()), upper(a.City), upper(a.County), a.Zip, idStatus(p))
	}
	m.add(`</table><div class="np">`)
	if n*idRows < total {
		m.add(`<a href="SOR?form=5&amp;zip=%s&amp;rad=A&amp;sz=400&amp;page=%d">Next&gt;&gt;</a>`, zip, n+1)
	}
	m.add(`</div></div>`)
	page(w, m.String())
}

func (s *Site) idDetail(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.Atoi(r.URL.Query().Get("id"))
	p, ok := s.Person(id - 7000000)
	if !ok {
		http.NotFound(w, r)
		return
	}
	var m markup
	m.add(`<div id="detail"><h2>Offender Details</h2>`)
	if len(p.Photos) > 0 {
		m.add(`<img src="/sorFiles/photos/thumbs/%s_%d.jpg" alt="">`, upper(p.Last), p.Photos[0].ID)
	}
	m.add(`<table class="info">`)
	row := func(label, text string) {
		m.add(`<tr><td>`+label+`:</td><td>&nbsp;%s&nbsp;</td></tr>`, text) // labels are markup: their blanks do not break
	}
	row("Reg&nbsp;ID", shownID(r, kno(p)))
	row("Name", lastFirst(p))
	if len(p.Aliases) > 0 {
		var run []string
		for _, a := range p.Aliases {
			run = append(run, upper(a.Last)+" "+upper(a.First))
		}
		row("Aliases", strings.Join(run, " "))
	}
	row("Birth&nbsp;Date", longDate(p.Born))
	row("Sex", title(p.Sex))
	row("Race", p.Race)
	row("Height", fmt.Sprintf("%d ft %02d in", p.Height/12, p.Height%12))
	row("Weight", fmt.Sprintf("%d lbs", p.Weight))
	row("Eye&nbsp;Color", p.Eyes)
	row("Hair&nbsp;Color", p.Hair)
	if len(p.Photos) > 0 {
		row("Last&nbsp;Photo&nbsp;Date", longDate(p.Photos[0].Taken))
	}
	row("Last&nbsp;Registered", longDate(p.Registered))
	row("Last&nbsp;Verification&nbsp;Received", longDate(p.Verified))
	row("Reg&nbsp;Status", idStatus(p))
	m.add(`</table><h3>Offenses</h3><table><tr><th>Offense</th><th>Description</th><th>Date</th><th>Place of Conviction</th></tr>`)
	for _, o := range p.Offenses {
		m.add(`<tr><td>%s</td><td>%s</td><td>%s</td><td>ID</td></tr>`, o.Statute, upper(o.Description), longDate(o.Convicted))
	}
	m.add(`</table></div>`)
	page(w, m.String())
}

func longDate(d schemas.Date) string { return d.Start().Format("January 2, 2006") }

func idStatus(p Person) string {
	return map[string]string{"Registered": "COMPLIANT", "Incarcerated": "INCARCERATED", "Absconder": "ABSCONDED", "Non-Compliant": "NON COMP"}[p.Status]
}

func title(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// idPhoto finds the picture by the number that its file's name ends in.
func (s *Site) idPhoto(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimSuffix(r.PathValue("name"), ".jpg")
	number, _ := strconv.Atoi(name[strings.LastIndexByte(name, '_')+1:])
	s.servePhoto(w, r, number)
}

// Nebraska: found by county, twelve a page with a total in the text, ids of letters in both cases.

const neRows = 12

func neID(p Person) string { return fmt.Sprintf("%05dNe", p.ID) }

func (s *Site) neSearch(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var m markup
	if q.Get("SearchType") != "Region" {
		options := []object{}
		for _, c := range counties() {
			options = append(options, object{"Text": c.Name, "Value": c.Code})
		}
		data, _ := json.Marshal(options) // texts always encode
		page(w, `<form><select name="CountyId"></select></form><script>var county_options = `+string(data)+`;</script>`)
		return
	}
	n, _ := strconv.Atoi(q.Get("Page"))
	n = max(n, 1)
	people, total := s.found(r, func(p Person) bool { return p.at(q.Get("CountyId"), "") }, (n-1)*neRows, neRows)
	m.add(`<div id="results"><h2>Search results</h2>`)
	if total == 0 {
		m.add(`<p>No results found.</p>`)
	} else {
		m.add(`<p class="count">Results %d-%d of %d</p>`, (n-1)*neRows+1, (n-1)*neRows+len(people), total)
	}
	for _, p := range people {
		m.add(`<div class="card"><a href="/Registry/Offender/%s">%s %s</a><p>%s</p></div>`, shownID(r, neID(p)), p.First, p.Last, p.Addresses[0].Line())
	}
	m.add(`</div>`)
	page(w, m.String())
}

func (s *Site) neDetail(w http.ResponseWriter, r *http.Request) {
	p, ok := s.Person(idOf(r.PathValue("id"), 5))
	if !ok {
		http.NotFound(w, r)
		return
	}
	var m markup
	m.add(`<h1>%s</h1>`, strings.Join(slices.DeleteFunc([]string{p.First, p.Middle, p.Last, p.Suffix}, func(s string) bool { return s == "" }), " "))
	for _, photo := range p.Photos {
		m.add(`<img src="/Image/%d" alt="">`, photo.ID)
	}
	line := func(label, text string) { m.add(`<div class="info_line">%s: %s</div>`, label, text) }
	var aliases []string
	for _, a := range p.Aliases {
		aliases = append(aliases, a.First+" "+a.Last)
	}
	if len(aliases) > 0 {
		line("Alias(s)", strings.Join(aliases, "; "))
	}
	line("Date of Birth", usDate(p.Born))
	line("Sex", title(p.Sex))
	line("Race", p.Race)
	line("Height", fmt.Sprintf("%d' %d\"", p.Height/12, p.Height%12))
	line("Weight", fmt.Sprintf("%dlbs", p.Weight))
	line("Hair", p.Hair)
	line("Eyes", p.Eyes)
	line("Registration Duration", "25 years")
	m.add(`<h2>Addresses</h2><div id="addresses">`)
	for _, a := range p.Addresses {
		m.add(`<div class="address">%s<br>%s, %s %s</div>`, a.Line(), a.City, a.State, a.Zip)
	}
	m.add(`</div><h2>Schools</h2><div id="schools">None</div><h2>Vehicles</h2><div id="vehicles">None</div><h2>Sex Crime Conviction(s)</h2>`)
	for _, o := range p.Offenses {
		line("Crime", o.Description)
		line("Statute Number(s)", o.Statute)
		line("Jurisdiction", "Nebraska")
		line("Court", o.Court)
		line("Conviction Date", usDate(o.Convicted))
		line("Place of Crime", "Sample County, NE")
		line("Victim of Crime", map[bool]string{true: "Minor (under 18)", false: "Adult"}[o.Minor()])
	}
	page(w, m.String())
}

// North Dakota: a token, everybody on one page, cards chosen by their heading.

const ndToken = "sample-token"

// ndID is a GUID; the list prints it in upper case for every other registrant.
func ndID(p Person) string {
	return fmt.Sprintf("%08x-0000-4000-8000-%012d", p.ID, p.ID)
}

func (s *Site) ndSearch(w http.ResponseWriter, _ *http.Request) {
	page(w, `<form method="post" action="/offender/name-search"><input type="hidden" name="__RequestVerificationToken" value="`+ndToken+`"><input name="Search.FirstName"><input name="Search.LastName"></form>`)
}

func (s *Site) ndList(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("__RequestVerificationToken") != ndToken {
		http.Error(w, "the required anti-forgery token is missing", http.StatusBadRequest)
		return
	}
	people, _ := s.found(r, func(p Person) bool {
		return strings.HasPrefix(upper(p.Last), upper(r.PostFormValue("Search.LastName")))
	}, 0, s.Size())
	var m markup
	m.add(`<table id="tblOffender"><tr><th></th><th>Name</th><th>Birthdate</th><th>Address</th><th>Risk</th></tr>`)
	for _, p := range people {
		id := ndID(p)
		if p.ID%2 == 0 {
			id = strings.ToUpper(id)
		}
		m.add(`<tr><td></td><td><a href="/offender/details/%s">%s, %s</a></td><td>%d</td><td><address>%s</address></td><td>%s</td></tr>`,
			shownID(r, id), p.Last, p.First, p.Born.Year, p.Addresses[0].City, ndRisk(p))
	}
	m.add(`</table>`)
	page(w, m.String())
}

func ndRisk(p Person) string { return map[int]string{1: "Low", 2: "Moderate", 3: "High"}[p.Level] }

func (s *Site) ndDetail(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("guid")[:min(8, len(r.PathValue("guid")))], 16, 32)
	p, ok := s.Person(int(id))
	if !ok {
		http.NotFound(w, r)
		return
	}
	var m markup
	m.add(`<main><h1>Offender Details</h1>`)
	if len(p.Photos) > 0 {
		m.add(`<img id="primaryImgId" src="/photos/%d.JPG" alt="">`, p.Photos[0].ID)
	}
	card := func(heading string, body func()) {
		m.add(`<div class="card"><div class="card-header">%s</div><div class="card-body">`, heading)
		body()
		m.add(`</div></div>`)
	}
	pair := func(label, text string) { m.add(`<dt>%s</dt><dd>%s</dd>`, label, text) }
	card("Primary Information", func() {
		m.add(`<dl>`)
		pair("Name:", lastFirst(p))
		var aliases []string
		for _, a := range p.Aliases {
			aliases = append(aliases, upper(a.Last)+", "+upper(a.First))
		}
		pair("Aliases:", strings.Join(aliases, ";"))
		pair("Birthdate:", strconv.Itoa(p.Born.Year))
		pair("Sex:", upper(p.Sex))
		pair("Race:", upper(p.Race))
		pair("Height:", fmt.Sprintf("%d' %d\"", p.Height/12, p.Height%12))
		pair("Weight:", fmt.Sprintf("%d LBS", p.Weight))
		pair("Eye Color:", upper(p.Eyes))
		pair("Hair Color:", upper(p.Hair))
		pair("Skin:", "FAIR")
		pair("Risk Level:", upper(ndRisk(p)))
		pair("Registration Status:", upper(map[string]string{"Absconder": "Whereabouts Unknown"}[p.Status]+map[bool]string{true: p.Status}[p.Status != "Absconder"]))
		m.add(`</dl>`)
	})
	card("Residence Addresses", func() {
		for _, a := range p.Addresses {
			m.add(`<address>%s<br>%s, %s, %s<br>%s<br><a href="/offender/map-single/1">Show Map</a></address>`, upper(a.Line()), upper(a.City), a.State, a.Zip, upper(a.County))
		}
	})
	card("Qualifying Offense Information", func() {
		m.add(`<div class="list-group">`)
		for _, o := range p.Offenses {
			m.add(`<div class="list-group-item"><dl>`)
			pair("Offense:", upper(o.Description)+"; "+o.Statute)
			pair("Conviction Date:", usDate(o.Convicted))
			pair("Jurisdiction & State:", "SAMPLE COUNTY, ND")
			pair("Disposition:", upper(o.Sentence))
			m.add(`</dl></div>`)
		}
		m.add(`</div>`)
	})
	m.add(`</main>`)
	page(w, m.String())
}
