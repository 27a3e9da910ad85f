package read

import (
	"fmt"
	"strings"

	"lineup/scraper/definition"
	"lineup/scraper/definition/redact"

	"github.com/PuerkitoBio/goquery"
	"github.com/antchfx/xmlquery"
)

// evidence is the part of the page that is item n, such that its step reads the same again.
func (d *doc) evidence(n node) []byte {
	var out redact.Evidence
	switch {
	case n.html != nil:
		items := make([]*goquery.Selection, 0, len(d.pageItems))
		for _, item := range d.pageItems {
			items = append(items, item.html)
		}
		if l := d.step.Labels; l != nil && l.Layout != "lines" { // rows of the layout lines are taken apart one by one
			for _, at := range n.html.Nodes {
				if _, ok := d.pairs[at]; !ok {
					d.readPairs(n.html.FilterNodes(at)) // those included that no rule reads
				}
			}
		}
		out.HTML = d.HTMLOf(d.top.html, items, n.html)
	case n.xml != nil:
		out.XML, out.At = d.XMLOf(n.xml), n.path
		if d.step.Items != nil && !d.kept {
			out.At = redact.XMLPath(n.xml.Parent)
		}
	case n.rows != nil:
		out.Tables = d.keptTables(n)
	default:
		out.Item, out.At = d.JSONOf(n.data, n.path), n.path
	}
	return out.Encode()
}

// keptTables are the rows that belong to n, of all tables.
func (d *doc) keptTables(n node) map[string]redact.EvidenceTable {
	names := map[*table]string{}
	for name, t := range d.tables {
		names[t] = name
	}
	out := map[string]redact.EvidenceTable{}
	for name, t := range d.tables {
		out[name] = redact.EvidenceTable{Columns: t.columns}
	}
	taken := map[*row]bool{}
	for _, rows := range [][]*row{n.rows, d.joined} {
		for _, r := range rows {
			name, ok := names[r.table]
			if !ok || taken[r] {
				continue
			}
			taken[r] = true
			t := out[name]
			t.Rows = append(t.Rows, d.keptCells(r))
			out[name] = t
		}
	}
	return out
}

func (d *doc) keptCells(r *row) []string {
	t := r.table
	cells := make([]string, len(r.cells))
	for i, cell := range r.cells {
		if i >= len(t.columns) {
			continue // makeTable lets no such row in
		}
		at, looked := t.touched[t.keys[i]]
		cells[i] = d.CellOf(redact.Cell{Column: t.columns[i], Text: cell, Mark: at, Looked: looked, Ignored: t.ignored[t.keys[i]],
			Never: t.never[i]})
	}
	return cells
}

// decodeEvidence reads what evidence wrote.
func (d *doc) decodeEvidence(body []byte) error {
	in, err := redact.DecodeEvidence(body)
	if err != nil {
		return err
	}
	d.kept = true
	switch {
	case in.HTML != "":
		return d.decodeHTML([]byte(in.HTML), "text/html; charset=utf-8")
	case in.XML != "":
		top, err := xmlquery.Parse(strings.NewReader(in.XML))
		if err != nil {
			return err
		}
		d.top = node{xml: top}
		if d.step.Items != nil {
			d.item = node{xml: xmlquery.FindOne(top, "/*"), path: in.At}
		}
		return nil
	case in.Item != nil:
		v, err := decodeJSON(in.Item)
		d.item = node{data: v, path: in.At}
		if err == nil && v == nil {
			err = fmt.Errorf("nothing was kept")
		}
		return err
	}
	for name, t := range in.Tables {
		spec := d.step.Ignore
		if name != "" {
			spec = d.step.Tables[name].Ignore
		}
		if d.step.As == "arcgis" {
			spec = append(definition.Texts{"@lat", "@lon"}, spec...)
		}
		made := newTable(name, t.Columns, spec)
		for _, cells := range t.Rows {
			made.rows = append(made.rows, &row{table: made, cells: cells})
		}
		d.tables[name] = made
	}
	return nil
}
