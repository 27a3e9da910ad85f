package read

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lineup/scraper"
	"lineup/scraper/definition"
	"lineup/scraper/definition/notation"
)

// marked looks for the step's marker. Errors: scraper.ErrLayout.
func (d *doc) marked() error {
	if d.step.Marker == "" || d.kept {
		return nil
	}
	v := &definition.Value{CSS: d.step.Marker}
	switch d.step.As {
	case "html":
	case "json":
		v = &definition.Value{Path: d.step.Marker}
	case "xml":
		v = &definition.Value{XPath: d.step.Marker}
	default:
		if t := d.tables[""]; t != nil {
			if _, ok := t.at[notation.Fold(d.step.Marker)]; ok {
				return nil
			}
		}
		return fmt.Errorf("no column %q: %w", d.step.Marker, scraper.ErrLayout)
	}
	found, err := d.find(d.top, v)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("no %q on the page: %w", d.step.Marker, scraper.ErrLayout)
	}
	return err
}

// all is the text of an HTML page, for the phrase that says it lists nobody.
func (d *doc) all() string {
	if d.top.html == nil {
		return d.emptyArray()
	}
	return notation.Clean(d.top.html.Text())
}

// emptyArray is "[]" when the path of the step's items leads to an array with nothing in it: a
// partition without anybody. A path that leads nowhere is something else.
func (d *doc) emptyArray() string {
	if d.step.Items == nil || d.top.data == nil {
		return ""
	}
	at := []node{d.top}
	for _, part := range pathParts(strings.TrimSuffix(d.step.Items.Path, "[*]")) {
		var below []node
		for _, n := range at {
			below = append(below, n.child(part)...)
		}
		at = below
	}
	if len(at) == 1 {
		if list, ok := at[0].data.([]any); ok && len(list) == 0 {
			return "[]"
		}
	}
	return ""
}

// items gives the items of the page: rows, grouped rows, or what the step's items mean.
func (d *doc) items() ([]node, error) {
	items := []node{d.top}
	if d.tables[""] != nil {
		items = nil
		for _, r := range d.tables[""].rows {
			items = append(items, node{rows: []*row{r}})
		}
	}
	if d.kept && (d.item.data != nil || d.item.xml != nil) {
		return []node{d.item}, nil
	}
	if d.step.Items != nil && (!d.kept || d.tables[""] == nil) {
		var err error
		at := node{rows: []*row{}}
		if d.step.As != "zip" {
			at = d.top
		}
		if items, err = d.find(at, d.step.Items); err != nil {
			return nil, err
		}
	}
	if len(d.step.Group) > 0 {
		items = d.group(items)
	}
	for i := range d.step.Join {
		for n := range items {
			if err := d.join(&items[n], &d.step.Join[i]); err != nil {
				return nil, err
			}
		}
	}
	return items, nil
}

// join adds to item the rows of another table that belong to it. A table that lacks the columns to
// join by is passed over where the definition says that it may.
func (d *doc) join(item *node, v *definition.Value) error {
	if t := d.tables[v.Table]; v.Optional && t != nil {
		for column := range v.On {
			if _, ok := t.at[t.key(column)]; !ok {
				return nil
			}
		}
	}
	more, err := d.find(*item, v)
	for _, part := range more {
		item.rows = append(item.rows, part.rows...)
	}
	return err
}

// group joins rows of one person, in the order in which persons first appear.
func (d *doc) group(items []node) []node {
	at := map[string]int{}
	var out []node
	for _, item := range items {
		var key []string
		for _, column := range d.step.Group {
			key = append(key, notation.Fold(item.column(d, column, false)))
		}
		joined := strings.Join(key, "\x00")
		if i, ok := at[joined]; ok {
			out[i].rows = append(out[i].rows, item.rows...)
			continue
		}
		at[joined] = len(out)
		out = append(out, node{rows: item.rows})
	}
	return out
}

func (d *doc) taken() (map[string]string, error) {
	taken := map[string]string{}
	if d.kept {
		return taken, nil
	}
	for name, v := range d.step.Take {
		text, err := d.text(d.top, &v)
		if err != nil {
			return nil, err
		}
		if text == "" && !v.Optional {
			return nil, fmt.Errorf("nothing to take as %q: %w", name, scraper.ErrLayout)
		}
		taken[name] = text
	}
	return taken, nil
}

// then gives the requests of the steps that follow the page.
func (s *Source) then(d *doc, taken map[string]string) ([]scraper.Request, error) {
	var out []scraper.Request
	for _, then := range d.step.Then {
		vars := maps.Clone(d.carry)
		if vars == nil {
			vars = map[string]string{}
		}
		maps.Copy(vars, taken)
		maps.Copy(vars, s.first(then.Step))
		values := []string(then.List)
		if then.Over != nil {
			var err error
			if values, err = d.texts(d.top, then.Over); err != nil {
				return nil, err
			}
			if len(values) == 0 {
				return nil, fmt.Errorf("no %s to go through: %w", then.As, scraper.ErrLayout)
			}
		}
		if then.As == "" {
			values = []string{""}
		}
		for _, value := range values {
			one := maps.Clone(vars)
			if then.As != "" {
				one[then.As] = value
			}
			r, err := s.ask(then.Step, one, d)
			if err != nil {
				return nil, err
			}
			out = append(out, r)
		}
	}
	return out, nil
}

// audit reports what nothing read, on the whole page.
func (d *doc) audit(items []node) {
	for _, name := range slices.Sorted(maps.Keys(d.tables)) {
		d.auditTable(d.tables[name])
	}
	switch {
	case d.step.Key == nil && d.step.Record == nil: // a page that only leads on
	case d.item.data != nil:
		d.auditJSON(d.item.data, d.item.path)
	case d.item.xml != nil:
		d.auditXML(d.item.xml, d.item.path)
	case d.top.html != nil:
		d.auditHTML(d.top.html)
	case d.top.xml != nil:
		d.auditXML(d.top.xml, "")
	case d.step.As == "json":
		d.auditJSON(d.top.data, "")
	}
}
