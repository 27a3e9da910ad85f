// Package read runs a definition: a Source turns the bytes of a page into drafts and next requests. It asks nobody;
// the same page always gives the same answer.
package read

import (
	"slices"
	"strconv"
	"strings"

	"lineup/schemas"
	"lineup/scraper/definition"
	"lineup/scraper/definition/notation"
)

// day reads a date; a text in no declared format is reported. A two-digit year is of the century
// that puts the day before tomorrow, as Go and POSIX would, and no later.
func (d *doc) day(n node, v *definition.Value) (schemas.Date, error) {
	got, err := d.parsed(n, v)
	if got.TwoDigitYear && got.Start().After(d.today.Start()) {
		got.Year -= 100
	}
	return got.Date, err
}

// birth reads a date of birth. A two-digit year takes the latest century that makes an adult:
// registries list juveniles so rarely that the other reading would lose an adult instead. A day in
// the future, or one that makes a baby, is nobody's: it is reported and not known.
func (d *doc) birth(n node, v *definition.Value) (schemas.Date, error) {
	got, err := d.parsed(n, v)
	if got.TwoDigitYear {
		for got.Year += 100; got.YearsBetween(d.today) < 18; {
			got.Year -= 100
		}
	}
	if !got.IsZero() && got.YearsBetween(d.today) < 1 {
		d.leave("birth date of nobody who is listed", v.Called())
		return schemas.Date{}, err
	}
	return got.Date, err
}

// ageBeside is the age that stands in one text with a birth date, or in its place: the group age of its regular
// expression; 0 for none.
func (d *doc) ageBeside(n node, v *definition.Value) int {
	re, err := definition.Pattern(v.Regex)
	if err != nil || re.SubexpIndex("age") < 0 {
		return 0
	}
	raw, err := d.raw(n, v)
	if err != nil || len(raw) == 0 {
		return 0
	}
	years := 0
	if m := re.FindStringSubmatch(notation.Clean(raw[0])); m != nil {
		years, _ = strconv.Atoi(m[re.SubexpIndex("age")]) // digits, or none
	}
	return years
}

func (d *doc) parsed(n node, v *definition.Value) (notation.Day, error) {
	text, err := d.text(n, v)
	if err != nil || text == "" {
		return notation.Day{}, err
	}
	got, ok := notation.ParseDay(text, v.Format)
	if !ok {
		d.leave("date not understood", v.Called())
		return notation.Day{}, nil
	}
	return got, nil
}

func (d *doc) height(n node, v *definition.Value) (schemas.Measure, error) {
	text, err := d.text(n, v)
	if err != nil || text == "" || strings.Trim(text, "0.") == "" {
		return schemas.Measure{}, err
	}
	if inches, ok := notation.Height(text, v.Format); ok {
		return schemas.Measure{Value: inches, Raw: text}, nil
	}
	d.leave("height not understood", v.Called())
	return schemas.Measure{Raw: text}, nil
}

func (d *doc) weight(n node, v *definition.Value) (schemas.Measure, error) {
	text, err := d.text(n, v)
	if err != nil || text == "" {
		return schemas.Measure{}, err
	}
	pounds, ok := notation.Weight(text)
	switch {
	case !ok:
		d.leave("weight not understood", v.Called())
		return schemas.Measure{Raw: text}, nil
	case pounds == 0:
		return schemas.Measure{}, nil
	}
	return schemas.Measure{Value: pounds, Raw: text}, nil
}

// coded maps text by the definition's map, else by the usual words; what neither knows is
// reported when the words are all there can be, else kept as the source prints it.
func (d *doc) coded(n node, v *definition.Value, words map[string]string, closed bool) (schemas.Coded, error) {
	text, err := d.text(n, v)
	if err != nil || text == "" {
		return schemas.Coded{}, err
	}
	if len(v.Map) > 0 {
		return schemas.Coded{Value: d.mapped(text, v), Raw: text}, nil
	}
	if value, ok := words[notation.Fold(text)]; ok {
		return schemas.Coded{Value: value, Raw: text}, nil
	}
	if closed {
		d.leave("value not understood", v.Called())
		return schemas.Coded{Raw: text}, nil
	}
	return schemas.Coded{Value: strings.ToLower(text), Raw: text}, nil
}

// gravity orders the statuses that one registrant may have at once, the one that a reader must know first.
var gravity = []string{
	schemas.StatusDeceased, schemas.StatusDeported, schemas.StatusAbsconded, schemas.StatusNonCompliant, schemas.StatusIncarcerated,
	schemas.StatusCommitted, schemas.StatusSupervised, schemas.StatusMoved, schemas.StatusNonResident, schemas.StatusPending,
	schemas.StatusRegistered,
}

// status reads the words a source has for one registrant: of several, the gravest is meant.
func (d *doc) status(n node, v *definition.Value) (schemas.Coded, error) {
	all, err := d.texts(n, v)
	if err != nil || len(all) < 2 || v.Split == "" {
		return d.coded(n, v, nil, true)
	}
	at := len(gravity)
	out := schemas.Coded{Raw: strings.Join(all, ", ")}
	for _, text := range all {
		if word := d.mapped(text, v); word != "" {
			at = min(at, slices.Index(gravity, word))
		}
	}
	if at < len(gravity) {
		out.Value = gravity[at]
	}
	return out, nil
}

// flag reads a yes or no; nil when the source says neither.
func (d *doc) flag(n node, v *definition.Value) (*bool, error) {
	text, err := d.text(n, v)
	if err != nil || text == "" && len(v.Map) == 0 {
		return nil, err
	}
	if len(v.Map) > 0 {
		text = d.mapped(text, v)
	}
	switch notation.Fold(text) {
	case "y", "yes", "true", "1", "x":
		yes := true
		return &yes, nil
	case "n", "no", "false", "0":
		no := false
		return &no, nil
	case "":
		return nil, nil
	}
	d.leave("neither yes nor no", v.Called())
	return nil, nil
}

// From is the source with the file that its definition was read from, and whether the program ships another
// definition of the id, in whose place this one is.
func (s *Source) From(file string, shadows bool) *Source {
	from := *s
	from.file, from.shadows = file, shadows
	return &from
}
