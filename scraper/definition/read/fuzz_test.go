package read_test

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"lineup/scraper"
	"lineup/scraper/definition/forms"
	"lineup/scraper/definition/read"
)

// fileForms are steps that read a whole file, one for each form.
var fileForms = map[string]string{
	"csv":   "as: csv\nkey: {column: ID}\nrecord: {name: {column: NAME}}",
	"tsv":   "as: tsv\nkey: {column: ID}\nrecord: {name: {column: NAME}}",
	"fixed": "as: fixed\nkey: {column: ID}\nrecord: {name: {column: NAME}}",
	"xls":   "as: xls\nkey: {column: ID}\nrecord: {name: {column: NAME}}",
	"xlsx":  "as: xlsx\nkey: {column: ID}\nrecord: {name: {column: NAME}}",
	"zip": "as: zip\ntables: {p: {file: p.csv, as: csv}, q: {file: q.xlsx, as: xlsx}}\nitems: {table: p}\nkey: {column: ID}\n" +
		"record: {name: {column: NAME}}",
	"html":   "as: html\nmarker: table\nitems: {css: tr}\nkey: {css: td}\nrecord: {name: {css: \"td:nth-child(2)\"}}",
	"json":   "as: json\nmarker: people\nitems: {path: people}\nkey: {path: id}\nrecord: {name: {path: name}}",
	"xml":    "as: xml\nmarker: //person\nitems: {xpath: //person}\nkey: {xpath: id}\nrecord: {name: {xpath: name}}",
	"arcgis": "as: arcgis\nkey: {column: ID}\nrecord: {name: {column: NAME}}",
}

// fuzzMegabytes bounds what reading one file of at most fuzzBytes may take of the machine, with all that the process has.
const (
	fuzzMegabytes = 900
	fuzzBytes     = 24 << 20
)

// FuzzFiles reads whole files in every form: an answer or an error, never a panic, and never more memory than a crawl has.
// The seeds are files as registries give them, and small ones that unpack to gigabytes.
func FuzzFiles(f *testing.F) {
	sources := map[string]*read.Source{}
	for form, step := range fileForms {
		src, err := read.Load("t.yml", []byte(oneStep(step)))
		if err != nil {
			f.Fatalf("%s: %v", form, err)
		}
		sources[form] = src
	}
	for form, seeds := range fileSeeds() {
		for _, seed := range seeds {
			f.Add(form, []byte(seed))
		}
	}
	f.Cleanup(func() { debug.SetMemoryLimit(math.MaxInt64) })
	debug.SetMemoryLimit(fuzzMegabytes << 20 / 10 * 9) // as the deployment sets GOMEMLIMIT
	f.Fuzz(func(t *testing.T, form string, body []byte) {
		src := sources[form]
		if src == nil || len(body) > fuzzBytes {
			return
		}
		peak := peakMemory(t)
		parsed, err := src.Parse(scraper.Page{Request: scraper.Request{Rule: "p", URL: "https://x.example/a/p"}, URL: "https://x.example/a/p",
			Status: http.StatusOK, Header: http.Header{}, Body: body, Read: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)})
		if took := peak(); took > fuzzMegabytes {
			t.Errorf("%d bytes of %s: the process has had %d MB", len(body), form, took)
		}
		if err != nil {
			return
		}
		for _, d := range parsed.Drafts {
			if d.Record.Key == "" {
				t.Error("a record without a key")
			}
		}
	})
}

// peakMemory begins to look at what the process has at most; the result ends it and gives megabytes.
func peakMemory(t *testing.T) (end func() int) {
	t.Helper()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200); err != nil { // the peak is counted anew
		t.Fatal(err)
	}
	return func() int {
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(status), "VmHWM:")
		kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
		if err != nil {
			t.Fatal(err)
		}
		if kilobytes > fuzzMegabytes*1024/4 {
			debug.FreeOSMemory() // the next file begins with little
		}
		return kilobytes / 1024
	}
}

// fileSeeds are whole files, by form.
func fileSeeds() map[string][]string {
	many := func(text string, times int) string { return strings.Repeat(text, times) }
	const million = 1 << 20
	table, rows := "ID,NAME\n7,ROWAN A\n8,ROBIN B\n", "ID,NAME\n"+many("1,2\n", forms.MaxRows-2)
	zeros := many("0", 7*million)
	wide := strings.Split(many("x ", 16_000), " ")
	far := sheet([]string{"ID", "NAME"}, []string{"7", "ROWAN A"}, wide)
	seeds := map[string][]string{
		"csv":   {table, many(",", 5*million), many("\n", 5*million), rows, `"` + zeros, "ID,NAME\n7," + zeros},
		"tsv":   {strings.ReplaceAll(table, ",", "\t"), many("\t", 5*million)},
		"fixed": {"ID NAME\n-- -------\n7  ROWAN A\n", "ID NAME\n-- -------\n" + many("\n", 5*million), many("- ", 2*million) + "\n"},
		"xls": {"<table><tr><td>ID<td>NAME<tr><td>7<td>ROWAN A</table>", "<table>" + many("<tr><td>7", forms.MaxTableElements/2-2),
			many("<table>", million), "<table><tr>" + many("<td colspan=9999 rowspan=9999>", million/8)},
		"xlsx": {sheet([]string{"ID", "NAME"}, []string{"7", "ROWAN A"}), far, archive("xl/worksheets/sheet1.xml", zeros+zeros)},
		"zip": {archive("p.csv", table, "q.xlsx", far), archive("p.csv", many(zeros, 4)), archive("p.csv", many(",", 28*million)),
			archive("p.csv", rows), archive("q.xlsx", archive("a", zeros+zeros), "p.csv", table)},
		"html": {"<table><tr><td>7<td>ROWAN A</table>", many("<div>", million), many("<p a=b>", million), "<table>" +
			many("<tr><td>7", forms.MaxElements/2-2), many("<b><i>", million/8), many("<table><tr>", million/8), many("&amp;", million)},
		"json": {`{"people":[{"id":"7","name":"ROWAN A"}]}`, many("[", 5*million), many(`{"a":`, million), "[" + many("{},", million),
			`{"people":[` + many(`{"id":"7"},`, million/4) + `{}]}`},
		"xml": {"<people><person><id>7</id><name>ROWAN A</name></person></people>",
			"<a><person/>" + many("<b/>", forms.MaxElements-9), many("<a>", million), "<a " + many("b='' ", million) + "/>",
			`<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>`},
		"arcgis": {`{"fields":[],"features":[{"attributes":{"ID":"7","NAME":"ROWAN A"}}]}`,
			`{"fields":[],"features":[` + many(`{"attributes":{}},`, million/4) + "{}]}"},
	}
	for form, all := range seeds {
		whole := all[0]
		torn := []byte(whole)
		for at := len(torn) / 3; at < len(torn); at += 41 {
			torn[at] ^= 0x55
		}
		seeds[form] = append(all, whole[:len(whole)*2/3], string(torn), string(bytes.Repeat([]byte(whole), 3)))
	}
	return seeds
}

// oneStep is a definition of one step.
func oneStep(step string) string {
	indented := "      " + strings.ReplaceAll(strings.TrimSpace(step), "\n", "\n      ")
	return fmt.Sprintf("id: t\nname: t\njurisdiction: XX\nhome: https://x.example\nmode: enabled\nbase: https://x.example/a/\n"+
		"guards: {min_count: 1}\npolicy: {evidence: t}\nstart: p\nsteps:\n  d: {as: csv, request: {url: \"d/{key}\"}}\n  p:\n%s\n", indented)
}
