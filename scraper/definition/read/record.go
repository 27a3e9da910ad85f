package read

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/definition"
	"lineup/scraper/definition/notation"
)

// reader reads the values of one item and keeps the first error, so that a rule reads as a list.
type reader struct {
	*doc
	n   node
	err error
}

func get[T any](r *reader, v *definition.Value, read func(node, *definition.Value) (T, error)) T {
	var zero T
	if v == nil || r.err != nil {
		return zero
	}
	got, err := read(r.n, v)
	r.err = err
	return got
}

func (r *reader) str(v *definition.Value) string         { return get(r, v, r.text) }
func (r *reader) day(v *definition.Value) schemas.Date   { return get(r, v, r.doc.day) }
func (r *reader) birth(v *definition.Value) schemas.Date { return get(r, v, r.doc.birth) }
func (r *reader) yes(v *definition.Value) *bool          { return get(r, v, r.flag) }
func (r *reader) count(v *definition.Value) int          { return get(r, v, r.number) }
func (r *reader) code(v *definition.Value, words map[string]string, closed bool) schemas.Coded {
	return get(r, v, func(n node, v *definition.Value) (schemas.Coded, error) { return r.coded(n, v, words, closed) })
}

// each runs do for every part that v means; without v, for the item itself.
func (r *reader) each(v *definition.Value, do func(*reader)) {
	if r.err != nil {
		return
	}
	parts := []node{r.n}
	if v != nil {
		parts, r.err = r.find(r.n, v)
	}
	for _, part := range parts {
		inner := &reader{doc: r.doc, n: part}
		if inner.n.rows == nil && part.html == nil && part.xml == nil && part.data == nil {
			continue
		}
		if do(inner); inner.err != nil && r.err == nil {
			r.err = inner.err
		}
	}
}

// record reads the registrant that item n is. Photos are the requests for Record.Photos.
func (d *doc) record(n node, spec *definition.Record) (schemas.Record, []scraper.Request, error) {
	r := &reader{doc: d, n: n}
	rec := schemas.Record{
		Schema: schemas.RecordSchema, Source: d.opt.def.ID, Jurisdiction: d.opt.def.Jurisdiction,
		URL: d.resolve(r.str(spec.URL)), Name: r.name(spec.Name),
		Birth: r.birth(spec.Birth), Sex: r.code(spec.Sex, notation.Sexes, true), Race: r.code(spec.Race, notation.Races, false),
		Ethnicity: r.code(spec.Ethnicity, notation.Races, false), Height: get(r, spec.Height, d.height), Weight: get(r, spec.Weight,
			d.weight),
		Eyes: r.code(spec.Eyes, notation.Colours, false), Hair: r.code(spec.Hair, notation.Colours, false), Marks: distinct(get(r, spec.Marks,
			d.texts)),
		Designation: r.str(spec.Designation), Predator: r.yes(spec.Predator), Absconder: r.yes(spec.Absconder),
		Registered: r.day(spec.Registered), Updated: r.day(spec.Updated), Verified: r.day(spec.Verified),
		RegistersTo: r.day(spec.RegistersTo), Lifetime: r.yes(spec.Lifetime),
	}
	if spec.URL != nil && rec.URL == "" && r.err == nil && !spec.URL.Optional {
		d.leave("no address of the registrant's page", spec.URL.Called())
	}
	years := r.count(spec.Age)
	if spec.Birth != nil && years == 0 && r.err == nil {
		years = d.ageBeside(n, spec.Birth)
	}
	if years > 0 {
		rec.Age = schemas.AgeAsOf{Years: years, On: d.today}
	}
	if spec.Level != nil {
		if text := r.str(spec.Level); text != "" {
			if len(spec.Level.Map) > 0 {
				text = cmp.Or(d.mapped(text, spec.Level), text)
			}
			rec.Level = schemas.Level{Scheme: spec.Level.Scheme, Value: text}
		}
	}
	rec.Status = get(r, spec.Status, d.status)
	rec.Aliases = slices.DeleteFunc(r.aliases(spec.Aliases), func(a schemas.Alias) bool { return sameName(a, rec) })
	rec.Addresses = r.places(spec.Addresses)
	rec.Offenses = r.offenses(spec.Offenses)
	rec.Vehicles = r.vehicles(spec.Vehicles)
	for i := range spec.Fields {
		for _, text := range get(r, &spec.Fields[i].Value, d.texts) {
			rec.SourceFields = append(rec.SourceFields, schemas.Field{Name: spec.Fields[i].Name, Value: strings.ReplaceAll(text, "\n",
				" ")})
		}
	}
	var photos []scraper.Request
	rec.Photos, photos = r.photos(spec.Photos)
	return rec, photos, r.err
}

func (r *reader) name(spec *definition.NameRule) schemas.Name {
	if spec == nil {
		return schemas.Name{}
	}
	out := notation.SplitName(r.str(spec.Whole()), spec.Order)
	out.First, out.Middle = cmp.Or(r.str(spec.First), out.First), cmp.Or(r.str(spec.Middle), out.Middle)
	out.Last, out.Suffix = cmp.Or(r.str(spec.Last), out.Last), cmp.Or(r.str(spec.Suffix), out.Suffix)
	if spec.Last != nil {
		if out = notation.Columns(out); out.Last == "" && !notation.IsNoName(out.First) {
			r.leave("name without a last name", spec.Last.Called())
		}
	}
	if out.Full == "" {
		out.Full = notation.Clean(strings.Join([]string{out.First, out.Middle, out.Last, out.Suffix}, " "))
	}
	return out
}

func (r *reader) aliases(specs []definition.Alias) []schemas.Alias {
	var out []schemas.Alias
	for i := range specs {
		spec := &specs[i]
		r.each(spec.Each, func(r *reader) {
			born := r.birth(spec.Birth)
			if spec.Name.Whole() == nil {
				out = addAlias(out, schemas.Alias{Name: r.name(&spec.Name), Birth: born}, spec.Drop)
				return
			}
			for _, text := range get(r, spec.Name.Whole(), r.texts) {
				alias := schemas.Alias{Name: schemas.Name{Full: strings.ReplaceAll(text, "\n", " ")}, Birth: born}
				if !spec.Raw {
					alias.Name = notation.SplitName(text, spec.Name.Order)
				}
				out = addAlias(out, alias, spec.Drop)
			}
		})
	}
	return out
}

// sameName reports whether an alias is the registrant's own name, which tables of all names hold too.
func sameName(a schemas.Alias, rec schemas.Record) bool {
	whole := func(n schemas.Name) string {
		if n.First == "" {
			return notation.Fold(n.Full)
		}
		return notation.Fold(strings.Join([]string{n.First, n.Middle, n.Last, n.Suffix}, " "))
	}
	return whole(a.Name) == whole(rec.Name) && (a.Birth.IsZero() || a.Birth == rec.Birth)
}

func addAlias(all []schemas.Alias, one schemas.Alias, drop definition.Texts) []schemas.Alias {
	if notation.IsNoName(one.Full) {
		return all
	}
	for _, text := range drop {
		if re, err := definition.Pattern(text); err == nil && re.MatchString(one.Full) {
			return all
		}
	}
	for _, other := range all {
		if other == one {
			return all
		}
	}
	return append(all, one)
}

func (r *reader) places(specs []definition.Place) []schemas.Address {
	var out []schemas.Address
	for i := range specs {
		spec, from := &specs[i], len(out)
		current := r.str(spec.Current)
		r.each(spec.Each, func(r *reader) {
			a := r.place(spec)
			id := r.str(spec.ID) // looked at in any case: it is a place that is known
			today := current != "" && id == current
			if current != "" && id != "" && !today {
				a.Kind = schemas.AddressEarlier
			}
			empty := a
			empty.Kind, empty.From, empty.To = "", schemas.Date{}, schemas.Date{}
			if empty == (schemas.Address{}) || slices.ContainsFunc(out, func(b schemas.Address) bool { return within(a, b) }) {
				return
			}
			if today {
				out = slices.Insert(out, from, a)
				return
			}
			out = append(out, a)
		})
	}
	return out
}

// within reports whether address a says nothing that b, of the same kind, does not: two tables of one source often say where
// somebody lives, one of them less.
func within(a, b schemas.Address) bool {
	said := func(a, b string) bool { return a == "" || a == b }
	at := func(a, b *float64) bool { return a == nil || b != nil && *a == *b }
	since := func(a, b schemas.Date) bool { return a.IsZero() || a == b }
	return a.Kind == b.Kind && said(a.Street, b.Street) && said(a.City, b.City) && said(a.County, b.County) && said(a.State, b.State) &&
		said(a.Zip, b.Zip) && said(a.Raw, b.Raw) && said(a.Status, b.Status) && at(a.Lat, b.Lat) && at(a.Lon, b.Lon) &&
		since(a.From, b.From) && since(a.To, b.To)
}

func (r *reader) place(spec *definition.Place) schemas.Address {
	var a schemas.Address
	if text := strings.Join(get(r, spec.Address, r.texts), "\n"); text != "" {
		a = notation.SplitAddress(text)
	}
	a.Street = cmp.Or(strings.Join(get(r, spec.Street, r.texts), " "), a.Street)
	a.City, a.County = cmp.Or(r.str(spec.City), a.City), r.str(spec.County)
	a.State, a.Zip = cmp.Or(notation.State(r.str(spec.State)), a.State), cmp.Or(notation.ZipCode(r.str(spec.Zip)), a.Zip)
	a.From, a.To = r.day(spec.From), r.day(spec.To)
	a.Kind = schemas.AddressHome
	if spec.Kind != nil {
		a.Kind = schemas.AddressOther
		if text := r.str(spec.Kind); text != "" {
			a.Kind = cmp.Or(r.code(spec.Kind, notation.Kinds, true).Value, schemas.AddressOther)
		}
	}
	for _, text := range []*string{&a.Street, &a.Raw} {
		status, ok := spec.Status[strings.ToUpper(*text)]
		if !ok {
			status, ok = notation.Places[notation.Fold(*text)]
		}
		if ok && *text != "" {
			a.Status, *text = status, ""
			if status == "transient" && a.Kind == schemas.AddressHome {
				a.Kind = schemas.AddressTransient
			}
		}
	}
	if !r.NoCoords {
		a.Lat, a.Lon = notation.Coordinates(r.str(spec.Lat), r.str(spec.Lon))
	}
	return a
}

func (r *reader) offenses(specs []definition.Offense) []schemas.Offense {
	var out []schemas.Offense
	seen := map[string]bool{}
	for i := range specs {
		spec := &specs[i]
		if spec.Otherwise && len(out) > 0 {
			continue
		}
		r.each(spec.Each, func(r *reader) {
			o := schemas.Offense{
				Description: r.str(spec.Description), Statute: r.str(spec.Statute), Committed: r.day(spec.Committed),
				Convicted: r.day(spec.Convicted), Released: r.day(spec.Released), Place: r.str(spec.Place),
				Disposition: r.str(spec.Disposition), Sentence: r.str(spec.Sentence), Counts: r.count(spec.Counts),
				Victim: r.victim(spec.Victim), Charges: r.charges(spec.Charges),
			}
			text, _ := json.Marshal(o) // an offence always encodes
			if r.err == nil && string(text) != "{}" && !seen[string(text)] {
				seen[string(text)] = true
				out = append(out, o)
			}
		})
	}
	return out
}

func (r *reader) charges(specs []definition.Charge) []schemas.Charge {
	var out []schemas.Charge
	for i := range specs {
		spec := &specs[i]
		r.each(spec.Each, func(r *reader) {
			c := schemas.Charge{
				Title: r.str(spec.Title), Section: r.str(spec.Section), Subsection: r.str(spec.Subsection), Class: r.str(spec.Class),
				Category: r.str(spec.Category), Counts: r.count(spec.Counts), Description: r.str(spec.Description),
			}
			if c != (schemas.Charge{}) {
				out = append(out, c)
			}
		})
	}
	return out
}

// victim reads an age or a word as minor or adult. Nothing else of a victim leaves this function.
func (r *reader) victim(v *definition.Value) string {
	if v == nil || r.err != nil {
		return ""
	}
	r.doc.Victim = v
	defer func() { r.doc.Victim = nil }()
	if r.kept { // the evidence holds the words alone
		raw, err := r.raw(r.n, v)
		for i := range raw {
			raw[i] = notation.Fold(raw[i])
		}
		for _, word := range []string{"minor", "adult"} {
			if err == nil && slices.Contains(raw, word) {
				return word
			}
		}
	}
	word, ok := youngest(get(r, v, r.texts), v)
	if !ok {
		r.leave("neither minor nor adult", v.Called())
	}
	return word
}

func (r *reader) vehicles(specs []definition.Vehicle) []schemas.Vehicle {
	var out []schemas.Vehicle
	for i := range specs {
		spec := &specs[i]
		r.each(spec.Each, func(r *reader) {
			v := schemas.Vehicle{Make: r.str(spec.Make), Model: r.str(spec.Model), Year: r.str(spec.Year), Color: r.str(spec.Color)}
			if v != (schemas.Vehicle{}) && r.opt.vehicles {
				out = append(out, v)
			}
		})
	}
	return out
}

func (r *reader) photos(specs []definition.Photo) ([]schemas.Photo, []scraper.Request) {
	var photos []schemas.Photo
	var asks []scraper.Request
	for i := range specs {
		spec := &specs[i]
		if spec.Else && len(photos) > 0 {
			continue
		}
		r.each(spec.Each, func(r *reader) {
			if has := r.yes(spec.If); spec.If != nil && (has == nil || !*has) {
				return
			}
			if spec.Has != nil && !r.there(spec.Has) {
				return
			}
			taken := r.day(spec.Taken)
			for _, text := range get(r, &spec.URL, r.texts) {
				at := r.resolve(text)
				if at == "" || rejected(at, spec.Reject) || r.opt.def.Policy.NoPhotos ||
					slices.ContainsFunc(photos, func(p schemas.Photo) bool { return p.URL == at }) {
					continue
				}
				photos = append(photos, schemas.Photo{URL: at, Taken: taken, View: spec.View})
				asks = append(asks, scraper.Request{Rule: "photo", URL: at, Optional: spec.Optional})
			}
		})
	}
	return photos, asks
}

// there reports whether v finds anything. Deciding by a value is not keeping it.
func (r *reader) there(v *definition.Value) bool {
	r.Quiet = true
	defer func() { r.Quiet = false }()
	return r.str(v) != ""
}

func rejected(url string, rules definition.Texts) bool {
	for _, rule := range rules {
		if re, err := definition.Pattern(rule); err == nil && re.MatchString(url) {
			return true
		}
	}
	return false
}

func distinct(all []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, one := range all {
		if one = strings.ReplaceAll(one, "\n", " "); !seen[one] {
			seen[one] = true
			out = append(out, one)
		}
	}
	return out
}
