package read

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"lineup/scraper/definition"
	"lineup/scraper/definition/notation"
	"lineup/scraper/definition/redact"

	"github.com/PuerkitoBio/goquery"
)

// find gives the parts of n that v means, in the order of the page.
func (d *doc) find(n node, v *definition.Value) ([]node, error) {
	found := []node{n}
	steps := []struct {
		on bool
		do func(node, *definition.Value) ([]node, error)
	}{
		{v.Section != "", d.findSection},
		{v.CSS != "" || v.Having != "", d.findCSS},
		{v.Numbered != "", d.findNumbered},
		{v.Grid, d.findGrid},
		{v.Path != "", d.findPath},
		{v.XPath != "", d.findXPath},
		{v.Rows, d.findRows},
		{v.Table != "", d.findTable},
		{len(v.Parallel) > 0, d.findParallel},
	}
	for _, step := range steps {
		if !step.on {
			continue
		}
		var next []node
		for _, at := range found {
			more, err := step.do(at, v)
			if err != nil {
				return nil, err
			}
			next = append(next, more...)
		}
		found = next
	}
	return found, nil
}

func (d *doc) findCSS(n node, v *definition.Value) ([]node, error) {
	if n.html == nil {
		return nil, fmt.Errorf("css %q: the answer is not HTML", v.CSS)
	}
	css := strings.ReplaceAll(v.CSS, "{n}", strconv.Itoa(n.n))
	matches := n.html
	if css != "" {
		matches = n.html.Find(css).AddSelection(n.html.Filter(css))
	}
	if v.Having != "" {
		matches = matches.Has(v.Having)
	}
	var out []node
	matches.Each(func(i int, s *goquery.Selection) {
		if v.Nth == 0 || v.Nth == i+1 {
			if v.Run {
				s = withRun(n.html, s, css)
			}
			out = append(out, node{html: s, n: n.n})
		}
	})
	return out, nil
}

// withRun is s and its following siblings up to the next that css matches, no further than scope.
func withRun(scope, s *goquery.Selection, css string) *goquery.Selection {
	run := s.NextUntil(css)
	if scope.IsSelection(s) {
		run = run.Intersection(scope)
	}
	return s.AddSelection(run)
}

// maxNumbered bounds the repeats of ids with a running number.
const maxNumbered = 200

func (d *doc) findNumbered(n node, v *definition.Value) ([]node, error) {
	if n.html == nil {
		return nil, fmt.Errorf("numbered %q: the answer is not HTML", v.Numbered)
	}
	var out []node
	for i := 1; i <= maxNumbered; i++ {
		if n.html.Find(strings.ReplaceAll(v.Numbered, "{n}", strconv.Itoa(i))).Length() == 0 {
			break
		}
		out = append(out, node{html: n.html, n: i})
	}
	return out, nil
}

func (d *doc) findRows(n node, _ *definition.Value) ([]node, error) {
	var out []node
	for _, r := range n.rows {
		out = append(out, node{rows: []*row{r}})
	}
	return out, nil
}

// findTable gives the rows of another table that belong to n.
func (d *doc) findTable(n node, v *definition.Value) ([]node, error) {
	t := d.tables[v.Table]
	if t == nil && d.step.Tables[v.Table].Optional {
		return nil, nil
	}
	if t == nil {
		return nil, fmt.Errorf("table %q is not among the step's tables", v.Table)
	}
	theirs := slices.Sorted(maps.Keys(v.On))
	columns := append(slices.Sorted(maps.Keys(v.Where)), theirs...)
	if v.Latest != "" {
		columns = append(columns, v.Latest)
	}
	for _, column := range columns {
		if _, ok := t.at[t.key(column)]; !ok {
			d.miss(t, column)
		}
	}
	victim := d.Victim
	d.Victim = nil // what rows are joined by is not what is looked for
	sought := d.sought(n, theirs, v.On)
	for _, column := range columns {
		redact.See(d.Reading, t.touched, t.key(column))
	}
	d.Victim = victim
	var out []node
	for _, wanted := range sought {
		for _, r := range t.where(theirs, wanted) {
			keep := !slices.ContainsFunc(out, func(n node) bool { return n.rows[0] == r })
			for column, text := range v.Where {
				keep = keep && strings.EqualFold(notation.Clean(t.cell(r, column)), text)
			}
			if keep {
				out = append(out, node{rows: []*row{r}})
			}
		}
	}
	if v.Latest != "" {
		out = d.latest(out, v.Latest)
	}
	for _, n := range out {
		d.joined = append(d.joined, n.rows...)
	}
	return out, nil
}

// latest is the one of rows with the greatest number in column; a row without a number there is reported and passed over.
func (d *doc) latest(rows []node, column string) []node {
	var out []node
	greatest := int64(0)
	for _, n := range rows {
		number, err := strconv.ParseInt(notation.Clean(n.rows[0].table.cell(n.rows[0], column)), 10, 64)
		if err != nil {
			d.leave("not a number", column)
		} else if out == nil || number > greatest {
			out, greatest = []node{n}, number
		}
	}
	return out
}

// sought are the values that rows of another table must have in the columns theirs: those of each
// row of n that has all of them, else what the rows of n say together.
func (d *doc) sought(n node, theirs []string, on map[string]string) [][]string {
	var out [][]string
	add := func(from node) {
		wanted := make([]string, len(theirs))
		for i, column := range theirs {
			if wanted[i] = from.column(d, on[column], false); wanted[i] == "" {
				return
			}
		}
		if !slices.ContainsFunc(out, func(other []string) bool { return slices.Equal(other, wanted) }) {
			out = append(out, wanted)
		}
	}
	for _, r := range n.rows {
		if !slices.ContainsFunc(theirs, func(column string) bool { _, ok := r.table.at[r.table.key(on[column])]; return !ok }) {
			add(node{rows: []*row{r}})
		}
	}
	if len(out) == 0 {
		add(n)
	}
	return out
}

// findParallel splits several texts and reads their n-th parts as one row.
func (d *doc) findParallel(n node, v *definition.Value) ([]node, error) {
	t := &table{name: "parallel", at: map[string]int{}, ignored: map[string]bool{}, touched: map[string]redact.Mark{}}
	var lists [][]string
	longest := 0
	for i, name := range slices.Sorted(maps.Keys(v.Parallel)) {
		spec := v.Parallel[name]
		texts, err := d.parts(n, &spec)
		if err != nil {
			return nil, err
		}
		t.columns = append(t.columns, name)
		t.at[notation.Fold(name)] = i
		lists = append(lists, texts)
		longest = max(longest, len(texts))
	}
	out := make([]node, 0, longest)
	for i := range longest {
		r := &row{table: t, cells: make([]string, len(lists))}
		for j, list := range lists {
			switch {
			case len(list) == longest:
				r.cells[j] = list[i]
			case len(list) > 0: // nobody can tell which part belongs to which
				d.leave("lists of different length", t.columns[j])
			}
		}
		out = append(out, node{rows: []*row{r}})
	}
	return out, nil
}

// parts are the texts that v means, those that are empty included: each has its place in the list.
func (d *doc) parts(n node, v *definition.Value) ([]string, error) {
	raw, err := d.raw(n, v)
	if err != nil || v.Split == "" {
		return raw, err
	}
	re, err := definition.Pattern(v.Split)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, text := range raw {
		if notation.Clean(text) == "" {
			continue // no list at all
		}
		for _, part := range re.Split(text, -1) {
			if part, err = d.cleanPart(part, v); err != nil {
				return nil, err
			}
			out = append(out, part)
		}
	}
	return out, nil
}

// column is the text of a column of n: of the first of its rows that has one. A column that none
// of the tables has is reported.
func (n node) column(d *doc, name string, optional bool) string {
	known := len(n.rows) == 0 || optional
	for _, r := range n.rows {
		k := r.table.key(name)
		at, ok := r.table.at[k]
		if !ok {
			continue
		}
		known = true
		redact.See(d.Reading, r.table.touched, k)
		text := notation.Clean(r.table.cell(r, name))
		if text != "" {
			if r.nodes != nil {
				d.Use(r.nodes[at])
			}
			return text
		}
	}
	if !known {
		d.miss(n.rows[0].table, name)
	}
	return ""
}

// text is all the text of n, lines kept apart.
func (n node) text(d *doc) string {
	switch {
	case n.html != nil:
		d.Use(n.html)
		if n.html.Is("script") {
			return n.html.Text() // data that a page keeps in its script
		}
		return notation.HTML(n.html)
	case n.xml != nil:
		redact.See(d.Reading, d.XML, n.xml)
		return notation.Clean(n.xml.InnerText())
	case n.rows != nil:
		return ""
	}
	redact.See(d.Reading, d.Paths, n.path)
	return notation.JSON(n.data)
}
