package read

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"lineup/scraper/definition"
	"lineup/scraper/definition/notation"

	"github.com/PuerkitoBio/goquery"
)

// texts gives the texts of n that v means, cleaned; lines within a text are kept apart by "\n".
func (d *doc) texts(n node, v *definition.Value) ([]string, error) {
	if v == nil {
		return nil, nil
	}
	raw, err := d.raw(n, v)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, text := range raw {
		more, err := d.transform(text, v)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	if v.Or == nil {
		return out, nil
	}
	other, err := d.texts(n, v.Or) // looked at in any case: it is a place that is known
	if err == nil && len(out) == 0 {
		out = other
	}
	return out, err
}

// text is the first of the texts that v means. Several that differ are reported: a single field
// that a page prints twice must say the same twice.
func (d *doc) text(n node, v *definition.Value) (string, error) {
	all, err := d.texts(n, v)
	if err != nil || len(all) == 0 {
		return "", err
	}
	for _, other := range all[1:] {
		if other != all[0] {
			d.leave("more than one value", v.Called())
			break
		}
	}
	return strings.ReplaceAll(all[0], "\n", " "), nil
}

// raw finds the texts before any cleaning beyond white space.
func (d *doc) raw(n node, v *definition.Value) ([]string, error) {
	switch {
	case v.Const != "":
		return []string{v.Const}, nil
	case v.Carried != "":
		return []string{d.carry[v.Carried]}, nil
	}
	found, err := d.find(n, v)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, at := range found {
		switch {
		case v.Text != "":
			out = append(out, d.fill(at, v))
		case len(v.Label) > 0:
			for _, p := range d.labelled(at, v.Label) {
				out = append(out, d.of(p, v))
			}
		case len(v.Column) > 0:
			var parts []string
			for _, column := range v.Column {
				if text := at.column(d, column, v.Optional); text != "" {
					parts = append(parts, text)
				}
			}
			out = append(out, strings.Join(parts, " "))
		case v.Attr != "" && at.html != nil:
			out = append(out, d.attr(at.html, v))
			if v.Attr == "src" || v.Attr == "data-original" || v.Attr == "href" && len(found) == 1 {
				d.Use(at.html)
			}
		default:
			out = append(out, at.text(d))
		}
	}
	return out, nil
}

// of is the text of a labelled value, or the attribute that v asks for: its own or of what is in it.
func (d *doc) of(p pair, v *definition.Value) string {
	if v.Attr == "" || p.value == nil {
		return p.text
	}
	if _, ok := p.value.Attr(v.Attr); !ok && p.value.Find("["+v.Attr+"]").Length() > 0 {
		return d.attr(p.value.Find("["+v.Attr+"]"), v)
	}
	return d.attr(p.value, v)
}

// attr is the attribute of s that v asks for. An audit of the page's texts would not hear that it
// is gone, so its lack is reported here.
func (d *doc) attr(s *goquery.Selection, v *definition.Value) string {
	text, ok := s.Attr(v.Attr)
	if !ok && !v.Optional {
		d.leave("no attribute", v.Attr)
	}
	return text
}

var placeholder = regexp.MustCompile(`\{([^{}"]+)\}`)

// fill replaces {column} and {carried} in v.Text; a text of which every name is empty is empty.
func (d *doc) fill(n node, v *definition.Value) string {
	some := false
	text := placeholder.ReplaceAllStringFunc(v.Text, func(name string) string {
		name = name[1 : len(name)-1]
		value, ok := d.carry[name]
		switch {
		case ok:
		case n.rows != nil:
			value = n.column(d, name, v.Optional)
		case n.data != nil:
			value, _ = d.text(n, &definition.Value{Path: name}) // a path finds or does not find, it does not fail
		}
		some = some || value != ""
		return value
	})
	if !some {
		return ""
	}
	return text
}

// transform cleans one text and takes it apart; nothing for one that means there is none.
func (d *doc) transform(text string, v *definition.Value) ([]string, error) {
	parts := []string{text}
	if v.Split != "" {
		re, err := definition.Pattern(v.Split)
		if err != nil {
			return nil, err
		}
		parts = re.Split(text, -1)
	}
	var out []string
	for _, part := range parts {
		part, err := d.cleanPart(part, v)
		if err != nil {
			return nil, err
		}
		if part != "" {
			out = append(out, part)
		}
	}
	return out, nil
}

func (d *doc) cleanPart(text string, v *definition.Value) (string, error) {
	for _, strip := range v.Strip {
		re, err := definition.Pattern(strip)
		if err != nil {
			return "", err
		}
		text = re.ReplaceAllString(text, "")
	}
	text = notation.Lines(strings.TrimLeft(text, "•· \t\n"))
	if v.Query != "" || len(v.Params) > 0 {
		text = urlPart(text, v)
	}
	if v.Regex != "" && text != "" {
		re, err := definition.Pattern(v.Regex)
		if err != nil {
			return "", err
		}
		m := re.FindStringSubmatch(text)
		if m == nil {
			if !v.Optional {
				d.leave("text of another form", v.Called())
			}
			return "", nil
		}
		text = m[len(m)-1]
		if i := re.SubexpIndex("value"); i > 0 {
			text = m[i]
		}
		text = notation.Clean(text)
	}
	for _, none := range v.None {
		re, err := definition.Pattern("^(?:" + none + ")$")
		if err != nil {
			return "", err
		}
		if re.MatchString(text) {
			return "", nil
		}
	}
	switch v.Case {
	case "lower":
		text = strings.ToLower(text)
	case "title":
		text = notation.Title(text)
	}
	return text, nil
}

// urlPart takes a parameter out of a URL, or leaves it only the parameters that are wanted.
func urlPart(text string, v *definition.Value) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	if v.Query != "" {
		return u.Query().Get(v.Query)
	}
	u.RawQuery = keep(u.Query(), v.Params).Encode()
	u.Path, _, _ = strings.Cut(u.Path, ";") // a session id some servers put there
	return u.String()
}

func keep(all url.Values, names definition.Texts) url.Values {
	kept := url.Values{}
	for _, name := range names {
		if all.Has(name) {
			kept.Set(name, all.Get(name))
		}
	}
	return kept
}

// mapped looks text up in v.Map; a text the map lacks is reported.
func (d *doc) mapped(text string, v *definition.Value) string {
	to, ok := v.Lookup(text)
	if !ok {
		d.leave("value not in the map", v.Called())
	}
	return to
}

// number is a count, 0 for none.
func (d *doc) number(n node, v *definition.Value) (int, error) {
	text, err := d.text(n, v)
	if err != nil || text == "" {
		return 0, err
	}
	i, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
	if err != nil || i < 0 {
		d.leave("not a number", v.Called())
		return 0, nil
	}
	return i, nil
}
