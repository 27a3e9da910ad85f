package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"lineup/indexer/index"
	"lineup/queryd/names"
	"lineup/queryd/search"
	"lineup/queryd/serve"
	"lineup/schemas"
	"lineup/schemas/namekey"
	"lineup/schemas/zips"
)

// Page sizes, and the bound on what one search may page through.
const (
	defaultPerPage     = 20
	defaultPerPageNear = 50
	maxPerPage         = 100
	MaxBody            = 64 << 10 // of a POST /sexoffender
	MaxText            = 200      // characters of one parameter
	maxRadius          = 100      // miles
	nearMiles          = 5        // around the middle of a ZIP code, unless said otherwise
)

// paramNames are the parameters of /sexoffender; those that search for something come first.
var (
	searchParams = []string{"firstName", "lastName", "dob", "age", "address", "city", "state", "zipcode", "lat", "lng", "near", "q",
		"createdAtStart", "createdAtEnd", "updatedAtStart", "updatedAtEnd", "faceId", "uuid", "personUuid"}
	modeParams = []string{"key", "radius", "fuzzy", "mode", "prefixMatch", "page", "perPage"}
)

// BadParam is a 400 about a parameter.
func BadParam(reason, format string, args ...any) *serve.Failure {
	return &serve.Failure{Status: http.StatusBadRequest, Reason: reason, Message: fmt.Sprintf(format, args...), Input: true}
}

// readParams reads the parameters of the URL and, with POST, of the JSON body. ignored are the
// names of those we do not know.
func readParams(r *http.Request) (params url.Values, ignored []string, err error) {
	params, parseErr := url.ParseQuery(r.URL.RawQuery)
	if parseErr != nil {
		return nil, nil, BadParam("bad_query", "The query string cannot be read: check its %%-escapes.")
	}
	if r.Method == http.MethodPost {
		if err := readBodyParams(r, params); err != nil {
			return nil, nil, err
		}
	}
	for name, values := range params {
		for i := range values {
			values[i] = strings.TrimSpace(values[i])
		}
		switch {
		case !slices.Contains(searchParams, name) && !slices.Contains(modeParams, name):
			ignored = append(ignored, name)
			delete(params, name)
		case len(values) > 1:
			return nil, nil, BadParam("repeated_param", "%s is given %d times.", name, len(values))
		case values[0] == "":
			delete(params, name)
		}
	}
	slices.Sort(ignored)
	return params, ignored, nil
}

// tooLarge reports whether a body was refused for its size.
func tooLarge(err error) bool {
	var f *serve.Failure
	return errors.As(err, &f) && f.Reason == "too_large"
}

// readBodyParams adds the members of a JSON object to params.
func readBodyParams(r *http.Request, params url.Values) error {
	body, err := io.ReadAll(r.Body)
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return BadParam("too_large", "The body is larger than %d bytes.", over.Limit)
	}
	if err != nil {
		return BadParam("incomplete_body", "The body of the request ended early or came too slowly.")
	}
	if body = withoutMark(body); len(body) == 0 {
		return nil
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") && body[0] != '{' {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return BadParam("bad_query", "The form in the body cannot be read: check its %%-escapes.")
		}
		for name, values := range form {
			params[name] = append(params[name], values...)
		}
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil || object == nil {
		return BadParam("bad_json", `The body must be a JSON object like {"lastName": "Testcase"}.`)
	}
	for name, value := range object {
		var text string
		switch v := value.(type) {
		case nil:
			continue
		case string:
			text = v
		case json.Number:
			text = v.String()
		case bool:
			text = strconv.FormatBool(v)
		case []any:
			parts := make([]string, 0, len(v))
			for _, part := range v {
				one, ok := part.(string)
				if !ok {
					return BadParam("bad_json", "%.40q must be a string, a number or true or false.", name)
				}
				parts = append(parts, one)
			}
			text = strings.Join(parts, ",")
		default:
			return BadParam("bad_json", "%.40q must be a string, a number or true or false.", name)
		}
		params.Add(name, text)
	}
	return nil
}

// withoutMark is a body without the byte order mark that some editors and languages put before JSON.
func withoutMark(body []byte) []byte { return bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) }

// misspelt is a 400 for a request in which nothing but names that we do not know is asked for: an
// empty answer would look like one to the question that was meant.
func misspelt(ignored []string) *serve.Failure {
	for _, name := range ignored {
		if near := nearest(name, slices.Concat(searchParams, modeParams)); near != "" {
			return BadParam("unknown_param", "%.40s is not known; did you mean %s?", name, near)
		}
	}
	return BadParam("unknown_param", "%.40s is not known. Give at least one search parameter besides key; see /docs.", ignored[0])
}

// nearest is the name that one like it may have been meant for, "" for none.
func nearest(name string, known []string) string {
	plain := func(s string) string {
		return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(s))
	}
	for _, k := range known {
		if plain(k) == plain(name) {
			return k
		}
	}
	best, apart := "", 3
	for _, k := range known {
		if n := names.Typos(plain(name), plain(k)); n < apart && len(k) > 3*n {
			best, apart = k, n
		}
	}
	return best
}

// Question checks the parameters and makes a question of them.
func (a *API) Question(p url.Values) (search.Question, error) {
	asked, faults := a.question(p)
	if len(faults) > 0 {
		return asked, faults[0]
	}
	return asked, nil
}

// Faults are what is wrong with the parameters, in the order of a form's fields; nil for nothing.
func (a *API) Faults(p url.Values) []*serve.Failure {
	_, faults := a.question(p)
	return faults
}

// question makes a question of the parameters, as far as it can, and says what is wrong with them.
func (a *API) question(p url.Values) (out search.Question, faults []*serve.Failure) {
	out.Age = -1
	for name := range p {
		if len([]rune(p.Get(name))) > MaxText {
			return out, []*serve.Failure{BadParam("too_long", "%s is longer than %d characters.", name, MaxText)}
		}
	}
	if !slices.ContainsFunc(searchParams, p.Has) {
		return out, []*serve.Failure{BadParam("no query params presented", "Give at least one search parameter besides key; see /docs.")}
	}
	for _, rule := range [][2][]string{
		{{"q"}, {"firstName", "lastName"}}, {{"q"}, {"lat", "lng", "near"}}, {{"address"}, {"q"}}, {{"address"}, {"lat", "lng", "near"}},
		{{"near"}, {"lat", "lng"}},
	} {
		for _, one := range rule[0] {
			for _, other := range rule[1] {
				if p.Has(one) && p.Has(other) {
					return out, []*serve.Failure{BadParam("forbidden_combination", "%s cannot be combined with %s.", one, other)}
				}
			}
		}
	}
	for _, parse := range []func(url.Values, *search.Question) error{parseModes, parseNames, a.parseAges, parsePlaces, parseIDs,
		parseTimes, a.parseNear} {
		if err := parse(p, &out); err != nil {
			faults = append(faults, serve.FailureOf(err))
		}
	}
	return out, faults
}

func parseModes(p url.Values, out *search.Question) error {
	switch mode := p.Get("mode"); mode {
	case "", "regular":
	case "extensive":
		out.Extensive = true
	default:
		return BadParam("bad_mode", `mode can only be "extensive".`)
	}
	switch fuzzy := strings.ToLower(p.Get("fuzzy")); fuzzy {
	case "", "false", "0":
	case "true", "1":
		out.Name.Fuzzy = true
	default:
		return BadParam("bad_fuzzy", `fuzzy can only be "true" or "false".`)
	}
	for _, name := range strings.Split(p.Get("prefixMatch"), ",") {
		switch strings.TrimSpace(name) {
		case "":
		case "firstName":
			out.Name.PrefixFirst = true
		case "lastName":
			out.Name.PrefixLast = true
		case "both":
			out.Name.PrefixFirst, out.Name.PrefixLast = true, true
		default:
			return BadParam("bad_prefix_match", `prefixMatch can only be "firstName", "lastName", "both" or a list of them.`)
		}
	}
	out.Page, out.PerPage = 1, defaultPerPage
	if p.Has("lat") || p.Has("near") {
		out.PerPage = defaultPerPageNear
	}
	for _, number := range []struct {
		name string
		into *int
		max  int
	}{{"page", &out.Page, 1_000_000}, {"perPage", &out.PerPage, maxPerPage}} {
		if text := p.Get(number.name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > number.max {
				return BadParam("bad_"+number.name, "%s must be a whole number from 1 to %d.", number.name, number.max)
			}
			*number.into = n
		}
	}
	return nil
}

func parseNames(p url.Values, out *search.Question) error {
	n := &out.Name
	n.First, n.Last, n.Any = p.Get("firstName"), p.Get("lastName"), p.Get("q")
	out.Named = n.First != "" || n.Last != "" || n.Any != ""
	if !out.Named {
		return nil
	}
	for _, prefix := range []struct {
		asked bool
		name  string
		value string
	}{{n.PrefixFirst, "firstName", n.First}, {n.PrefixLast, "lastName", n.Last}} {
		if prefix.asked && prefix.value != "" && len([]rune(namekey.Fold(prefix.value))) < namekey.MinPrefix {
			return BadParam("prefix_too_short", "%s needs at least %d letters with prefixMatch.", prefix.name, namekey.MinPrefix)
		}
	}
	for _, value := range []string{n.First, n.Last, n.Any} {
		if strings.ContainsAny(value, "*?%") {
			return BadParam("bad_name", "A name cannot hold *, ? or %%. For the beginning of a name use prefixMatch, for similar names fuzzy.")
		}
		if value != "" && !strings.ContainsFunc(value, unicode.IsLetter) {
			return BadParam("bad_name", "The name has no letters that can be looked for.")
		}
	}
	if out.Query.AnyKey = n.Keys(); len(out.Query.AnyKey) == 0 {
		return BadParam("bad_name", "The name has no letters that can be looked for.")
	}
	out.Query.AllKeys = n.Joint()
	return nil
}

// parseAges reads birth date and age.
func (a *API) parseAges(p url.Values, out *search.Question) error {
	if text := p.Get("dob"); text != "" {
		birth, ok := parseBirth(text)
		if !ok {
			return BadParam("bad_dob", "dob must be a date like 1971-03-09, 3/9/1971, 1971-03 or 1971.")
		}
		if birth.Start().After(a.search.Now()) {
			return BadParam("bad_dob", "dob lies in the future.")
		}
		out.Birth = birth
	}
	if text := p.Get("age"); text != "" {
		age, err := strconv.Atoi(text)
		if err != nil || age < 0 || age > 130 {
			return BadParam("bad_age", "age must be a whole number of years from 0 to 130.")
		}
		out.Age = age
	}
	return nil
}

// parseBirth reads a date of birth in all forms that our own answers write it in, and the one that
// Americans do: 1971-03-09, 1971-3-9, 1971/3/9, 1971-03, 1971, 1971-03-09T00:00:00.000Z, March 9, 1971, March 1971, 3/9/1971.
func parseBirth(text string) (schemas.Date, bool) {
	if d, err := schemas.ParseDate(text); err == nil && !d.IsZero() {
		return d, true
	}
	for _, layout := range []string{time.RFC3339Nano, "1/2/2006", "2006-1-2", "2006/1/2", "January 2, 2006", "Jan 2, 2006"} {
		if at, err := time.Parse(layout, text); err == nil {
			return schemas.DateOf(at), true
		}
	}
	if at, err := time.Parse("January 2006", text); err == nil {
		return schemas.Date{Year: at.Year(), Month: int(at.Month())}, true
	}
	return schemas.Date{}, false
}

func parsePlaces(p url.Values, out *search.Question) error {
	if out.Address = p.Get("address"); out.Address != "" && !out.Named {
		if out.Query.AnyKey = namekey.StreetKeys(out.Address); len(out.Query.AnyKey) == 0 {
			return BadParam("bad_address", "The address has no letters or digits that can be looked for.")
		}
	}
	out.Query.City, out.Query.Zip = p.Get("city"), p.Get("zipcode")
	if zip := out.Query.Zip; zip != "" && (len(zip) < 5 || strings.Trim(zip[:5], "0123456789") != "" || len(zip) > 5 && zip[5] != '-') {
		return BadParam("bad_zipcode", "zipcode must have five digits.")
	} else if zip != "" {
		out.Query.Zip = zip[:5]
	}
	if text := p.Get("state"); text != "" {
		code, ok := schemas.StateCode(text)
		if !ok {
			return BadParam("bad_state", "state must be the name of a US state or territory, or its two-letter code.")
		}
		out.Query.State = code
	}
	return nil
}

func parseIDs(p url.Values, out *search.Question) error {
	for name, into := range map[string]*[]schemas.UUID{"uuid": &out.Query.IDs, "personUuid": &out.Query.Persons, "faceId": nil} {
		text := p.Get(name)
		if text == "" {
			continue
		}
		id, err := schemas.ParseUUID(text)
		if err != nil {
			return BadParam("bad_uuid", "%s is not a UUID (8-4-4-4-12 hexadecimal digits).", name)
		}
		if into == nil {
			out.Face = id
			continue
		}
		*into = []schemas.UUID{id}
	}
	return nil
}

func parseTimes(p url.Values, out *search.Question) error {
	for _, bound := range []struct {
		name string
		into *time.Time
		end  bool
	}{
		{"createdAtStart", &out.Query.FirstSeenFrom, false}, {"createdAtEnd", &out.Query.FirstSeenTo, true},
		{"updatedAtStart", &out.Query.ChangedFrom, false}, {"updatedAtEnd", &out.Query.ChangedTo, true},
	} {
		text := p.Get(bound.name)
		if text == "" {
			continue
		}
		at, err := time.Parse(time.DateOnly, text)
		if err == nil && bound.end { // a day as an end means all of it
			at = at.Add(24*time.Hour - time.Nanosecond)
		}
		if err != nil {
			at, err = time.Parse(time.RFC3339Nano, text)
		}
		if err != nil {
			return BadParam("bad_"+bound.name, "%s must be a date like 2026-01-31 or a time like 2026-01-31T12:00:00Z.", bound.name)
		}
		*bound.into = at.UTC()
	}
	q := out.Query
	for _, pair := range [][2]time.Time{{q.FirstSeenFrom, q.FirstSeenTo}, {q.ChangedFrom, q.ChangedTo}} {
		if !pair[0].IsZero() && !pair[1].IsZero() && pair[1].Before(pair[0]) {
			return BadParam("bad_range", "The end of a time range lies before its start.")
		}
	}
	return nil
}

// RadiusAlone is what is wrong with a radius around nothing, nil for nothing: who gives one means more than a ZIP code or a city.
func RadiusAlone(p url.Values) error {
	if p.Get("radius") == "" || p.Get("near")+p.Get("lat")+p.Get("lng") != "" {
		return nil
	}
	return BadParam("radius_alone", "radius needs a place that it is around: near with a ZIP code, or lat and lng.")
}

// parseNear reads a place, by its coordinates or a ZIP code, and a radius. -1, -1 means "not known" on the wire and is never a place.
func (a *API) parseNear(p url.Values, out *search.Question) error {
	circle := index.Circle{Miles: 1}
	switch {
	case p.Has("near"):
		zip, ok := zips.Find(p.Get("near"))
		if !ok {
			return BadParam("bad_near", "near must be a ZIP code of five digits that is known.")
		}
		circle = index.Circle{Lat: zip.Lat, Lon: zip.Lon, Miles: nearMiles}
	case !p.Has("lat") && !p.Has("lng"):
		return nil
	case !p.Has("lat") || !p.Has("lng"):
		return BadParam("lat_lng_together", "lat and lng must be given together.")
	}
	for _, number := range []struct {
		name     string
		into     *float64
		min, max float64
	}{{"lat", &circle.Lat, -90, 90}, {"lng", &circle.Lon, -180, 180}, {"radius", &circle.Miles, 0, maxRadius}} {
		text := p.Get(number.name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseFloat(text, 64)
		if number.name == "radius" && (err != nil || math.IsNaN(n) || n <= 0 || n > maxRadius) {
			return BadParam("bad_radius", "radius must be a number of miles above 0, at most %d.", maxRadius)
		}
		if err != nil || math.IsNaN(n) || n < number.min || n > number.max {
			return BadParam("bad_"+number.name, "%s must be a number from %g to %g.", number.name, number.min, number.max)
		}
		*number.into = n
	}
	if circle.Lat == -1 && circle.Lon == -1 {
		return BadParam("bad_lat", "lat and lng -1, -1 mean an unknown place: nothing is near it.")
	}
	out.Query.Near = &circle
	if a.config.NearDays > 0 && out.Query.ChangedFrom.IsZero() {
		out.Query.ChangedFrom = a.search.Now().AddDate(0, 0, -a.config.NearDays)
	}
	return nil
}
