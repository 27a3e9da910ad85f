package samplesite

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"lineup/schemas"
)

// routesAPI serves what answers in JSON: TN, IA and the map layers of DC, MT, MO and TN.
func (s *Site) routesAPI() {
	s.mux.HandleFunc("GET /api/search/{start}/{count}", s.tnSearch)
	s.mux.HandleFunc("GET /images/{name}", func(w http.ResponseWriter, r *http.Request) {
		id, _ := strconv.Atoi(strings.TrimSuffix(r.PathValue("name"), ".jpg"))
		s.serveCurrent(w, r, id)
	})
	s.mux.HandleFunc("GET /api/search/results.json", s.iaSearch)
	s.mux.HandleFunc("GET /api/registrant/{file}", s.iaRegistrant)
	s.mux.HandleFunc("GET /api/photo/photoimagebyid/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, _ := strconv.Atoi(r.PathValue("id"))
		s.servePhoto(w, r, id)
	})
	s.mux.HandleFunc("GET /resource/vc9r-bqvy.json", s.chicagoCount)
	s.mux.HandleFunc("GET /resource/vc9r-bqvy.csv", s.chicagoRows)
	s.mux.HandleFunc("POST /api/name-search", s.wiSearch)
	s.mux.HandleFunc("POST /api/offenderdetails/{id}", s.wiDetail)
	s.mux.HandleFunc("GET /api/image", s.photoByQuery("photoId"))
	s.mux.HandleFunc("GET /dcgis/rest/services/FEEDS/MPD/MapServer/20/query", s.layer(dcLayer, 1000))
	s.mux.HandleFunc("GET /lnWnvGNQtyvDCFPs/arcgis/rest/services/Montana_SVOR_Web/FeatureServer/0/query", s.layer(mtLayer, 2000))
	s.mux.HandleFunc("GET /arcgis/rest/services/NSOR/MapServer/7/query", s.layer(moLayer, 1000))
	s.mux.HandleFunc("GET /arcgis/rest/services/TBI_SEX_OFFENDER_REGISTRY/MapServer/0/query", s.layer(tnLayer, 1000))
}

func place(a Address) object {
	return object{"street": upper(a.Line()), "city": upper(a.City), "state": a.State, "zipcode": a.Zip, "county": upper(a.County)}
}

// listed are the ids of everybody listed, those of them that a page of the list shows.
func (s *Site) listed(from, count int) (people []Person, total int) {
	for p := range s.People() {
		if total >= from && total < from+count {
			people = append(people, p)
		}
		total++
	}
	return people, total
}

// tnSearch gives a page of the list as JSON text inside JSON; more than 100 silently become 10.
func (s *Site) tnSearch(w http.ResponseWriter, r *http.Request) {
	from, _ := strconv.Atoi(r.PathValue("start"))
	count, _ := strconv.Atoi(r.PathValue("count"))
	if count > 100 || count < 1 {
		count = 10
	}
	people, total := s.listed(from, count)
	results := []object{}
	for _, p := range people {
		aliases := []string{}
		for _, a := range p.Aliases {
			aliases = append(aliases, upper(a.Last)+", "+upper(a.First))
		}
		offenses := []object{}
		for _, o := range p.Offenses {
			offenses = append(offenses, object{"description": upper(o.Description), "tcacode": o.Statute,
				"offensedate": o.Committed.String() + "T00:00:00", "offensedatestr": usDate(o.Committed)})
		}
		employers := []object{}
		var secondary any
		for _, a := range p.Addresses[1:] {
			if a.Kind == "work" {
				employer := place(a)
				employer["employername"] = "SAMPLE EMPLOYER"
				employers = append(employers, employer)
			} else {
				secondary = place(a)
			}
		}
		image := ""
		if len(p.Photos) > 0 {
			image = "/images/" + strconv.Itoa(p.ID) + ".jpg"
		}
		results = append(results, object{"soid": strconv.Itoa(p.ID), "offender": object{
			"secta": object{"firstname": upper(p.First), "middlename": upper(p.Middle), "lastname": upper(p.Last), "suffix": upper(p.Suffix),
				"aliasnames": aliases,
				"dob":        usDate(p.Born), "sex": letter(p.Sex), "race": letter(p.Race), "height": feet100(p.Height),
				"weight": strconv.Itoa(p.Weight),
				"eye":    code(p.Eyes), "hair": code(p.Hair), "smts": append([]string{}, p.Marks...), "driverlicense": "SAMPLE"},
			"sectb": object{"primary": place(p.Addresses[0]), "secondary": secondary},
			"secte": object{"employers": employers},
			"sectf": object{"offenses": offenses},
			"secth": object{"statuscode": map[string]string{"Registered": "A", "Incarcerated": "II", "Absconder": "B",
				"Non-Compliant": "A"}[p.Status], "classification": "SEXUAL"},
			"sorimage": object{"url": image},
		}})
	}
	inner, err := json.Marshal(results)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, object{"hits": total, "searchresults": string(inner)})
}

func (s *Site) iaSearch(w http.ResponseWriter, r *http.Request) {
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	size, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
	size = min(max(size, 1), 100)
	people, total := s.listed((max(page, 1)-1)*size, size)
	records := []object{}
	for _, p := range people {
		records = append(records, object{"registrant": strconv.Itoa(p.ID), "first_name": upper(p.First), "last_name": upper(p.Last),
			"display_name": lastFirst(p)})
	}
	writeJSON(w, object{"results": total, "page": max(page, 1), "pages": (total + size - 1) / size, "onpage": len(records),
		"records": records})
}

func (s *Site) iaRegistrant(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.Atoi(strings.TrimSuffix(r.PathValue("file"), ".json"))
	p, ok := s.Person(id)
	if !ok {
		http.NotFound(w, r)
		return
	}
	a := p.Addresses[0]
	aliases, convictions := []object{}, []object{}
	for _, one := range p.Aliases {
		aliases = append(aliases, object{"first_name": upper(one.First), "middle_name": nil, "last_name": upper(one.Last), "suffix": nil})
	}
	for _, o := range p.Offenses {
		age := map[bool]string{true: "Child (0-13)", false: "Adult (18+)"}[o.Minor()]
		convictions = append(convictions, object{"conviction": o.Description, "iowa_code": o.Statute,
			"conviction_date": usDate(o.Convicted), "county": a.County, "vehicle_used": "0",
			"victims":        []object{{"age": age, "gender": upper(o.VictimSex)}},
			"registrant_age": strconv.Itoa(o.Committed.Year - p.Born.Year)})
	}
	photo, photos := "", []string{}
	for i := range p.Photos { // the current one, then the older ones
		photos = append(photos, "http://"+r.Host+"/api/photo/photoimagebyid/"+strconv.Itoa(p.Photos[i].ID))
		photo = photos[0]
	}
	writeJSON(w, object{"registrant": strconv.Itoa(p.ID), "oci": p.ID, "first_name": upper(p.First), "middle_name": upper(p.Middle),
		"last_name": upper(p.Last), "suffix": p.Suffix, "display_name": lastFirst(p), "birthdate": usDate(p.Born), "gender": upper(p.Sex),
		"race": p.Race, "height_inches": p.Height, "weight_pounds": p.Weight, "eye_color": p.Eyes, "hair_color": p.Hair, "skin_tone": "Fair",
		"skin_markings": append([]string{}, p.Marks...), "tier": strconv.Itoa(p.Level), "line_1": upper(a.Line()), "line_2": "",
		"city": upper(a.City), "state": schemas.StateName(a.State), "postal_code": a.Zip, "county": upper(a.County), "lat": degrees(a.Lat),
		"lon": degrees(a.Lon), "address": upper(a.Line()) + ", " + upper(a.City),
		"wanted":       map[bool]string{true: "1", false: "0"}[p.Status == "Absconder"],
		"last_changed": s.modified(id).Format("01/02/2006"), "residency_restriction": "0", "employment_restriction": "1",
		"exclusion_zones": "1", "victim_minors": 1, "victim_adults": 0, "victim_unknown": 0, "registrant_cluster": "1",
		"distance": "Not Available", "photo": photo, "photos": photos, "aliases": aliases, "convictions": convictions})
}

// chicago is a data set of an open-data portal (Socrata): blocks in the place of addresses, and no id.
var chicago = table{id: -1,
	columns: []string{"last", "first", "block", "gender", "race", "birth_date", "height", "weight", "victim_minor"},
	rows: func(p Person) (out [][]string) {
		for _, a := range p.Addresses {
			out = append(out, []string{upper(lastSuffix(p)), upper(p.First), a.Number + "XX " + upper(a.Street), upper(p.Sex), upper(p.Race),
				usDate(p.Born), feet100(p.Height), strconv.Itoa(p.Weight), yesNo(p.Offenses[0].Minor())})
		}
		return out
	}}

func (s *Site) chicagoCount(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("$select") != "count(*) as total" {
		http.Error(w, "want a count", http.StatusBadRequest)
		return
	}
	n := -1 // the header
	for range chicago.each(s, tableFault(r.Context())) {
		n++
	}
	writeJSON(w, []object{{"total": strconv.Itoa(n)}})
}

// chicagoRows answers with so many rows from one on; without an order it would give them in any.
func (s *Site) chicagoRows(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	from, _ := strconv.Atoi(q.Get("$offset"))
	count, err := strconv.Atoi(q.Get("$limit"))
	if err != nil || q.Get("$order") == "" {
		http.Error(w, "want a limit and an order", http.StatusBadRequest)
		return
	}
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	n := -1 // the header
	for row := range chicago.each(s, tableFault(r.Context())) {
		if n == -1 || n >= from && n < from+count {
			out.Write(row) // writing to memory does not fail
		}
		n++
	}
	out.Flush()
	serveBytes(w, r, "text/csv; charset=utf-8", s.lastChange(), b.Bytes())
}

// wiMost is how many people Wisconsin gives at once; of more it gives none and says so.
const wiMost = 240

// wiFails answers as Wisconsin's service does when it gives nobody.
func wiFails(w http.ResponseWriter, status int, what string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"data": null, "errorInfo": {"errorStatus": %q}}`, what)
}

func (s *Site) wiSearch(w http.ResponseWriter, r *http.Request) {
	var ask struct{ Last, First string }
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || ask.Last == "" {
		wiFails(w, http.StatusBadRequest, "A last name is required.")
		return
	}
	people, total := s.found(r, func(p Person) bool {
		return strings.HasPrefix(upper(p.Last), upper(ask.Last)) && strings.HasPrefix(upper(p.First), upper(ask.First))
	}, 0, wiMost)
	switch {
	case total == 0:
		wiFails(w, http.StatusNotFound, "Data not found.")
		return
	case total > wiMost:
		wiFails(w, http.StatusBadRequest, "Search generated more than 240 results. Enter additional criteria to narrow the search.")
		return
	}
	data := []object{}
	for _, p := range people {
		a := p.Addresses[0]
		data = append(data, object{"id": p.ID, "docNum": "WI-" + strconv.Itoa(p.ID), "fullName": lastFirst(p), "primaryResidence": object{
			"id": 1, "city": a.City, "county": a.County, "lat": degrees(a.Lat), "lon": degrees(a.Lon), "state": a.State, "street1": upper(a.Line()),
			"street2": nil, "street3": a.City + ", " + a.State + " " + a.Zip, "zip": a.Zip}})
	}
	writeJSON(w, object{"data": data})
}

func (s *Site) wiDetail(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.Atoi(r.PathValue("id"))
	p, ok := s.Person(id)
	if !ok {
		wiFails(w, http.StatusNotFound, "Data not found.")
		return
	}
	a := p.Addresses[0]
	aliases, offenses := []string{}, []object{}
	for _, one := range p.Aliases {
		aliases = append(aliases, upper(one.Last)+", "+upper(one.First))
	}
	for _, o := range p.Offenses {
		offenses = append(offenses, object{"convictionDate": o.Convicted.String() + " 00:00:00", "offenseCode": o.Statute,
			"offenseText": o.Description})
	}
	data := object{"offenderId": strconv.Itoa(p.ID), "docNum": "WI-" + strconv.Itoa(p.ID), "fullName": lastFirst(p), "gender": title(p.Sex),
		"race": p.Race,
		"age":  strconv.Itoa(referenceYear - p.Born.Year), "ethnicity": p.Ethnicity, "height": feetInches(p),
		"weight":   strconv.Itoa(p.Weight) + " lbs.",
		"eyeColor": upper(p.Eyes), "hairColor": upper(p.Hair), "aliases": aliases, "photoId": nil, "photoTaken": nil,
		"registrationStart": p.Registered.String() + " 00:00:00", "registrationEnd": "2060-01-01 00:00:00", "registrationTerm": "15 Years",
		"complianceStatus": strings.ToUpper(miCompliance(p)), "supervisionStatus": "Community supervision",
		"primary": object{"street": upper(a.Line()), "city": a.City, "county": a.County, "latitude": degrees(a.Lat), "longitude": degrees(a.Lon),
			"state": a.State, "zip": a.Zip},
		"verifiedNote": "Verified address", "mailResponse": "No", "offenses": offenses,
		"otherAddress": object{"label": "Office currently supervising offender:", "name": "FIELD SUPERVISOR",
			"address": object{"street1": "1 OFFICE ST",
				"city": "Notown", "state": "WI", "zip": "00009", "phone": "000-000-0000"}}}
	if len(p.Photos) > 0 {
		data["photoId"], data["photoTaken"] = strconv.Itoa(p.Photos[0].ID), p.Photos[0].Taken.String()+"T03:04"
	}
	writeJSON(w, object{"data": data})
}

// mapLayer is a layer of a map server: one feature an address.
type mapLayer struct {
	table
	point bool // coordinates stand in the geometry
}

// layer answers /query of a layer, at most size features at once.
func (s *Site) layer(l mapLayer, size int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		from, _ := strconv.Atoi(q.Get("resultOffset"))
		count, _ := strconv.Atoi(q.Get("resultRecordCount"))
		if count < 1 || count > size {
			count = size
		}
		if q.Get("returnCountOnly") == "true" {
			rows := -1 // the first is the header
			for range l.each(s, tableFault(r.Context())) {
				rows++
			}
			writeJSON(w, object{"count": max(rows, 0)})
			return
		}
		var header []string
		features, n, more := []object{}, -1, false
		for row := range l.each(s, tableFault(r.Context())) {
			if n++; n == 0 {
				header = row
				continue
			}
			if n-1 < from {
				continue
			}
			if len(features) == count {
				more = true
				break
			}
			features = append(features, l.feature(n, header, row, r.Host))
		}
		fields := []object{{"name": "OBJECTID"}}
		for _, name := range header {
			if name != "@x" && name != "@y" {
				fields = append(fields, object{"name": name})
			}
		}
		answer := object{"fields": fields, "features": features}
		if more {
			answer["exceededTransferLimit"] = true
		}
		writeJSON(w, answer)
	}
}

// numeric are the columns whose values are numbers in a layer's JSON.
var numeric = []string{"LATITUDE", "LONGITUDE", "LOCCOUNT", "LOC_ID", "sid", "seq_nbr", "DOB"}

// feature is row n; {host} in a cell is the host that the layer was asked at.
func (l mapLayer) feature(n int, header, row []string, host string) object {
	attributes, geometry := object{"OBJECTID": n}, object{}
	for i, name := range header {
		row[i] = strings.ReplaceAll(row[i], "{host}", host)
		number, err := strconv.ParseFloat(row[i], 64)
		switch {
		case name == "@x" || name == "@y":
			geometry[name[1:]] = number
		case row[i] == "":
			attributes[name] = nil
		case slices.Contains(numeric, name) && err == nil:
			attributes[name] = number
		default:
			attributes[name] = row[i]
		}
	}
	out := object{"attributes": attributes}
	if l.point {
		out["geometry"] = geometry
	}
	return out
}

var dcLayer = mapLayer{point: true, table: table{id: 0,
	columns: []string{"SEXOFFENDERCODE", "FIRSTNAME", "LASTNAME", "CLASSIFICATION", "TYPE", "BLOCKNAME", "@x", "@y"},
	rows: func(p Person) (out [][]string) {
		for _, a := range p.Addresses {
			kind := map[string]string{"home": "HOME", "work": "WORK", "inmate": "HOME"}[a.Kind]
			out = append(out, []string{"S-" + strconv.Itoa(p.ID), upper(p.First), upper(p.Last), map[int]string{2: "B", 3: "A"}[p.Level],
				kind,
				"100 BLOCK OF " + upper(a.Street), degrees(a.Lon), degrees(a.Lat)})
		}
		return out
	}}}

var mtLayer = mapLayer{table: table{id: -1,
	columns: []string{"PERS_SID", "LOC_ID", "NAME", "OFF_TYP", "TIER_LVL", "DESIGNATION", "NONCOMPLIANT", "ADDRESS", "CITY", "ZIP",
		"COUNTY", "LATITUDE", "LONGITUDE", "PHOTO_URL", "ALIAS_LAST_NAME_LIST", "LOCCOUNT", "ADDRESS_DESCR", "DETAIL_URL"},
	rows: func(p Person) (out [][]string) {
		var aliases []string
		for _, a := range p.Aliases {
			aliases = append(aliases, upper(a.Last))
		}
		for i, a := range p.Addresses {
			out = append(out, []string{strconv.Itoa(p.ID), strconv.Itoa(i + 1), lastFirst(p), "SEXUAL", strconv.Itoa(p.Level),
				p.Designation,
				map[bool]string{true: "Y"}[p.Status == "Non-Compliant"], upper(a.Line()), upper(a.City), a.Zip, upper(a.County), degrees(a.Lat),
				degrees(a.Lon),
				"http://{host}/images/" + strconv.Itoa(p.ID) + ".jpg", strings.Join(aliases, ";"), strconv.Itoa(len(p.Addresses)), "",
				"offender-details.aspx?RecordKey=" + strconv.Itoa(p.ID)})
		}
		return out
	}}}

var moLayer = mapLayer{point: true, table: table{id: -1,
	columns: []string{"sid", "seq_nbr", "name", "type", "address", "city", "state", "zip", "county", "@x", "@y"},
	rows: func(p Person) (out [][]string) {
		for i, a := range p.Addresses {
			kind := map[string]string{"home": "H", "work": "W", "inmate": "H"}[a.Kind]
			out = append(out, []string{strconv.Itoa(p.ID), strconv.Itoa(i + 1), lastFirst(p), kind, upper(a.Line()), upper(a.City), a.State,
				a.Zip, upper(a.County), degrees(a.Lon), degrees(a.Lat)})
		}
		return out
	}}}

var tnLayer = mapLayer{point: true, table: table{id: 0,
	columns: []string{"TID", "First_Name", "Middle_Name", "Last_Name", "DOB", "Sex", "Race", "Address", "City", "Zip", "County", "Tca1",
		"Tca2", "Tca3", "Tca4", "Tca5", "@x", "@y"},
	rows: func(p Person) (out [][]string) {
		for _, a := range p.Addresses {
			row := []string{"T" + strconv.Itoa(p.ID), upper(p.First), upper(p.Middle), upper(p.Last),
				strconv.FormatInt(p.Born.Start().UnixMilli(), 10),
				letter(p.Sex), letter(p.Race), upper(a.Line()), upper(a.City), a.Zip, upper(a.County)}
			for i := range 5 {
				text := ""
				if i < len(p.Offenses) {
					text = usDate(p.Offenses[i].Committed) + " " + p.Offenses[i].Statute + " " + upper(p.Offenses[i].Description)
				}
				row = append(row, text)
			}
			out = append(out, append(row, degrees(a.Lon), degrees(a.Lat)))
		}
		return out
	}}}
