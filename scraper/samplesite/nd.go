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
	page(w, `<form method="post" action="/offender/name-search"><input type="hidden" name="__RequestVerificationToken" value="`+ndToken+
		`"><input name="Search.FirstName"><input name="Search.LastName"></form>`)
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
		pair("Registration Status:", upper(map[string]string{"Absconder": "Whereabouts Unknown"}[p.Status]+
			map[bool]string{true: p.Status}[p.Status != "Absconder"]))
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

// namedPhoto serves the photo whose number the file's name begins with.
func (s *Site) namedPhoto(w http.ResponseWriter, r *http.Request) {
	number, _, _ := strings.Cut(strings.TrimSuffix(r.PathValue("name"), ".jpg"), "_")
	id, _ := strconv.Atoi(number)
	s.servePhoto(w, r, id)
}

// South Dakota: everybody at once for an empty JSON object, one row an address.

func (s *Site) sdSearch(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, "unsupported media type", http.StatusUnsupportedMediaType)
		return
	}
	people, _ := s.found(r, func(Person) bool { return true }, 0, s.Size())
	rows := []object{}
	for _, p := range people {
		var image, taken any
		if len(p.Photos) > 0 {
			image, taken = strconv.Itoa(p.Photos[0].ID)+".jpg", plainDate(p.Photos[0].Taken)
		}
		for _, a := range p.Addresses {
			rows = append(rows, object{"Id": p.ID,
				"FullName":  upper(strings.Join(strings.Fields(p.First+" "+p.Middle+" "+p.Last+" "+p.Suffix), " ")),
				"FirstName": p.First, "LastName": p.Last, "DateOfBirth": plainDate(p.Born), "Address": a.Line(), "City": a.City, "ZipCode": a.Zip,
				"County": a.County, "Latitude": a.Lat, "Longitude": a.Lon, "IsInJail": p.Status == "Incarcerated", "ImageFileName": image,
				"ImageDate": taken, "Ori": nil, "LatLng": []float64{a.Lat, a.Lon}})
		}
	}
	writeJSON(w, object{"Total": len(rows), "Results": rows})
}

// Minnesota's Department of Corrections: two groups, each a list in JSON; who is of both stands in both. A page for each registrant,
// with the addresses of photos as Windows writes them.

// mnGroups are the groups a registrant is of.
func mnGroups(p Person) string { return []string{"10", "11", "10 11"}[p.ID%3] }

func (s *Site) mnGroup(w http.ResponseWriter, r *http.Request) {
	group := r.URL.Query().Get("Group")
	people, _ := s.found(r, func(p Person) bool { return group != "" && strings.Contains(mnGroups(p), group) }, 0, s.Size())
	rows := []object{}
	for _, p := range people {
		rows = append(rows, object{"id": p.ID, "OffenderName": strings.TrimSpace(p.Last + ", " + p.First + " " + p.Middle + " " + p.Suffix),
			"MoveDate": "/Date(1659243600000)/"})
	}
	writeJSON(w, rows)
}

func (s *Site) mnDetail(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	id, _ := strconv.Atoi(q.Get("OID"))
	p, ok := s.Person(id)
	if !ok || !strings.Contains(mnGroups(p), q.Get("Group")) {
		http.NotFound(w, r)
		return
	}
	var m markup
	m.add(`<div id="wrapper"><div><h3 class="pageHeader">%s, %s</h3></div>`, p.Last, p.First)
	if len(p.Photos) > 0 {
		m.add(`<img alt="Mugshot Front" src="Images\%d_f.jpg">`, p.Photos[0].ID)
	}
	if len(p.Photos) > 1 {
		m.add(`<img alt="Mugshot Side" src="Images\%d_s.jpg">`, p.Photos[1].ID)
	}
	line := func(label, html string) {
		m.add(`<div class="row vMiddle noBorder"><div class="fixedWidthLabel"><span class="fontBold">%s</span></div>`+
			`<div class="td vMiddle"><span class="displayText">`, label)
		m.WriteString(html)
		m.add(`</span></div></div>`)
	}
	text := func(label, value string) {
		var v markup
		v.add(`%s`, value)
		line(label, v.String())
	}
	block := func() { m.add(`</div><div class="grayBorder">`) }
	m.add(`<div class="grayBorder">`)
	text("Birth Date", usDate(p.Born))
	text("Race/Ethnicity", p.Race+"/"+p.Ethnicity)
	text("Skin Tone", "Fair")
	text("Hair Color", p.Hair)
	text("Eye Color", p.Eyes)
	text("Height", fmt.Sprintf("%d' %d\"", p.Height/12, p.Height%12))
	text("Weight", strconv.Itoa(p.Weight)+" lbs.")
	text("Build", "Medium")
	o, a := p.Offenses[0], p.Addresses[0]
	block()
	text("Release Date", usDate(o.Released))
	block()
	text("Offense Statute(s)", o.Statute)
	block()
	text("Offense Information", o.Description)
	block()
	text("Address County", a.County)
	var address, names markup
	address.add(`%s<br>%s, %s %s`, a.Line(), a.City, a.State, a.Zip)
	block()
	line("Registered Address", address.String())
	block()
	text("Law Enforcement Agency", "Sample County Sheriff")
	for i, alias := range p.Aliases {
		if i > 0 {
			names.add(`<br>`)
		}
		names.add(`%s %s`, upper(alias.First), upper(alias.Last))
	}
	if len(p.Aliases) > 0 {
		block()
		line("Also Known As Names", names.String())
	}
	m.add(`</div></div>`)
	page(w, m.String())
}
