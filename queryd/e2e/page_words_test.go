package e2e_test

import (
	"context"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"lineup/queryd"
	"lineup/schemas"
)

// TestNamesAreWrittenAsPeopleSayThem: registries print other names with the last name first; the page does not.
func TestNamesAreWrittenAsPeopleSayThem(t *testing.T) {
	for printed, want := range map[string]string{"TESTCASE, ROWAN": "Rowan Testcase", "VAN DER TESTCASE, ROWAN Q": "Rowan Q van der Testcase",
		"Testcase, Rowan": "Rowan Testcase", "TESTCASE, ROWAN JR": "Rowan Testcase Jr", "ROWAN TESTCASE, JR": "Rowan Testcase, Jr",
		"ROWAN TESTCASE": "Rowan Testcase", "TESTCASE,": "Testcase,"} {
		h := newNode(t)
		id := h.enrol(person("1", "Quinn", "Mockley", func(r *schemas.Record) {
			r.Aliases = []schemas.Alias{{Name: schemas.Name{Full: printed}}}
		}), nil)
		_, page := h.post("/record/"+string(id), "key="+h.key)
		if !strings.Contains(page, "<li>"+want+"</li>") {
			t.Errorf("%s: the record lacks the other name %q", printed, want)
		}
		_, page = h.post("/search", "key="+h.key+"&lastName=Testcase&mode=extensive")
		if printed != "TESTCASE," && !strings.Contains(page, "Other name: "+want+"</p>") {
			t.Errorf("%s: the answer does not say that the other name %q was found", printed, want)
		}
	}
}

// TestUsualWordsAreInTheReadersLanguage: what registries print of race and ethnicity in the usual words is translated, what they
// print in words of their own stands as it is.
func TestUsualWordsAreInTheReadersLanguage(t *testing.T) {
	h := newNode(t)
	id := h.enrol(person("1", "Rowan", "Testcase", func(r *schemas.Record) {
		r.Race, r.Ethnicity = schemas.Coded{Raw: "UNKNOWN"}, schemas.Coded{Raw: "Not Hispanic"}
	}), nil)
	own := h.enrol(person("2", "Rowan", "Testcase", func(r *schemas.Record) { r.Race = schemas.Coded{Value: "white", Raw: "W / Other"} }), nil)
	for path, want := range map[string][]string{
		string(id) + "?lang=es": {"<dd>No se sabe</dd>", "<dd>No hispano</dd>"}, string(id): {"<dd>Unknown</dd>", "<dd>Not Hispanic</dd>"},
		string(own) + "?lang=es": {"<dd>W / Other</dd>"},
	} {
		_, page := h.post("/record/"+path, "key="+h.key)
		for _, w := range want {
			if !strings.Contains(page, w) {
				t.Errorf("%s: the record lacks %s", path, w)
			}
		}
	}
}

// TestAStateThatWasNotAskedIsNamedOnce: a state with two registries that are not copied here is one place to search.
func TestAStateThatWasNotAskedIsNamedOnce(t *testing.T) {
	h := newNode(t, func(_ *queryd.Config, d *queryd.Deps) {
		for _, id := range []string{"us-mo", "us-mo-doc"} {
			d.Sources = append(d.Sources, queryd.Source{ID: id, Name: "Registry " + id, Jurisdiction: "MO", Home: "https://" + id + ".test/",
				Mode: "link_only"})
		}
		read := d.State
		d.State = func(ctx context.Context, id string) (queryd.SourceState, error) {
			if id != "us-zz" {
				return queryd.SourceState{}, nil
			}
			return read(ctx, id)
		}
	})
	h.enrol(person("1", "Rowan", "Testcase"), nil)
	_, page := h.post("/search", "key="+h.key+"&lastName=Testcase")
	list, _, _ := strings.Cut(page[strings.Index(page, "Not searched:"):], "</p>")
	if strings.Count(list, ">Missouri<") != 1 {
		t.Errorf("not searched are %s", list)
	}
	for name, s := range backends(t, h, h.key) {
		said, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: "coverage"})
		must(t, err)
		if text := said.Content[0].(*sdk.TextContent).Text; strings.Count(text, "Missouri") != 1 {
			t.Errorf("%s: to a model it says %s", name, text)
		}
	}
}

// TestTheDescriptionOfTheAPISaysItsLanguage: it is in English on the Spanish page too, which says so.
func TestTheDescriptionOfTheAPISaysItsLanguage(t *testing.T) {
	h := newNode(t)
	const says = "La descripción de la API está solo en inglés."
	if _, page := h.do("GET", "/docs?lang=es", "", "Accept", "text/html"); !strings.Contains(page, says) {
		t.Error("the Spanish page does not say that the description of the API is in English")
	}
	if _, page := h.do("GET", "/docs", "", "Accept", "text/html"); strings.Contains(page, "in English only") {
		t.Error("the English page says that it is in English")
	}
}
