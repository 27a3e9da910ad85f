package definition

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/antchfx/xpath"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"golang.org/x/net/html/charset"

	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/definition/notation"
)

type linter struct {
	file     string
	data     []byte
	def      *Definition
	tree     *ast.File
	problems []Problem
}

// fault notes a problem of what stands at path ("$.steps.list.key"), or, when that key is
// missing, of the nearest part above it that is there.
func (l *linter) fault(path, hint, message string, args ...any) {
	p := Problem{File: l.file, Message: fmt.Sprintf(message, args...), Hint: hint}
	if l.tree == nil {
		l.tree, _ = parser.ParseBytes(l.data, 0) // decoded before, so it parses
	}
	for at := path; l.tree != nil && at != "$" && at != ""; at = at[:max(strings.LastIndexAny(at, ".["), 0)] {
		found, err := yaml.PathString(at)
		if err != nil {
			continue
		}
		if n, err := found.FilterFile(l.tree); err == nil && n != nil && n.GetToken() != nil {
			p.Line, p.Column = n.GetToken().Position.Line, n.GetToken().Position.Column
			break
		}
	}
	l.problems = append(l.problems, p)
}

func (l *linter) sort() {
	slices.SortStableFunc(l.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column,
			b.Column))
	})
}

var goodID = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

func (l *linter) check() {
	d := l.def
	if !goodID.MatchString(d.ID) {
		l.fault("$.id", "lower-case letters, digits and dashes: us-ny", "id %q is none", d.ID)
	}
	for path, text := range map[string]string{"$.name": d.Name, "$.jurisdiction": d.Jurisdiction, "$.policy.evidence": d.Policy.Evidence} {
		if strings.TrimSpace(text) == "" {
			l.fault(path, "every source says what it is and how we know", "%s is missing", strings.TrimPrefix(path, "$."))
		}
	}
	for path, text := range map[string]string{"$.home": d.Home, "$.base": d.Base, "$.policy.terms": d.Policy.Terms} {
		if u, err := url.Parse(text); text != "" && (err != nil || !u.IsAbs() || u.Host == "") {
			l.fault(path, "an absolute URL", "%q is no address", text)
		}
	}
	l.checkVerified()
	switch d.Mode {
	case scraper.Enabled, scraper.PermissionRequired, scraper.Import:
		if d.Like != "" {
			l.checkLike()
			break
		}
		l.checkSteps()
	case scraper.LinkOnly:
		if len(d.Steps) > 0 || d.Home == "" {
			l.fault("$.mode", "give a home and no steps", "a link_only source is a link and nothing more")
		}
	default:
		l.fault("$.mode", "enabled, permission_required, link_only or import", "mode %q is none", d.Mode)
	}
	for path, share := range map[string]float64{"$.guards.max_drop": d.Guards.MaxDrop, "$.guards.max_drift": d.Guards.MaxDrift} {
		if share < 0 || share > 1 {
			l.fault(path, "a share from 0 to 1: 0.10", "%v is no share", share)
		}
	}
}

// checkVerified holds that a definition says what it was held against.
func (l *linter) checkVerified() {
	v := l.def.Verified
	switch v.By {
	case "", scraper.Nothing: // nothing said is nothing held
	case scraper.RealPage, scraper.PublicCode:
		if len(v.From) == 0 || v.By == scraper.RealPage && v.On == "" {
			l.fault("$.verified", "real_page: the day and how; public_code: repository and file", "%s needs more than its name", v.By)
		}
	default:
		l.fault("$.verified.by", "real_page, public_code or none", "%q is none", v.By)
	}
	if _, err := schemas.ParseDate(v.On); err != nil {
		l.fault("$.verified.on", "a day like 2026-11-27", "%v", err)
	}
}

// checkLike holds that a definition that takes another's steps has none, and says what is different here.
func (l *linter) checkLike() {
	d := l.def
	if len(d.Steps) > 0 || d.Start != "" || d.Base != "" || d.Mode == scraper.Import {
		l.fault("$.like", "leave steps, start and base to the other", "like %s, and steps of its own", d.Like)
	}
	if len(d.Values) == 0 {
		l.fault("$.values", "what is different here: {office: \"54438\"}", "like %s, and nothing is different", d.Like)
	}
}

func (l *linter) checkSteps() {
	d := l.def
	if d.Mode != scraper.Import && d.Base == "" {
		l.fault("$.base", "the URL that requests are relative to", "base is missing")
	}
	for name, values := range d.Starts {
		if len(d.Starts) > 1 || len(values) == 0 || name == "" {
			l.fault("$.starts", "one name, and the values it takes: {last: [A, B]}", "starts is no list of values")
		}
	}
	if _, ok := d.Steps[d.Start]; !ok {
		l.fault("$.start", "name one of the steps", "start is %q, which is no step", d.Start)
	}
	if d.Mode != scraper.Import && d.Guards.MinCount < 1 {
		l.fault("$.guards.min_count", "fewer registrants than this are not believed, so nobody is delisted by a broken page",
			"guards.min_count is missing")
	}
	for _, rule := range slices.Sorted(maps.Keys(d.Steps)) {
		step := d.Steps[rule]
		l.checkStep("$.steps."+rule, &step)
	}
}

var forms = map[string]bool{"html": true, "json": true, "arcgis": true, "xml": true, "csv": true, "tsv": true, "fixed": true,
	"xlsx": true, "xls": true, "zip": true}

func (l *linter) checkStep(path string, s *Step) {
	if !forms[s.As] {
		l.fault(path+".as", "html, json, arcgis, xml, csv, tsv, fixed, xlsx, xls or zip", "as %q is no form of an answer", s.As)
	}
	if enc, _ := charset.Lookup(s.Charset); s.Charset != "" && enc == nil {
		l.fault(path+".charset", "windows-1252, iso-8859-1, utf-8 ...", "charset %q is not known", s.Charset)
	}
	if (s.As == "html" || s.As == "xml" || s.As == "json") && s.Marker == "" {
		l.fault(path+".marker", "something only the right page has, so that a gate page is not taken for an empty registry",
			"marker is missing")
	}
	if s.Record != nil && s.Record.Name == nil {
		l.fault(path+".record.name", "a record needs a name", "name is missing")
	}
	if s.Items != nil && s.Key == nil {
		l.fault(path+".key", "value, URL parameter, or weak: a list of fields", "items without a key")
	}
	for i, then := range append([]Then{{Step: s.Detail}}, s.Then...) {
		if _, ok := l.def.Steps[then.Step]; !ok && then.Step != "" {
			l.fault(path+[]string{".then", ".detail"}[b2i(i == 0)], "name one of the steps", "%q is no step", then.Step)
		}
	}
	if s.Pages != nil && !slices.Contains([]string{"page", "offset", "next", "postback", "prefix"}, s.Pages.By) {
		l.fault(path+".pages.by", "page, offset, next, postback or prefix", "pages by %q", s.Pages.By)
	}
	if s.Pages != nil && s.Pages.By == "prefix" {
		l.checkPrefix(path, s)
	}
	if s.Request.Told && s.As != "json" {
		l.fault(path+".request.told", "only a JSON answer can tell why it fails", "told is for steps as: json")
	}
	if s.As == "arcgis" && s.Pages != nil && s.Request.Query["orderByFields"] == "" {
		l.fault(path+".request.query", "orderByFields: OBJECTID", "pages of a layer without an order may leave people out: "+
			"orderByFields is missing")
	}
	if _, socrata := s.Request.Query["$offset"]; socrata && s.Request.Query["$order"] == "" {
		l.fault(path+".request.query", "$order: \":id\"", "pages of a data set without an order may leave people out: $order is missing")
	}
	if s.Labels != nil {
		l.checkLabels(path+".labels", s.Labels)
	}
	for name, table := range s.Tables {
		if !forms[table.As] || table.As == "zip" || table.As == "html" || table.As == "json" {
			l.fault(path+".tables."+name+".as", "csv, tsv, fixed, xlsx or xls", "as %q is no form of a table", table.As)
		}
	}
	for i, css := range s.Ignore {
		if s.As == "html" && Selector(css) == nil && strings.ContainsAny(strings.TrimSuffix(css, " #"), ">#[:") {
			l.fault(fmt.Sprintf("%s.ignore[%d]", path, i), "a CSS selector or a label", "%q is no CSS selector", css)
		}
	}
	l.checkRecord(path+".record", s.Record)
	walk(reflect.ValueOf(s), path, l.checkValue)
}

// checkPrefix checks how a list is asked for more narrowly.
func (l *linter) checkPrefix(path string, s *Step) {
	p := s.Pages
	if p.Var == "" || p.Cap == 0 && p.Cut == "" {
		l.fault(path+".pages", "var: the carried prefix; cap or cut: how an answer shows that it is too long",
			"pages by prefix without var, or without cap and cut")
	}
	if _, ok := l.def.Steps[p.Step]; p.Step != "" && !ok {
		l.fault(path+".pages.step", "name one of the steps", "%q is no step", p.Step)
	}
	if p.Cut != "" && !s.Request.Told {
		l.fault(path+".request.told", "told: true, so that the answer is read though it fails", "pages.cut is read from failures alone")
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (l *linter) checkLabels(path string, b *Labels) {
	switch b.Layout {
	case "table", "dl":
	case "next":
		if b.Label == "" {
			l.fault(path+".label", "CSS selector of a label: its value is the element right behind it", "layout next needs a label")
		}
	case "row", "colon", "lines":
		if Selector(b.Row) == nil || b.Row == "" {
			l.fault(path+".row", "CSS selector of one pair", "layout %s needs a row", b.Layout)
		}
		if b.Layout == "row" && b.Label == "" {
			l.fault(path+".label", "CSS selector of the label in a pair", "layout row needs a label")
		}
	default:
		l.fault(path+".layout", strings.Join(layouts, ", "), "layout %q is none", b.Layout)
	}
	for key, css := range map[string]string{"in": b.In, "label": b.Label, "value": b.Value} {
		if css != "" && Selector(css) == nil {
			l.fault(path+"."+key, "", "%q is no CSS selector", css)
		}
	}
}

// checkRecord checks what fields of a record need beyond a place.
func (l *linter) checkRecord(path string, r *Record) {
	if r == nil {
		return
	}
	if r.Height != nil && (len(r.Height.Format) == 0 || slices.ContainsFunc(r.Height.Format,
		func(f string) bool { return !notation.IsHeightFormat(f) })) {
		l.fault(path+".height.format", "feet_inches, feet100 (511 is 5 ft 11 in) or inches: 511 alone can mean several",
			"height needs its format")
	}
	if r.Level != nil && r.Level.Scheme == "" {
		l.fault(path+".level.scheme", "levels of different registries are not comparable: name the scheme", "level needs a scheme")
	}
	if r.Status != nil {
		if len(r.Status.Map) == 0 {
			l.fault(path+".status.map", "map every status the source prints", "status needs a map")
		}
		for _, to := range r.Status.Map {
			if !statuses[to] {
				l.fault(path+".status.map", "registered, incarcerated, supervised, civil_commitment, absconded, non_compliant, non_resident, "+
					"pending, moved, deported, deceased", "status %q is none of ours", to)
			}
		}
	}
	dates := map[string]*Value{".birth": r.Birth, ".registered": r.Registered, ".updated": r.Updated, ".verified": r.Verified,
		".registers_to": r.RegistersTo}
	for i, o := range r.Offenses {
		at := fmt.Sprintf(".offenses[%d]", i)
		dates[at+".committed"], dates[at+".convicted"], dates[at+".released"] = o.Committed, o.Convicted, o.Released
	}
	for i, a := range r.Aliases {
		dates[fmt.Sprintf(".aliases[%d].birth", i)] = a.Birth
	}
	for i, a := range r.Addresses {
		dates[fmt.Sprintf(".addresses[%d].from", i)], dates[fmt.Sprintf(".addresses[%d].to", i)] = a.From, a.To
	}
	for i, p := range r.Photos {
		dates[fmt.Sprintf(".photos[%d].taken", i)] = p.Taken
	}
	for at, v := range dates {
		if v == nil {
			continue
		}
		for _, format := range v.Format {
			if _, ok := notation.DateLayouts(format); !ok {
				l.fault(path+at+".format", dateHint, "date format %q is none", format)
			}
		}
		if len(v.Format) == 0 {
			l.fault(path+at+".format", dateHint, "a date needs its formats")
		}
	}
	for i, a := range r.Addresses {
		if (a.ID == nil) != (a.Current == nil) {
			l.fault(fmt.Sprintf("%s.addresses[%d]", path, i), "current is compared with the id of each", "id and current go together")
		}
		if l.def.Policy.NoCoords && (a.Lat != nil || a.Lon != nil) {
			l.fault(fmt.Sprintf("%s.addresses[%d]", path, i), "leave lat and lon out: policy.no_coords forbids to store them",
				"coordinates are read that may not be stored")
		}
	}
	for i, x := range r.Fields {
		if Denied(x.Name) {
			l.fault(fmt.Sprintf("%s.fields[%d].name", path, i), "leave the field out: what it holds is never stored",
				"%q is on the deny list", x.Name)
		}
	}
}

// dateHint says how a date's format is written.
var dateHint = "of d, m or Month, and Y, as the page has them: " + strings.Join(notation.DateFormats, "; ")

func (l *linter) checkValue(path string, v *Value) {
	for key, css := range map[string]string{"css": v.CSS, "having": v.Having, "heading": v.Heading, "numbered": v.Numbered} {
		if css != "" && Selector(strings.ReplaceAll(css, "{n}", "1")) == nil {
			l.fault(path+"."+key, "", "%q is no CSS selector", css)
		}
	}
	if v.XPath != "" {
		if _, err := xpath.Compile(v.XPath); err != nil {
			l.fault(path+".xpath", "", "%q is no XPath", v.XPath)
		}
	}
	for key, texts := range map[string]Texts{"section": {v.Section}, "regex": {v.Regex}, "strip": v.Strip, "none": v.None,
		"split": {v.Split}} {
		for _, text := range texts {
			if _, err := Pattern(text); err != nil {
				l.fault(path+"."+key, "Go's regular expressions: no look-ahead", "%q is no regular expression", text)
			}
		}
	}
	for key, texts := range map[string]Texts{"label": v.Label, "column": v.Column, "path": {v.Path}, "xpath": {v.XPath}} {
		if strings.Contains(path, ".drop[") || strings.HasSuffix(path, ".victim") {
			break // may look at what is never stored, in order to leave somebody out
		}
		for _, text := range texts {
			if text != "" && Denied(text) {
				l.fault(path+"."+key, "driver licences, officers, employers, plates, victims and the like are never stored",
					"%q is on the deny list", text)
			}
		}
	}
	if v.Case != "" && v.Case != "lower" && v.Case != "title" {
		l.fault(path+".case", "lower or title", "case %q is none", v.Case)
	}
	if v.Order != "" && !slices.Contains(orders, v.Order) {
		l.fault(path+".order", strings.Join(orders, ", "), "order %q is none", v.Order)
	}
}

// layouts are the ways in which labels stand beside their values.
var layouts = []string{"table", "dl", "next", "row", "colon", "lines"}

// orders are the ways to write a name.
var orders = []string{"last_comma_first", "first_last", "capital_last", "comma_tells"}

// statuses are the words a definition's status map may map to.
var statuses = map[string]bool{
	schemas.StatusRegistered: true, schemas.StatusIncarcerated: true, schemas.StatusSupervised: true, schemas.StatusCommitted: true,
	schemas.StatusAbsconded: true, schemas.StatusNonCompliant: true, schemas.StatusNonResident: true, schemas.StatusPending: true,
	schemas.StatusMoved: true, schemas.StatusDeported: true, schemas.StatusDeceased: true, "": true,
}
