package samplesite

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

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
		m.add(`<div class="card"><a href="/Registry/Offender/%s">%s %s</a><p>%s</p></div>`, shownID(r, neID(p)), p.First, p.Last,
			p.Addresses[0].Line())
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
	m.add(`<h1>%s</h1>`, strings.Join(slices.DeleteFunc([]string{p.First, p.Middle, p.Last, p.Suffix},
		func(s string) bool { return s == "" }), " "))
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
