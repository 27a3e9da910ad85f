package read_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lineup/scraper"
	"lineup/scraper/definition/read"
	"lineup/scraper/fetch"
)

// parse reads body with a definition whose step "p" is step.
func parse(t *testing.T, step, body string, carry map[string]string) (scraper.Parsed, error) {
	t.Helper()
	src, err := read.Load("t.yml", []byte(oneStep(step)))
	if err != nil {
		t.Fatal(err)
	}
	return src.Parse(scraper.Page{
		Request: scraper.Request{Rule: "p", URL: "https://x.example/a/p", Carry: carry}, URL: "https://x.example/a/p",
		Status: http.StatusOK, Header: http.Header{}, Body: []byte(body), Read: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC),
	})
}

// said is a record in one line, for tables of tests.
func said(p scraper.Parsed) string {
	var all []string
	for _, d := range p.Drafts {
		r := d.Record
		text := r.Key + " " + r.Name.Full
		if !r.Birth.IsZero() {
			text += " " + r.Birth.String()
		}
		for _, a := range r.Addresses {
			text += " @" + a.City
		}
		for _, o := range r.Offenses {
			text += " #" + o.Description
		}
		all = append(all, text)
	}
	for _, r := range p.Next {
		all = append(all, strings.TrimSpace("-> "+r.Rule+" "+r.URL+" "+string(r.Body)+r.Header.Get("X-Token")))
	}
	for _, l := range p.Leftover {
		all = append(all, "left "+l.Where+" "+l.Name)
	}
	for rule := range p.Dropped {
		all = append(all, "dropped "+rule)
	}
	return strings.Join(all, "; ")
}

const rec = "record: {name: {label: Name}, birth: {label: DOB, format: m/d/Y}}\nkey: {label: Id}\n"

func TestLayoutsAndShapes(t *testing.T) {
	tests := []struct{ name, step, body, want string }{
		{"cells", "as: html\nmarker: table\nlabels: {layout: table}\n" + rec,
			`<table><tr><td>• Name:</td><td>A&nbsp;B</td><td>DOB</td><td>1/2/1970</td></tr><tr><th>Id:</th><td>7</td></tr></table>`,
			"7 A B 1970-01-02"},
		{"dl", "as: html\nmarker: dl\nlabels: {layout: dl}\n" + rec,
			`<dl><dt>Name</dt><dd>A B</dd><dt>DOB</dt><dd>1/2/1970</dd><dt>Id</dt><dd>7</dd><dt>New</dt><dd>x</dd></dl>`,
			"7 A B 1970-01-02; left p: label New"},
		{"strong label, rest is value", "as: html\nmarker: li\nlabels: {layout: row, row: li, label: strong}\n" + rec,
			`<ul><li><strong>Name:</strong> A B</li><li><strong>DOB:</strong> 1/2/1970</li><li><strong>Id</strong> 7</li></ul>`,
			"7 A B 1970-01-02"},
		{"label and what is behind it", "as: html\nmarker: div\nlabels: {layout: next, label: ':matches(^\\s*[A-Z][a-zA-Z ]+:\\s*$)'}\n" + rec,
			`<div><div>Name:</div><div>A B</div><span><b>DOB:</b></span><span>1/2/1970</span><div>Id:</div><div>7</div><div>Hat:</div>` +
				`<div>red</div></div>`,
			"7 A B 1970-01-02; left p: label Hat"},
		{"cells that may be labels", "as: html\nmarker: table\nlabels: {layout: table, label: strong}\nignore: [a]\n" + rec,
			`<table><tr><td>1 Unreal St</td><td><a href="m">Map</a></td></tr><tr><td><strong>Name:</strong></td><td>A B</td><td>` +
				`<strong>DOB</strong></td><td>1/2/1970</td></tr><tr><td><strong>Id:</strong></td><td>7</td></tr></table>`,
			"7 A B 1970-01-02; left p: part tbody > tr > td:nth-child(1)"},
		{"a value is no label", "as: html\nmarker: table\nlabels: {layout: table}\n" + rec,
			`<table><tr><td>Name</td><td>A B</td><td>DOB</td><td>1/2/1970</td></tr><tr><td>Id</td><td>7</td>` +
				`</tr><tr><td>` + strings.Repeat("Odo of Notown ", 5) + `</td><td>x</td></tr></table>`,
			"7 A B 1970-01-02; left p: part tbody > tr > td:nth-child(1); left p: part tbody > tr > td:nth-child(2)"},
		{"colon", "as: html\nmarker: p\nlabels: {layout: colon, row: p}\n" + rec,
			`<p>Name: A B</p><p>DOB: 1/2/1970</p><p>Id: 7</p><p>Hat: red</p>`, "7 A B 1970-01-02; left p: label Hat"},
		{"lines", "as: html\nmarker: div\nlabels: {layout: lines, row: div}\n" + rec,
			`<div>Name:<br>A B<br>DOB:<br>1/2/1970<br>Id:<br>7<br>Hat:<br>red</div>`, "7 A B 1970-01-02; left p: label Hat"},
		{"text nobody reads", "as: html\nmarker: dl\nlabels: {layout: dl}\n" + rec,
			`<dl><dt>Name</dt><dd>A B</dd><dt>DOB</dt><dd>1/2/1970</dd><dt>Id</dt><dd>7</dd></dl><section class="new"><b>secret</b></section>`,
			"7 A B 1970-01-02; left p: part section.new > b"},
		{"cells nobody reads", "as: html\nmarker: tr\nkey: {const: \"7\"}\nrecord: {name: {css: \"td:nth-child(1)\"}}",
			`<table><tr><td>A B</td><td>x</td><td>y</td></tr></table>`,
			"7 A B; left p: part tbody > tr > td:nth-child(2); left p: part tbody > tr > td:nth-child(3)"},
		{"grid with header by text", "as: html\nmarker: table\nitems: {css: table, grid: true}\nkey: {column: Id}\n" +
			"record: {name: {column: Who}, offenses: [{description: {column: Crime}}]}",
			`<table><tr><th>Crime</th><th>Id</th><th>Who</th><th>Hat</th></tr><tr><td>c</td><td>1</td><td>A</td><td>red</td></tr></table>`,
			"1 A #c; left p: label Hat"},
		{"grid row of nested table", "as: html\nmarker: table\nitems: {css: table, grid: true, cells: 2}\nkey: {column: Id}\n" +
			"record: {name: {column: Who}}\nignore: [td]",
			`<table><tr><th>Id</th><th>Who</th></tr><tr><td>1</td><td>A</td></tr><tr><td>only one</td></tr></table>`, "1 A"},
		{"attribute that is gone", "as: html\nmarker: ul\nitems: {css: li}\nkey: {attr: id}\nrecord: {name: {attr: title}, designation: {attr: " +
			"data-kind}, status: {attr: data-now, optional: true, map: {x: registered}}}\nignore: [b]",
			`<ul><li id="1" title="A" data-kind=""><b>x</b></li><li id="2" title="C"><b>x</b></li></ul>`,
			"1 A; 2 C; left p: no attribute data-kind"},
		{"parallel lists", "as: json\nmarker: id\nkey: {path: id}\nrecord: {name: {path: n}, addresses: [{each: {parallel: {C: {path: city, " +
			"split: '<br/>'}, Z: {path: zip, split: '<br/>'}}}, city: {column: C}, zip: {column: Z}}]}",
			`{"id":1,"n":"A","city":"X<br/>Y","zip":"00001<br/>00002"}`, "1 A @X @Y"},
		{"parallel lists with holes", "as: json\nmarker: id\nkey: {path: id}\nrecord: {name: {path: n}, addresses: [{each: {parallel: {C: " +
			"{path: city, split: '<br/>'}, S: {path: street, split: '<br/>'}}}, city: {column: C}, street: {column: S}}], offenses: [{each: " +
			"{parallel: {C: {path: city, split: '<br/>'}, S: {path: street, split: '<br/>'}}}, description: {text: '{S} in {C}'}}]}",
			`{"id":1,"n":"A","city":"X<br/>Y<br/>Z","street":"1 U<br/><br/>3 U"}`, "1 A @X @Y @Z #1 U in X #in Y #3 U in Z"},
		{"parallel lists of different length", "as: json\nmarker: id\nkey: {path: id}\nrecord: {name: {path: n}, addresses: [{each: {parallel: " +
			"{C: {path: city, split: '<br/>'}, Z: {path: zip, split: '<br/>'}}}, city: {column: C}, zip: {column: Z}}]}",
			`{"id":1,"n":"A","city":"X<br/>Y","zip":"00001"}`, "1 A @X @Y; left p: lists of different length Z"},
		{"json leftovers", "as: json\nmarker: id\nkey: {path: id}\nrecord: {name: {path: n}}",
			`{"id":1,"n":"A","more":{"x":[{"y":2}]},"driverLicense":"1"}`, "1 A; left p: value more.x[*].y"},
		{"xml", "as: xml\nmarker: //Rap\nkey: {xpath: //Nbr}\nrecord: {name: {xpath: \"//Names/Name[TYP='B']/TXT\", order: last_comma_first}, " +
			"offenses: [{each: {xpath: //Offense}, description: {xpath: LEN}}]}\nignore: [TYP]",
			`<Rap><Nbr>7</Nbr><Names><Name><TYP>B</TYP><TXT>A,B</TXT></Name></Names><Offense><LEN>c</LEN></Offense><Offense><LEN>d</LEN>` +
				`<NEW>e</NEW></Offense></Rap>`, "7 A,B #c #d; left p: element Rap/Offense/NEW"},
		{"xls that is html", "as: xls\ncharset: windows-1252\nheader: Id\nkey: {column: Id}\nrecord: {name: {column: Who}}",
			"<html><table><tr><td>Title</td></tr><tr><td>Id</td><td>Who</td></tr><tr><td>1</td><td>Jos\xe9</td></tr></table></html>",
			"1 José"},
		{"tsv with bare quotes", "as: tsv\nkey: {column: Id}\nrecord: {name: {column: Who}}", "Id\tWho\n1\tA \"B\" C\n", `1 A "B" C`},
		{"under 18", "as: csv\nkey: {column: Id}\nrecord: {name: {column: Who}, birth: {column: B, format: Y}}",
			"Id,Who,B\n1,A,2015\n2,C,1970\n", "2 C 1970; dropped under 18"},
		{"age alone", "as: csv\nkey: {column: Id}\nrecord: {name: {column: Who}, age: {column: G}}", "Id,Who,G\n1,A,17\n2,C,18\n",
			"2 C; dropped under 18"},
		{"no name", "as: csv\nkey: {column: Id}\nrecord: {name: {column: Who}}", "Id,Who\n1,UNKNOWN\n2,C\n", "2 C; dropped no name"},
		{"weak key and grouping", "as: csv\ngroup: [Who, B]\nkey: {weak: [{column: Who}, {column: B}]}\nrecord: {name: {column: Who}, " +
			"offenses: [{each: {rows: true}, description: {column: C}}]}", "Who,B,C\nA,1,x\nA,1,y\nA,1,y\n",
			"w8bf19097aa1a235b67bc19aeb9077018 A #x #y"},
		{"same person's detail", "as: csv\nsame: true\nkey: {carried: key}\nrecord: {name: {column: Who, order: first_last}}", "Who\nA B\n",
			"K A B"},
		{"another person's detail", "as: csv\nsame: true\nkey: {carried: key}\nrecord: {name: {column: Who, order: first_last}}",
			"Who\nC D\n", "dropped another person's page"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parse(t, test.step, test.body, map[string]string{"key": "K", "@same": "a\x00b\x00"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, said(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPaging(t *testing.T) {
	const list = "as: json\nmarker: all\nitems: {path: \"all[*]\"}\nkey: {path: id}\ndetail: d\n"
	const two = `{"all":[{"id":"1"},{"id":"2"}],"next":"/n?p=2","total":5}`
	const details = "-> d https://x.example/a/d/1; -> d https://x.example/a/d/2; "
	tests := []struct {
		name, step, body string
		carry            map[string]string
		want             string
	}{
		{"page", list + "request: {url: l, query: {p: \"{page}\"}}\npages: {by: page}\nignore: [next, total]", two,
			map[string]string{"page": "3"}, details + "-> p https://x.example/a/l?p=4"},
		{"same page again", list + "request: {url: l}\npages: {by: page}\nignore: [next, total]", two, map[string]string{"page": "3",
			"@page": "095017f4ff17aff8"}, strings.TrimSuffix(details, "; ")},
		{"offset goes by what came", list + "request: {url: \"l/{offset}\"}\npages: {by: offset, size: 100}\ntotal: {path: total}\n" +
			"ignore: [next]", two, map[string]string{"offset": "10"}, details + "-> p https://x.example/a/l/12"},
		{"total reached", list + "request: {url: l}\npages: {by: offset}\ntotal: {path: total}\nignore: [next]", two,
			map[string]string{"@seen": "3"}, strings.TrimSuffix(details, "; ")},
		{"next", list + "pages: {by: next, next: {path: next}}\nignore: [total]", two, nil, details + "-> p https://x.example/n?p=2"},
		{"prefix", list + "request: {url: l, query: {q: \"{q}\"}}\npages: {by: prefix, var: q, cap: 2, letters: xy}\nignore: [next, total]",
			two, map[string]string{"q": "a"},
			details + "-> p https://x.example/a/l?q=ax; -> p https://x.example/a/l?q=ay"},
		{"prefix not cut off", list + "request: {url: l}\npages: {by: prefix, var: q, cap: 3}\nignore: [next, total]", two,
			map[string]string{"q": "a"}, strings.TrimSuffix(details, "; ")},
		{"postback", "as: html\nmarker: form\nitems: {css: a}\nkey: {attr: id}\npages: {by: postback, target: grid}\ndetail: d",
			`<form><input type="hidden" name="__VIEWSTATE" value="v"><a id="1">x</a></form>`, map[string]string{"page": "1"},
			"-> d https://x.example/a/d/1; -> p https://x.example/a/p __EVENTARGUMENT=Page%242&__EVENTTARGET=grid&__VIEWSTATE=v; left p: " +
				"part form > a"},
		{"token in a header", "as: html\nmarker: input\ntake: {token: {css: input, attr: value}}\nrequest: {url: l, json: '{\"q\":\"{q}\"}', " +
			"header: {X-Token: \"{token}\"}}\nthen: [{step: p, as: q, list: ['x\"y']}]", `<input value="T">`, nil,
			`-> p https://x.example/a/l {"q":"x\"y"}T`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parse(t, test.step, test.body, test.carry)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, said(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPagesThatStopARun(t *testing.T) {
	const csv = "as: csv\nkey: {column: Id}\nrecord: {name: {column: Who}}"
	tests := []struct {
		name, step, body string
		want             error
	}{
		{"gate at 200", "as: html\nmarker: h1\nkey: {css: i}\nrecord: {name: {css: b}}", `<h1>x</h1><div class="g-recaptcha">`,
			fetch.ErrBlocked},
		{"gate in the file's place", csv, "<!DOCTYPE html><html>Access Denied", fetch.ErrBlocked},
		{"page in the file's place", csv, "<!DOCTYPE html><html>Welcome", scraper.ErrLayout},
		{"no marker", "as: html\nmarker: h1\nkey: {css: i}\nrecord: {name: {css: b}}", "<h2>x</h2>", scraper.ErrLayout},
		{"column renamed", csv, "Id,Name\n1,A\n", scraper.ErrLayout},
		{"cut off", csv + "\nignore: [X]", "Id,Who,X\n1,A,1\n2,B\n", scraper.ErrLayout},
		{"row longer than the header", csv, "Id,Who\n1,A,B\n", scraper.ErrLayout},
		{"wrong charset", csv, "Id,Who\n1,Jos\xe9\n", nil},
		{"item without a key", csv, "Id,Who\n,A\n", scraper.ErrLayout},
		{"no items", "as: html\nmarker: h1\nempty: nobody\nitems: {css: li}\nkey: {attr: id}", "<h1>x</h1>", scraper.ErrLayout},
		{"nobody", "as: html\nmarker: h1\nempty: nobody\nitems: {css: li}\nkey: {attr: id}", "<h1>x</h1>Nobody is here", nil},
		{"not json", "as: json\nmarker: a\nkey: {path: a}\nrecord: {name: {path: b}}", "{", scraper.ErrLayout},
		{"not a zip", "as: zip\ntables: {a: {file: a.csv, as: csv}}\nitems: {table: a}\nkey: {column: Id}", "PK", scraper.ErrLayout},
		{"fixed width without ruler", "as: fixed\nkey: {column: Id}", "Id Who\n1 A\n", scraper.ErrLayout},
		{"nothing to go through", "as: html\nmarker: h1\nthen: [{step: d, as: c, over: {css: option}}]", "<h1>x</h1>", scraper.ErrLayout},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse(t, test.step, test.body, nil)
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}
