package samplesite

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"lineup/schemas"
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
	return map[string]string{"Registered": "COMPLIANT", "Incarcerated": "INCARCERATED", "Absconder": "ABSCONDED",
		"Non-Compliant": "NON COMP"}[p.Status]
}

func title(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// idPhoto finds the picture by the number that its file's name ends in.
func (s *Site) idPhoto(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimSuffix(r.PathValue("name"), ".jpg")
	number, _ := strconv.Atoi(name[strings.LastIndexByte(name, '_')+1:])
	s.servePhoto(w, r, number)
}
