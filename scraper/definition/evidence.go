package definition

import (
	"encoding/json"
	"strings"

	"github.com/PuerkitoBio/goquery"
)

// evidenceMark begins the evidence of an item that is a part of a file: the item alone, in a
// form that its step reads again.
const evidenceMark = `{"lineup":"evidence"`

type kept struct {
	Lineup string               `json:"lineup"`
	Tables map[string]keptTable `json:"tables,omitempty"`
	Item   json.RawMessage      `json:"item,omitempty"`
}

type keptTable struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
}

// evidence is the part of the page that is item n, such that its step reads the same again.
// Cells of columns that are never stored are left out.
func (d *doc) evidence(n node) []byte {
	switch {
	case n.html != nil && n.rows == nil:
		var b strings.Builder
		b.WriteString("<!DOCTYPE html><html><body>")
		n.html.Each(func(_ int, one *goquery.Selection) {
			text, _ := goquery.OuterHtml(one) // writing to memory does not fail
			b.WriteString(text)
		})
		b.WriteString("</body></html>")
		return []byte(b.String())
	case n.xml != nil:
		return []byte(n.xml.OutputXML(true))
	case n.rows == nil && d.step.Items == nil:
		data, _ := json.Marshal(n.data) // decoded JSON encodes again
		return data
	}
	out := kept{Lineup: "evidence"}
	if n.rows == nil {
		out.Item, _ = json.Marshal(n.data)
	} else {
		out.Tables = d.keptTables(n)
	}
	data, _ := json.Marshal(out) // texts always encode
	return data
}

func (d *doc) keptTables(n node) map[string]keptTable {
	names := map[*table]string{}
	for name, t := range d.tables {
		names[t] = name
	}
	out := map[string]keptTable{}
	for name, t := range d.tables {
		out[name] = keptTable{Columns: t.columns}
	}
	taken := map[*row]bool{}
	add := func(r *row) {
		name, ok := names[r.table]
		if !ok || taken[r] {
			return
		}
		taken[r] = true
		t := out[name]
		cells := make([]string, len(r.cells))
		for i, cell := range r.cells {
			if i >= len(t.Columns) || !r.table.never[i] {
				cells[i] = cell
			}
		}
		t.Rows = append(t.Rows, cells)
		out[name] = t
	}
	for _, r := range n.rows {
		add(r)
	}
	for _, r := range d.joined {
		add(r)
	}
	return out
}

func (d *doc) decodeEvidence(body []byte) error {
	var in kept
	if err := json.Unmarshal(body, &in); err != nil {
		return err
	}
	d.kept = true
	if in.Item != nil {
		v, err := decodeJSON(in.Item)
		if err != nil {
			return err
		}
		d.item = node{data: v}
		if d.step.Items != nil {
			d.item.path = strings.Join(pathParts(d.step.Items.Path), ".")
			d.item.path = strings.ReplaceAll(d.item.path, ".[", "[")
		}
		return nil
	}
	for name, t := range in.Tables {
		spec := d.step.Ignore
		if name != "" {
			spec = d.step.Tables[name].Ignore
		}
		made := newTable(name, t.Columns, spec)
		for _, cells := range t.Rows {
			made.rows = append(made.rows, &row{table: made, cells: cells})
		}
		d.tables[name] = made
	}
	return nil
}
