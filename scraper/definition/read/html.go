package read

import (
	"fmt"
	"strings"

	"lineup/scraper/definition"
	"lineup/scraper/definition/forms"
	"lineup/scraper/definition/notation"

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
		part := until(heading, css, false)
		for up := heading; part.Length() == 0 && up.Parent().Length() > 0 && !up.Is("body"); up = up.Parent() {
			part = until(up.Parent(), css, up.Parent().Is("tr"))
		}
		if part.Length() > 0 {
			out = append(out, node{html: part, n: n.n})
		}
	})
	return out, nil
}

// until gives the siblings after s up to one that is a heading, or that holds one: a row of a table, where headings are cells.
func until(s *goquery.Selection, css string, holds bool) *goquery.Selection {
	part := s.Slice(0, 0)
	for next := s.Next(); next.Length() > 0; next = next.Next() {
		if next.Is(css) || holds && next.Find(css).Length() > 0 {
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
			t = newTable("grid", forms.Texts(cells), nil)
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

// maxLabel is how long a label may be, in bytes. What is longer is a value where a label could stand: naming it in a
// report would tell of somebody.
const maxLabel = 60

// labelled gives the values of the pairs in n that bear one of names.
func (d *doc) labelled(n node, names definition.Texts) []pair {
	if n.html == nil || d.step.Labels == nil {
		return nil
	}
	scope := n.html
	if in := d.step.Labels.In; in != "" && sameNodes(scope, d.top.html) {
		scope = scope.Find(in).AddSelection(scope.Filter(in))
	}
	var out []pair
	for _, at := range scope.Nodes {
		if _, ok := d.pairs[at]; !ok {
			d.pairs[at] = d.readPairs(scope.FilterNodes(at))
		}
		for _, p := range d.pairs[at] {
			for _, name := range names {
				if notation.Fold(name) == notation.Fold(p.label) {
					d.usePair(p)
					out = append(out, p)
					break
				}
			}
		}
	}
	return out
}

func sameNodes(a, b *goquery.Selection) bool {
	return b != nil && len(a.Nodes) == len(b.Nodes) && len(a.Nodes) > 0 && a.Nodes[0] == b.Nodes[0]
}

// readPairs reads the pairs of scope in the layout the step declares.
func (d *doc) readPairs(scope *goquery.Selection) []pair {
	var out []pair
	rest := d.step.Labels.Layout == "row" && d.step.Labels.Value == ""
	add := func(label string, value, whole *goquery.Selection) {
		p := pair{label: notation.Clean(label), value: value, whole: whole, rest: rest}
		if len(p.label) > maxLabel {
			return
		}
		if value != nil {
			p.text = notation.HTML(value)
		}
		if notation.Fold(p.label) != "" {
			out = append(out, p)
			for _, n := range whole.Nodes {
				d.Named[n] = notation.Clean(strings.TrimRight(p.label, ": "))
			}
		}
	}
	l := d.step.Labels
	each := func(css string, do func(*goquery.Selection)) {
		scope.Find(css).AddSelection(scope.Filter(css)).Each(func(_ int, s *goquery.Selection) { do(s) })
	}
	switch l.Layout {
	case "table": // one or more pairs of cells in a row
		each("tr", func(tr *goquery.Selection) {
			cells := tr.ChildrenFiltered("td, th")
			for i := 0; i+1 < cells.Length(); i += 2 {
				label, value := cells.Eq(i), cells.Eq(i+1)
				if l.Label == "" || label.Find(l.Label).Length() > 0 || label.Is(l.Label) {
					add(label.Text(), value, label.AddSelection(value))
				}
			}
		})
	case "dl":
		each("dt", func(dt *goquery.Selection) {
			value := dt.NextUntil("dt").Filter("dd")
			add(dt.Text(), value, dt.AddSelection(value))
		})
	case "next": // a label's element, and the one right behind it
		each(l.Label, func(label *goquery.Selection) {
			if value := label.Next(); value.Length() > 0 {
				add(label.Text(), value, label.AddSelection(value))
			}
		})
	case "row":
		each(l.Row, func(row *goquery.Selection) {
			label := row.Find(l.Label).First()
			value := row.Find(l.Value)
			if l.Value == "" {
				value = row.Clone()
				value.Find(l.Label).First().Remove()
			}
			add(label.Text(), value, row)
		})
	case "colon":
		each(l.Row, func(row *goquery.Selection) {
			label, text, ok := strings.Cut(notation.HTML(row), ":")
			if ok {
				add(label, nil, row)
				out[len(out)-1].text = notation.Lines(text)
			}
		})
	case "lines": // a label ends in a colon, its value is what follows up to the next
		each(l.Row, func(row *goquery.Selection) {
			var labels, values []string
			for line := range strings.SplitSeq(notation.HTML(row), "\n") {
				if strings.HasSuffix(line, ":") {
					labels, values = append(labels, line), append(values, "")
				} else if n := len(values); n > 0 {
					values[n-1] = strings.TrimPrefix(values[n-1]+"\n"+line, "\n")
				}
			}
			for i := range labels {
				p := pair{label: notation.Clean(labels[i]), text: values[i], whole: row}
				out = append(out, p)
			}
			d.lineLabels(row, labels)
		})
	}
	return out
}

// lineLabels reports labels of the lines layout that no rule names: its pairs share one element,
// so the audit of elements cannot tell them apart.
func (d *doc) lineLabels(row *goquery.Selection, labels []string) {
	for _, label := range labels {
		if !d.Labels[notation.Fold(label)] && !d.Ignores(label) {
			d.leave("label", notation.Clean(strings.TrimRight(label, ": ")))
		}
	}
	d.Use(row)
	if d.Victims[row.Get(0)] == nil {
		d.Victims[row.Get(0)] = map[string]*definition.Value{}
	}
}

// usePair marks a pair as read; of one that is read for a victim's age, the value apart.
func (d *doc) usePair(p pair) {
	if d.Victim == nil {
		d.Use(p.whole)
		return
	}
	if d.step.Labels.Layout == "lines" {
		d.Victims[p.whole.Get(0)][notation.Fold(p.label)] = d.Victim
		return
	}
	if p.value == nil || p.rest {
		d.Use(p.whole)
		return
	}
	v := d.Victim
	d.Victim = nil
	d.Use(p.whole.NotNodes(p.value.Nodes...))
	d.Victim = v
	d.Use(p.value)
}

// minorOrAdult reads what a source says of a victim's age, by the definition's map where there is one.
func minorOrAdult(text string, v *definition.Value) (string, bool) {
	if text != "" && len(v.Map) > 0 {
		return v.Lookup(text)
	}
	return notation.VictimAge(text)
}

// youngest is what several victims of one offence are: minor if one of them is. ok is false where a text is not understood.
func youngest(texts []string, v *definition.Value) (word string, ok bool) {
	ok = true
	for _, text := range texts {
		one, understood := minorOrAdult(strings.ReplaceAll(text, "\n", " "), v)
		if ok = ok && understood; one == "minor" || word == "" {
			word = one
		}
	}
	return word, ok
}
