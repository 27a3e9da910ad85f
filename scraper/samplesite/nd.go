package samplesite

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

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
			m.add(`<address>%s<br>%s, %s, %s<br>%s<br><a href="/offender/map-single/1">Show Map</a></address>`, upper(a.Line()), upper(a.City),
				a.State, a.Zip, upper(a.County))
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
