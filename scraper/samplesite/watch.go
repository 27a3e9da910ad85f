package samplesite

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// routesWatch serves the shape of OffenderWatch: terms to agree to, a list, and a page of tables within tables for each registrant.
func (s *Site) routesWatch() {
	s.mux.HandleFunc("GET /results.php", s.watchList)
	s.mux.HandleFunc("GET /cap_office_disclaimer.php", s.watchTerms)
	s.mux.HandleFunc("POST /cap_office_disclaimer.php", s.watchAgree)
	s.mux.HandleFunc("GET /offenderdetails.php", s.watchDetail)
	s.mux.HandleFunc("GET /pictures/{office}/{name}", func(w http.ResponseWriter, r *http.Request) {
		_, uuid, _ := strings.Cut(r.PathValue("name"), "-")
		s.servePhoto(w, r, uuidNumber(uuid))
	})
}

const (
	watchRows   = 10
	watchCookie = "accepted_license"
)

// watchFrame is what stands around every page of an office.
func watchFrame(w http.ResponseWriter, heading, body string) {
	page(w, `<table role="presentation"><tbody><tr><td><header><a href="/cap_main.php"><img src="/offices/54438/54438-8370.jpg" `+
		`alt="Registry"></a></header></td></tr>`+
		`<tr><td><main id="main-content"><h1 class="titleText">Offender Search: `+heading+`</h1><p></p>`+body+`</main></td></tr>`+
		`<tr><td><footer><a href="/cap_main.php">Home</a></footer></td></tr></tbody></table>`)
}

// watchTerms is the terms page, which says where it sends those who agree.
func (s *Site) watchTerms(w http.ResponseWriter, r *http.Request) {
	var m markup
	m.add(`<h1>Disclaimer</h1><form method="post" action=""><input type="hidden" name="fwd" value="%s"><input id="agree" type="checkbox" `+
		`name="agree" value="1">`+
		`<label for="agree">I agree to the above terms &amp; conditions.</label><input type="submit" name="continue" value="Continue"></form>`,
		r.URL.Query().Get("fwd"))
	page(w, m.String())
}

func (s *Site) watchAgree(w http.ResponseWriter, r *http.Request) {
	to, err := base64.StdEncoding.DecodeString(r.PostFormValue("fwd"))
	if err != nil || len(to) == 0 || r.PostFormValue("agree") != "1" || r.PostFormValue("continue") == "" {
		s.watchTerms(w, r)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: watchCookie, Value: base64.StdEncoding.EncodeToString([]byte(r.URL.Query().Get("office"))), Path: "/",
		HttpOnly: true})
	http.Redirect(w, r, string(to), http.StatusFound)
}

// watchOffice is the office that is asked for; those who did not agree to its terms are sent there.
func watchOffice(w http.ResponseWriter, r *http.Request) (office string, ok bool) {
	office = r.URL.Query().Get("AgencyID")
	cookie, err := r.Cookie(watchCookie)
	if err == nil && cookie.Value == base64.StdEncoding.EncodeToString([]byte(office)) {
		return office, true
	}
	http.Redirect(w, r, "/cap_office_disclaimer.php?office="+office+"&fwd="+base64.URLEncoding.EncodeToString([]byte(r.URL.RequestURI())),
		http.StatusFound)
	return office, false
}

func (s *Site) watchList(w http.ResponseWriter, r *http.Request) {
	office, ok := watchOffice(w, r)
	if !ok {
		return
	}
	n, _ := strconv.Atoi(r.URL.Query().Get("page"))
	n = max(n, 1)
	people, _ := s.found(r, func(Person) bool { return true }, (n-1)*watchRows, watchRows)
	var m markup
	m.add(`<table bgcolor="#CCCCCC"><tbody>`)
	for _, p := range people {
		link := "offenderdetails.php?OfndrID=" + strconv.Itoa(p.ID) + "&AgencyID=" + office
		m.add(`<tr><td></td><td><a href="%s"><img src="%s"></a></td><td></td><td></td><td><a href="%s">%s</a></td><td>%s</td></tr>`, link,
			watchPhoto(p, office), link, watchName(p.First, p.Middle, p.Last, p.Suffix), p.Addresses[0].City)
	}
	m.add(`</tbody></table>`)
	watchFrame(w, "Results", m.String())
}

// watchName is a name with its last name in capitals.
func watchName(first, middle, last, suffix string) string {
	return strings.Join(strings.Fields(first+" "+middle+" "+upper(last)+" "+upper(suffix)), " ")
}

func watchPhoto(p Person, office string) string {
	if len(p.Photos) == 0 {
		return "images/noimage.jpg"
	}
	return fmt.Sprintf("/pictures/%s/%d-%s.jpg", office, p.ID, uuidOf(p.Photos[0].ID))
}

func (s *Site) watchDetail(w http.ResponseWriter, r *http.Request) {
	office, ok := watchOffice(w, r)
	if !ok {
		return
	}
	id, _ := strconv.Atoi(r.URL.Query().Get("OfndrID"))
	p, ok := s.Person(id)
	if !ok {
		http.NotFound(w, r)
		return
	}
	name := watchName(p.First, p.Middle, p.Last, p.Suffix)
	var m markup
	m.add(`<table role="presentation"><tbody><tr><td valign="top"><div class="tabberlive"><ul class="tabbernav"><li><a href="#">Offender ` +
		`Details</a></li></ul>` +
		`<div class="tabbertab"><h2>Offender Details</h2><table><tbody><tr><td width="99%%" valign="top">`)
	m.add(`<table><tbody><tr><td><span class="nameTitle">Name:</span></td><td><span class="nameTitle">%s </span></td><td>`+
		`<strong>Registration #:</strong></td><td>%d</td></tr>`, name, p.ID)
	for i, a := range p.Aliases {
		m.add(`<tr><td><span class="nameTitle"><strong>%s</strong></span></td><td><span class="nameContent">%s </span></td></tr>`,
			map[bool]string{true: "Aliases:"}[i == 0], watchName(a.First, "", a.Last, ""))
	}
	m.add(`<tr><td><strong>Status:</strong></td><td>Active</td></tr><tr><td><strong>Level:</strong></td><td>Tier %d</td></tr></tbody>`+
		`</table><br>&nbsp;<table><tbody>`, p.Level)
	heading := func(text string) {
		m.add(`<tr><td colspan="4" class="sectionHeading"><span class="style2">%s</span></td></tr>`, text)
	}
	two := func(pairs ...string) {
		m.add(`<tr>`)
		for i := 0; i < len(pairs); i += 2 {
			m.add(`<td valign="top"><strong>• %s:</strong></td><td valign="top">%s</td>`, pairs[i], pairs[i+1])
		}
		m.add(`</tr>`)
	}
	heading("Physical Description")
	two("Age", fmt.Sprintf("%d \u00a0(DOB: %02d/%02d/%d)", referenceYear-p.Born.Year, p.Born.Month, p.Born.Day, p.Born.Year), "Height",
		fmt.Sprintf("%d'%02d''", p.Height/12, p.Height%12))
	two("Sex", letter(p.Sex), "Weight", strconv.Itoa(p.Weight)+"lbs")
	two("Race", p.Race, "Eyes", p.Eyes)
	two("Hair", p.Hair)
	m.add(`<tr><td valign="top"><strong>• Scars/Tattoos:</strong></td><td colspan="3">%s</td></tr>`, strings.Join(p.Marks, "\n , \n"))
	heading("Address")
	a := p.Addresses[0]
	m.add(`<tr><td colspan="2">%s<br> %s, %s %s&nbsp;</td><td colspan="2"><div class="webviewOnly"><strong>`+
		`<a href="offendermap.php?OfndrID=%d">View Map</a></strong></div></td></tr>`,
		upper(a.Line()), upper(a.City), a.State, a.Zip, p.ID)
	m.add(`<tr><td colspan="2"><a class="button cool" id="otherAddressesLink">Other Known Addresses</a></td></tr>`)
	heading("Offenses")
	for _, o := range p.Offenses {
		for _, pair := range [][2]string{{"Description:", o.Statute + " - " + upper(o.Description) + " View this statute"},
			{"Date Convicted:", usDate(o.Convicted)},
			{"Conviction State:", "Utah"}, {"\n Release Date:\n", usDate(o.Released)}, {"Details:", ""}, {"Counts:", "1"}} {
			m.add(`<tr><td valign="top"><strong><span class="offenseLabel">• %s</span></strong></td><td colspan="3">%s</td></tr>`, pair[0], pair[1])
		}
	}
	heading("Professional Licenses")
	m.add(`<tr><td colspan="4">EIN: 00-0000000 - Sample House LLC<br>&nbsp;</td></tr></tbody></table></td>`)
	m.add(`<td align="center"><img src="%s" alt="Offender photo"><br><div class="offenderName">%s </div><br>`+
		`<a href="tipcorrection.php?OfndrID=%d">Submit a tip</a>`+
		`<br><a href="register_offender.php?offid=%d">Register to track</a></td></tr></tbody></table></div>`, watchPhoto(p, office), name,
		p.ID, p.ID)
	m.add(`<div class="tabbertab tabbertabhide"><h2>Vehicles</h2><table role="table"><tbody><tr role="row"><td role="columnheader">` +
		`<strong>Plate</strong></td>` +
		`<td role="columnheader"><strong>Make</strong></td></tr><tr role="row"><td role="cell">XX 00000</td><td role="cell">Samplemobile</td>` +
		`</tr></tbody></table></div></div></td></tr></tbody></table>`)
	watchFrame(w, "Offender Details", m.String())
}
