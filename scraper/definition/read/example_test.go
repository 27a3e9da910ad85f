package read_test

import (
	"fmt"
	"net/http"
	"time"

	"lineup/scraper"
	"lineup/scraper/definition/read"
)

// A definition says where a registry's answers lie and how they are read; no code is written for a registry.
func Example() {
	src, err := read.Load("source.yml", []byte(`
id: us-zz
name: An invented registry
jurisdiction: ZZ
home: https://registry.example
mode: enabled
verified: {by: none}
base: https://registry.example/
guards: {min_count: 1}
policy: {evidence: an example}
start: file
steps:
  file:
    request: {url: people.csv}
    as: csv
    key: {column: Id}
    record:
      name: {column: Name, order: last_comma_first}
      birth: {column: Born, format: m/d/Y}
`))
	if err != nil {
		panic(err)
	}
	parsed, err := src.Parse(scraper.Page{
		Request: scraper.Request{Rule: "file", URL: "https://registry.example/people.csv"}, URL: "https://registry.example/people.csv",
		Status: http.StatusOK, Header: http.Header{}, Body: []byte("Id,Name,Born\n7,\"MADEUP, ODETTE\",5/6/1981\n"), Read: time.Now(),
	})
	if err != nil {
		panic(err)
	}
	for _, draft := range parsed.Drafts {
		fmt.Println(draft.Record.Key, draft.Record.Name.First, draft.Record.Name.Last, draft.Record.Birth)
	}
	// Output: 7 ODETTE MADEUP 1981-05-06
}
