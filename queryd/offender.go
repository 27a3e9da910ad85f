package queryd

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/queryd/evidence"
	"lineup/schemas"
	"lineup/schemas/namekey"
)

// wireOffender is a record on the wire: every key always, empty values as the contract has them.
type wireOffender struct {
	ID           schemas.UUID   `json:"uuid"`
	Person       *schemas.UUID  `json:"personUuid"`
	Name         string         `json:"name"`
	First        string         `json:"firstName"`
	Middle       string         `json:"middleName"`
	Last         string         `json:"lastName"`
	Nicknames    []string       `json:"firstName_nicknames"`
	Aliases      []wireAlias    `json:"aliases"`
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
	Locations    []wireLocation `json:"locations"`
	Crime        string         `json:"crime"`
	Risk         string         `json:"riskLevel"`
	Registered   *string        `json:"registrationDate"`
	Absconder    *bool          `json:"isAbsconder"`
	Predator     *bool          `json:"isPredator"`
	URL          string         `json:"offenderUrl"`
	Photo        string         `json:"offenderImageUrl"`
	PhotoHere    string         `json:"offenderImageUrlR2"`
	Jurisdiction *string        `json:"jurisdiction"`
	Sources      []wireSource   `json:"sources"`
	Content      string         `json:"content"`
	Created      *string        `json:"createdAt"`
	Updated      *string        `json:"updatedAt"`
	StateData    map[string]any `json:"stateData"`
	Confidence   *float64       `json:"matchConfidence"`
}

type wireAlias struct {
	Given  string `json:"givenName"`
	Middle string `json:"middleName"`
	Sur    string `json:"surName"`
}

type wireLocation struct {
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

type wireSource struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	URL  string `json:"url"`
}

// offenderOf is a document on the wire.
func (s *Server) offenderOf(d index.Document, person schemas.UUID, extensive bool, base string) wireOffender {
	r := d.Record
	home, _ := r.Home()
	source := s.sources[r.Source]
	first, middle, last := shownName(r.Name)
	o := wireOffender{
		ID: d.ID, Person: orNull(person),
		Name: fullName(r.Name), First: first, Middle: middle, Last: last,
		Nicknames: namekey.Nicknames(namekey.Fold(r.Name.First)),
		Aliases:   []wireAlias{}, Locations: []wireLocation{},
		Birth: wireDate(r.Birth), Precision: r.Birth.Precision(), Age: ageOf(r, s.deps.Now()),
		Sex: capital(cmp.Or(r.Sex.Value, r.Sex.Raw)), Race: cmp.Or(r.Race.Raw, capital(r.Race.Value)),
		Ethnicity: cmp.Or(r.Ethnicity.Raw, capital(r.Ethnicity.Value)),
		Height:    heightOf(r.Height), Weight: weightOf(r.Weight),
		Eyes: cmp.Or(capital(r.Eyes.Value), r.Eyes.Raw), Hair: cmp.Or(capital(r.Hair.Value), r.Hair.Raw),
		Marks:   strings.Join(r.Marks, "; "),
		Address: cmp.Or(home.Street, home.Raw, home.Status), City: home.City, Zip: home.Zip, County: home.County,
		State: schemas.StateName(cmp.Or(home.State, r.Jurisdiction)),
		Crime: crimeOf(r.Offenses, s.config.BulletCrimes), Risk: r.Level.Value, Registered: wireDate(r.Registered),
		Absconder: r.Absconder, Predator: r.Predator, URL: r.URL,
		Jurisdiction: orNull(r.Jurisdiction),
		Sources:      []wireSource{{ID: r.Source, Name: cmp.Or(source.Name, r.Source), URL: source.Home}},
		Created:      wireTime(d.FirstSeen), Updated: wireTime(d.Changed),
	}
	o.Lat, o.Lng = point(home)
	if len(r.Photos) > 0 {
		o.Photo = r.Photos[0].URL
	}
	if _, ok := firstPhoto(r); ok {
		o.PhotoHere = base + "/photos/" + string(d.ID)
	}
	if extensive {
		o.Aliases, o.Locations, o.StateData = aliasesOf(r.Aliases), locationsOf(r.Addresses), stateDataOf(r)
	}
	o.Content = contentOf(o)
	return o
}

// matchOf is a candidate on the wire, with details. The image is named by registrant and face:
// the registrant keeps its URL, the face says which of its photos it was.
func matchOf(c score.Candidate, d index.Document, person schemas.UUID, base string) wireMatch {
	r := d.Record
	first, _, last := shownName(r.Name)
	short := &wireMatchOffender{FirstName: first, LastName: last, Birth: wireDate(r.Birth), URL: orNull(r.URL), Person: orNull(person)}
	for _, p := range r.Photos {
		if p.Digest == c.Face.Photo || short.Photo == nil {
			short.Photo = orNull(p.URL)
		}
		if p.Digest == c.Face.Photo {
			break
		}
	}
	return wireMatch{
		Similarity: c.Similarity, Face: c.Face.ID, Registrant: orNull(d.ID), Offender: short,
		Image: base + "/photos/" + string(d.ID) + "?face=" + string(c.Face.ID),
		wireMatchDetails: &wireMatchDetails{Distance: c.Distance, ExpectedFalseMatches: c.ExpectedFalseMatches,
			Calibration: c.Calibration, Quality: c.Face.Quality},
	}
}

// evidenceOf is what proves a match.
func evidenceOf(c score.Candidate, d index.Document, listing schemas.Listing, g index.Generation, now time.Time) evidence.Match {
	m := evidence.Match{
		Searched: now, Source: d.Record.Source, Registrant: d.ID, Face: c.Face.ID, Photo: c.Face.Photo,
		Pages: []evidence.Page{}, Record: listing.Record, Sighted: listing.Sighted, SourceURL: d.Record.URL,
		Model: g.Model.ID, Generation: g.Name, Distance: c.Distance, Similarity: c.Similarity,
		ExpectedFalseMatches: c.ExpectedFalseMatches, Calibration: c.Calibration,
	}
	for _, p := range listing.Pages {
		m.Pages = append(m.Pages, evidence.Page{URL: p.URL, SHA256: p.Digest, Read: p.Read})
	}
	return m
}

func orNull[T ~string](text T) *T {
	if text == "" {
		return nil
	}
	return &text
}

// wireDate is a date on the wire: midnight UTC of the first day it can mean, null for unknown.
func wireDate(d schemas.Date) *string { return wireTime(d.Start()) }

// shownName are the parts of a name in title case where the source prints them in capitals.
func shownName(n schemas.Name) (first, middle, last string) {
	if n.First == "" && n.Last == "" && n.Full != "" {
		f, m, l, _ := namekey.Parts(n)
		return titled(strings.Join(f, " ")), titled(strings.Join(m, " ")), titled(strings.Join(l, " "))
	}
	return titled(n.First), titled(n.Middle), titled(n.Last)
}

func fullName(n schemas.Name) string {
	return cmp.Or(n.Full, strings.Join(strings.Fields(strings.Join([]string{n.Prefix, n.First, n.Middle, n.Last, n.Suffix}, " ")), " "))
}

// titled writes a text without both letter cases with capital first letters; text that has
// both is left as the source wrote it.
func titled(text string) string {
	if strings.ToUpper(text) != text && strings.ToLower(text) != text {
		return text
	}
	start := true
	return strings.Map(func(c rune) rune {
		defer func() { start = !unicode.IsLetter(c) }()
		if start {
			return unicode.ToUpper(c)
		}
		return unicode.ToLower(c)
	}, text)
}

// capital writes a word of ours with a capital letter: "male" is "Male".
func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + strings.ReplaceAll(text[1:], "_", " ")
}

// ageOf is the age in years now: from the full birth date, else from the printed age.
func ageOf(r schemas.Record, now time.Time) string {
	today := schemas.DateOf(now)
	switch {
	case r.Birth.Day != 0:
		return strconv.Itoa(r.Birth.YearsBetween(today))
	case r.Age.Years > 0 && !r.Age.On.IsZero():
		return strconv.Itoa(r.Age.Years + max(r.Age.On.YearsBetween(today), 0))
	case r.Age.Years > 0:
		return strconv.Itoa(r.Age.Years)
	}
	return ""
}

func heightOf(m schemas.Measure) string {
	if m.Value > 0 {
		return fmt.Sprintf(`%d' %d"`, m.Value/12, m.Value%12)
	}
	return m.Raw
}

func weightOf(m schemas.Measure) string {
	if m.Value > 0 {
		return strconv.Itoa(m.Value)
	}
	return m.Raw
}

// point is where an address lies, -1, -1 when that is not known.
func point(a schemas.Address) (lat, lng float64) {
	if a.Lat == nil || a.Lon == nil {
		return -1, -1
	}
	return *a.Lat, *a.Lon
}

// stateOf is the state a record is filtered by: home state, else the jurisdiction.
func stateOf(r schemas.Record) string {
	home, _ := r.Home()
	return cmp.Or(home.State, r.Jurisdiction)
}

// firstPhoto is the first photo of a record whose bytes are stored.
func firstPhoto(r schemas.Record) (schemas.Digest, bool) {
	for _, p := range r.Photos {
		if p.Digest != "" {
			return p.Digest, true
		}
	}
	return "", false
}

func aliasesOf(all []schemas.Alias) []wireAlias {
	out := make([]wireAlias, 0, len(all))
	for _, a := range all {
		first, middle, last := shownName(a.Name)
		out = append(out, wireAlias{first, middle, last})
	}
	return out
}

func locationsOf(all []schemas.Address) []wireLocation {
	out := make([]wireLocation, 0, len(all))
	for _, a := range all {
		l := wireLocation{Type: a.Kind, Street: cmp.Or(a.Street, a.Raw, a.Status), City: a.City, State: schemas.StateName(a.State),
			Zip: a.Zip, County: a.County, From: wireDate(a.From), To: wireDate(a.To)}
		l.Lat, l.Lng = point(a)
		out = append(out, l)
	}
	return out
}
