package read

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"lineup/scraper"
	"lineup/scraper/definition"
	"lineup/scraper/definition/notation"
)

// A layer of a map server (ArcGIS) gives its rows in pages, and its word for the end is the absence of a flag, which servers
// are known to forget. So the server is asked for the number of rows too, and rows are told apart by what they are ordered
// by: a page that repeats rows of another one repeats nobody, and hides nobody who is missing.

// countOnly is what a request for the number of a layer's rows carries.
const countOnly = "@count"

// features reads the answer of an ArcGIS query: attributes as columns, the place as the columns @lat and @lon.
func features(v any, ignore definition.Texts) (*table, error) {
	answer, _ := v.(map[string]any)
	list, ok := answer["features"].([]any)
	if !ok || answer["error"] != nil {
		return nil, errors.New("the ArcGIS service answers with an error")
	}
	names := map[string]bool{}
	fields, _ := answer["fields"].([]any)
	for _, field := range fields {
		if name, ok := at(field, "name").(string); ok {
			names[name] = true
		}
	}
	for i, f := range list {
		attributes, ok := at(f, "attributes").(map[string]any)
		if !ok {
			return nil, fmt.Errorf("not an ArcGIS answer: feature %d has no attributes", i)
		}
		for name := range attributes {
			names[name] = true
		}
	}
	columns := append(slices.Sorted(maps.Keys(names)), "@lat", "@lon")
	t := newTable("layer", columns, append(definition.Texts{"@lat", "@lon"}, ignore...))
	for _, f := range list {
		r := &row{table: t}
		for _, name := range columns[:len(columns)-2] {
			r.cells = append(r.cells, notation.JSON(at(at(f, "attributes"), name)))
		}
		point := at(f, "geometry") // an empty one is "NaN" in quotes
		r.cells = append(r.cells, notation.JSON(at(point, "y")), notation.JSON(at(point, "x")))
		t.rows = append(t.rows, r)
	}
	return t, nil
}

// howMany asks for the number of a layer's rows, beside its first page; none for other steps and pages.
func (s *Source) howMany(d *doc) ([]scraper.Request, error) {
	if d.step.As != "arcgis" || d.step.Pages == nil || s.files != nil || d.carry["@seen"] != "" {
		return nil, nil
	}
	r, err := s.ask(d.rule, s.first(d.rule), d)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, fmt.Errorf("ask for the number of rows: %w", err)
	}
	q := u.Query()
	for _, name := range []string{"outFields", "orderByFields", "outSR", "resultOffset", "resultRecordCount"} {
		q.Del(name)
	}
	q.Set("returnCountOnly", "true")
	u.RawQuery = q.Encode()
	r.URL, r.Carry = u.String(), map[string]string{countOnly: "true"}
	return []scraper.Request{r}, nil
}

// counted reads the answer to howMany.
func (s *Source) counted(page scraper.Page) (scraper.Parsed, error) {
	v, err := decodeJSON(page.Body)
	if err != nil {
		return scraper.Parsed{}, fmt.Errorf("%s: step %s: number of rows: not JSON: %w", s.def.ID, page.Request.Rule, err)
	}
	total, ok := wholeNumber(at(v, "count"))
	if !ok {
		return scraper.Parsed{}, fmt.Errorf("%s: step %s: the ArcGIS service does not say how many rows it has", s.def.ID, page.Request.Rule)
	}
	return scraper.Parsed{Total: total}, nil
}

// wholeNumber is v where it is a number of things.
func wholeNumber(v any) (int, bool) {
	var n int
	if _, err := fmt.Sscanf(notation.JSON(v), "%d", &n); err != nil || n < 0 {
		return 0, false
	}
	return n, true
}

// numbers are what the rows of a layer's page are ordered by, nil where a row lacks it.
func (d *doc) numbers(items []node) []string {
	if d.step.As != "arcgis" || d.step.Pages == nil {
		return nil
	}
	field, _, _ := strings.Cut(strings.TrimSpace(d.step.Request.Query["orderByFields"]), " ")
	t := d.tables[""]
	var all []string
	for _, item := range items {
		for _, r := range item.rows {
			number := t.cell(r, field)
			if number == "" {
				return nil
			}
			all = append(all, number)
		}
	}
	return all
}
