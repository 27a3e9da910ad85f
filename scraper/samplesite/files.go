package samplesite

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"lineup/schemas"
	"lineup/scraper/samplesite/people"
)

// routesFiles serves the bulk files: GA, OR, FL, MO, NC and TX.
func (s *Site) routesFiles() {
	s.mux.HandleFunc("GET /SORT_PUBLIC/sor.csv", s.serveCSV(gaTable, "", nil))
	s.mux.HandleFunc("GET /sorpublicapi/api/offenders.csv", s.serveCSV(orTable, "", latin1))
	s.mux.HandleFunc("GET /offender/publicDataFile.jsf", func(w http.ResponseWriter, r *http.Request) {
		s.serveCSV(flTable("http://"+r.Host), "\ufeff", nil)(w, r)
	})
	s.mux.HandleFunc("GET /offender/CallImage", s.photoByQuery("imgID"))
	s.mux.HandleFunc("GET /MSHPWeb/PatrolDivisions/CRID/SOR/msor.zip", s.serveZIP(writeXLSX, ".xlsx", moMain, moAlias, moOffense))
	s.mux.HandleFunc("GET /stats.aspx", s.ncStatistics)
	s.mux.HandleFunc("POST /stats.aspx", s.serveZIP(writeFixed, ".txt", ncTables...))
	s.mux.HandleFunc("GET /photo.aspx", s.photoOfPerson("srn"))
	s.mux.HandleFunc("GET /PublicSite/Account/Login", s.txLogin)
	s.mux.HandleFunc("POST /PublicSite/Account/Login", s.txEnter)
	s.mux.HandleFunc("GET /PublicSite/Home/Export", s.serveZIP(writeBulk, "", txFiles()...))
	s.mux.HandleFunc("GET /PublicSite/Search/Rapsheet/Photo", s.photoByQuery("photoId"))
}

var gaTable = table{
	columns: strings.Split("NAME,SEX,RACE,YEAR OF BIRTH,HEIGHT,WEIGHT,EYE COLOR,HAIR COLOR,STREET NUMBER,STREET,CITY,STATE,ZIP "+
		"CODE,COUNTY,REGISTRATION DATE,CRIME,CONVICTION DATE,CONVICTION STATE,INCARCERATED,PREDATOR,ABSCONDER,RES VERIFICATION "+
		"DATE,LEVELING", ","),
	id: -1,
	rows: func(p Person) (out [][]string) {
		a := p.Addresses[0]
		for _, o := range p.Offenses {
			out = append(out, []string{lastFirst(p), upper(p.Sex), upper(p.Race), strconv.Itoa(p.Born.Year), feet100(p.Height),
				strconv.Itoa(p.Weight),
				code(p.Eyes), code(p.Hair), a.Number, upper(a.Street), upper(a.City), a.State, a.Zip, upper(a.County), usDate(p.Registered),
				upper(o.Description), usDate(o.Convicted), "GEORGIA", flag(p.Status == "Incarcerated", "INCARCERATED"),
				flag(p.Designation == "Sexual Predator", "PREDATOR"), flag(p.Status == "Absconder", "ABSCONDER"), usDate(p.Verified),
				"LEVEL " + strconv.Itoa(p.Level)})
		}
		return out
	},
}

var orTable = table{
	columns: strings.Split("First Name,Middle Name,Last Name,Suffix,Date of Birth,Height,Weight,Hair,Eyes,"+
		"Residence Street Address,Residence Apartment Number/Suite Number,Residence City,Residence State,Residence Zip,Residence "+
		"County,Offender Status Code(s)", ","),
	id: -1,
	rows: func(p Person) [][]string {
		a := p.Addresses[0]
		status := "SEX OFFENDER REGISTRATION" + map[string]string{"Incarcerated": ", PRISON - INCARCERATED",
			"Absconder":     ", NON-COMPLIANT - ADDRESS",
			"Non-Compliant": ", NON-COMPLIANT - ANNUAL"}[p.Status]
		return [][]string{{p.First, p.Middle, p.Last, p.Suffix, usDate(p.Born), feet100(p.Height), strconv.Itoa(p.Weight), code(p.Hair),
			code(p.Eyes),
			a.Line(), "", a.City, a.State, a.Zip, a.County, status}}
	},
}

func flTable(base string) table {
	columns := strings.Split("PERSON_NBR,FIRST_NAME,MIDDLE_NAME,LAST_NAME,SUFFIX_NAME,BIRTH_DATE,SEX,RACE,HEIGHT,WEIGHT,EYE_COLOR,HAIR,STATUS",
		",")
	for _, set := range []string{"PERM", "TEMP", "TRANS"} {
		for _, name := range []string{"ADDRESS_LINE_1", "ADDRESS_LINE_2", "CITY", "STATE", "ZIP5", "ZIP4", "COUNTY", "DATE_ADDED"} {
			columns = append(columns, set+"_"+name)
		}
	}
	return table{columns: append(columns, "IMAGE_URL"), id: 0, rows: func(p Person) [][]string {
		a := p.Addresses[0]
		status := map[string]string{"Registered": "RELEASED - SUBJECT TO REGISTRATION", "Incarcerated": "CONFINEMENT",
			"Absconder":     "ABSCONDED",
			"Non-Compliant": "RELEASED - SUBJECT TO REGISTRATION"}[p.Status]
		row := []string{strconv.Itoa(p.ID), upper(p.First), upper(p.Middle), upper(p.Last), upper(p.Suffix), usDate(p.Born), letter(p.Sex),
			letter(p.Race),
			feet100(p.Height), strconv.Itoa(p.Weight), code(p.Eyes), code(p.Hair), status,
			a.Line(), "", a.City, a.State, a.Zip, "", a.County, usDate(a.Reported)}
		row = append(row, make([]string, 16)...)
		image := ""
		if len(p.Photos) > 0 {
			image = base + "/offender/CallImage?imgID=" + strconv.Itoa(p.Photos[0].ID)
		}
		return [][]string{append(row, image)}
	}}
}

var moMain = table{name: "msor",
	columns: []string{"Name", "Address", "City", "St", "Zip", "County", "Offense", "Count", "Compliant", "Tier", "Date of Birth"}, id: -1,
	rows: func(p Person) (out [][]string) {
		a := p.Addresses[0]
		letter := map[string]string{"Registered": "Y", "Incarcerated": "I", "Absconder": "A", "Non-Compliant": "N"}[p.Status]
		for _, o := range p.Offenses {
			out = append(out, []string{lastFirst(p), upper(a.Line()), upper(a.City), a.State, a.Zip, upper(a.County), upper(o.Description),
				strconv.Itoa(o.Charges[0].Counts), letter, strconv.Itoa(p.Level), slashed(p.Born)})
		}
		return out
	}}

var moAlias = table{name: "msor_alias", columns: []string{"Name", "Address", "City", "St", "Zip", "County", "Compliant", "Tier",
	"Date of Birth"}, id: -1,
	rows: func(p Person) (out [][]string) {
		a := p.Addresses[0]
		for _, alias := range p.Aliases {
			out = append(out, []string{upper(alias.First) + " " + upper(alias.Last), upper(a.Line()), upper(a.City), a.State, a.Zip,
				upper(a.County), "Y", strconv.Itoa(p.Level), slashed(p.Born)})
		}
		return out
	}}

var moOffense = table{name: "msor_offense", id: -1,
	columns: []string{"Name", "Address", "City", "St", "Zip", "County", "Offense", "Offense City", "Offense State", "Victim Gender",
		"Victim Age", "Victim Max Age", "Compliant", "Tier", "Date of Birth", "Offense Date", "Conviction Date", "Confinement Release Date",
		"Probation/Parole Release Date", "Offender Age at Time of Offense"},
	rows: func(p Person) (out [][]string) {
		a := p.Addresses[0]
		for _, o := range p.Offenses {
			out = append(out, []string{lastFirst(p), upper(a.Line()), upper(a.City), a.State, a.Zip, upper(a.County), upper(o.Description),
				"NOTOWN", "MO", o.VictimSex[:1], strconv.Itoa(o.VictimAge), ".", "Y", strconv.Itoa(p.Level), slashed(p.Born),
				slashed(o.Committed), slashed(o.Convicted), slashed(o.Released), "", "30"})
		}
		return out
	}}

// slashed is a day as Missouri writes it: 1984/01/02.
func slashed(d schemas.Date) string { return strings.ReplaceAll(d.String(), "-", "/") }

// srn is a registration number of North Carolina's kind.
func srn(p Person) string { return fmt.Sprintf("%06dS%d", p.ID, p.ID%10) }

var ncTables = []table{
	{name: "Public Individual Information", id: 0, columns: []string{"SexRegistrationNumber", "FullName", "Race", "Sex", "Height", "Weight",
		"EyeColor", "HairColor", "DepartmentofCorrectionNumber", "RegistrationType", "PublicRegistrationTypeDescription", "PendingSourceCode",
		"PendingSourceCodeDescription", "RegistrationDate", "AddressLine1", "AddressLine2", "City", "State", "Zip", "CountyName",
		"PrimaryBirthDate"},
		rows: func(p Person) [][]string {
			a := p.Addresses[0]
			return [][]string{{srn(p), strings.Replace(lastFirst(p), ", ", ",", 1), p.Race, p.Sex, feet100(p.Height), strconv.Itoa(p.Weight),
				p.Eyes, p.Hair, "", "R1", "SEX OFFENDER", "", "", p.Registered.String(), upper(a.Line()), "", upper(a.City), a.State, a.Zip,
				upper(a.County), p.Born.String()}}
		}},
	{name: "Public Name Information", id: 0, columns: []string{"SexRegistrationNumber", "FullName"},
		rows: func(p Person) (out [][]string) {
			for _, a := range p.Aliases {
				out = append(out, []string{srn(p), upper(a.First) + " " + upper(a.Last)})
			}
			return out
		}},
	{name: "Public Address Information", id: 0, columns: []string{"SexRegistrationNumber", "AddressDate", "VerifyDate", "AddressLine1",
		"AddressLine2", "City", "State", "Zip", "CountyName"},
		rows: func(p Person) (out [][]string) {
			for _, a := range p.Addresses {
				out = append(out, []string{srn(p), a.Reported.String(), p.Verified.String(), upper(a.Line()), "", upper(a.City), a.State, a.Zip,
					upper(a.County)})
			}
			return out
		}},
	{name: "Public Offense Information", id: 0, columns: []string{"SexRegistrationNumber", "RegistrationDate", "ReleaseDate",
		"ConvictionDate", "NCGeneralStatute", "NCGeneralStatuteDescription", "ConfinementSentence", "ProbationSentence", "CountyName",
		"AOCCourtCountyIdentifier", "ConvictionCountyName", "ConvictionState", "OffenseQualifierDescription", "AggravatedOffenseDescription",
		"OffenseDate", "VictimAge", "OffenseKey"},
		rows: func(p Person) (out [][]string) {
			for i, o := range p.Offenses {
				out = append(out, []string{srn(p), p.Registered.String(), o.Released.String(), o.Convicted.String(), o.Statute,
					upper(o.Description), upper(o.Sentence), "", "SAMPLE", "01", "SAMPLE", "NC", "", "", o.Committed.String(),
					strconv.Itoa(o.VictimAge), strconv.Itoa(i + 1)})
			}
			return out
		}},
	{name: "Public Violation Information", id: 0, columns: []string{"SexRegistrationNumber", "ViolationType", "ViolationDescription"},
		rows: func(Person) [][]string { return nil }},
	{name: "Public BirthDate Information", id: 0, columns: []string{"SexRegistrationNumber", "BirthDate"},
		rows: func(p Person) [][]string { return [][]string{{srn(p), p.Born.String()}} }},
	{name: "Public Conviction Name Information", id: 0, columns: []string{"SexRegistrationNumber", "OffenseKey", "FullName", "Nametype"},
		rows: func(p Person) [][]string {
			return [][]string{{srn(p), "1", strings.Replace(lastFirst(p), ", ", ",", 1), "C"}}
		}},
	{name: "Public ScarMarkTattoo Information", id: 0, columns: []string{"SexRegistrationNumber", "NCICScarMarkTattoo",
		"ScarMarkTattooText", "ScarMarkTattooDescription"},
		rows: func(p Person) (out [][]string) {
			for _, m := range p.Marks {
				out = append(out, []string{srn(p), "TAT", "", upper(m)})
			}
			return out
		}},
}

func (s *Site) ncStatistics(w http.ResponseWriter, _ *http.Request) {
	page(w, `<form id="form1" method="post" action="stats.aspx"><input type="hidden" name="__VIEWSTATE" value="sample"><input type="hidden" `+
		`name="__VIEWSTATEGENERATOR" value="s"><input type="hidden" name="__EVENTVALIDATION" value="s">`+
		`<a href="#" id="datadownloadbutton">Download data</a></form>`)
}

// photoOfPerson serves the current photo of the person whose number begins the query value.
func (s *Site) photoOfPerson(param string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("o") { // a side view, which nobody here has
			http.NotFound(w, r)
			return
		}
		text, _, _ := strings.Cut(r.URL.Query().Get(param), "S")
		id, _ := strconv.Atoi(text)
		s.serveCurrent(w, r, id)
	}
}

func (s *Site) serveCurrent(w http.ResponseWriter, r *http.Request, id int) {
	number := 0
	if p, ok := s.Person(id); ok && len(p.Photos) > 0 {
		number = p.Photos[0].ID
	}
	s.servePhoto(w, r, number)
}

func (s *Site) txLogin(w http.ResponseWriter, _ *http.Request) {
	page(w, `<form method="post"><input type="hidden" name="__RequestVerificationToken" value="sample"><input name="UserName">`+
		`<input name="Password" type="password"></form>`)
}

func (s *Site) txEnter(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("__RequestVerificationToken") != "sample" {
		http.Error(w, "token missing", http.StatusBadRequest)
		return
	}
	page(w, `<a href="/PublicSite/Home/Export">Export</a>`)
}

var txTables = []table{
	{name: "INDV", id: 1, bare: true, columns: []string{"IND_IDN", "DPS_NBR"}, rows: func(p Person) [][]string {
		return [][]string{{txi(p), fmt.Sprintf("%08d", p.ID)}}
	}},
	{name: "PERSON", id: -1, bare: true, columns: []string{"IND_IDN", "PER_IDN", "SEX_COD", "RAC_COD", "HGT_QTY", "WGT_QTY", "HAI_COD",
		"EYE_COD", "ETH_COD"}, rows: func(p Person) [][]string {
		return [][]string{{txi(p), txp(p), letter(p.Sex), letter(p.Race), feet100(p.Height), strconv.Itoa(p.Weight), code(p.Hair),
			code(p.Eyes), letter(p.Ethnicity)}}
	}},
	{name: "NAME", id: -1, bare: true, columns: []string{"NAM_IDN", "PER_IDN", "TYP_COD", "NAM_TXT", "LNA_TXT", "FNA_TXT"},
		rows: func(p Person) [][]string {
			out := [][]string{{"1", txp(p), "B", strings.Replace(lastFirst(p), ", ", ",", 1), upper(p.Last), upper(p.First)}}
			for i, a := range p.Aliases {
				out = append(out, []string{strconv.Itoa(i + 2), txp(p), string("SA"[i%2]), upper(a.Last) + "," + upper(a.First), upper(a.Last),
					upper(a.First)})
			}
			return out
		}},
	{name: "BRTHDATE", id: -1, bare: true, columns: []string{"DOB_IDN", "PER_IDN", "TYP_COD", "DOB_DTE"}, rows: func(p Person) [][]string {
		return [][]string{{"1", txp(p), "B", bulkTime(p.Born)}}
	}},
	{name: "Address", id: -1, bare: true, columns: []string{"AddressId", "IND_IDN", "SNU_NBR", "SNA_TXT", "SUD_COD", "SUD_NBR", "CTY_TXT",
		"PLC_COD", "ZIP_TXT", "COU_COD", "LAT_NBR", "LON_NBR"}, rows: func(p Person) (out [][]string) {
		for i, a := range p.Addresses {
			out = append(out, []string{txa(p, i), txi(p), a.Number, upper(a.Street), "", "", upper(a.City), a.State, a.Zip, a.CountyCode,
				"", ""})
		}
		return out
	}},
	{name: "Offense", id: -1, bare: true, columns: []string{"IND_IDN", "OffenseId", "COO_COD", "COJ_COD", "JOO_COD", "OFF_COD", "VER_NBR",
		"GOC_COD", "DIS_FLG", "OST_COD", "CPR_COD", "CDD_DTE", "AOV_NBR", "SOV_COD", "CPR_VAL"}, rows: func(p Person) (out [][]string) {
		for _, o := range p.Offenses {
			out = append(out, []string{txi(p), "1", "TX", "1", "2", o.Statute, "1", "", "N", "1", "2", bulkTime(o.Convicted),
				strconv.Itoa(o.VictimAge), "F", upper(o.Sentence)})
		}
		return out
	}},
	{name: "OFF_CODE_SOR", id: -1, bare: true, columns: []string{"COO_COD", "COJ_COD", "JOO_COD", "OFF_COD", "VER_NBR", "LEN_TXT",
		"STS_COD", "CIT_TXT", "BeginDate", "EndDate"}, rows: onceRows(func() (out [][]string) {
		for _, c := range people.Crimes {
			out = append(out, []string{"TX", "1", "2", c.Section + "-" + c.Sub, "1", upper(c.Text), "A", c.Section + "-" + c.Sub, "", ""})
		}
		return out
	})},
	{name: "Photo", id: -1, bare: true, columns: []string{"IND_IDN", "PhotoId", "POS_DTE"}, rows: func(p Person) (out [][]string) {
		for _, photo := range p.Photos {
			out = append(out, []string{txi(p), strconv.Itoa(photo.ID), bulkTime(photo.Taken)})
		}
		return out
	}},
	{name: "INDV_SOR", id: -1, bare: true, columns: []string{"IND_IDN", "ERT_COD", "VRP_COD", "RSK_COD"}, rows: func(p Person) [][]string {
		return [][]string{{txi(p), "L", "A", map[int]string{2: "M", 3: "H"}[p.Level]}}
	}},
	{name: "AddressEvent", id: -1, bare: true, columns: []string{"EventId", "IND_IDN", "AddressId", "PDV_COD"},
		rows: func(p Person) (out [][]string) {
			for i := range p.Addresses { // the first address is the last that was reported
				out = append(out, []string{strconv.Itoa(p.ID*100 - i), txi(p), txa(p, i), "A"})
			}
			return out
		}},
	{name: "Counties", id: -1, bare: true, columns: []string{"COU_COD", "COU_TXT"}, rows: onceRows(func() (out [][]string) {
		for _, c := range counties() {
			out = append(out, []string{c.Code, upper(c.Name)})
		}
		return out
	})},
}

// txFiles are the tables, and beside each the XML format of SQL Server's bulk copy that names its columns: a table without
// rows, of which writeBulk makes the format.
func txFiles() []table {
	var out []table
	for _, t := range txTables {
		format := t
		t.name, format.name = "TX_SOR/"+t.name+".txt", "SqlBcpFormatFiles/"+t.name+".xml"
		out = append(out, t, format)
	}
	return out
}

func writeBulk(w io.Writer, s *Site, t table, fault Kind) error {
	if strings.HasSuffix(t.name, ".txt") {
		return writeTSV(w, s, t, fault)
	}
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><BCPFORMAT xmlns="http://schemas.microsoft.com/sqlserver/2004/bulkload/format" ` +
		`xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><RECORD/><ROW>`)
	for header := range t.each(s, fault) {
		for i, name := range header {
			fmt.Fprintf(&b, `<COLUMN SOURCE="%d" NAME="%s" xsi:type="SQLVARYCHAR"/>`, i+1, name)
		}
		break
	}
	b.WriteString(`</ROW></BCPFORMAT>`)
	_, err := io.WriteString(w, b.String())
	return err
}

// bulkTime is a day as SQL Server's bulk copy writes it.
func bulkTime(d schemas.Date) string {
	if d.IsZero() {
		return ""
	}
	return d.String() + " 00:00:00.000"
}

func txi(p Person) string { return "1" + strconv.Itoa(p.ID) }
func txp(p Person) string { return "2" + strconv.Itoa(p.ID) }

// txa is the number of a person's i-th address.
func txa(p Person, i int) string { return strconv.Itoa(p.ID*100 + i) }

// onceRows are the rows of a table that has nothing to do with people; they stand with the first.
func onceRows(rows func() [][]string) func(Person) [][]string {
	return func(p Person) [][]string {
		if p.ID != FirstID {
			return nil
		}
		return rows()
	}
}
