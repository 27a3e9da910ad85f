package definition

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/antchfx/xmlquery"
)

// evidenceMark begins the evidence of a registrant: what of a page speaks of nobody else, less
// what is never stored, in a form that its step reads again.
const evidenceMark = `{"lineup":"evidence"`

// kept is evidence as it is stored. One of HTML, XML, Item and Tables is set.
type kept struct {
	Lineup string               `json:"lineup"`
	Tables map[string]keptTable `json:"tables,omitempty"`
	Item   json.RawMessage      `json:"item,omitempty"` // of JSON
	XML    string               `json:"xml,omitempty"`
	HTML   string               `json:"html,omitempty"`
	At     string               `json:"at,omitempty"` // path of a JSON or XML item on its page
}

type keptTable struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
}

// mark says how a part of an answer was looked at.
type mark struct {
	read   bool   // a rule of the record, the key or the paging reads it; else only a drop rule looked
	plain  bool   // it was read for more than a victim's age
	victim *Value // it was read for that
}

// see marks the part at k as looked at.
func see[K comparable](d *doc, marks map[K]mark, k K) {
	at := marks[k]
	if !d.quiet {
		at.read = true
		at.plain = at.plain || d.victim == nil
		if d.victim != nil {
			at.victim = d.victim
		}
	}
	marks[k] = at
}

// masked reports whether a part is stored as "minor" or "adult" in the place of its text.
func (m mark) masked() bool { return m.victim != nil && !m.plain }

// never reports whether what is called name may not be stored, read or not.
func (d *doc) never(name string) bool {
	return denied(name) || d.opt.def.Policy.NoCoords && coordinateName(name)
}

// hides reports whether what is called name is left out of evidence: it is never stored, or no
// rule looked at it and it is a victim's or named as not wanted. What nobody named stays, so
// that a newer definition can read it.
func (d *doc) hides(name string, looked bool) bool {
	return d.never(name) || !looked && (victims.MatchString(name) || d.ignored(name))
}

// word is what is stored of a text about a victim.
func (d *doc) word(text string, v *Value) string {
	all, err := d.transform(text, v)
	if err != nil || len(all) == 0 {
		return ""
	}
	word, _ := minorOrAdult(strings.ReplaceAll(all[0], "\n", " "), v)
	return word
}

// evidence is the part of the page that is item n, such that its step reads the same again.
func (d *doc) evidence(n node) []byte {
	out := kept{Lineup: "evidence"}
	switch {
	case n.html != nil:
		out.HTML = d.keepHTML(n)
	case n.xml != nil:
		out.XML, out.At = d.keepXMLText(n.xml), n.path
		if d.step.Items != nil && !d.kept {
			out.At = xmlPath(n.xml.Parent)
		}
	case n.rows != nil:
		out.Tables = d.keptTables(n)
	default:
		data, _ := d.keepJSON(n.data, n.path, "", false)
		out.Item, _ = json.Marshal(data) // decoded JSON encodes again
		out.At = n.path
	}
	data, _ := json.Marshal(out) // texts always encode
	return data
}

// keepJSON copies a JSON value without what is left out; hidden below what the step ignores.
func (d *doc) keepJSON(v any, path, name string, hidden bool) (any, bool) {
	at, looked := d.usedPaths[path]
	if d.never(name) || d.never(path) {
		return nil, false
	}
	hidden = hidden || d.hides(path, looked) || name != "" && d.hides(name, looked)
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for child, value := range v {
			if kept, ok := d.keepJSON(value, strings.TrimPrefix(path+"."+child, "."), child, hidden); ok {
				out[child] = kept
			}
		}
		return out, len(out) > 0 || !hidden
	case []any:
		out := make([]any, len(v)) // what is left out leaves its place, so that [n] stays true
		some := false
		for i, value := range v {
			kept, ok := d.keepJSON(value, path+"[*]", "", hidden)
			if ok {
				out[i], some = kept, true
			}
		}
		return out, some || !hidden
	}
	if looked && at.masked() {
		return d.word(jsonText(v), at.victim), true
	}
	return v, looked || !hidden
}

// keepXMLText is element n (or the whole page) without what is left out.
func (d *doc) keepXMLText(n *xmlquery.Node) string {
	if out := d.keepXML(n, false); out != nil {
		return out.OutputXML(true)
	}
	return ""
}

func (d *doc) keepXML(n *xmlquery.Node, hidden bool) *xmlquery.Node {
	at, looked := d.usedXML[n]
	out := &xmlquery.Node{Type: n.Type, Data: n.Data, Prefix: n.Prefix, NamespaceURI: n.NamespaceURI}
	switch n.Type {
	case xmlquery.CommentNode:
		return nil
	case xmlquery.TextNode, xmlquery.CharDataNode:
		if hidden {
			return nil
		}
		return out
	case xmlquery.ElementNode:
		path := xmlPath(n)
		if d.never(n.Data) {
			return nil
		}
		hidden = !looked && (hidden || d.hides(n.Data, false) || d.hides(path, false))
		for _, a := range n.Attr {
			if !hidden && !d.hides(a.Name.Local, false) {
				out.Attr = append(out.Attr, a)
			}
		}
		if at.masked() {
			xmlquery.AddChild(out, &xmlquery.Node{Type: xmlquery.TextNode, Data: d.word(clean(n.InnerText()), at.victim)})
			return out
		}
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		if kept := d.keepXML(child, hidden); kept != nil {
			xmlquery.AddChild(out, kept)
		}
	}
	if hidden && out.FirstChild == nil {
		return nil
	}
	return out
}

// xmlPath names an element by its ancestors: Rap/Offense.
func xmlPath(n *xmlquery.Node) string {
	path := ""
	for ; n != nil && n.Type == xmlquery.ElementNode; n = n.Parent {
		path = strings.TrimSuffix(n.Data+"/"+path, "/")
	}
	return path
}

// keptTables are the rows that belong to n, of all tables.
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
		switch {
		case t.never[i] || d.opt.def.Policy.NoCoords && coordinateName(t.columns[i]):
		case !looked && (t.ignored[t.keys[i]] || victims.MatchString(t.columns[i])):
		case at.masked():
			cells[i] = d.word(clean(cell), at.victim)
		default:
			cells[i] = cell
		}
	}
	return cells
}

// decodeEvidence reads what evidence wrote.
func (d *doc) decodeEvidence(body []byte) error {
	var in kept
	if err := json.Unmarshal(body, &in); err != nil {
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
			spec = append(Texts{"@lat", "@lon"}, spec...)
		}
		made := newTable(name, t.Columns, spec)
		for _, cells := range t.Rows {
			made.rows = append(made.rows, &row{table: made, cells: cells})
		}
		d.tables[name] = made
	}
	return nil
}
