package read

import (
	"lineup/scraper/definition"
	"lineup/scraper/definition/notation"
	"strings"

	"github.com/PuerkitoBio/goquery"
)

// pair is a label and what it stands before.
type pair struct {
	label string
	text  string
	value *goquery.Selection // nil when the layout has no element for it
	whole *goquery.Selection // what is read when the pair is
	rest  bool               // value is a copy of the pair without its label
}

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
				add(label.Text(), value, label.AddSelection(value))
			}
		})
	case "dl":
		each("dt", func(dt *goquery.Selection) {
			value := dt.NextUntil("dt").Filter("dd")
			add(dt.Text(), value, dt.AddSelection(value))
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
