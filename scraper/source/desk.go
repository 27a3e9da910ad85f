package source

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/definition/read"
)

// WriteList prints one line for each source.
func WriteList(w io.Writer, all []*read.Source) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tJURISDICTION\tMODE\tREADS\tNAME\tDEFINITION")
	for _, src := range all {
		i := src.Info()
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", i.ID, i.Jurisdiction, i.Mode, Shape(src), i.Name, Origin(i.File, i.Shadows))
	}
	return t.Flush()
}

// Origin says where a definition comes from: file, or the program for "".
func Origin(file string, shadows bool) string {
	switch {
	case file == "":
		return "of this program"
	case shadows:
		return file + ", in the place of the one of this program"
	}
	return file
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
scraper/source; ` + "`go test ./scraper/source -update`" + ` writes it. No definition was checked against a live site: see each one's
evidence, and read the terms before turning a source on.

| mode | meaning |
|---|---|
| enabled | a published file, documented service or open-data layer without a gate; crawled once turned on and its terms recorded as read |
| unverified | the same, but its definition was never held against a real page or public code; crawled once the operator records who did |
| permission_required | crawled only under a permission that the operator recorded: who, when, reference, terms |
| import | read from files that an agency hands over, with ` + "`lineup import PATH --source ID`" + `; ` + "`--agency NAME`" +
		` keeps several agencies' people apart, as ID@NAME |
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
	line("asked and read like", src.Definition().Like)
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

// Tried is what a step reads of a saved page.
type Tried struct {
	Step     string           `json:"step"`
	Records  []schemas.Record `json:"records"`
	Listed   []string         `json:"listed"` // keys
	Next     []Asked          `json:"next"`
	Total    int              `json:"total"` // what the page says there are, 0 for nothing
	Leftover []Left           `json:"leftover"`
	Dropped  map[string]int   `json:"dropped"` // how many, by rule
}

// Left is a value that no rule read, by its place and name.
type Left struct {
	Where string `json:"where"`
	Name  string `json:"name"`
}

// Asked is a request that would follow.
type Asked struct {
	Step   string `json:"step"`
	Method string `json:"method"`
	URL    string `json:"url"`
	Body   string `json:"body,omitempty"`
}

// Try reads one saved page with step rule (or the step its file name begins with). It asks no network.
func Try(src *read.Source, rule, file string) (Tried, error) {
	body, err := os.ReadFile(file)
	if err != nil {
		return Tried{}, fmt.Errorf("try %s: %w", src.Info().ID, err)
	}
	if rule == "" {
		rule = ruleOf(file)
	}
	steps := src.Definition().Steps
	if _, ok := steps[rule]; !ok {
		return Tried{}, fmt.Errorf("try %s: no step %q; give --step, one of: %s", src.Info().ID, rule,
			strings.Join(slices.Sorted(maps.Keys(steps)), ", "))
	}
	page := savedPage(src, file, body)
	page.Request.Rule = rule
	parsed, err := src.Parse(page)
	if errors.Is(err, scraper.ErrLayout) {
		return Tried{}, fmt.Errorf("try %s: %w (compare marker, root, items and empty of step %s with the page, or name another step "+
			"with --step)",
			file, err, rule)
	}
	if err != nil {
		return Tried{}, fmt.Errorf("try %s: %w", file, err)
	}
	out := Tried{Step: rule, Records: []schemas.Record{}, Listed: append([]string{}, parsed.Listed...), Next: []Asked{}, Total: parsed.Total,
		Leftover: []Left{}, Dropped: map[string]int{}}
	for _, l := range parsed.Leftover {
		out.Leftover = append(out.Leftover, Left(l))
	}
	maps.Copy(out.Dropped, parsed.Dropped)
	for _, d := range parsed.Drafts {
		out.Records = append(out.Records, d.Record)
	}
	for _, r := range parsed.Next {
		out.Next = append(out.Next, Asked{r.Rule, cmp.Or(r.Method, http.MethodGet), r.URL, string(r.Body)})
	}
	return out, nil
}

// column is how wide the record is printed beside what was left over.
const column = 88

// WriteTried prints the records and what was left over side by side.
func WriteTried(w io.Writer, t Tried) error {
	var left []string
	for _, r := range t.Records {
		text, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return fmt.Errorf("print a record: %w", err)
		}
		left = append(left, strings.Split(string(text), "\n")...)
	}
	for _, key := range t.Listed {
		left = append(left, "listed "+key)
	}
	for _, r := range t.Next {
		left = append(left, "next "+r.Step+": "+strings.TrimSpace(strings.TrimPrefix(r.Method, http.MethodGet)+" "+r.URL))
		if len(r.Body) > 0 {
			left = append(left, "     body: "+r.Body)
		}
	}
	right := []string{"nothing"}
	if len(t.Leftover) > 0 {
		right = nil
	}
	for _, l := range t.Leftover {
		right = append(right, l.Where+": "+l.Name)
	}
	for _, rule := range slices.Sorted(maps.Keys(t.Dropped)) {
		right = append(right, fmt.Sprintf("dropped by %q: %d", rule, t.Dropped[rule]))
	}
	if t.Total > 0 {
		right = append(right, fmt.Sprintf("the page says there are %d", t.Total))
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
