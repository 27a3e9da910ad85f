package samplesite

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
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
	s.mux.HandleFunc("GET /dcgis/rest/services/FEEDS/MPD/MapServer/20/query", s.layer(dcLayer, 1000))
	s.mux.HandleFunc("GET /lnWnvGNQtyvDCFPs/arcgis/rest/services/Montana_SVOR_Web/FeatureServer/0/query", s.layer(mtLayer, 2000))
	s.mux.HandleFunc("GET /arcgis/rest/services/NSOR/MapServer/7/query", s.layer(moLayer, 1000))
	s.mux.HandleFunc("GET /arcgis/rest/services/TBI_SEX_OFFENDER_REGISTRY/MapServer/0/query", s.layer(tnLayer, 1000))
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	data, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Write(data)
}

type object = map[string]any

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
		records = append(records, object{"registrant": strconv.Itoa(p.ID), "first_name": upper(p.First), "last_name": upper(p.Last)})
	}
	writeJSON(w, object{"results": strconv.Itoa(total), "page": max(page, 1), "per_page": size, "records": records})
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
		convictions = append(convictions, object{"conviction": upper(o.Description), "iowa_code": o.Statute,
			"conviction_date": usDate(o.Convicted), "county": upper(a.County),
			"victims":        []object{{"age": strconv.Itoa(o.VictimAge), "gender": o.VictimSex[:1]}},
			"registrant_age": o.Committed.Year - p.Born.Year})
	}
	photo := ""
	if len(p.Photos) > 0 {
		photo = "http://" + r.Host + "/api/photo/photoimagebyid/" + strconv.Itoa(p.Photos[0].ID)
	}
	writeJSON(w, object{"registrant": strconv.Itoa(p.ID), "oci": "S", "isor_number": "S" + strconv.Itoa(p.ID),
		"first_name": upper(p.First), "middle_name": upper(p.Middle),
		"last_name": upper(p.Last), "suffix": p.Suffix, "birthdate": usDate(p.Born), "gender": strings.ToUpper(p.Sex[:1]) + p.Sex[1:],
		"race":          p.Race,
		"height_inches": p.Height, "weight_pounds": p.Weight, "eye_color": p.Eyes, "hair_color": p.Hair, "skin_tone": "Fair",
		"skin_markings": append([]string{}, p.Marks...), "tier": strconv.Itoa(p.Level), "line_1": upper(a.Line()), "line_2": "",
		"city": upper(a.City), "state": a.State,
		"postal_code": a.Zip, "county": upper(a.County), "lat": a.Lat, "lon": a.Lon, "wanted": p.Status == "Absconder",
		"last_changed": s.modified(id).Format("2006-01-02T15:04:05"), "residency_restriction": true, "employment_restriction": false,
		"exclusion_zone": false,
		"photo":          photo, "aliases": aliases, "convictions": convictions})
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
			features = append(features, l.feature(n, header, row))
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
var numeric = []string{"PERS_SID", "LATITUDE", "LONGITUDE", "LOCCOUNT", "LOC_ID", "sid", "seq_nbr", "DOB"}

func (l mapLayer) feature(n int, header, row []string) object {
	attributes, geometry := object{"OBJECTID": n}, object{}
	for i, name := range header {
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

func degrees(f float64) string { return strconv.FormatFloat(f, 'f', 4, 64) }

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
			out = append(out, []string{strconv.Itoa(p.ID), strconv.Itoa(i + 1), lastFirst(p), "Sexual", strconv.Itoa(p.Level),
				p.Designation,
				map[bool]string{true: "Y"}[p.Status == "Non-Compliant"], upper(a.Line()), upper(a.City), a.Zip, upper(a.County), degrees(a.Lat),
				degrees(a.Lon),
				"/images/" + strconv.Itoa(p.ID) + ".jpg", strings.Join(aliases, ";"), strconv.Itoa(len(p.Addresses)), "",
				"https://registry.example/" + strconv.Itoa(p.ID)})
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
