package redact

import (
	"lineup/scraper/definition"
	"lineup/scraper/definition/notation"
	"regexp"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html"
)

// keeper copies the part of an HTML page that speaks of one registrant. The elements stay, so
// that every selector finds what it found; texts and attributes go that are not this
// registrant's, or are never stored, or are named as not wanted and read by no rule.
type keeper struct {
	*Reading
	item    map[*html.Node]bool   // the registrant's own part
	others  map[*html.Node]bool   // items that are somebody else
	blank   map[*html.Node]bool   // named as not wanted, or never stored
	instead map[*html.Node]string // texts that stand in the place of others
}

// HTMLOf is the page at root with nothing of it but item, one of its items.
func (r *Reading) HTMLOf(root *goquery.Selection, items []*goquery.Selection, item *goquery.Selection) string {
	k := &keeper{Reading: r, item: map[*html.Node]bool{}, others: map[*html.Node]bool{}, blank: map[*html.Node]bool{},
		instead: map[*html.Node]string{}}
	for _, other := range items {
		if other == nil || len(other.Nodes) == len(item.Nodes) && len(item.Nodes) > 0 && other.Nodes[0] == item.Nodes[0] {
			continue
		}
		for _, at := range other.Nodes {
			k.others[at] = true
		}
	}
	for _, at := range item.Nodes {
		k.item[at] = true
		delete(k.others, at)
	}
	k.blanks(item)
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>")
	for _, root := range root.Nodes {
		out := k.copy(root, k.item[root])
		if out == nil {
			continue
		}
		for up := root.Parent; up != nil && up.Type == html.ElementNode; up = up.Parent {
			shell := k.shell(up, false)
			shell.AppendChild(out)
			out = shell
		}
		_ = html.Render(&b, out) // writing to memory does not fail
	}
	return b.String()
}

// blanks finds what is left out of the item.
func (k *keeper) blanks(item *goquery.Selection) {
	for _, css := range k.Step.Ignore {
		if matcher := definition.Selector(css); matcher != nil {
			for _, n := range item.FindMatcher(matcher).AddSelection(item.FilterMatcher(matcher)).Nodes {
				k.blank[n] = true
			}
		}
	}
	for row := range k.Victims {
		k.lineRow(row)
	}
	item.Find("*").Each(func(_ int, s *goquery.Selection) {
		n := s.Get(0)
		if n.FirstChild == nil || k.Named[n] != "" || s.Children().Not(inline).Length() > 0 {
			return
		}
		text := notation.Clean(s.Text())
		label, value, _ := strings.Cut(text, ":")
		if len(label) > 60 || !k.Never(label) && !victims.MatchString(label) || k.looksRead(n) {
			return
		}
		k.blank[n] = true
		if next := s.Next(); notation.Clean(value) == "" && next.Length() > 0 && !k.looksRead(next.Get(0)) {
			k.blank[next.Get(0)] = true
		}
	})
}

// looksRead reports whether a rule looked at n, at something in it, or at something around it.
func (k *keeper) looksRead(n *html.Node) bool {
	for up := n; up != nil; up = up.Parent {
		if _, ok := k.Used[up]; ok {
			return true
		}
	}
	for down := range n.Descendants() {
		if _, ok := k.Used[down]; ok {
			return true
		}
	}
	return false
}

// copy copies n and what is in it; show says whether the text there is the registrant's to keep.
func (k *keeper) copy(n *html.Node, show bool) *html.Node {
	if k.others[n] {
		return nil
	}
	switch n.Type {
	case html.TextNode:
		if text, ok := k.instead[n]; ok {
			return &html.Node{Type: html.TextNode, Data: text}
		}
		if !show || k.blank[n] {
			return nil
		}
		return &html.Node{Type: html.TextNode, Data: n.Data}
	case html.DocumentNode:
		for child := n.FirstChild; child != nil; child = child.NextSibling {
			if child.Type == html.ElementNode {
				return k.copy(child, show)
			}
		}
		return nil
	case html.ElementNode:
	default:
		return nil
	}
	at, looked := k.Used[n]
	label := k.Named[n]
	switch {
	case k.item[n] || k.Outline[n]:
		show = true
	case label != "" && k.Never(label):
		show = false
	case looked:
		show = show || k.within(n)
	case k.blank[n] || notation.Silent[n.Data] || label != "" && k.hides(label, false):
		show = false
	}
	out := k.shell(n, show)
	if at.masked() && show {
		k.mask(out, n, label, at.victim)
		return out
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		if kept := k.copy(child, show); kept != nil {
			out.AppendChild(kept)
		}
	}
	return out
}

// within reports whether n is in the item.
func (k *keeper) within(n *html.Node) bool {
	for up := n; up != nil; up = up.Parent {
		if k.item[up] {
			return true
		}
	}
	return false
}

// mask writes what is kept of a victim in the place of n's text, behind the label where the
// layout has it in the same element.
func (k *keeper) mask(out, n *html.Node, label string, v *definition.Value) {
	one := goquery.NewDocumentFromNode(n).Selection
	text := notation.HTML(one)
	l := k.Step.Labels
	if label != "" && l != nil && (l.Layout == "colon" || l.Layout == "row") && one.Is(l.Row) {
		if head := one.Find(l.Label).First(); l.Layout == "row" {
			copied := k.copy(head.Get(0), true)
			out.AppendChild(copied)
			text = strings.TrimPrefix(text, notation.HTML(head))
		} else {
			_, text, _ = strings.Cut(text, ":")
			out.AppendChild(&html.Node{Type: html.TextNode, Data: label + ": "})
		}
	}
	out.AppendChild(&html.Node{Type: html.TextNode, Data: k.Word(notation.Lines(text), v)})
}

// inline are elements that a label or a short value may be made of.
const inline = "a, b, em, i, label, small, span, strong, u"

// selecting are the attributes by which elements are found; they stay on elements whose text goes.
var selecting = map[string]bool{"class": true, "id": true, "role": true, "name": true, "type": true, "colspan": true, "rowspan": true}

// shell is n without its content.
func (k *keeper) shell(n *html.Node, show bool) *html.Node {
	out := &html.Node{Type: n.Type, Data: n.Data, DataAtom: n.DataAtom, Namespace: n.Namespace}
	_, looked := k.Used[n]
	for _, a := range n.Attr {
		if n.Data == "input" && a.Key == "value" && !looked {
			continue
		}
		if selecting[a.Key] || show && !k.Never(a.Key) && !victims.MatchString(a.Key) && !strings.HasPrefix(a.Key, "on") && a.Key != "style" {
			out.Attr = append(out.Attr, a)
		}
	}
	return out
}

// lineRow leaves values out of a row in which labels and values are lines.
func (k *keeper) lineRow(row *html.Node) {
	type line struct {
		text  string
		nodes []*html.Node
	}
	all := []line{{}}
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		ends := n.Type == html.ElementNode && notation.LineEnds[n.Data]
		if n.Type == html.TextNode {
			last := &all[len(all)-1]
			last.text += strings.Map(notation.Blank, n.Data)
			last.nodes = append(last.nodes, n)
		}
		if ends {
			all = append(all, line{})
		}
		for child := n.FirstChild; child != nil; child = child.NextSibling {
			walk(child)
		}
		if ends {
			all = append(all, line{})
		}
	}
	walk(row)
	hidden, fresh := false, false
	var victim *definition.Value
	for _, one := range all {
		text := notation.Clean(one.text)
		if text == "" {
			continue
		}
		if label, ok := strings.CutSuffix(text, ":"); ok {
			victim, fresh = k.Victims[row][notation.Fold(label)], true
			hidden = victim == nil && k.hides(label, k.Labels[notation.Fold(label)])
			continue
		}
		if !hidden && victim == nil {
			continue
		}
		for _, n := range one.nodes {
			k.blank[n] = true
		}
		if victim != nil && fresh {
			k.instead[one.nodes[0]] = k.Word(text, victim)
		}
		fresh = false
	}
}

var (
	// victims are names of fields that tell of victims.
	victims = regexp.MustCompile(`(?i)victim|(^|[ _.])vic([ _.]|$)`)
	// placed are names of fields that hold coordinates.
	placed = regexp.MustCompile(`(?i)(^|[ _.@])(lat|lon|lng|long|latitude|longitude|coordinates?|geometry)([ _.]|$)`)
)
