package redact

import (
	"lineup/scraper/definition"
	"lineup/scraper/definition/notation"

	"github.com/PuerkitoBio/goquery"
	"github.com/antchfx/xmlquery"
	"golang.org/x/net/html"
)

// Mark says how a part of an answer was looked at.
type Mark struct {
	Read   bool              // a rule of the record, the key or the paging reads it; else only a drop rule looked
	plain  bool              // it was read for more than a victim's age
	victim *definition.Value // it was read for that
}

// masked reports whether a part is stored as "minor" or "adult" in the place of its text.
func (m Mark) masked() bool { return m.victim != nil && !m.plain }

// Reading is what a step has looked at of one answer, and what it may keep of it.
type Reading struct {
	Step     *definition.Step
	Labels   map[string]bool                               // folded labels that the step reads
	NoCoords bool                                          // coordinates may not be stored
	Word     func(text string, v *definition.Value) string // what is stored of a text about a victim
	Quiet    bool                                          // what is looked at now does not count as read
	Victim   *definition.Value                             // what is read now is an age or a word that only leaves as minor or adult

	Used    map[*html.Node]Mark
	Outline map[*html.Node]bool                         // headings and header rows, by which items are found
	Named   map[*html.Node]string                       // the label or column that stands for an element
	Victims map[*html.Node]map[string]*definition.Value // rows of the layout lines: labels whose value is a victim's
	Paths   map[string]Mark                             // of JSON, by path
	XML     map[*xmlquery.Node]Mark
}

// NewReading is one of nothing looked at yet.
func NewReading(step *definition.Step) *Reading {
	return &Reading{
		Step: step, Used: map[*html.Node]Mark{}, Outline: map[*html.Node]bool{}, Named: map[*html.Node]string{},
		Victims: map[*html.Node]map[string]*definition.Value{}, Paths: map[string]Mark{}, XML: map[*xmlquery.Node]Mark{},
	}
}

// See marks the part at k as looked at.
func See[K comparable](r *Reading, marks map[K]Mark, k K) {
	at := marks[k]
	if !r.Quiet {
		at.Read = true
		at.plain = at.plain || r.Victim == nil
		if r.Victim != nil {
			at.victim = r.Victim
		}
	}
	marks[k] = at
}

// Use marks everything in s as read.
func (r *Reading) Use(s *goquery.Selection) {
	for _, n := range s.Nodes {
		See(r, r.Used, n)
	}
}

// Never reports whether what is called name may not be stored, read or not.
func (r *Reading) Never(name string) bool {
	return definition.Denied(name) || r.NoCoords && placed.MatchString(name)
}

// Ignored reports whether the step itself names label, column or path as not wanted.
func (r *Reading) Ignored(name string) bool {
	for _, known := range r.Step.Ignore {
		if notation.Fold(known) == notation.Fold(name) || known == name {
			return true
		}
	}
	return false
}

// Ignores reports whether the step names label, column or path as not wanted, or it is never stored.
func (r *Reading) Ignores(name string) bool { return r.Never(name) || r.Ignored(name) }

// hides reports whether what is called name is left out of evidence: it is never stored, or no
// rule looked at it and it is a victim's or named as not wanted. What nobody named stays, so
// that a newer definition can read it.
func (r *Reading) hides(name string, looked bool) bool {
	return r.Never(name) || !looked && (victims.MatchString(name) || r.Ignored(name))
}
