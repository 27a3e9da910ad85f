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
)

// A list by the beginnings of last names, then of first names, then of last names again.
const prefixed = `
id: t
name: t
jurisdiction: XX
home: https://x.example
mode: enabled
base: https://x.example/a/
guards: {min_count: 1}
policy: {evidence: t}
start: lasts
starts: {last: [A, B]}
steps:
  lasts:
    request: {url: s, json: '{"last": "{last}"}', told: true}
    as: json
    marker: data
    empty: [not found, "[]"]
    items: {path: "data[*]"}
    key: {path: id}
    detail: one
    pages: {by: prefix, var: first, step: both, cap: 3, cut: more than 3, letters: XY}
  both:
    request: {url: s, json: '{"last": "{last}", "first": "{first}"}', told: true}
    as: json
    marker: data
    empty: not found
    items: {path: "data[*]"}
    key: {path: id}
    detail: one
    pages: {by: prefix, var: last, cap: 3, cut: more than 3, letters: XY}
  one: {as: json, marker: n, request: {url: "{key}"}, record: {name: {path: n}}}
`

func TestPrefixes(t *testing.T) {
	src, err := read.Load("t.yml", []byte(prefixed))
	if err != nil {
		t.Fatal(err)
	}
	start, err := src.Start()
	if err != nil || len(start) != 2 || string(start[0].Body) != `{"last": "A"}` || string(start[1].Body) != `{"last": "B"}` ||
		!start[0].Told {
		t.Errorf("starts with %+v, %v", start, err)
	}
	longest := "A" + strings.Repeat("X", 7)
	tests := []struct {
		name, rule string
		carry      map[string]string
		status     int
		body, want string
		cutOff     bool
		err        error // nil: none; otherwise not this one
	}{
		{"few", "lasts", map[string]string{"last": "A"}, 200, `{"data": [{"id": 1}]}`, "-> one https://x.example/a/1", false, nil},
		{"nobody", "lasts", map[string]string{"last": "A"}, 404, `{"errorInfo": {"errorStatus": "Data not found."}}`, "", false, nil},
		{"nobody, said by an empty list", "lasts", map[string]string{"last": "A"}, 200, `{"data": []}`, "", false, nil},
		{"as many as it gives", "lasts", map[string]string{"last": "A"}, 200, `{"data": [{"id": 1}, {"id": 2}, {"id": 3}]}`,
			`-> one https://x.example/a/1; -> one https://x.example/a/2; -> one https://x.example/a/3; ` +
				`-> both https://x.example/a/s {"last": "A", "first": "X"}; -> both https://x.example/a/s {"last": "A", "first": "Y"}`, false, nil},
		{"too many", "lasts", map[string]string{"last": "A"}, 400, `{"errorInfo": {"errorStatus": "Search generated MORE THAN 3 results."}}`,
			`-> both https://x.example/a/s {"last": "A", "first": "X"}; -> both https://x.example/a/s {"last": "A", "first": "Y"}`, false, nil},
		{"too many of a first name", "both", map[string]string{"last": "A", "first": "X"}, 400, `{"m": "more than 3"}`,
			`-> both https://x.example/a/s {"last": "AX", "first": "X"}; -> both https://x.example/a/s {"last": "AY", "first": "X"}`, false, nil},
		{"too many of a name that cannot be longer", "both", map[string]string{"last": longest, "first": "X"}, 400, `{"m": "more than 3"}`, "",
			true, nil},
		{"as many as it gives of a name that cannot be longer", "both", map[string]string{"last": longest, "first": "X"}, 200,
			`{"data": [{"id": 1}, {"id": 2}, {"id": 3}]}`,
			`-> one https://x.example/a/1; -> one https://x.example/a/2; -> one https://x.example/a/3`, true, nil},
		{"something else is wrong", "lasts", map[string]string{"last": "A"}, 500, `{"m": "out of memory"}`, "", false, scraper.ErrLayout},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := src.Parse(scraper.Page{
				Request: scraper.Request{Rule: test.rule, URL: "https://x.example/a/s", Carry: test.carry}, URL: "https://x.example/a/s",
				Status: test.status, Header: http.Header{}, Body: []byte(test.body), Read: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC),
			})
			if (err != nil) != (test.err != nil) || err != nil && errors.Is(err, test.err) {
				t.Fatalf("%v", err)
			}
			if diff := cmp.Diff(test.want, said(got)); diff != "" || got.CutOff != test.cutOff {
				t.Errorf("cut off %v\n%s", got.CutOff, diff)
			}
		})
	}
}
