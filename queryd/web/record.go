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

// coded is a fact under a code of ours, which is told in words; without one, as the registry prints it.
func coded(label, code, printed string) row {
	return row{Label: label, Value: cmp.Or(code, printed), Code: code != ""}
}

// printed is a fact as the registry prints it; without that, under a code of ours.
func printed(label string, c schemas.Coded) row {
	if c.Raw != "" {
		return fact(label, c.Raw)
	}
	return coded(label, c.Value, "")
}

// told is printed, in the reader's language where the registry prints one of the usual words.
func told(label string, c schemas.Coded) row {
	if word := strings.ToLower(c.Raw); usual[word] {
		return coded(label, word, "")
	}
	return printed(label, c)
}

// usual are the words for races and ethnicities that there are texts for.
var usual = map[string]bool{"white": true, "black": true, "asian": true, "american indian": true, "hispanic": true, "not hispanic": true,
	"pacific islander": true, "unknown": true, "other": true}

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
	Who, When  []group
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
	if err := readForm(w, r); err != nil {
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
	return p.render(w, r, http.StatusOK, view{Page: "record", Key: key, Sources: p.serve.SourceNotices(sources), Body: shown,
		Sheet: p.sheetOf(r, "", fact("record.asked", string(id)))})
}

// recordOf arranges a record for reading.
func (p *Pages) recordOf(found search.Record) recordView {
	d := found.Document
	r := d.Record
	source, _ := p.search.Source(r.Source)
	v := recordView{ID: d.ID, Name: api.Titled(api.FullName(r.Name)), Level: r.Level.Value, Source: source, URL: r.URL,
		AsPrinted: r.SourceFields, Sighted: instant(found.Listing.Sighted), FirstSeen: instant(d.FirstSeen), LastChange: instant(d.Changed)}
	add := func(to *[]group, title string, rows ...row) {
		if rows = slices.DeleteFunc(rows, func(f row) bool { return f.Value == "" }); len(rows) > 0 {
			*to = append(*to, group{title, rows})
		}
	}
	add(&v.Who, "group.person", fact("name.full", api.FullName(r.Name)), dated("born", r.Birth), fact("age", api.Age(r, p.search.Now())),
		coded("sex", r.Sex.Value, r.Sex.Raw), told("race", r.Race),
		told("ethnicity", r.Ethnicity))
	add(&v.Who, "group.looks", fact("height", api.Height(r.Height)), fact("weight", api.Weight(r.Weight)),
		coded("hair", r.Hair.Value, r.Hair.Raw),
		coded("eyes", r.Eyes.Value, r.Eyes.Raw), fact("marks", strings.Join(r.Marks, "; ")))
	add(&v.When, "group.registration", row{Label: "level", Value: r.Level.Value, Scheme: r.Level.Scheme},
		fact("designation", r.Designation),
		printed("status", r.Status), yesNo("predator", r.Predator), yesNo("absconder", r.Absconder),
		dated("registered", r.Registered), dated("registered.to", r.RegistersTo), yesNo("lifetime", r.Lifetime),
		dated("verified", r.Verified), dated("updated", r.Updated), fact("jurisdiction", schemas.StateName(r.Jurisdiction)),
		fact("source.key", r.Key))
	for _, a := range r.Aliases {
		v.Aliases = append(v.Aliases, alias{api.Spoken(a.Name), a.Birth.String()})
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
	v.Photos = p.photosOf(d)
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
		coded("victim", o.Victim, "")} {
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
func (p *Pages) photosOf(d index.Document) []shownPhoto {
	first, _ := search.FirstPhoto(d.Record)
	outcome := map[schemas.Digest]index.PhotoOutcome{}
	for _, o := range d.Photos {
		outcome[o.Photo] = o
	}
	var all []shownPhoto
	for _, photo := range d.Record.Photos {
		o := outcome[photo.Digest]
		shown := shownPhoto{Taken: photo.Taken.String(), Problem: o.Problem}
		switch {
		case photo.Digest == "":
			continue
		case o.Face != "":
			shown.URL = p.serve.Links().Path(d.ID, o.Face)
		case photo.Digest == first:
			shown.URL = p.serve.Links().Path(d.ID, "")
		default:
			continue
		}
		all = append(all, shown)
	}
	return all
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
