package mcp

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"lineup/queryd/api"
	"lineup/schemas"
)

// summary is what tells a record at a glance; get_record has all of it.
type summary struct {
	ID         schemas.UUID  `json:"uuid"`
	Person     *schemas.UUID `json:"personUuid,omitempty"`
	Name       string        `json:"name"`
	Birth      string        `json:"dob,omitempty" jsonschema:"as precise as published; missing where it is not published"`
	Age        string        `json:"age,omitempty"`
	Sex        string        `json:"sex,omitempty"`
	Place      string        `json:"place,omitempty"`
	Registry   string        `json:"registry"`
	Official   string        `json:"officialPage,omitempty"`
	Photo      string        `json:"photo,omitempty" jsonschema:"resource to read; good for some days"`
	Confidence *float64      `json:"matchConfidence,omitempty" jsonschema:"0 to 1; lower where a fact asked for is not published"`
	Basis      string        `json:"matchBasis,omitempty" jsonschema:"with extensive: why the name matched, like exact, alias or sound"`
	Matched    string        `json:"matchedName,omitempty" jsonschema:"the other name that matched"`
}

func summaryOf(o api.Offender) summary {
	s := summary{ID: o.ID, Person: o.Person, Name: o.Name, Age: o.Age, Sex: o.Sex, Official: o.URL, Confidence: o.Confidence,
		Basis: string(o.Basis), Matched: o.Matched, Place: joined(", ", o.City, o.State)}
	if o.Birth != nil {
		s.Birth = (*o.Birth)[:map[string]int{"exact": 10, "year_month": 7, "year": 4}[o.Precision]]
	}
	for _, source := range o.Sources {
		s.Registry = source.Name
	}
	if o.PhotoHere != "" {
		s.Photo = resourceOf(o.PhotoHere)
	}
	return s
}

// resourceOf is the resource that a link to a photo names. Like the link, it is good for some days.
func resourceOf(link string) string {
	_, rest, _ := strings.Cut(link, "/photos/")
	return photoPrefix + rest
}

// text is one line.
func (s summary) text() string {
	birth := "date of birth not published"
	if s.Birth != "" {
		birth = "born " + s.Birth
	}
	why := s.Basis
	if s.Matched != "" {
		why = "other name: " + s.Matched
	}
	if s.Age != "" {
		birth += ", age " + s.Age
	}
	return joined("; ", s.Name, birth, s.Place, why, s.Registry, "uuid "+string(s.ID), s.Official)
}

// records is the answer of search_offenders.
type records struct {
	Records    []summary `json:"records"`
	Page       int       `json:"page"`
	Pages      int       `json:"totalPages"`
	Incomplete bool      `json:"incomplete" jsonschema:"somebody may be missing: see notices and coverage"`
	Searched   string    `json:"registriesSearched" jsonschema:"registries searched, a slash, and all that are known"`
	Notices    []string  `json:"notices"`
}

func recordsOf(answer api.Offenders, said Said) records {
	out := records{Records: []summary{}, Page: answer.Page, Pages: answer.TotalPages, Incomplete: answer.Error != 0,
		Searched: said.Coverage, Notices: said.Notices}
	for _, o := range answer.Offenders {
		out.Records = append(out.Records, summaryOf(o))
	}
	return out
}

func (r records) summary() string {
	var lines []string
	if len(r.Records) == 0 {
		lines = append(lines, "No record found. This clears nobody: "+r.searched())
	} else {
		lines = append(lines, fmt.Sprintf("%s, page %d of %d; %s", counted(len(r.Records), "record", "records"), r.Page, r.Pages, r.searched()))
	}
	if r.Incomplete {
		lines = append(lines, "Somebody may be missing: see the notices and coverage.")
	}
	for _, s := range r.Records {
		lines = append(lines, "- "+marked(s.text()))
	}
	return strings.Join(lines, "\n")
}

func (r records) searched() string { return searched(r.Searched) }

func searched(coverage string) string {
	read, known, _ := strings.Cut(coverage, "/")
	return read + " of " + known + " registries are copied here; the tool coverage names the others."
}

// record is the answer of get_record.
type record struct {
	Record  api.Offender `json:"record"`
	Notices []string     `json:"notices"`
}

// match is one match of search_faces.
type match struct {
	Similarity float64       `json:"similarity" jsonschema:"80 to 100"`
	Strangers  float64       `json:"expectedFalseMatches" jsonschema:"strangers expected to look at least this alike, in one search"`
	ID         *schemas.UUID `json:"uuid"`
	Face       schemas.UUID  `json:"faceId"`
	Photo      string        `json:"photo" jsonschema:"resource to read; good for some days"`
	Name       string        `json:"name"`
	Birth      string        `json:"dob,omitempty"`
	Official   string        `json:"officialPage,omitempty"`
}

// matches is the answer of search_faces.
type matches struct {
	Outcome     string   `json:"outcome" jsonschema:"match, no_match, inconclusive, nobody_searched"`
	Registrants int      `json:"registrantsSearched"`
	Matches     []match  `json:"matches"`
	Advice      string   `json:"advice,omitempty" jsonschema:"the filter that would help an inconclusive search most"`
	Searched    string   `json:"registriesSearched"`
	Warnings    []string `json:"photoWarnings,omitempty"`
	Faces       int      `json:"facesInPhoto" jsonschema:"the largest was searched"`
	Notices     []string `json:"notices"`
}

func matchesOf(answer api.Faces, said Said) matches {
	out := matches{Matches: []match{}, Searched: said.Coverage, Notices: said.Notices}
	if s := answer.Search; s != nil {
		out.Outcome, out.Registrants, out.Faces = string(s.Outcome), s.Registrants, len(s.Probe.Others)+1
		for _, w := range s.Probe.Quality.Warnings {
			out.Warnings = append(out.Warnings, string(w))
		}
		if s.Advice != nil {
			out.Advice = s.Advice.Filter
		}
	}
	for _, m := range answer.Matches {
		one := match{Similarity: m.Similarity, ID: m.Registrant, Face: m.Face, Photo: resourceOf(m.Image)}
		if m.MatchDetails != nil {
			one.Strangers = m.ExpectedFalseMatches
		}
		if o := m.Offender; o != nil {
			one.Name = joined(" ", o.FirstName, o.LastName)
			if o.Birth != nil {
				one.Birth = (*o.Birth)[:10]
			}
			if o.URL != nil {
				one.Official = *o.URL
			}
		}
		out.Matches = append(out.Matches, one)
	}
	return out
}

func (m matches) summary() string {
	lines := []string{fmt.Sprintf("%s: %s among %s; %s", m.Outcome, counted(len(m.Matches), "match", "matches"),
		counted(m.Registrants, "registrant with a photo", "registrants with photos"), searched(m.Searched))}
	if m.Outcome != "match" {
		lines = append(lines, "This clears nobody.")
	}
	for _, one := range m.Matches {
		lines = append(lines, fmt.Sprintf("- %.1f %%: %s", one.Similarity, marked(joined("; ", one.Name, one.Birth, "face "+string(one.Face),
			one.Official))))
	}
	return strings.Join(lines, "\n")
}

// covered is the answer of coverage, short: sources that are read, and the names of the others.
type covered struct {
	Covered []coveredSource `json:"covered"`
	Others  []string        `json:"notCovered" jsonschema:"states and others of which nothing is copied here"`
}

type coveredSource struct {
	ID          string `json:"source"`
	Name        string `json:"name"`
	State       string `json:"state"`
	Registrants int    `json:"registrants"`
	WithPhoto   int    `json:"withPhoto"`
	Freshness   string `json:"freshness"`
	Complete    string `json:"lastCompleteRun"`
	URL         string `json:"url"`
}

func coveredOf(answer api.Coverage) covered {
	out := covered{Covered: []coveredSource{}, Others: []string{}}
	for _, s := range answer.Sources {
		if s.LastComplete == nil || s.Registrants == nil || s.WithPhoto == nil {
			place := schemas.StateName(s.Jurisdiction)
			if place == s.Jurisdiction {
				place = s.Name
			}
			if !slices.Contains(out.Others, place) { // a state may have several registries
				out.Others = append(out.Others, place)
			}
			continue
		}
		out.Covered = append(out.Covered, coveredSource{ID: s.ID, Name: s.Name, State: schemas.StateName(s.Jurisdiction),
			Registrants: *s.Registrants, WithPhoto: *s.WithPhoto, Freshness: s.Freshness, Complete: *s.LastComplete, URL: s.URL})
	}
	return out
}

func (c covered) summary() string {
	lines := []string{counted(len(c.Covered), "registry is", "registries are") + " copied here:"}
	for _, s := range c.Covered {
		lines = append(lines, fmt.Sprintf("- %s (%s): %d registrants, %s, last read completely %s", s.Name, s.ID, s.Registrants,
			s.Freshness, s.Complete))
	}
	if len(c.Others) > 0 {
		lines = append(lines, "Not covered: "+strings.Join(c.Others, "; ")+".")
	}
	return strings.Join(lines, "\n")
}

// marked wraps text of a record in marks that the text itself cannot end, since it is data and never an instruction.
func marked(text string) string {
	return "<registry-data>" + strings.NewReplacer("<", "‹", ">", "›", "\n", " ").Replace(text) + "</registry-data>"
}

// texts is a tool's result for people and models: the summary, then the notices.
func texts(summary string, said Said) *sdk.CallToolResult {
	out := &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: summary}}}
	if len(said.Notices) > 0 {
		out.Content = append(out.Content, &sdk.TextContent{Text: "Notices:\n- " + strings.Join(said.Notices, "\n- ")})
	}
	return out
}

func (in searchInput) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{"firstName": in.FirstName, "lastName": in.LastName, "q": in.Query,
		"prefixMatch": in.PrefixMatch,
		"dob":         in.Birth, "city": in.City, "state": in.State, "zipcode": in.Zip, "address": in.Address, "near": in.Near,
		"uuid": in.UUID, "personUuid": in.Person, "faceId": in.Face} {
		if value != "" {
			v.Set(name, value)
		}
	}
	for name, value := range map[string]*float64{"age": in.Age, "lat": in.Lat, "lng": in.Lng, "radius": in.Radius, "page": in.Page,
		"perPage": in.PerPage} {
		if value != nil {
			v.Set(name, strconv.FormatFloat(*value, 'f', -1, 64))
		}
	}
	if in.Fuzzy {
		v.Set("fuzzy", "true")
	}
	return v
}

func counted(n int, one, other string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + other
}

func joined(separator string, parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, separator)
}
