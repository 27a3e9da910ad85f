package redact

import (
	"bytes"
	"encoding/json"
	"lineup/scraper/definition/notation"
	"strings"

	"github.com/antchfx/xmlquery"
)

// evidenceMark begins the evidence of a registrant: what of a page speaks of nobody else, less
// what is never stored, in a form that its step reads again.
const evidenceMark = `{"lineup":"evidence"`

// Evidence is what is stored of a page for one registrant. One of HTML, XML, Item and Tables is set.
type Evidence struct {
	Lineup string                   `json:"lineup"`
	Tables map[string]EvidenceTable `json:"tables,omitempty"`
	Item   json.RawMessage          `json:"item,omitempty"` // of JSON
	XML    string                   `json:"xml,omitempty"`
	HTML   string                   `json:"html,omitempty"`
	At     string                   `json:"at,omitempty"` // path of a JSON or XML item on its page
}

// EvidenceTable is what is stored of one table.
type EvidenceTable struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
}

// IsEvidence reports whether body is what Encode made.
func IsEvidence(body []byte) bool { return bytes.HasPrefix(body, []byte(evidenceMark)) }

// Encode writes e as it is stored.
func (e Evidence) Encode() []byte {
	e.Lineup = "evidence"
	data, _ := json.Marshal(e) // texts always encode
	return data
}

// DecodeEvidence reads what Encode wrote.
func DecodeEvidence(body []byte) (Evidence, error) {
	var e Evidence
	err := json.Unmarshal(body, &e)
	return e, err
}

// JSONOf is a decoded JSON value, which stands at path of its page, without what is left out.
func (r *Reading) JSONOf(v any, path string) json.RawMessage {
	data, _ := r.keepJSON(v, path, "", false)
	text, _ := json.Marshal(data) // decoded JSON encodes again
	return text
}

// keepJSON copies a JSON value without what is left out; hidden below what the step ignores.
func (r *Reading) keepJSON(v any, path, name string, hidden bool) (any, bool) {
	at, looked := r.Paths[path]
	if r.Never(name) || r.Never(path) {
		return nil, false
	}
	hidden = hidden || r.hides(path, looked) || name != "" && r.hides(name, looked)
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for child, value := range v {
			if kept, ok := r.keepJSON(value, strings.TrimPrefix(path+"."+child, "."), child, hidden); ok {
				out[child] = kept
			}
		}
		return out, len(out) > 0 || !hidden
	case []any:
		out := make([]any, len(v)) // what is left out leaves its place, so that [n] stays true
		some := false
		for i, value := range v {
			kept, ok := r.keepJSON(value, path+"[*]", "", hidden)
			if ok {
				out[i], some = kept, true
			}
		}
		return out, some || !hidden
	}
	if looked && at.masked() {
		return r.Word(notation.JSON(v), at.victim), true
	}
	return v, looked || !hidden
}

// XMLOf is element n (or the whole page) without what is left out.
func (r *Reading) XMLOf(n *xmlquery.Node) string {
	if out := r.keepXML(n, false); out != nil {
		return out.OutputXML(true)
	}
	return ""
}

func (r *Reading) keepXML(n *xmlquery.Node, hidden bool) *xmlquery.Node {
	at, looked := r.XML[n]
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
		path := XMLPath(n)
		if r.Never(n.Data) {
			return nil
		}
		hidden = !looked && (hidden || r.hides(n.Data, false) || r.hides(path, false))
		for _, a := range n.Attr {
			if !hidden && !r.hides(a.Name.Local, false) {
				out.Attr = append(out.Attr, a)
			}
		}
		if at.masked() {
			xmlquery.AddChild(out, &xmlquery.Node{Type: xmlquery.TextNode, Data: r.Word(notation.Clean(n.InnerText()), at.victim)})
			return out
		}
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		if kept := r.keepXML(child, hidden); kept != nil {
			xmlquery.AddChild(out, kept)
		}
	}
	if hidden && out.FirstChild == nil {
		return nil
	}
	return out
}

// XMLPath names an element by its ancestors: Rap/Offense.
func XMLPath(n *xmlquery.Node) string {
	path := ""
	for ; n != nil && n.Type == xmlquery.ElementNode; n = n.Parent {
		path = strings.TrimSuffix(n.Data+"/"+path, "/")
	}
	return path
}

// Cell is a table's cell, and how its column was looked at.
type Cell struct {
	Column  string
	Text    string
	Mark    Mark
	Looked  bool
	Ignored bool // the step names the column as not wanted
	Never   bool // the column is never stored
}

// CellOf is what is stored of a cell.
func (r *Reading) CellOf(c Cell) string {
	switch {
	case c.Never || r.NoCoords && placed.MatchString(c.Column):
		return ""
	case !c.Looked && (c.Ignored || victims.MatchString(c.Column)):
		return ""
	case c.Mark.masked():
		return r.Word(notation.Clean(c.Text), c.Mark.victim)
	}
	return c.Text
}
