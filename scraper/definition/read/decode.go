package read

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/PuerkitoBio/goquery"
	"github.com/antchfx/xmlquery"
	"golang.org/x/net/html"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"

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
		today: schemas.DateOf(page.Read), opt: opt,
		tables: map[string]*table{}, pairs: map[*html.Node][]pair{}, left: map[scraper.Leftover]bool{}, missing: map[string]bool{},
	}
	d.Labels, d.NoCoords, d.Word = opt.labels[d.rule], opt.def.Policy.NoCoords, d.word
	return d, nil
}

// word is what is stored of a text about a victim.
func (d *doc) word(text string, v *definition.Value) string {
	all, err := d.transform(text, v)
	if err != nil || len(all) == 0 {
		return ""
	}
	word, _ := minorOrAdult(strings.ReplaceAll(all[0], "\n", " "), v)
	return word
}

// decode reads the answer in the form its step expects. Errors: scraper.ErrLayout.
func (d *doc) decode(page scraper.Page) error {
	if redact.IsEvidence(page.Body) {
		if err := d.decodeEvidence(page.Body); err != nil {
			return fmt.Errorf("%s: read evidence: %w: %w", d.rule, scraper.ErrLayout, err)
		}
		return nil
	}
	var err error
	contentType := page.Header.Get("Content-Type")
	switch as := d.step.As; as {
	case "html":
		err = d.decodeHTML(page.Body, contentType)
	case "json", "arcgis":
		err = d.decodeJSON(page.Body, as == "arcgis")
	case "xml":
		var top *xmlquery.Node
		if err = boundMarkup(page.Body); err != nil {
			break
		}
		if top, err = xmlquery.Parse(bytes.NewReader(page.Body)); err == nil {
			d.top = node{xml: top}
		}
	case "zip":
		err = d.unzip(page.Body)
	default:
		var t *table
		if looksHTML(page.Body) && as != "xls" {
			err = errors.New("the answer is an HTML page, not the file")
		} else if t, err = readTable(d.rule, definition.Table{
			As: as, Charset: d.step.Charset, Header: d.step.Header, Columns: d.step.Columns, Ignore: d.step.Ignore,
		}, page.Body); err == nil {
			d.tables[""] = t
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %w", d.rule, scraper.ErrLayout, err)
	}
	return nil
}

func (d *doc) decodeHTML(body []byte, contentType string) error {
	name := d.step.Charset
	if d.kept {
		name = "utf-8"
	}
	text, err := decodeText(body, name, contentType)
	if err != nil {
		return err
	}
	if err := boundMarkup([]byte(text)); err != nil {
		return err
	}
	page, err := goquery.NewDocumentFromReader(strings.NewReader(text))
	if err != nil {
		return err
	}
	root := page.Selection
	d.whole = root
	if d.step.Root != "" {
		if root = page.Find(d.step.Root); root.Length() == 0 {
			return fmt.Errorf("no %q on the page", d.step.Root)
		}
	}
	d.top = node{html: root}
	return nil
}

func (d *doc) decodeJSON(body []byte, arcgis bool) error {
	if !utf8.Valid(body) { // the decoder would put question marks in their place
		return errors.New("bytes that are not UTF-8, which JSON always is: the charset has changed")
	}
	if err := boundJSON(body); err != nil {
		return err
	}
	v, err := decodeJSON(body)
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	for _, path := range d.step.Unwrap {
		if err := unwrap(v, pathParts(path)); err != nil {
			return err
		}
	}
	d.top = node{data: v}
	if arcgis {
		d.tables[""], err = features(v, d.step.Ignore)
	}
	return err
}

// features reads the answer of an ArcGIS query: attributes as columns, the place as the columns @lat and @lon.
func features(v any, ignore definition.Texts) (*table, error) {
	answer, _ := v.(map[string]any)
	list, ok := answer["features"].([]any)
	if !ok || answer["error"] != nil {
		return nil, errors.New("the ArcGIS service answers with an error")
	}
	names := map[string]bool{}
	fields, _ := answer["fields"].([]any)
	for _, field := range fields {
		if name, ok := at(field, "name").(string); ok {
			names[name] = true
		}
	}
	for i, f := range list {
		attributes, ok := at(f, "attributes").(map[string]any)
		if !ok {
			return nil, fmt.Errorf("not an ArcGIS answer: feature %d has no attributes", i)
		}
		for name := range attributes {
			names[name] = true
		}
	}
	columns := append(slices.Sorted(maps.Keys(names)), "@lat", "@lon")
	t := newTable("layer", columns, append(definition.Texts{"@lat", "@lon"}, ignore...))
	for _, f := range list {
		r := &row{table: t}
		for _, name := range columns[:len(columns)-2] {
			r.cells = append(r.cells, notation.JSON(at(at(f, "attributes"), name)))
		}
		point := at(f, "geometry") // an empty one is "NaN" in quotes
		r.cells = append(r.cells, notation.JSON(at(point, "y")), notation.JSON(at(point, "x")))
		t.rows = append(t.rows, r)
	}
	return t, nil
}

// at is the value of v under name, nil where v is no object or has none.
func at(v any, name string) any {
	object, _ := v.(map[string]any)
	return object[name]
}

// decodeText makes UTF-8 of body. Without a declared charset the answer's own word is taken,
// else UTF-8; bytes that the charset does not have are an error, so a wrong one is noticed.
func decodeText(body []byte, name, contentType string) (string, error) {
	var enc encoding.Encoding
	switch {
	case name != "":
		if enc, _ = charset.Lookup(name); enc == nil {
			return "", fmt.Errorf("charset %q is not known", name)
		}
	case strings.Contains(contentType, "charset="):
		enc, name, _ = charset.DetermineEncoding(body, contentType)
	case !utf8.Valid(body):
		enc, name, _ = charset.DetermineEncoding(body[:min(len(body), 1024)], contentType)
	}
	if enc == nil || name == "utf-8" || name == "utf8" {
		if !utf8.Valid(body) {
			return "", errors.New("bytes that are not UTF-8: the charset has changed")
		}
		return string(body), nil
	}
	text, err := enc.NewDecoder().Bytes(body)
	if err != nil {
		return "", fmt.Errorf("decode as %s: %w", name, err)
	}
	return string(text), nil
}

func looksHTML(body []byte) bool {
	head := bytes.ToLower(bytes.TrimLeft(body[:min(len(body), 512)], "\ufeff \r\n\t"))
	return bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html"))
}

// leave reports a value that no rule handled, by its label, column or place.
func (d *doc) leave(what, name string) {
	d.left[scraper.Leftover{Where: d.rule + ": " + what, Name: name}] = true
}

func (d *doc) leftovers() []scraper.Leftover {
	out := make([]scraper.Leftover, 0, len(d.left))
	for l := range d.left {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b scraper.Leftover) int {
		return strings.Compare(a.Where+"\x00"+a.Name, b.Where+"\x00"+b.Name)
	})
	return out
}

func (d *doc) miss(t *table, column string) {
	d.missing[fmt.Sprintf("column %q", column)] = true
}
