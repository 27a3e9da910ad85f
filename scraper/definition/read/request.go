package read

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/PuerkitoBio/goquery"

	"lineup/scraper"
	"lineup/scraper/definition"
	"lineup/scraper/definition/notation"
)

// lonePercent is a percent sign that escapes nothing, as hand-written pages have them.
var lonePercent = regexp.MustCompile(`%(?:[^0-9a-fA-F]|[0-9a-fA-F][^0-9a-fA-F]|[0-9a-fA-F]?$)`)

// addressParts escapes what may not stand in an address as it is.
var addressParts = strings.NewReplacer("\n", "", "\r", "", "\t", "", " ", "%20", "\\", "/")

// resolve makes an address of the page absolute, by the page's own <base href> where it has one;
// "" for one that cannot be, which is reported.
func (d *doc) resolve(text string) string {
	if text == "" {
		return ""
	}
	text = addressParts.Replace(text)
	text = lonePercent.ReplaceAllStringFunc(text, func(found string) string { return "%25" + found[1:] })
	u, err := url.Parse(text)
	if err != nil {
		d.leave("address not understood", d.step.As)
		return ""
	}
	return d.origin().ResolveReference(u).String()
}

// origin is what relative addresses of the page are relative to.
func (d *doc) origin() *url.URL {
	if d.base == nil {
		d.base = d.url
		if d.whole != nil {
			if href, ok := d.whole.Find("base[href]").First().Attr("href"); ok {
				if u, err := d.url.Parse(addressParts.Replace(strings.TrimSpace(href))); err == nil && u.Host == d.url.Host {
					d.base = u
				}
			}
		}
	}
	return d.base
}

// Start gives the first requests of a run.
func (s *Source) Start() ([]scraper.Request, error) {
	if s.def.Start == "" {
		return nil, fmt.Errorf("%s is %s: nothing to crawl; look at %s", s.def.ID, s.def.Mode, s.def.Home)
	}
	if s.def.Account && s.opt.user == "" && !s.sample && s.files == nil {
		return nil, fmt.Errorf("%s needs an account: %w; set sources.%s.account in the configuration, or lineup import a file you were given",
			s.def.ID, scraper.ErrPermission, s.def.ID)
	}
	if s.files != nil {
		return []scraper.Request{{Rule: s.files.rule, URL: s.base.JoinPath("records").String()}}, nil
	}
	all := []map[string]string{s.first(s.def.Start)}
	for name, values := range s.def.Starts {
		all = nil
		for _, value := range values {
			vars := map[string]string{name: value}
			maps.Copy(vars, s.first(s.def.Start))
			all = append(all, vars)
		}
	}
	var out []scraper.Request
	for _, vars := range all {
		r, err := s.ask(s.def.Start, vars, nil)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// first are the variables of a list's first page.
func (s *Source) first(rule string) map[string]string {
	p := s.def.Steps[rule].Pages
	if p == nil {
		return nil
	}
	return map[string]string{"page": strconv.Itoa(max(p.First, 1)), "offset": "0", "size": strconv.Itoa(p.Size)}
}

// ask makes the request of step rule. from is the page that asks, nil at a run's start.
func (s *Source) ask(rule string, vars map[string]string, from *doc) (scraper.Request, error) {
	step, ok := s.def.Steps[rule]
	if !ok {
		return scraper.Request{}, fmt.Errorf("%s: no step %q", s.def.ID, rule)
	}
	a := step.Request
	all := maps.Clone(vars)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, s.def.Values)
	if from != nil {
		all["page.url"] = from.url.String()
	}
	all["account.user"], all["account.password"] = s.opt.user, s.opt.password
	address, err := s.address(a, all, from)
	if err != nil {
		return scraper.Request{}, fmt.Errorf("%s: step %s: %w", s.def.ID, rule, err)
	}
	r := scraper.Request{Rule: rule, Method: a.Method, URL: address, Carry: vars, Header: http.Header{}, Told: a.Told}
	for _, earlier := range a.Earlier {
		before := a
		before.URL = earlier
		at, err := s.address(before, all, from)
		if err != nil {
			return scraper.Request{}, fmt.Errorf("%s: step %s: %w", s.def.ID, rule, err)
		}
		r.Earlier = append(r.Earlier, at)
	}
	for name, text := range a.Header {
		r.Header.Set(name, expand(text, all, nil))
	}
	switch {
	case a.JSON != "":
		r.Method = http.MethodPost
		r.Body = []byte(expand(a.JSON, all, jsonEscape))
		r.Header.Set("Content-Type", "application/json")
	case len(a.Form) > 0 || a.Hidden != "" || a.Target != "":
		r.Method = http.MethodPost
		r.Body = []byte(form(a, all, from).Encode())
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if len(r.Header) == 0 {
		r.Header = nil
	}
	if secret(a) {
		r.Key = rule // a checkpoint names the request without the operator's password
	}
	return r, nil
}

// secret reports whether a request says who the operator is.
func secret(a definition.Ask) bool {
	for _, texts := range []map[string]string{a.Query, a.Form, a.Header} {
		for _, text := range texts {
			if strings.Contains(text, "{account.") {
				return true
			}
		}
	}
	return false
}

func (s *Source) address(a definition.Ask, vars map[string]string, from *doc) (string, error) {
	at := s.base
	text := expand(a.URL, vars, func(v string) string {
		if strings.HasPrefix(a.URL, "{") {
			return v // the whole address was found on a page
		}
		return url.PathEscape(v)
	})
	ref, err := url.Parse(text)
	if err != nil {
		return "", errors.New("address is no URL")
	}
	if strings.HasPrefix(a.URL, "{") && from != nil {
		at = from.origin()
	}
	out := at.ResolveReference(ref)
	if len(a.Query) > 0 {
		q := out.Query()
		for name, v := range a.Query {
			q.Set(name, expand(v, vars, nil))
		}
		out.RawQuery = q.Encode()
	}
	return out.String(), nil
}

// form is the body of a posted form: hidden inputs of the page before, then the step's own fields.
func form(a definition.Ask, vars map[string]string, from *doc) url.Values {
	v := url.Values{}
	if a.Hidden != "" && from != nil && from.top.html != nil {
		root := from.top.html
		root.Find(a.Hidden).AddSelection(root.Filter(a.Hidden)).Find("input[type=hidden][name]").Each(func(_ int, in *goquery.Selection) {
			v.Set(in.AttrOr("name", ""), in.AttrOr("value", ""))
		})
	}
	if a.Target != "" {
		v.Set("__EVENTTARGET", expand(a.Target, vars, nil))
		v.Set("__EVENTARGUMENT", "")
	}
	for name, text := range a.Form {
		v.Set(name, expand(text, vars, nil))
	}
	return v
}

// expand replaces {name} by vars; a name that is not there is left empty.
func expand(text string, vars map[string]string, escape func(string) string) string {
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		value := vars[name[1:len(name)-1]]
		if escape != nil {
			return escape(value)
		}
		return value
	})
}

func jsonEscape(text string) string {
	quoted := strconv.Quote(text)
	return quoted[1 : len(quoted)-1]
}

// rowCount is how many rows of the answer the items are: those of one person are grouped.
func rowCount(items []node) int {
	n := 0
	for _, item := range items {
		n += max(len(item.rows), 1)
	}
	return n
}

// more gives the requests that go on from a list page with the keys found on it, in so many rows.
func (s *Source) more(d *doc, keys []string, rows, total int) ([]scraper.Request, error) {
	p := d.step.Pages
	if p == nil || len(keys) == 0 {
		return nil, nil
	}
	page := pageName(keys)
	if d.carry["@page"] == page && p.By != "prefix" {
		return nil, nil // the site gives its last page again and again
	}
	vars := maps.Clone(d.carry)
	if vars == nil {
		vars = map[string]string{}
	}
	seen, _ := strconv.Atoi(vars["@seen"])
	seen += len(keys)
	vars["@seen"], vars["@page"] = strconv.Itoa(seen), page
	if total > 0 && seen >= total && p.By != "prefix" {
		return nil, nil
	}
	if more, ok := d.top.data.(map[string]any); d.step.As == "arcgis" && (!ok || more["exceededTransferLimit"] != true) {
		return nil, nil // the service's own word that there are no more
	}
	if p.More != nil {
		text, err := d.text(d.top, p.More)
		if err != nil || text != "true" {
			return nil, err
		}
	}
	switch p.By {
	case "page", "postback":
		page, err := strconv.Atoi(vars["page"])
		if err != nil {
			page = max(p.First, 1)
		}
		vars["page"] = strconv.Itoa(page + 1)
		if p.By == "postback" {
			return s.postback(d, p, vars)
		}
	case "offset":
		offset, _ := strconv.Atoi(vars["offset"])
		vars["offset"] = strconv.Itoa(offset + rows) // what came, not what was asked for: sites cap the size
	case "next":
		next, err := d.text(d.top, p.Next)
		if err != nil || next == "" {
			return nil, err
		}
		return []scraper.Request{{Rule: d.rule, URL: d.resolve(next), Carry: vars}}, nil
	case "prefix":
		if len(keys) < p.Cap {
			return nil, nil
		}
		return s.longer(d, p, vars)
	}
	r, err := s.ask(d.rule, vars, d)
	return []scraper.Request{r}, err
}

// postback asks for the next page as the page's own form would.
func (s *Source) postback(d *doc, p *definition.Pages, vars map[string]string) ([]scraper.Request, error) {
	r, err := s.ask(d.rule, vars, d)
	if err != nil {
		return nil, err
	}
	v := form(definition.Ask{Hidden: "form", Target: p.Target, Form: d.step.Request.Form}, vars, d)
	v.Set("__EVENTARGUMENT", "Page$"+vars["page"])
	r.Method, r.URL, r.Body = http.MethodPost, d.url.String(), []byte(v.Encode())
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return []scraper.Request{r}, nil
}

// pageName names a page by everybody on it: who is first on one may be first on the next, where a
// person has several rows.
func pageName(keys []string) string {
	sum := sha256.Sum256([]byte(strings.Join(keys, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// Lists that a site gives by the beginnings of names, so many at most: an answer that is too long is asked for again more
// narrowly, letter by letter.

// maxPrefix is how long a prefix may become. Nobody's name tells more than so many letters apart.
const maxPrefix = 8

// letters are what a prefix is lengthened by, unless the definition says otherwise.
const letters = "abcdefghijklmnopqrstuvwxyz"

// longer asks more narrowly for what an answer was cut off of. Where that cannot be done, somebody is not listed.
func (s *Source) longer(d *doc, p *definition.Pages, vars map[string]string) ([]scraper.Request, error) {
	if len(vars[p.Var]) >= maxPrefix {
		d.cutOff = true
		return nil, nil
	}
	var out []scraper.Request
	for _, letter := range cmp.Or(p.Letters, letters) {
		longer := maps.Clone(vars)
		longer[p.Var] += string(letter)
		delete(longer, "@seen")
		r, err := s.ask(cmp.Or(p.Step, d.rule), longer, d)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// told reads an answer with a failure status, in which the service says in words what is the matter: that there is
// nobody, or that there are too many. Anything else is an error of this part of the list.
func (s *Source) told(d *doc) (scraper.Parsed, error) {
	text := words(d.top.data)
	switch p := d.step.Pages; {
	case len(d.step.Empty) > 0 && says(text, d.step.Empty...):
		return scraper.Parsed{}, nil
	case p != nil && p.Cut != "" && says(text, p.Cut):
		vars := maps.Clone(d.carry)
		if vars == nil {
			vars = map[string]string{}
		}
		next, err := s.longer(d, p, vars)
		out := scraper.Parsed{Next: next, CutOff: d.cutOff}
		if cmp.Or(p.Step, d.rule) == d.rule {
			out.Total = p.Cap // at least so many must come of the narrower questions together
		}
		return out, err
	}
	return scraper.Parsed{}, errors.New("the service fails, and says nothing that the definition knows")
}

// says reports whether one of the phrases stands in text, in any letter case.
func says(text string, phrases ...string) bool {
	text = notation.Fold(text)
	for _, phrase := range phrases {
		if strings.Contains(text, notation.Fold(phrase)) {
			return true
		}
	}
	return false
}

// words are all the texts of a JSON answer.
func words(v any) string {
	var all []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, value := range v {
				walk(value)
			}
		case []any:
			for _, value := range v {
				walk(value)
			}
		case string:
			all = append(all, v)
		}
	}
	walk(v)
	return strings.Join(all, "\n")
}
