package api

import (
	"net/http"

	"lineup/queryd/retention"
	"lineup/queryd/serve"
)

// Retention is the answer of GET /v1/retention.
type Retention struct {
	Contact *string          `json:"correctionContact"` // of the operator; null for none
	Kept    []Kept           `json:"kept"`
	Sources []RetainedSource `json:"sources"` // registries whose terms shorten what Kept says
}

// Kept is one kind of things and how long it is kept.
type Kept struct {
	ID      string  `json:"id"`
	What    string  `json:"what"`
	Rule    string  `json:"rule"`
	Number  *int    `json:"number"` // of days, or of reports; null for a rule without one
	For     string  `json:"for"`    // the rule in words
	Setting *string `json:"setting"`
}

// RetainedSource is what is kept of one registry's people for a shorter time.
type RetainedSource struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	RecordDays *int   `json:"recordDays"` // without being read again
	PageDays   *int   `json:"pageDays"`
	Templates  bool   `json:"templates"`
}

// ServeRetention answers GET /v1/retention; it needs no key.
func (a *API) ServeRetention(w http.ResponseWriter, _ *http.Request) error {
	serve.WriteJSON(w, http.StatusOK, a.Retention())
	return nil
}

// Kept is the list of what is kept, as the page shows it.
func (a *API) Kept() ([]retention.Kept, []retention.Source) {
	return retention.List(a.config.Retention), a.config.Retention.Sources
}

// Retention puts what is kept, and how long, on the wire.
func (a *API) Retention() Retention {
	out := Retention{Contact: orNull(a.serve.Contact()), Kept: []Kept{}, Sources: []RetainedSource{}}
	list, sources := a.Kept()
	for _, k := range list {
		out.Kept = append(out.Kept, Kept{k.ID, k.What, string(k.Rule), orNone(k.Number), k.For(), orNull(k.Setting)})
	}
	for _, s := range sources {
		out.Sources = append(out.Sources, RetainedSource{s.ID, s.Name, orNone(s.RecordDays), orNone(s.PageDays), !s.Faceless})
	}
	return out
}

// orNone is null for 0.
func orNone(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}
