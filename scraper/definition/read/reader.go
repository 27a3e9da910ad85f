package read

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync"

	"github.com/PuerkitoBio/goquery"
	"github.com/antchfx/xmlquery"
	"golang.org/x/net/html"

	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/definition"
	"lineup/scraper/definition/notation"
	"lineup/scraper/definition/redact"
)

// doc is one answer while it is read: its decoded form and what of it was read so far.
type doc struct {
	*redact.Reading
	step  *definition.Step
	rule  string
	url   *url.URL
	base  *url.URL           // what relative addresses are relative to, once it was asked for
	whole *goquery.Selection // an HTML page with its head
	carry map[string]string
	today schemas.Date
	opt   options

	top       node
	tables    map[string]*table
	spared    int    // items that a rule left out
	pageItems []node // what the page's items are
	joined    []*row // rows of other tables that the item at hand reads
	kept      bool   // the answer is the evidence of one registrant
	failed    bool   // the answer has a failure status, and tells why
	cutOff    bool   // the site gave less than it has, and cannot be asked more narrowly
	item      node   // of evidence that is JSON or XML

	pairs   map[*html.Node][]pair
	left    map[scraper.Leftover]bool
	missing map[string]bool
}

func newDoc(step *definition.Step, page scraper.Page, opt options) (*doc, error) {
	at, err := url.Parse(page.URL)
	if err != nil {
		return nil, fmt.Errorf("address of the page: %w", err)
	}
	d := &doc{
		Reading: redact.NewReading(step), step: step, rule: page.Request.Rule, url: at, carry: page.Request.Carry,
		today: schemas.DateOf(page.Read), opt: opt, failed: page.Status >= http.StatusBadRequest,
		tables: map[string]*table{}, pairs: map[*html.Node][]pair{}, left: map[scraper.Leftover]bool{}, missing: map[string]bool{},
	}
	d.Labels, d.NoCoords, d.Word = opt.labels[d.rule], opt.def.Policy.NoCoords, d.word
	return d, nil
}

// node is one part of an answer, whatever the answer's form: exactly one of html, xml, rows and
// data says what it is. Rows beside html are the cells of a table row by their headings.
type node struct {
	html *goquery.Selection
	xml  *xmlquery.Node
	rows []*row // grouped rows: values are those of the first that has one
	data any    // decoded JSON
	path string // of data, from the page's top, for the audit
	n    int    // number of a numbered repeat
}

// table is rows under named columns.
type table struct {
	name    string
	columns []string
	keys    []string       // columns, folded
	at      map[string]int // column by folded name
	ignored map[string]bool
	touched map[string]redact.Mark
	never   []bool            // by column: it is never stored
	folded  map[string]string // names that the definition uses
	rows    []*row
	misfits []misfit
	index   map[string]map[string][]*row // by joined column names, then by joined values
}

type row struct {
	table *table
	cells []string
	nodes []*goquery.Selection // of an HTML row
}

func newTable(name string, columns []string, ignore definition.Texts) *table {
	t := &table{name: name, columns: columns, at: map[string]int{}, ignored: map[string]bool{}, touched: map[string]redact.Mark{}}
	for i, column := range columns {
		t.keys = append(t.keys, notation.Fold(column))
		if _, ok := t.at[notation.Fold(column)]; !ok {
			t.at[notation.Fold(column)] = i
		}
	}
	for _, column := range columns {
		t.never = append(t.never, definition.Denied(column))
	}
	for _, column := range ignore {
		t.ignored[notation.Fold(column)] = true
	}
	return t
}

// misfit is a row with another number of cells than its table has columns.
type misfit struct {
	number int // of the row below the header, from 1
	row    *row
}

// pair is a label and what it stands before.
type pair struct {
	label string
	text  string
	value *goquery.Selection // nil when the layout has no element for it
	whole *goquery.Selection // what is read when the pair is
	rest  bool               // value is a copy of the pair without its label
}

// Source runs a definition. It is safe for concurrent use.
type Source struct {
	def       *definition.Definition
	base      *url.URL
	sample    bool
	elsewhere bool    // base is the operator's, who says that it may be asked wherever it is
	files     *folder // the photos beside imported files, nil for a source on the web
	opt       options

	file    string // the definition's, outside the program
	shadows bool   // the program ships another of the id
}

// options are what an operator decides about a source.
type options struct {
	def            *definition.Definition
	vehicles       bool
	user, password string
	labels         map[string]map[string]bool // labels the definition reads, by step
}

// folder is what is imported: the records as one body, and where photos lie.
type folder struct {
	root    *os.Root
	rule    string // the step that reads the records
	records []byte
	data    []string            // names of files that are no photos
	photo   map[string]string   // name of a photo by its path in lower case
	named   map[string][]string // paths of photos by their lower-case name without folders

	mu     sync.Mutex
	claims map[string]string // key of the only record that gives a bare name, "" where several do
}
