package web

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"lineup/indexer/index"
	"lineup/queryd/api"
	"lineup/queryd/search"
	"lineup/queryd/serve"
	"lineup/schemas"
)

// row is a fact under a label, which is the key of a text.
type row struct {
	Label, Value string
	Worded       bool // Value is the key of a text too
	Dated        bool // Value is a schemas.Date
}

func fact(label, value string) row { return row{Label: label, Value: value} }
func dated(label string, d schemas.Date) row {
	return row{Label: label, Value: d.String(), Dated: true}
}

// recordView is a record in full.
type recordView struct {
	ID         schemas.UUID
	Name       string
	Level      string
	Source     search.Source
	URL        string
	Groups     []group
	Aliases    []alias
	Addresses  []place
	Offenses   []offense
	Vehicles   []string
	AsPrinted  []schemas.Field
	Photos     []shownPhoto
	Others     []other // further records of the same person
	Sighted    string  // RFC 3339, for <time>
	FirstSeen  string
	LastChange string
}

// group is rows under one heading, by the key of its text.
type group struct {
	Title string
	Rows  []row
}

type alias struct{ Name, Born string }
type place struct{ Kind, Text, County, From, To string }
type offense struct {
	Title   string
	Rows    []row
	Charges []charge
}
type charge struct{ Title, Section, Class, Category, Counts string }
type shownPhoto struct{ URL, Taken, Problem string }
type other struct {
	ID           schemas.UUID
	Name, Source string
}

// Record answers /record/{id}: one record in full.
func (p *Pages) Record(w http.ResponseWriter, r *http.Request) error {
	id, err := schemas.ParseUUID(r.PathValue("id"))
	if err != nil {
		return serve.BadRequest("bad_uuid", "The record's id is not a UUID (8-4-4-4-12 hexadecimal digits).")
	}
	if r.Method != http.MethodPost {
		return p.render(w, r, http.StatusOK, view{Page: "record"})
	}
	if err := readForm(w, r, api.MaxBody); err != nil {
		return err
	}
	key := r.PostForm.Get("key")
	if _, err := p.serve.Authorize(r.Context(), w.Header(), key, false); err != nil {
		return err
	}
	found, err := p.search.Record(r.Context(), id)
	if err != nil {
		return err
	}
	shown := p.recordOf(found)
	serve.ExchangeOf(r.Context()).Count = 1
	sources := []string{shown.Source.ID}
	p.serve.WriteSourceNotices(w.Header(), sources)
	return p.render(w, r, http.StatusOK, view{Page: "record", Key: key, Sources: p.serve.SourceNotices(sources), Body: shown})
}

// recordOf arranges a record for reading.
func (p *Pages) recordOf(found search.Record) recordView {
	d := found.Document
	r := d.Record
	source, _ := p.search.Source(r.Source)
	v := recordView{ID: d.ID, Name: api.Titled(api.FullName(r.Name)), Level: r.Level.Value, Source: source, URL: r.URL,
		AsPrinted: r.SourceFields, Sighted: instant(found.Listing.Sighted), FirstSeen: instant(d.FirstSeen), LastChange: instant(d.Changed)}
	add := func(title string, rows ...row) {
		if rows = slices.DeleteFunc(rows, func(f row) bool { return f.Value == "" }); len(rows) > 0 {
			v.Groups = append(v.Groups, group{title, rows})
		}
	}
	add("group.person", fact("name.full", api.FullName(r.Name)), dated("born", r.Birth), fact("age", api.Age(r, p.search.Now())),
		fact("sex", api.Capital(cmp.Or(r.Sex.Value, r.Sex.Raw))), fact("race", cmp.Or(r.Race.Raw, api.Capital(r.Race.Value))),
		fact("ethnicity", cmp.Or(r.Ethnicity.Raw, api.Capital(r.Ethnicity.Value))))
	add("group.looks", fact("height", api.Height(r.Height)), fact("weight", api.Weight(r.Weight)), fact("hair",
		cmp.Or(api.Capital(r.Hair.Value), r.Hair.Raw)),
		fact("eyes", cmp.Or(api.Capital(r.Eyes.Value), r.Eyes.Raw)), fact("marks", strings.Join(r.Marks, "; ")))
	add("group.registration", fact("level", joined(" · ", r.Level.Value, strings.ReplaceAll(r.Level.Scheme, "-", " "))),
		fact("designation", r.Designation),
		fact("status", cmp.Or(r.Status.Raw, api.Capital(r.Status.Value))), yesNo("predator", r.Predator), yesNo("absconder", r.Absconder),
		dated("registered", r.Registered), dated("registered.to", r.RegistersTo), yesNo("lifetime", r.Lifetime),
		dated("verified", r.Verified), dated("updated", r.Updated), fact("jurisdiction", schemas.StateName(r.Jurisdiction)),
		fact("source.key", r.Key))
	for _, a := range r.Aliases {
		v.Aliases = append(v.Aliases, alias{api.Titled(api.FullName(a.Name)), a.Birth.String()})
	}
	for _, a := range r.Addresses {
		text := joined(", ", cmp.Or(a.Street, a.Raw, a.Status), a.City, joined(" ", schemas.StateName(a.State), a.Zip))
		v.Addresses = append(v.Addresses, place{a.Kind, text, a.County, a.From.String(), a.To.String()})
	}
	for _, o := range r.Offenses {
		v.Offenses = append(v.Offenses, offenseOf(o))
	}
	for _, c := range r.Vehicles {
		v.Vehicles = append(v.Vehicles, joined(" ", c.Year, c.Color, c.Make, c.Model, c.Plate))
	}
	v.Photos = photosOf(d)
	for _, o := range found.Others {
		v.Others = append(v.Others, other{o.ID, api.Titled(api.FullName(o.Record.Name)), p.sourceName(o.Record.Source)})
	}
	return v
}

func instant(t time.Time) string { return deref(api.Time(t)) }

func offenseOf(o schemas.Offense) offense {
	out := offense{Title: cmp.Or(o.Description, api.ChargeTitles(o.Charges), o.Statute)}
	for _, f := range []row{fact("statute", o.Statute), dated("convicted", o.Convicted), dated("committed", o.Committed),
		dated("released", o.Released),
		fact("court", o.Place), fact("disposition", o.Disposition), fact("sentence", o.Sentence), fact("counts", positive(o.Counts)),
		fact("victim", api.Capital(o.Victim))} {
		if f.Value != "" {
			out.Rows = append(out.Rows, f)
		}
	}
	for _, c := range o.Charges {
		out.Charges = append(out.Charges, charge{joined(", ", c.Title, c.Description), joined(" ", c.Section, c.Subsection), c.Class,
			c.Category, positive(c.Counts)})
	}
	return out
}

// photosOf are the photos of a record that can be shown: all with a face, and the first in any case.
func photosOf(d index.Document) []shownPhoto {
	first, _ := search.FirstPhoto(d.Record)
	outcome := map[schemas.Digest]index.PhotoOutcome{}
	for _, p := range d.Photos {
		outcome[p.Photo] = p
	}
	var all []shownPhoto
	for _, p := range d.Record.Photos {
		o := outcome[p.Digest]
		shown := shownPhoto{Taken: p.Taken.String(), Problem: o.Problem}
		switch {
		case p.Digest == "":
			continue
		case o.Face != "":
			shown.URL = "/photos/" + string(d.ID) + "?face=" + string(o.Face)
		case p.Digest == first:
			shown.URL = "/photos/" + string(d.ID)
		default:
			continue
		}
		all = append(all, shown)
	}
	return all
}

func joined(separator string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), separator)
}

// yesNo is a row without a value for a fact that is not known.
func yesNo(label string, b *bool) row {
	r := row{Label: label, Worded: true}
	switch {
	case b == nil:
	case *b:
		r.Value = "yes"
	default:
		r.Value = "no"
	}
	return r
}

func positive(n int) string {
	if n <= 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
