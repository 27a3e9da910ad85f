package samplesite

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"lineup/scraper/samplesite/people"
)

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
	for _, t := range people.Towns {
		m.add(`<option value="%s">%s</option>`, t.Zip, t.Zip)
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
		m.add(`<tr><td id="nam_field"><a href="SOR?id=%d">%s</a></td><td id="kno_field">%s</td><td id="adr_field">%s</td>`+
			`<td id="cty_field">%s</td><td id="cty_field">%s</td><td id="zip_field">%s</td><td id="sts_field">%s</td></tr>`,
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

func idStatus(p Person) string {
	return map[string]string{"Registered": "COMPLIANT", "Incarcerated": "INCARCERATED", "Absconder": "ABSCONDED",
		"Non-Compliant": "NON COMP"}[p.Status]
}

// idPhoto finds the picture by the number that its file's name ends in.
func (s *Site) idPhoto(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimSuffix(r.PathValue("name"), ".jpg")
	number, _ := strconv.Atoi(name[strings.LastIndexByte(name, '_')+1:])
	s.servePhoto(w, r, number)
}

// Nebraska: found by county, twelve a page with a total in the text, ids of letters in both cases.

const neRows = 12

func neID(p Person) string { return fmt.Sprintf("%05dNe", p.ID) }

// neRegions is the search page: its drop-down list of counties is made by a script.
func (s *Site) neRegions(w http.ResponseWriter, _ *http.Request) {
	options := []object{}
	for _, c := range counties() {
		options = append(options, object{"Text": c.Name, "Value": c.Code})
	}
	data, _ := json.Marshal(options) // texts always encode
	page(w, `<input id="CountyId"/><script>kendo.syncReady(function(){jQuery("#CountyId").kendoDropDownList({"dataSource":`+string(data)+
		`,"dataTextField":"Text","filter":"contains","dataValueField":"Value"});});</script>`)
}

func (s *Site) neSearch(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var m markup
	n, _ := strconv.Atoi(q.Get("Page"))
	n = max(n, 1)
	people, total := s.found(r, func(p Person) bool { return p.At(q.Get("CountyId"), "") }, (n-1)*neRows, neRows)
	if total == 0 {
		m.add(`<div>No results found</div>`)
	} else {
		m.add(`<div>Showing results %d - %d of %d | `, (n-1)*neRows+1, (n-1)*neRows+len(people), total)
		for i := range (total + neRows - 1) / neRows {
			m.add(`<a href="/Registry/Search?SearchType=Region&amp;CountyId=%s&amp;Page=%d">%d</a> `, q.Get("CountyId"), i+1, i+1)
		}
		m.add(`</div>`)
	}
	for _, p := range people {
		m.add(`<div class="result"><h2>%s %s</h2><a href="/Registry/Offender/%s">View Details</a> `+
			`<a href="/Subscriptions/SubscribeToOffender?offenderId=%d">Notify Me</a></div>`, p.First, p.Last, shownID(r, neID(p)), p.ID)
	}
	page(w, m.String())
}

func (s *Site) neDetail(w http.ResponseWriter, r *http.Request) {
	p, ok := s.Person(idOf(r.PathValue("id"), 5))
	if !ok {
		http.NotFound(w, r)
		return
	}
	var m markup
	m.add(`<h1 class="page-title">%s</h1>`, strings.Join(slices.DeleteFunc([]string{p.First, p.Middle, p.Last, p.Suffix},
		func(s string) bool { return s == "" }), " "))
	for _, photo := range p.Photos {
		m.add(`<img src="/Image/%d" alt="">`, photo.ID)
	}
	line := func(label, text string) { m.add(`<div class="info_line"><span>%s:</span>%s</div>`, label, text) }
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
	line("Weight", fmt.Sprintf("%d lbs", p.Weight))
	line("Hair", p.Hair)
	line("Eyes", p.Eyes)
	line("Registration Duration", "25 years")
	m.add(`<div id="addresses">`)
	for _, a := range p.Addresses {
		kind := map[string]string{"home": "Physical/Main Address", "work": "Work Address", "inmate": "Physical/Main Address"}[a.Kind]
		m.add(`<div class="address">%s<br />%s<br />%s, %s %s<br />%s<br /><span> County</span><br /><span> Address Reported On:</span> %s</div>`,
			kind, a.Line(), a.City, a.State, a.Zip, a.County, usDate(a.Reported))
	}
	m.add(`</div><div id="schools"><em>Offender attending:</em><div><em>No schools listed</em></div></div><div id="vehicles"></div>` +
		`<h2>Sex Crime Conviction(s)</h2>`)
	for _, o := range p.Offenses {
		m.add(`<hr />`)
		line("Crime", o.Description)
		line("Statute Number(s)", o.Statute)
		line("Jurisdiction", "Nebraska")
		line("Court", o.Court)
		line("Conviction Date", usDate(o.Convicted))
		line("Place of Crime", "Sample County, NE")
		line("Victim of Crime", map[bool]string{true: "Minor", false: "Adult"}[o.Minor()])
	}
	m.add(`<hr /><div class="info"><p>This public notification is to inform you that the following person is registered.</p></div>`)
	page(w, m.String())
}
func (s *Site) routesCards() {
	s.mux.HandleFunc("GET /homes/sor_directory/{page}", s.guList)
	s.mux.HandleFunc("GET /uploads/offenders/thumbs/{name}", func(w http.ResponseWriter, r *http.Request) {
		number, _, _ := strings.Cut(r.PathValue("name"), " ")
		id, _ := strconv.Atoi(number)
		s.servePhoto(w, r, id)
	})
}

const guRows = 10

// guList goes on beyond its end with pages of nobody.
func (s *Site) guList(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(strings.TrimPrefix(r.PathValue("page"), "page:"))
	if err != nil || n < 1 {
		http.NotFound(w, r)
		return
	}
	people, _ := s.found(r, func(Person) bool { return true }, (n-1)*guRows, guRows)
	var m markup
	m.add(`<nav><a href="/homes/sor_directory">Directory</a></nav><main>`)
	for _, p := range people {
		m.add(`<article><h2 class="post-title"><a href="/homes/sor_directory_details/%s">%s</a></h2>`, shownID(r, fmt.Sprintf("GU-%d", p.ID)),
			lastFirst(p))
		if len(p.Photos) > 0 { // the names of the pictures have blanks and commas
			m.add(`<img src="/uploads/offenders/thumbs/%d %s, %s.jpg" alt="">`, p.Photos[0].ID, p.Last, p.First)
		}
		m.add(`<div><strong>Offender Status:</strong> %s</div><ul>`, map[string]string{"Registered": "Active", "Absconder": "Absconder",
			"Incarcerated": "Incarcerated", "Non-Compliant": "Non-Compliant"}[p.Status])
		m.add(`<li><strong>Level:</strong> %s</li><li><strong>Date of Birth:</strong> %s</li><li><strong>Ethnicity:</strong> %s</li></ul>`,
			strconv.Itoa(p.Level), usDate(p.Born), upper(p.Ethnicity))
		var offenses []string
		for _, o := range p.Offenses {
			offenses = append(offenses, upper(o.Description))
		}
		m.add(`<div class="contxt1">%s</div></article>`, strings.Join(offenses, "; "))
	}
	m.add(`</main>`)
	page(w, m.String())
}
