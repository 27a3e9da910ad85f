package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"lineup/scraper"
	"lineup/scraper/definition/read"
)

// WriteList prints one line for each source.
func WriteList(w io.Writer, all []*read.Source) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tJURISDICTION\tMODE\tREADS\tNAME")
	for _, src := range all {
		i := src.Info()
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", i.ID, i.Jurisdiction, i.Mode, Shape(src), i.Name)
	}
	return t.Flush()
}

// Shape says in a word what src reads: "csv", "html, json", or "-" for a link.
func Shape(src *read.Source) string {
	var forms []string
	for _, step := range src.Definition().Steps {
		if (step.Record != nil || step.Items != nil) && !slices.Contains(forms, step.As) {
			forms = append(forms, step.As)
		}
	}
	slices.Sort(forms)
	if len(forms) == 0 {
		return "-"
	}
	return strings.Join(forms, ", ")
}

// Markdown is the text of docs/sources.md.
func Markdown(all []*read.Source) string {
	var b strings.Builder
	b.WriteString(`# Sources

Every registry Lineup knows, what is known of it, and whether it may be crawled. This file is made from the definitions in
scraper/source; ` + "`go test ./scraper/source -update`" + ` writes it. No definition was checked against a live site: see each one's evidence, and read
the terms before turning a source on.

| mode | meaning |
|---|---|
| enabled | a published file, documented service or open-data layer without a gate; crawled once the operator turns it on and has recorded who read its terms |
| unverified | the same, but its definition was never held against a real page or public code: crawled once the operator has recorded who did |
| permission_required | crawled only under a permission that the operator recorded: who, when, reference, terms |
| import | read from files that an agency hands over, with ` + "`lineup import PATH --source ID`" + ` |
| link_only | gated, disputed or unknown: Lineup says where to look, and never asks |
`)
	for _, mode := range []scraper.Mode{scraper.Enabled, scraper.Unverified, scraper.PermissionRequired, scraper.Import} {
		fmt.Fprintf(&b, "\n## %s\n", mode)
		for _, src := range all {
			if src.Info().Mode == mode {
				writeSource(&b, src)
			}
		}
	}
	b.WriteString("\n## link_only\n\n| id | jurisdiction | where to look | why only there |\n|---|---|---|---|\n")
	for _, src := range all {
		if i := src.Info(); i.Mode == scraper.LinkOnly {
			fmt.Fprintf(&b, "| %s | %s | <%s> | %s |\n", i.ID, i.Jurisdiction, i.Home, i.Policy.Evidence)
		}
	}
	return b.String()
}

func writeSource(b *strings.Builder, src *read.Source) {
	i := src.Info()
	fmt.Fprintf(b, "\n### %s: %s\n\n", i.ID, i.Name)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(b, "- %s: %s\n", name, text)
		}
	}
	line("where to look", "<"+i.Home+">")
	line("reads", Shape(src))
	line("evidence", i.Policy.Evidence)
	line("verified", verified(i.Verified))
	terms := "not read yet"
	if i.Policy.Terms != "" {
		terms = "<" + i.Policy.Terms + ">"
		if i.Policy.TermsRead != "" {
			terms += ", read " + i.Policy.TermsRead
		}
	}
	line("terms", terms)
	line("attribution", i.Policy.Attribution)
	for _, notice := range i.Policy.Notices {
		line("notice", notice)
	}
	if i.Manners.PerHour > 0 {
		line("asked", fmt.Sprintf("at most %d times an hour", i.Manners.PerHour))
	}
	line("schedule", i.Manners.Schedule)
	guard := fmt.Sprintf("at least %d registrants, at most %.0f %% fewer than before", i.Guards.MinCount, max(i.Guards.MaxDrop, 0)*100)
	line("believed when", guard)
	if i.Policy.KeepRecords > 0 {
		line("kept", fmt.Sprintf("at most %d days without being read again", int(i.Policy.KeepRecords.Hours()/24)))
	}
	if i.Policy.NoCoords {
		line("never stored", "coordinates")
	}
}

// verified says what a definition was held against.
func verified(v scraper.Verified) string {
	if v.By == "" || v.By == scraper.Nothing {
		return "against nothing yet: its names are ours where the evidence is silent"
	}
	text := strings.ReplaceAll(v.By, "_", " ")
	if v.On != "" {
		text += " of " + v.On
	}
	return text + ": " + strings.Join(v.From, "; ")
}

// Try reads one saved page with step rule (or the step its file name begins with) and prints the
// records and what was left over side by side. It asks no network.
func Try(w io.Writer, src *read.Source, rule, file string) error {
	body, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("try %s: %w", src.Info().ID, err)
	}
	if rule == "" {
		rule, _, _ = strings.Cut(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), "-")
	}
	steps := src.Definition().Steps
	if _, ok := steps[rule]; !ok {
		var names []string
		for name := range steps {
			names = append(names, name)
		}
		slices.Sort(names)
		return fmt.Errorf("try %s: no step %q; give --step, one of: %s", src.Info().ID, rule, strings.Join(names, ", "))
	}
	base := src.Definition().Base
	if base == "" {
		base = "http://import.invalid/"
	}
	parsed, err := src.Parse(scraper.Page{
		Request: scraper.Request{Rule: rule, URL: base, Carry: map[string]string{"key": "KEY", "page": "1", "offset": "0"}},
		URL:     base, Status: http.StatusOK, Header: http.Header{}, Body: body, Read: time.Now(),
	})
	if errors.Is(err, scraper.ErrLayout) {
		return fmt.Errorf("try %s: %w (compare marker, root, items and empty of step %s with the page, or name another step with --step)",
			file, err, rule)
	}
	if err != nil {
		return fmt.Errorf("try %s: %w", file, err)
	}
	return writeParsed(w, parsed)
}

// column is how wide the record is printed beside what was left over.
const column = 88

func writeParsed(w io.Writer, parsed scraper.Parsed) error {
	var left []string
	for _, d := range parsed.Drafts {
		text, err := json.MarshalIndent(d.Record, "", "  ")
		if err != nil {
			return fmt.Errorf("print a record: %w", err)
		}
		left = append(left, strings.Split(string(text), "\n")...)
	}
	for _, key := range parsed.Listed {
		left = append(left, "listed "+key)
	}
	for _, r := range parsed.Next {
		left = append(left, strings.TrimSpace("next "+r.Rule+": "+r.Method+" "+r.URL))
	}
	right := []string{"nothing"}
	if len(parsed.Leftover) > 0 {
		right = nil
	}
	for _, l := range parsed.Leftover {
		right = append(right, l.Where+": "+l.Name)
	}
	for rule, n := range parsed.Dropped {
		right = append(right, fmt.Sprintf("dropped by %q: %d", rule, n))
	}
	if parsed.Total > 0 {
		right = append(right, fmt.Sprintf("the page says there are %d", parsed.Total))
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%-*s | %s\n", column, "READ", "LEFT OVER")
	for i := range max(len(left), len(right)) {
		a, b := "", ""
		if i < len(left) {
			a = left[i]
		}
		if i < len(right) {
			b = right[i]
		}
		fmt.Fprintln(&out, strings.TrimRight(fmt.Sprintf("%-*s | %s", column, a, b), " |"))
	}
	_, err := w.Write(out.Bytes())
	return err
}

var newID = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Scaffold makes the folder of a new source below dir: a definition to fill in and a page to try
// it on. An existing folder is left alone.
func Scaffold(dir, id string) (string, error) {
	if !newID.MatchString(id) {
		return "", fmt.Errorf("new source %q: want lower-case letters, digits and dashes, as us-ny", id)
	}
	folder := filepath.Join(dir, id)
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("new source: %s is there already", folder)
	}
	if err := os.MkdirAll(filepath.Join(folder, "testdata"), 0o755); err != nil {
		return "", fmt.Errorf("new source: %w", err)
	}
	for name, text := range map[string]string{
		"source.yml":           strings.ReplaceAll(scaffold, "ID", id),
		"testdata/list.html":   scaffoldList,
		"testdata/detail.html": scaffoldDetail,
	} {
		if err := os.WriteFile(filepath.Join(folder, filepath.FromSlash(name)), []byte(text), 0o644); err != nil {
			return "", fmt.Errorf("new source: %w", err)
		}
	}
	return folder, nil
}

const scaffold = `# yaml-language-server: $schema=../../../schemas/source.schema.json
id: ID
name: the registry's own name
jurisdiction: XX
home: https://registry.example/
mode: permission_required
version: 1
base: https://registry.example/
manners: {interval: 5s, every: 24h, schedule: "0 3 * * *"}
guards: {min_count: 100, max_drop: 0.10, has_photos: true}
policy:
  attribution: the agency
  evidence: what is known of the site, how, and since when
start: list
steps:
  list:
    request: {url: list}
    as: html
    root: main
    marker: h1
    empty: nobody is listed
    ignore: [h1]
    items: {css: "a[href*='/person/']"}
    key: {attr: href, regex: '/person/(?P<value>\w+)'}
    detail: detail
  detail:
    request: {url: "person/{key}"}
    as: html
    root: main
    marker: dt
    ignore: [h1]
    labels: {layout: dl}
    record:
      name: {label: Name, order: last_comma_first}
      birth: {label: Date of Birth, format: m/d/Y}
      photos:
        - {url: {css: img, attr: src}}
`

const scaffoldList = `<html><body><main><h1>Registry</h1><a href="/person/A1">Madeup, Odette</a></main></body></html>
`

const scaffoldDetail = `<html><body><main><h1>Person</h1><img src="/photo/A1"><dl><dt>Name</dt><dd>Madeup, Odette</dd><dt>Date of Birth</dt><dd>01/02/1970</dd></dl></main></body></html>
`
