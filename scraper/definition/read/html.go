package read

import (
	"fmt"
	"lineup/scraper/definition"
	"lineup/scraper/definition/notation"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html"
)

const headings = "h1, h2, h3, h4, h5, h6, legend"

// findSection gives the part of the page under each heading that v names: what follows it up to
// the next heading, or, where a heading stands in a part of its own, what follows that part.
func (d *doc) findSection(n node, v *definition.Value) ([]node, error) {
	if n.html == nil {
		return nil, fmt.Errorf("section %q: the answer is not HTML", v.Section)
	}
	css := v.Heading
	if css == "" {
		css = headings
	}
	wanted, err := definition.Pattern(v.Section)
	if err != nil {
		return nil, err
	}
	var out []node
	n.html.Find(css).Each(func(_ int, heading *goquery.Selection) {
		if !wanted.MatchString(notation.Clean(heading.Text())) {
			return
		}
		d.Use(heading)
		d.Outline[heading.Get(0)] = true
		part := until(heading, css)
		for up := heading; part.Length() == 0 && up.Parent().Length() > 0 && !up.Is("body"); up = up.Parent() {
			part = until(up.Parent(), css)
		}
		if part.Length() > 0 {
			out = append(out, node{html: part, n: n.n})
		}
	})
	return out, nil
}

// until gives the siblings after s up to one that is or holds a heading.
func until(s *goquery.Selection, css string) *goquery.Selection {
	part := s.Slice(0, 0)
	for next := s.Next(); next.Length() > 0; next = next.Next() {
		if next.Is(css) {
			break
		}
		part = part.AddSelection(next)
	}
	return part
}

// findGrid gives the rows below the header row of a table, columns named by it.
func (d *doc) findGrid(n node, v *definition.Value) ([]node, error) {
	if n.html == nil {
		return nil, fmt.Errorf("grid: the answer is not HTML")
	}
	var out []node
	var t *table
	n.html.Find("tr").Each(func(_ int, tr *goquery.Selection) {
		cells := tr.ChildrenFiltered("td, th")
		if t == nil {
			t = newTable("grid", texts(cells), nil)
			d.Use(tr)
			d.Outline[tr.Get(0)] = true
			return
		}
		if v.Cells > 0 && cells.Length() != v.Cells || cells.Length() == 0 {
			return
		}
		r := &row{table: t}
		cells.Each(func(i int, cell *goquery.Selection) {
			r.cells = append(r.cells, notation.HTML(cell))
			r.nodes = append(r.nodes, cell)
			if i < len(t.columns) {
				d.Named[cell.Get(0)] = t.columns[i]
			}
		})
		out = append(out, node{html: tr, rows: []*row{r}, n: n.n})
	})
	return out, nil
}

func texts(s *goquery.Selection) []string {
	return s.Map(func(_ int, one *goquery.Selection) string { return notation.Clean(one.Text()) })
}

// auditHTML reports the texts and photos below root that nothing read.
func (d *doc) auditHTML(root *goquery.Selection) {
	for _, css := range d.step.Ignore {
		if matcher := definition.Selector(css); matcher != nil {
			d.Use(root.FindMatcher(matcher))
			d.Use(root.FilterMatcher(matcher))
		}
	}
	var walk func(*html.Node, string)
	walk = func(n *html.Node, label string) {
		if d.Used[n].Read || n.Type == html.ElementNode && notation.Silent[n.Data] {
			return
		}
		if name, ok := d.Named[n]; ok {
			label = name
		}
		switch {
		case n.Type == html.TextNode && notation.Meaningful(n.Data):
			d.leaveHTML(n.Parent, label)
		case n.Type == html.ElementNode && n.Data == "img":
			d.leaveHTML(n, label)
		}
		for child := n.FirstChild; child != nil; child = child.NextSibling {
			walk(child, label)
		}
	}
	for _, n := range root.Nodes {
		walk(n, "")
	}
}

// leaveHTML reports an element nothing read, by its label or else by its place; never by its text.
func (d *doc) leaveHTML(n *html.Node, label string) {
	if label != "" {
		if !d.Ignores(label) {
			d.leave("label", label)
		}
		return
	}
	var parts []string
	for ; n != nil && n.Type == html.ElementNode && n.Data != "body" && len(parts) < 3; n = n.Parent {
		name := n.Data
		for _, a := range n.Attr {
			if a.Key == "class" && a.Val != "" {
				name += "." + strings.Join(strings.Fields(a.Val), ".")
			}
		}
		if nth, several := cell(n); several {
			name += fmt.Sprintf(":nth-child(%d)", nth)
		}
		parts = append([]string{name}, parts...)
	}
	d.leave("part", strings.Join(parts, " > "))
}

// cell numbers a cell of a table from 1, and reports whether its row has several.
func cell(n *html.Node) (nth int, several bool) {
	if n.Data != "td" && n.Data != "th" || n.Parent == nil {
		return 0, false
	}
	cells := 0
	for at := range n.Parent.ChildNodes() {
		if at.Type == html.ElementNode {
			cells++
		}
		if at == n {
			nth = cells
		}
	}
	return nth, cells > 1
}
