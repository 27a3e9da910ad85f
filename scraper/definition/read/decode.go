package read

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/PuerkitoBio/goquery"
	"github.com/antchfx/xmlquery"

	"lineup/scraper"
	"lineup/scraper/definition"
	"lineup/scraper/definition/forms"
	"lineup/scraper/definition/notation"
	"lineup/scraper/definition/redact"
)

// word is what is stored of a text about a victim.
func (d *doc) word(text string, v *definition.Value) string {
	if word := notation.Fold(text); d.kept && (word == "minor" || word == "adult") {
		return word // which the source's own words do not map
	}
	all, err := d.transform(text, v)
	if err != nil || len(all) == 0 {
		return ""
	}
	word, _ := youngest(all, v)
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
		if err = forms.BoundMarkup(page.Body, forms.MaxElements); err != nil {
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
	if err := forms.BoundMarkup([]byte(text), forms.MaxElements); err != nil {
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
	if err := forms.BoundJSON(body); err != nil {
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
