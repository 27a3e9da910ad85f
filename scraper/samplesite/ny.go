package samplesite

import (
	"bytes"
	"html/template"
	"iter"
	"net/http"
	"strconv"
	"strings"
)

const nyBase = "/SomsSUBDirectory/"

// routesNY serves the New York shape: a result table, detail pages of label/value lists with
// charges below convictions, and a photo servlet.
func (s *Site) routesNY() {
	s.mux.HandleFunc("GET "+nyBase+"search_index.jsp", s.nySearch)
	s.mux.HandleFunc("GET "+nyBase+"offenderDetails.jsp", s.nyDetail)
	s.mux.HandleFunc("GET "+nyBase+"offenderDetailsServletOther", s.photoByQuery("imageid"))
}

// nySearch prints the form, or for offenderSubmit=true the one table of all rows that match.
func (s *Site) nySearch(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("offenderSubmit") != "true" {
		s.render(w, nyForm, counties())
		return
	}
	last, zip, county := strings.ToUpper(q.Get("LastName")), q.Get("Zip"), q.Get("County")
	found := func(yield func(Person) bool) {
		for p := range s.People() {
			if strings.HasPrefix(strings.ToUpper(p.Last), last) && p.At(county, zip) && !yield(p) {
				return
			}
		}
	}
	list := nyResult{Rows: found}
	for range found { // twice over, so that no list of everybody is in memory
		list.Count++
	}
	s.render(w, nyList, list)
}

// nyResult is what the result table prints.
type nyResult struct {
	Count int
	Rows  iter.Seq[Person]
}

func (s *Site) nyDetail(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.Atoi(r.URL.Query().Get("offenderid"))
	p, ok := s.Person(id)
	if !ok {
		http.Error(w, "The offender you are looking for is not in the Subdirectory.", http.StatusNotFound)
		return
	}
	var body bytes.Buffer
	if err := nyPage.Execute(&body, p); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	serveBytes(w, r, "text/html; charset=UTF-8", s.modified(id), body.Bytes())
}

// photoByQuery is a photo servlet: the picture's number stands in the query. Without a number
// that is known it answers with the picture for "no photo", as real ones do.
func (s *Site) photoByQuery(param string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get(param))
		s.servePhoto(w, r, n)
	}
}

func (s *Site) servePhoto(w http.ResponseWriter, r *http.Request, number int) {
	photo, id := Photo{File: "placeholder.jpg"}, number/10
	if p, ok := s.Person(id); ok {
		for _, has := range p.Photos {
			if has.ID == number {
				photo = has
			}
		}
	}
	data, err := photo.Bytes()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	serveBytes(w, r, "image/jpeg", s.modified(id), data)
}

func (s *Site) render(w http.ResponseWriter, t *template.Template, data any) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	if err := t.Execute(w, data); err != nil {
		s.opts.Logger.Error("render page", "template", t.Name(), "error", err)
	}
}

var pageFuncs = template.FuncMap{
	"upper": strings.ToUpper, "date": usDate, "kind": kindTitle,
	"feet":   func(in int) int { return in / 12 },
	"inches": func(in int) int { return in % 12 },
	"sex":    func(s string) string { return strings.ToUpper(s[:1]) + s[1:] },
	"nbsp":   func() template.HTML { return "&nbsp;" },
}

const nyHead = `<!DOCTYPE html>
<html lang="en"><head><meta charset="UTF-8"><title>Sex Offender Registry - sample, nobody is real</title></head>
<body><table class="banner"><tr><td>Sample registry: every person, place and offense is invented.</td></tr></table>
<div id="mainContent"><h1>Search Public Registry of Sex Offenders</h1>
`

var nyForm = template.Must(template.New("ny form").Funcs(pageFuncs).Parse(nyHead + `<form method="get" action="search_index.jsp">
<input type="hidden" name="offenderSubmit" value="true">
<label>Last Name <input name="LastName"></label>
<label>County <select name="County"><option value="">Select</option>{{range . -}}
<option value="{{.Code}}">{{.Name}}</option>{{end}}</select></label>
<label>Zip <input name="Zip"></label> <input type="submit" name="Submit" value="Search">
</form></div></body></html>
`))

var nyList = template.Must(template.New("ny list").Funcs(pageFuncs).Parse(nyHead +
	`{{if not .Count}}<p>There are no offenders that match the given criteria.</p>{{else}}<p>{{.Count}} offenders found</p>
<table class="results" border="1">
<tr><th>Offender Name</th><th>Risk Level</th><th>County</th><th>Zip</th></tr>
{{range .Rows}}<tr><td align="left"><a rel="nofollow"
href="/SomsSUBDirectory/offenderDetails.jsp?offenderid={{.ID}}&amp;lang=EN">{{upper .Last}}, {{upper .First}}</a></td>
<td>{{.Level}}</td>{{with index .Addresses 0}}<td>{{.County}}</td><td>{{.Zip}}</td>{{end}}</tr>
{{end}}</table>{{end}}
</div></body></html>
`))

var nyPage = template.Must(template.New("ny detail").Funcs(pageFuncs).Parse(nyHead + `<h2>Offender Details</h2>
{{define "pair"}}<li><span class="label">{{index . 0}}:</span> <span class="value">{{nbsp}}{{index . 1}}{{nbsp}}</span></li>{{end -}}
{{define "conviction"}}<ul class="conviction label-value">
<li><span class="label">Date of Crime:</span> <span class="value">{{nbsp}}{{date .Committed}}{{nbsp}}</span></li>
<li><span class="label">Date Convicted:</span> <span class="value">{{nbsp}}{{date .Convicted}}{{nbsp}}</span></li>
<li><span class="label">Victim Sex/Age:</span> <span class="value">{{nbsp}}{{.VictimSex}}, {{.VictimAge}} Years{{nbsp}}</span></li>
<li><span class="label">Arresting Agency:</span> <span class="value">{{nbsp}}{{.Agency}}{{nbsp}}</span></li>
<li><span class="label">Offense Descriptions:</span> <span class="value">{{nbsp}}{{.Description}}{{nbsp}}</span></li>
<li><span class="label">Relationship to Victim:</span> <span class="value">{{nbsp}}{{.Relationship}}{{nbsp}}</span></li>
<li><span class="label">Weapon Used:</span> <span class="value">{{nbsp}}No Weapon Used{{nbsp}}</span></li>
<li><span class="label">Force Used:</span> <span class="value">{{nbsp}}None{{nbsp}}</span></li>
<li><span class="label">Computer Used:</span> <span class="value">{{nbsp}}No{{nbsp}}</span></li>
<li><span class="label">Pornography Involved:</span> <span class="value">{{nbsp}}No{{nbsp}}</span></li>
<li><span class="label">Sentence:</span> <span class="value">{{nbsp}}{{.Sentence}}{{nbsp}}</span></li>
</ul>
<h4>Charges</h4>
{{range .Charges}}<ul class="charge label-value">
<li><span class="label">Title:</span> <span class="value">{{nbsp}}{{.Title}}{{nbsp}}</span></li>
<li><span class="label">Section:</span> <span class="value">{{nbsp}}{{.Section}}{{nbsp}}</span></li>
<li><span class="label">Subsection:</span> <span class="value">{{nbsp}}{{.Subsection}}{{nbsp}}</span></li>
<li><span class="label">Class:</span> <span class="value">{{nbsp}}{{.Class}}{{nbsp}}</span></li>
<li><span class="label">Category:</span> <span class="value">{{nbsp}}{{.Category}}{{nbsp}}</span></li>
<li><span class="label">Counts:</span> <span class="value">{{nbsp}}{{.Counts}}{{nbsp}}</span></li>
<li><span class="label">Description:</span> <span class="value">{{nbsp}}{{.Description}}{{nbsp}}</span></li>
</ul>
{{end}}{{end -}}
<ul class="somsTopTable nameyTable label-value">
<li><span class="label">Offender Id:</span> <span class="value">{{nbsp}}{{.ID}}{{nbsp}}</span></li>
<li><span class="label">Last Name:</span> <span class="value">{{nbsp}}{{.Last}}{{with .Suffix}} {{.}}{{end}}{{nbsp}}</span></li>
<li><span class="label">First Name:</span> <span class="value">{{nbsp}}{{.First}}{{nbsp}}</span></li>
<li><span class="label">Middle Name:</span> <span class="value">{{nbsp}}{{.Middle}}{{nbsp}}</span></li>
<li><span class="label">DOB:</span> <span class="value">{{nbsp}}{{date .Born}}{{nbsp}}</span></li>
<li><span class="label">Sex:</span> <span class="value">{{nbsp}}{{sex .Sex}}{{nbsp}}</span></li>
<li><span class="label">Risk Level:</span> <span class="value">{{nbsp}}{{.Level}}{{nbsp}}</span></li>
<li><span class="label">Designation:</span> <span class="value">{{nbsp}}{{or .Designation "Not Applicable"}}{{nbsp}}</span></li>
<li><span class="label">Race:</span> <span class="value">{{nbsp}}{{.Race}}{{nbsp}}</span></li>
<li><span class="label">Ethnicity:</span> <span class="value">{{nbsp}}{{.Ethnicity}}{{nbsp}}</span></li>
<li><span class="label">Height:</span> <span class="value">{{nbsp}}{{feet .Height}}' {{printf "%02d" (inches .Height)}}"{{nbsp}}</span></li>
<li><span class="label">Weight:</span> <span class="value">{{nbsp}}{{.Weight}}{{nbsp}}</span></li>
<li><span class="label">Hair:</span> <span class="value">{{nbsp}}{{.Hair}}{{nbsp}}</span></li>
<li><span class="label">Eyes:</span> <span class="value">{{nbsp}}{{.Eyes}}{{nbsp}}</span></li>
<li><span class="label">Corr. Lens:</span> <span class="value">{{nbsp}}NO{{nbsp}}</span></li>
{{if .Photos -}}
<li><span class="label">Photo Date:</span> <span class="value">{{nbsp}}{{with index .Photos 0}}{{date .Taken}}{{end}}{{nbsp -}}
</span></li>{{end}}
</ul>
{{range .Photos}}<div class="photo"><img src="/SomsSUBDirectory/offenderDetailsServletOther?imageid={{.ID}}"
alt="Photo taken {{date .Taken}}"></div>
{{end}}
<h3>Alias Names</h3>
{{range .Aliases}}<ul class="alias label-value">
<li><span class="label">Alias:</span> <span class="value">{{nbsp}}{{upper .Last}}, {{upper .First}}{{nbsp}}</span></li>
<li><span class="label">Alias DOB:</span> <span class="value">{{nbsp}}{{date .Born}}{{nbsp}}</span></li>
</ul>
{{else}}<p>None Reported</p>
{{end}}
<h3>Addresses</h3>
{{range .Addresses}}<ul class="address label-value">
<li><span class="label">Type:</span> <span class="value">{{nbsp}}{{kind .Kind}}{{nbsp}}</span></li>
<li><span class="label">County:</span> <span class="value">{{nbsp}}{{.County}}{{nbsp}}</span></li>
<li><span class="label">Address:</span> <span class="value">{{nbsp}}{{with .Facility}}{{.}}<br>{{end -}}
{{.Line}}<br>{{.City}}, {{.State}} {{.Zip}}{{nbsp -}}
</span> <a href="/map?zip={{.Zip}}">View Map</a></li>
</ul>
{{end}}
<h3>Current Conviction</h3>
{{range .Offenses}}{{if .Current}}{{template "conviction" .}}{{end}}{{end}}
<h3>Previous Conviction(s) Requiring Registration</h3>
{{$previous := false}}{{range .Offenses}}{{if not .Current}}{{$previous = true}}{{template "conviction" .}}{{end}}{{end -}}
{{if not $previous}}<p>None Reported</p>{{end}}
<h3>Scars/Marks/Tattoos</h3>
{{range .Marks -}}
<ul class="marks label-value"><li><span class="label">Mark:</span> <span class="value">{{nbsp}}{{.}}{{nbsp}}</span></li></ul>
{{else}}<p>None Reported</p>
{{end}}
<h3>Vehicles</h3>
{{range .Vehicles}}<ul class="vehicle label-value">
<li><span class="label">License Plate No.:</span> <span class="value">{{nbsp}}{{.Plate}}{{nbsp}}</span></li>
<li><span class="label">State:</span> <span class="value">{{nbsp}}{{.PlateState}}{{nbsp}}</span></li>
<li><span class="label">Vehicle Year:</span> <span class="value">{{nbsp}}{{.Year}}{{nbsp}}</span></li>
<li><span class="label">Make/Model:</span> <span class="value">{{nbsp}}{{.Make}} {{.Model}}{{nbsp}}</span></li>
<li><span class="label">Color:</span> <span class="value">{{nbsp}}{{.Color}}{{nbsp}}</span></li>
</ul>
{{else}}<p>None Reported</p>
{{end}}
<h3>Other Information</h3>
<ul class="other label-value">
<li><span class="label">Supervising Agency:</span> <span class="value">{{nbsp}}Notown Probation Office{{nbsp}}</span></li>
<li><span class="label">Police Agency Having Jurisdiction:</span> <span class="value">{{nbsp}}Notown Police Department{{nbsp}}</span></li>
</ul>
</div></body></html>
`))
