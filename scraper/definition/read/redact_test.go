package read_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"lineup/scraper"
	"lineup/scraper/definition/read"
)

// Texts that begin so stand in the pages below where something is that is never stored.
const secret = "SECRET"

// hiding is a page of each shape: two people, of whom each field of the deny list, a victim's
// age and a field that the step ignores are published. New is a field that nobody named.
var hiding = []struct{ name, step, body string }{
	{"html, rows of labels and values", `
as: html
root: main
marker: li
labels: {layout: row, row: "ul.label-value > li", label: span.label, value: span.value}
key: {label: Id}
ignore: [h2, Weapon Used, "div.note"]
record:
  name: {label: Name, order: last_comma_first}
  offenses: [{each: {section: Offense, css: ul}, description: {label: Crime}, victim: {label: Victim Sex/Age}}]`,
		`<html><head><title>SECRET-0</title></head><body><nav>SECRET-NAV</nav><main><h2>SECRET-H</h2>
<ul class="label-value"><li><span class="label">Id</span><span class="value">7</span></li>
<li><span class="label">Name:</span><span class="value">Madeup, Odette</span></li>
<li><span class="label">Employer</span><span class="value">SECRET-1</span></li>
<li><span class="label">Supervising Officer:</span> <span class="value">SECRET-2</span></li>
<li><span class="label">New</span><span class="value">stays</span></li></ul><!-- SECRET-3 --><script>SECRET-4</script>
<input type="hidden" value="SECRET-4b">
<h3>Offense</h3><ul class="label-value"><li><span class="label">Crime</span><span class="value">theft</span></li>
<li><span class="label">Weapon Used</span><span class="value">SECRET-5</span></li>
<li><span class="label">Victim Sex/Age</span><span class="value">SECRET-6, 12</span></li></ul>
<h3>Supervision</h3><dl><dt>Probation Officer</dt><dd>SECRET-7</dd></dl><p>Agent phone: SECRET-8</p>
<div class="note" title="SECRET-9">SECRET-10</div></main></body></html>`},
	{"html, label with the rest as value", "as: html\nmarker: li\nlabels: {layout: row, row: li, label: strong}\nkey: {label: Id}\n" +
		"record: {name: {label: Name}, offenses: [{description: {label: Crime}, victim: {label: Victim}}]}",
		`<ul><li><strong>Id:</strong> 7</li><li><strong>Name</strong> A B</li><li><strong>Crime</strong> c</li><li><strong>Victim:</strong> ` +
			`SECRET 12</li><li><strong>Driver License</strong> SECRET</li><li><strong>New</strong> stays</li></ul>`},
	{"html, pairs of cells", "as: html\nmarker: table\nlabels: {layout: table}\nkey: {label: Id}\nignore: [Weapon]\n" +
		"record: {name: {label: Name}, offenses: [{description: {label: Crime}, victim: {label: Victim Age}}]}",
		`<table><tr><td>Id</td><td>7</td><td>Name</td><td>A B</td></tr><tr><td>Crime</td><td>c</td><td>Victim Age</td><td>SECRET 12</td></tr>` +
			`<tr><td>License Plate</td><td>SECRET</td><td>Weapon</td><td>SECRET</td></tr><tr><td>New</td><td>stays</td></tr></table>`},
	{"html, dl", "as: html\nmarker: dl\nlabels: {layout: dl}\nkey: {label: Id}\nrecord: {name: {label: Name}, offenses: [{description: " +
		"{label: Crime}, victim: {label: Victim}}]}",
		`<dl><dt>Id</dt><dd>7</dd><dt>Name</dt><dd>A B</dd><dt>Crime</dt><dd>c</dd><dt>Victim</dt><dd>Minor SECRET</dd><dt>Employer Name</dt>` +
			`<dd>SECRET</dd><dd>SECRET</dd><dt>New</dt><dd>stays</dd></dl>`},
	{"html, colon", "as: html\nmarker: p\nlabels: {layout: colon, row: p}\nkey: {label: Id}\nrecord: {name: {label: Name}, offenses: " +
		"[{description: {label: Crime}, victim: {label: Victim}}]}",
		`<p>Id: 7</p><p>Name: A B</p><p>Crime: c</p><p>Victim: Minor SECRET</p><p>Parole Officer: SECRET</p><p>New: stays</p>`},
	{"html, lines", "as: html\nmarker: div\nlabels: {layout: lines, row: div}\nignore: [Weapon]\nkey: {label: Id}\n" +
		"record: {name: {label: Name}, offenses: [{description: {label: Crime}, victim: {label: Victim}}]}",
		`<div>Id:<br>7<br>Name:<br>A B<br>Crime:<br>c<br>Victim:<br>Minor ` +
			`SECRET<br>Weapon:<br>SECRET<br>Comments:<br>SECRET<br>SECRET<br>New:<br>stays</div>`},
	{"html, rows of a grid", "as: html\nroot: main\nmarker: table\nitems: {css: table, grid: true}\nkey: {column: Id}\n" +
		"ignore: [Weapon, td.x]\nrecord: {name: {column: Who}, offenses: [{description: {column: Crime}, victim: {column: Victim Age}}]}",
		`<main><p>SECRET</p><table><tr><th>Id</th><th>Who</th><th>Crime</th><th>Victim Age</th><th>Employer</th><th>Weapon</th><th>New</th></tr>
<tr><td>7</td><td>A B</td><td>c</td><td>SECRET 12</td><td>SECRET</td><td>SECRET</td><td>stays</td></tr>" +
			"<tr><td>8</td><td>SECOND</td><td>d</td><td>30</td><td>SECRET</td><td>SECRET</td><td>stays</td></tr></table></main>`},
	{"html, cards of a section", "as: html\nmarker: h2\nlabels: {layout: dl}\nitems: {section: People, heading: h2, css: div.card}\n" +
		"key: {label: Id}\nrecord: {name: {label: Name}}",
		`<h2>People</h2><div class="card"><dl><dt>Id</dt><dd>7</dd><dt>Name</dt><dd>A B</dd><dt>Employer</dt><dd>SECRET</dd><dt>New</dt>` +
			`<dd>stays</dd></dl></div><div class="card"><dl><dt>Id</dt><dd>8</dd><dt>Name</dt><dd>SECOND</dd><dt>New</dt><dd>stays</dd></dl></div>`},
	{"json, one", "as: json\nmarker: id\nkey: {path: id}\nignore: [weapon, \"crimes[*].other\"]\nrecord: {name: {path: n}, offenses: " +
		"[{each: {path: \"crimes[*]\"}, description: {path: text}, victim: {path: victim_age}}]}",
		`{"id":"7","n":"A B","weapon":{"kind":"SECRET"},"driverLicense":"SECRET","employers":[{"name":"SECRET","city":"stays"}],` +
			`"supervision":{"officer":{"who":"SECRET"}},"crimes":[{"text":"c","victim_age":"SECRET 12","victim_sex":"SECRET","other":"SECRET"}],` +
			`"new":"stays"}`},
	{"json, many", "as: json\nmarker: all\nitems: {path: \"all[*]\"}\nkey: {path: id}\nignore: [\"all[*].weapon\"]\n" +
		"record: {name: {path: n}, offenses: [{description: {path: c}, victim: {path: victim}}]}",
		`{"all":[{"id":"7","n":"A B","c":"c","victim":"SECRET 12","comments":"SECRET","weapon":"SECRET","new":"stays"},{"id":"8","n":"SECOND",` +
			`"c":"d","victim":"30","new":"stays"}]}`},
	{"xml, one", "as: xml\nmarker: //Rap\nkey: {xpath: //Nbr}\nignore: [Weapon]\nrecord: {name: {xpath: //Txt}, offenses: [{each: {xpath: " +
		"//Offense}, description: {xpath: Len}, victim: {xpath: VictimAge}}]}",
		`<Rap><!-- SECRET --><Nbr>7</Nbr><Txt>A B</Txt><Offense><Len>c</Len><VictimAge>SECRET 12</VictimAge><VictimSex>SECRET</VictimSex>` +
			`</Offense><ShoeSize>SECRET</ShoeSize><Weapon k="SECRET"><a>SECRET</a></Weapon><New>stays</New></Rap>`},
	{"xml, many", "as: xml\nmarker: //P\nitems: {xpath: //P}\nkey: {xpath: Nbr}\nrecord: {name: {xpath: Txt}, offenses: [{description: " +
		"{xpath: Len}, victim: {xpath: Vic}}]}",
		`<All><P><Nbr>7</Nbr><Txt>A B</Txt><Len>c</Len><Vic>SECRET 12</Vic><Employer>SECRET</Employer><New>stays</New></P><P><Nbr>8</Nbr>` +
			`<Txt>SECOND</Txt><Len>d</Len><Vic>40</Vic><New>stays</New></P></All>`},
	{"csv", "as: csv\nignore: [WEAPON]\n" + rows, "ID,NAME,CRIME,VICTIM AGE,VICTIM SEX,DRIVER LICENSE,WEAPON,NEW\n" +
		"7,A B,c,SECRET 12,SECRET,SECRET,SECRET,stays\n8,SECOND,d,30,,,,stays\n"},
	{"tsv", "as: tsv\nignore: [WEAPON]\n" + rows, "ID\tNAME\tCRIME\tVICTIM AGE\tDNA\tWEAPON\tNEW\n" +
		"7\tA B\tc\tSECRET 12\tSECRET\tSECRET\tstays\n8\tSECOND\td\t30\t\t\tstays\n"},
	{"fixed width", "as: fixed\nignore: [WEAPON]\n" + rows, "ID NAME   CRIME VICTIM AGE CASE NUMBER WEAPON NEW\n-- ------ ----- ---------- " +
		"----------- ------ -----\n7  A B    c     SECRET 12  SECRET      SECRET stays\n8  SECOND d     30                            stays\n"},
	{"xls that is html", "as: xls\nheader: ID\nignore: [WEAPON]\n" + rows,
		"<table><tr><td>SECRET title</td></tr><tr><td>ID</td><td>NAME</td><td>CRIME</td><td>VICTIM AGE</td><td>EMPLOYER " +
			"NAME</td><td>WEAPON</td><td>NEW</td></tr>" +
			"<tr><td>7</td><td>A B</td><td>c</td><td>SECRET 12</td><td>SECRET</td><td>SECRET</td><td>stays</td></tr>" +
			"<tr><td>8</td><td>SECOND</td><td>d</td><td>30</td><td></td><td></td><td>stays</td></tr></table>"},
	{"xlsx", "as: xlsx\nheader: ID\nignore: [WEAPON]\n" + rows, sheet([]string{"SECRET title"}, []string{"ID", "NAME", "CRIME",
		"VICTIM AGE", "INMATE NUMBER", "WEAPON", "NEW"},
		[]string{"7", "A B", "c", "SECRET 12", "SECRET", "SECRET", "stays"}, []string{"8", "SECOND", "d", "30", "", "", "stays"})},
	{"zip with joined tables", "as: zip\ntables: {p: {file: p.csv, as: csv}, o: {file: o.csv, as: csv, ignore: [WEAPON]}}\n" +
		"items: {table: p}\nkey: {column: ID}\nrecord: {name: {column: NAME}, offenses: [{each: {table: o, on: {ID: ID}}, description: " +
		"{column: CRIME}, victim: {column: VICTIM}}]}", archive("p.csv", "ID,NAME,SSN,NEW\n7,A B,SECRET,stays\n8,SECOND,,stays\n", "o.csv",
		"ID,CRIME,VICTIM,WEAPON,VICTIM RELATION\n7,c,SECRET 12,SECRET,SECRET\n8,d,30,SECRET,SECRET\n")},
	{"arcgis", "as: arcgis\nignore: [WEAPON]\n" + rows, `{"fields":[],"features":[{"attributes":{"ID":"7","NAME":"A B","CRIME":"c","VICTIM ` +
		`AGE":"SECRET 12","SupervisionOfficer":"SECRET","WEAPON":"SECRET","NEW":"stays"},"geometry":{"x":-1.5,"y":2.5}},` +
		`{"attributes":{"ID":"8","NAME":"SECOND","CRIME":"d","VICTIM AGE":"30","SupervisionOfficer":"","WEAPON":"","NEW":"stays"}}]}`},
}

const rows = "key: {column: ID}\nrecord: {name: {column: NAME}, offenses: [{description: {column: CRIME}, victim: {column: VICTIM AGE}}]}"

func sheet(rows ...[]string) string {
	f := excelize.NewFile()
	for i, row := range rows {
		for j, cell := range row {
			at, err := excelize.CoordinatesToCellName(j+1, i+1)
			if err == nil {
				err = f.SetCellValue("Sheet1", at, cell)
			}
			if err != nil {
				panic(err)
			}
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		panic(err)
	}
	return b.String()
}

func archive(files ...string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err == nil {
			_, err = f.Write([]byte(files[i+1]))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

// What is never stored is neither in the record nor in the evidence, whatever the answer's form;
// and what is kept gives the same record again, and speaks of nobody else.
func TestNothingDeniedIsStored(t *testing.T) {
	for _, test := range hiding {
		t.Run(test.name, func(t *testing.T) {
			got, err := parse(t, test.step, test.body, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Drafts) == 0 || got.Drafts[0].Record.Key != "7" {
				t.Fatalf("drafts: %s", said(got))
			}
			d := got.Drafts[0]
			if len(d.Record.Offenses) > 0 && d.Record.Offenses[0].Victim != "minor" {
				t.Errorf("victim is %q", d.Record.Offenses[0].Victim)
			}
			record, err := json.Marshal(d.Record)
			if err != nil {
				t.Fatal(err)
			}
			for what, data := range map[string][]byte{"record": record, "evidence": d.Evidence} {
				for _, text := range []string{secret, "SECOND"} {
					if bytes.Contains(data, []byte(text)) {
						t.Errorf("%s holds %s: %s", what, text, data)
					}
				}
			}
			if !bytes.Contains(d.Evidence, []byte("stays")) {
				t.Errorf("evidence lacks the field nobody named: %s", d.Evidence)
			}
			again, err := parse(t, test.step, string(d.Evidence), nil)
			if err != nil {
				t.Fatalf("read again: %v\n%s", err, d.Evidence)
			}
			if len(again.Drafts) != 1 || len(again.Next) > 0 {
				t.Fatalf("evidence of one gives %s\n%s", said(again), d.Evidence)
			}
			if diff := cmp.Diff(d.Record, again.Drafts[0].Record); diff != "" {
				t.Errorf("-read +read again\n%s", diff)
			}
			if diff := cmp.Diff(string(d.Evidence), string(again.Drafts[0].Evidence)); diff != "" {
				t.Errorf("evidence of evidence differs\n%s", diff)
			}
		})
	}
}

// A newer definition reads from the archive what the old one only reported.
func TestNewerDefinitionReadsTheArchive(t *testing.T) {
	for _, test := range hiding {
		t.Run(test.name, func(t *testing.T) {
			got, err := parse(t, test.step, test.body, nil)
			if err != nil {
				t.Fatal(err)
			}
			newer := newerStep(test.step)
			again, err := parse(t, newer, string(got.Drafts[0].Evidence), nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(again.Drafts) != 1 || again.Drafts[0].Record.Designation != "stays" {
				t.Errorf("%+v\n%s", again.Drafts, got.Drafts[0].Evidence)
			}
		})
	}
}

func newerStep(step string) string {
	place := "{column: NEW}"
	switch {
	case strings.Contains(step, "as: json"):
		place = "{path: new}"
	case strings.Contains(step, "as: xml") && strings.Contains(step, "items:"):
		place = "{xpath: New}"
	case strings.Contains(step, "as: xml"):
		place = "{xpath: //New}"
	case strings.Contains(step, "grid: true"):
		place = "{column: New}"
	case strings.Contains(step, "labels:"):
		place = "{label: New}"
	}
	if strings.Contains(step, "record: {") {
		return strings.Replace(step, "record: {", "record: {designation: "+place+", ", 1)
	}
	return strings.Replace(step, "record:\n", "record:\n  designation: "+place+"\n", 1)
}

// A source whose coordinates may not be stored keeps none as evidence, by whatever name.
func TestCoordinatesThatMayNotBeStored(t *testing.T) {
	src, err := read.Load("t", []byte(`
{id: t, name: t, jurisdiction: XX, home: "https://x.example", mode: enabled, base: "https://x.example",
 guards: {min_count: 1}, policy: {evidence: test, no_coords: true}, start: p,
 steps: {p: {as: json, marker: id, key: {path: id}, record: {name: {path: n}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := src.Parse(scraper.Page{Request: scraper.Request{Rule: "p"}, URL: "https://x.example", Status: http.StatusOK,
		Read: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC),
		Body: []byte(`{"id":"7","n":"A B","lat":41.5,"lon":-93.6,"home":{"latitude":41.5,"geo_longitude":-93.6},"city":"stays"}`)})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"41.5", "93.6"} {
		if bytes.Contains(got.Drafts[0].Evidence, []byte(text)) {
			t.Errorf("evidence holds %s: %s", text, got.Drafts[0].Evidence)
		}
	}
	if len(got.Leftover) != 1 || got.Leftover[0].Name != "city" {
		t.Errorf("left over: %v", got.Leftover)
	}
}
