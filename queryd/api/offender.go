package api

import (
	"cmp"
	"strings"

	"lineup/indexer/index"
	"lineup/queryd/names"
	"lineup/queryd/search"
	"lineup/schemas"
	"lineup/schemas/namekey"
)

// Offender is a record on the wire: every key always, empty values as the contract has them.
type Offender struct {
	ID           schemas.UUID   `json:"uuid"`
	Person       *schemas.UUID  `json:"personUuid"`
	Name         string         `json:"name"`
	First        string         `json:"firstName"`
	Middle       string         `json:"middleName"`
	Last         string         `json:"lastName"`
	Nicknames    []string       `json:"firstName_nicknames"`
	Aliases      []Alias        `json:"aliases"`
	Birth        *string        `json:"dob"`
	Precision    string         `json:"dobPrecision"`
	Age          string         `json:"age"`
	Sex          string         `json:"sex"`
	Race         string         `json:"race"`
	Ethnicity    string         `json:"ethnicity"`
	Height       string         `json:"height"`
	Weight       string         `json:"weight"`
	Eyes         string         `json:"eyeColor"`
	Hair         string         `json:"hairColor"`
	Marks        string         `json:"marks"`
	Address      string         `json:"address"`
	City         string         `json:"city"`
	Zip          string         `json:"zipcode"`
	County       string         `json:"county"`
	State        string         `json:"state"`
	Lat          float64        `json:"lat"`
	Lng          float64        `json:"lng"`
	Locations    []Location     `json:"locations"`
	Crime        string         `json:"crime"`
	Risk         string         `json:"riskLevel"`
	Registered   *string        `json:"registrationDate"`
	Absconder    *bool          `json:"isAbsconder"`
	Predator     *bool          `json:"isPredator"`
	URL          string         `json:"offenderUrl"`
	Photo        string         `json:"offenderImageUrl"`
	PhotoHere    string         `json:"offenderImageUrlR2"`
	Jurisdiction *string        `json:"jurisdiction"`
	Sources      []Source       `json:"sources"`
	Content      string         `json:"content"`
	Created      *string        `json:"createdAt"`
	Updated      *string        `json:"updatedAt"`
	StateData    map[string]any `json:"stateData"`
	Confidence   *float64       `json:"matchConfidence"`
	Basis        names.Basis    `json:"matchBasis,omitempty"`  // in extensive mode, of a name: why it matched
	Matched      string         `json:"matchedName,omitempty"` // in extensive mode: the alias that matched
}

type Alias struct {
	Given  string `json:"givenName"`
	Middle string `json:"middleName"`
	Sur    string `json:"surName"`
}

type Location struct {
	Type   string  `json:"type"`
	Street string  `json:"streetAddress"`
	City   string  `json:"city"`
	State  string  `json:"state"`
	Zip    string  `json:"zipCode"`
	County string  `json:"county"`
	Lat    float64 `json:"latitude"`
	Lng    float64 `json:"longitude"`
	From   *string `json:"fromDate"`
	To     *string `json:"toDate"`
}

type Source struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	URL  string `json:"url"`
}

// offenderOf is a document on the wire.
func (a *API) offenderOf(d index.Document, person schemas.UUID, extensive bool, base string) Offender {
	r := d.Record
	home, _ := r.Home()
	source, _ := a.search.Source(r.Source)
	first, middle, last := NameParts(r.Name)
	o := Offender{
		ID: d.ID, Person: orNull(person),
		Name: FullName(r.Name), First: first, Middle: middle, Last: last,
		Nicknames: namekey.Nicknames(namekey.Fold(r.Name.First)),
		Aliases:   []Alias{}, Locations: []Location{},
		Birth: wireDate(r.Birth), Precision: r.Birth.Precision(), Age: Age(r, a.search.Now()),
		Sex: Capital(cmp.Or(r.Sex.Value, r.Sex.Raw)), Race: cmp.Or(r.Race.Raw, Capital(r.Race.Value)),
		Ethnicity: cmp.Or(r.Ethnicity.Raw, Capital(r.Ethnicity.Value)),
		Height:    Height(r.Height), Weight: Weight(r.Weight),
		Eyes: cmp.Or(Capital(r.Eyes.Value), r.Eyes.Raw), Hair: cmp.Or(Capital(r.Hair.Value), r.Hair.Raw),
		Marks:   strings.Join(r.Marks, "; "),
		Address: cmp.Or(home.Street, home.Raw, home.Status), City: home.City, Zip: home.Zip, County: home.County,
		State: schemas.StateName(r.State()),
		Crime: crimeOf(r.Offenses, a.config.BulletCrimes), Risk: r.Level.Value, Registered: wireDate(r.Registered),
		Absconder: r.Absconder, Predator: r.Predator, URL: schemas.WebLink(r.URL),
		Jurisdiction: orNull(r.Jurisdiction),
		Sources:      []Source{{ID: r.Source, Name: source.Name, URL: source.Home}},
		Created:      Time(d.FirstSeen), Updated: Time(d.Changed),
	}
	o.Lat, o.Lng = point(home)
	if len(r.Photos) > 0 {
		o.Photo = schemas.WebLink(r.Photos[0].URL)
	}
	if _, ok := search.FirstPhoto(r); ok {
		o.PhotoHere = base + a.serve.Links().Path(d.ID, "")
	}
	if extensive {
		o.Aliases, o.Locations, o.StateData = aliasesOf(r.Aliases), locationsOf(r.Addresses), stateDataOf(r)
	}
	o.Content = contentOf(o)
	return o
}

// matchOf is a match on the wire, with details. The image is named by registrant and face: the
// registrant keeps its URL, the face says which of its photos it was.
func (a *API) matchOf(m search.Match, base string) Match {
	r := m.Document.Record
	first, _, last := NameParts(r.Name)
	short := &MatchOffender{FirstName: first, LastName: last, Birth: wireDate(r.Birth), URL: orNull(schemas.WebLink(r.URL)),
		Person: orNull(m.Person)}
	for _, p := range r.Photos {
		if p.Digest == m.Face.Photo || short.Photo == nil {
			short.Photo = orNull(schemas.WebLink(p.URL))
		}
		if p.Digest == m.Face.Photo {
			break
		}
	}
	return Match{
		Similarity: m.Similarity, Face: m.Face.ID, Registrant: orNull(m.Document.ID), Offender: short,
		Image: base + a.serve.Links().Path(m.Document.ID, m.Face.ID),
		MatchDetails: &MatchDetails{Match: m.Evidence, Distance: m.Distance, ExpectedFalseMatches: m.ExpectedFalseMatches,
			Calibration: m.Calibration, Quality: m.Face.Quality},
	}
}

func orNull[T ~string](text T) *T {
	if text == "" {
		return nil
	}
	return &text
}

// wireDate is a date on the wire: midnight UTC of the first day it can mean, null for unknown.
func wireDate(d schemas.Date) *string { return Time(d.Start()) }

// point is where an address lies, -1, -1 when that is not known.
func point(a schemas.Address) (lat, lng float64) {
	if a.Lat == nil || a.Lon == nil {
		return -1, -1
	}
	return *a.Lat, *a.Lon
}

func aliasesOf(all []schemas.Alias) []Alias {
	out := make([]Alias, 0, len(all))
	for _, a := range all {
		first, middle, last := NameParts(a.Name)
		out = append(out, Alias{first, middle, last})
	}
	return out
}

func locationsOf(all []schemas.Address) []Location {
	out := make([]Location, 0, len(all))
	for _, a := range all {
		l := Location{Type: a.Kind, Street: cmp.Or(a.Street, a.Raw, a.Status), City: a.City, State: schemas.StateName(a.State),
			Zip: a.Zip, County: a.County, From: wireDate(a.From), To: wireDate(a.To)}
		l.Lat, l.Lng = point(a)
		out = append(out, l)
	}
	return out
}
