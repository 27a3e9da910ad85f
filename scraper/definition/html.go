package definition

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html"
)

const headings = "h1, h2, h3, h4, h5, h6, legend"

// findSection gives the part of the page under each heading that v names: what follows it up to
// the next heading, or, where a heading stands in a part of its own, what follows that part.
func (d *doc) findSection(n node, v *Value) ([]node, error) {
	if n.html == nil {
		return nil, fmt.Errorf("section %q: the answer is not HTML", v.Section)
	}
	css := v.Heading
	if css == "" {
		css = headings
	}
	wanted, err := pattern(v.Section)
	if err != nil {
		return nil, err
	}
	var out []node
	n.html.Find(css).Each(func(_ int, heading *goquery.Selection) {
		if !wanted.MatchString(clean(heading.Text())) {
			return
		}
		d.use(heading)
		d.outline[heading.Get(0)] = true
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
func (d *doc) findGrid(n node, v *Value) ([]node, error) {
	if n.html == nil {
		return nil, fmt.Errorf("grid: the answer is not HTML")
	}
	var out []node
	var t *table
	n.html.Find("tr").Each(func(_ int, tr *goquery.Selection) {
		cells := tr.ChildrenFiltered("td, th")
		if t == nil {
			t = newTable("grid", texts(cells), nil)
			d.use(tr)
			d.outline[tr.Get(0)] = true
			return
		}
		if v.Cells > 0 && cells.Length() != v.Cells || cells.Length() == 0 {
			return
		}
		r := &row{table: t}
		cells.Each(func(i int, cell *goquery.Selection) {
			r.cells = append(r.cells, htmlText(cell))
			r.nodes = append(r.nodes, cell)
			if i < len(t.columns) {
				d.named[cell.Get(0)] = t.columns[i]
			}
		})
		out = append(out, node{html: tr, rows: []*row{r}, n: n.n})
	})
	return out, nil
}

func texts(s *goquery.Selection) []string {
	return s.Map(func(_ int, one *goquery.Selection) string { return clean(one.Text()) })
}

// use marks everything in s as read.
func (d *doc) use(s *goquery.Selection) {
	for _, n := range s.Nodes {
		see(d, d.used, n)
	}
}

var lineEnds = map[string]bool{"br": true, "p": true, "div": true, "li": true, "tr": true, "dt": true, "dd": true, "ul": true}

// htmlText is the text of s as a reader sees it: white space collapsed, a line for each block.
func htmlText(s *goquery.Selection) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		switch n.Type {
		case html.TextNode:
			b.WriteString(strings.Map(blank, n.Data))
			return
		case html.ElementNode:
			if n.Data == "script" || n.Data == "style" {
				return
			}
			if lineEnds[n.Data] {
				b.WriteByte('\n')
			}
		}
		for child := n.FirstChild; child != nil; child = child.NextSibling {
			walk(child)
		}
		if n.Type == html.ElementNode && lineEnds[n.Data] && n.Data != "br" {
			b.WriteByte('\n')
		}
	}
	for _, n := range s.Nodes {
		walk(n)
		b.WriteByte('\n')
	}
	return lines(b.String())
}

// blank makes every white space a plain one, so that only elements end lines.
func blank(r rune) rune {
	if isSpace(r) {
		return ' '
	}
	return r
}

func isSpace(r rune) bool {
	return r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\f' || r == '\v' || r == '\u00a0' || r == '\u200b' || r == '\ufeff'
}

// clean collapses white space, non-breaking spaces included.
func clean(text string) string { return strings.Join(strings.FieldsFunc(text, isSpace), " ") }

// lines cleans each line of text and leaves out empty ones.
func lines(text string) string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = clean(line); line != "" {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// silent are elements whose text no reader of the page sees.
var silent = map[string]bool{"script": true, "style": true, "noscript": true, "head": true, "template": true, "option": true, "iframe": true}

// auditHTML reports the texts and photos below root that nothing read.
func (d *doc) auditHTML(root *goquery.Selection) {
	for _, css := range d.step.Ignore {
		if matcher := selector(css); matcher != nil {
			d.use(root.FindMatcher(matcher))
			d.use(root.FilterMatcher(matcher))
		}
	}
	var walk func(*html.Node, string)
	walk = func(n *html.Node, label string) {
		if d.used[n].read || n.Type == html.ElementNode && silent[n.Data] {
			return
		}
		if name, ok := d.named[n]; ok {
			label = name
		}
		switch {
		case n.Type == html.TextNode && meaningful(n.Data):
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

var something = regexp.MustCompile(`[\pL\pN]`)

func meaningful(text string) bool { return something.MatchString(text) }

// leaveHTML reports an element nothing read, by its label or else by its place; never by its text.
func (d *doc) leaveHTML(n *html.Node, label string) {
	if label != "" {
		if !d.ignores(label) {
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
		parts = append([]string{name}, parts...)
	}
	d.leave("part", strings.Join(parts, " > "))
}
