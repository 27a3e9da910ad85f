package queryd

import (
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

	"lineup/indexer/index"
	"lineup/schemas"
	"lineup/schemas/namekey"
)

// search is a request for records, checked.
type search struct {
	name      namekey.Query
	named     bool // a name was asked for
	birth     schemas.Date
	age       int // years, -1 for any
	address   string
	query     index.Query
	extensive bool
	page      int
	perPage   int
}

// Page sizes, and the bound on what one search may page through.
const (
	defaultPerPage     = 20
	defaultPerPageNear = 50
	maxPerPage         = 100
	maxBody            = 64 << 10 // of a POST /sexoffender
	maxText            = 200      // characters of one parameter
	maxRadius          = 100      // miles
)

// paramNames are the parameters of /sexoffender; those that search for something come first.
var (
	searchParams = []string{"firstName", "lastName", "dob", "age", "address", "city", "state", "zipcode", "lat", "lng", "q",
		"createdAtStart", "createdAtEnd", "updatedAtStart", "updatedAtEnd", "faceId", "uuid", "personUuid"}
	modeParams = []string{"key", "radius", "fuzzy", "mode", "prefixMatch", "page", "perPage"}
)

// badParam is a 400 about a parameter.
func badParam(reason, format string, args ...any) *failure {
	return &failure{status: http.StatusBadRequest, reason: reason, message: fmt.Sprintf(format, args...), input: true}
}

// readParams reads the parameters of the URL and, with POST, of the JSON body. ignored are the
// names of those we do not know.
func readParams(w http.ResponseWriter, r *http.Request) (params url.Values, ignored []string, err error) {
	params, parseErr := url.ParseQuery(r.URL.RawQuery)
	if parseErr != nil {
		return nil, nil, badParam("bad_query", "The query string cannot be read: check its %%-escapes.")
	}
	if r.Method == http.MethodPost {
		if err := readBodyParams(w, r, params); err != nil {
			return nil, nil, err
		}
	}
	for name, values := range params {
		switch {
		case !slices.Contains(searchParams, name) && !slices.Contains(modeParams, name):
			ignored = append(ignored, name)
			delete(params, name)
		case len(values) > 1:
			return nil, nil, badParam("repeated_param", "%s is given %d times.", name, len(values))
		case len([]rune(values[0])) > maxText:
			return nil, nil, badParam("too_long", "%s is longer than %d characters.", name, maxText)
		case strings.TrimSpace(values[0]) == "":
			delete(params, name)
		}
	}
	slices.Sort(ignored)
	return params, ignored, nil
}

// readBodyParams adds the members of a JSON object to params.
func readBodyParams(w http.ResponseWriter, r *http.Request, params url.Values) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return badParam("too_large", "The body is larger than %d bytes.", maxBody)
	}
	if err != nil {
		return badParam("incomplete_body", "The body of the request ended early or came too slowly.")
	}
	if len(body) == 0 {
		return nil
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") && body[0] != '{' {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return badParam("bad_query", "The form in the body cannot be read: check its %%-escapes.")
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
		return badParam("bad_json", `The body must be a JSON object like {"lastName": "Testcase"}.`)
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
					return badParam("bad_json", "%.40q must be a string, a number or true or false.", name)
				}
				parts = append(parts, one)
			}
			text = strings.Join(parts, ",")
		default:
			return badParam("bad_json", "%.40q must be a string, a number or true or false.", name)
		}
		params.Add(name, text)
	}
	return nil
}

// parseSearch checks the parameters and makes a search of them.
func (s *Server) parseSearch(p url.Values) (search, error) {
	out := search{age: -1}
	if !slices.ContainsFunc(searchParams, p.Has) {
		return out, badParam("no query params presented", "Give at least one search parameter besides key; see /docs.")
	}
	for _, rule := range [][2][]string{
		{{"q"}, {"firstName", "lastName"}}, {{"q"}, {"lat", "lng"}}, {{"address"}, {"q"}}, {{"address"}, {"lat", "lng"}},
	} {
		for _, a := range rule[0] {
			for _, b := range rule[1] {
				if p.Has(a) && p.Has(b) {
					return out, badParam("forbidden_combination", "%s cannot be combined with %s.", a, b)
				}
			}
		}
	}
	for _, parse := range []func(url.Values, *search) error{parseModes, parseNames, s.parseAges, parsePlaces, parseIDs, parseTimes, s.parseNear} {
		if err := parse(p, &out); err != nil {
			return out, err
		}
	}
	return out, nil
}

func parseModes(p url.Values, out *search) error {
	switch mode := p.Get("mode"); mode {
	case "", "regular":
	case "extensive":
		out.extensive = true
	default:
		return badParam("bad_mode", `mode can only be "extensive".`)
	}
	switch fuzzy := strings.ToLower(p.Get("fuzzy")); fuzzy {
	case "", "false", "0":
	case "true", "1":
		out.name.Fuzzy = true
	default:
		return badParam("bad_fuzzy", `fuzzy can only be "true" or "false".`)
	}
	for _, name := range strings.Split(p.Get("prefixMatch"), ",") {
		switch strings.TrimSpace(name) {
		case "":
		case "firstName":
			out.name.PrefixFirst = true
		case "lastName":
			out.name.PrefixLast = true
		case "both":
			out.name.PrefixFirst, out.name.PrefixLast = true, true
		default:
			return badParam("bad_prefix_match", `prefixMatch can only be "firstName", "lastName", "both" or a list of them.`)
		}
	}
	out.page, out.perPage = 1, defaultPerPage
	if p.Has("lat") {
		out.perPage = defaultPerPageNear
	}
	for _, number := range []struct {
		name string
		into *int
		max  int
	}{{"page", &out.page, 1_000_000}, {"perPage", &out.perPage, maxPerPage}} {
		if text := p.Get(number.name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > number.max {
				return badParam("bad_"+number.name, "%s must be a whole number from 1 to %d.", number.name, number.max)
			}
			*number.into = n
		}
	}
	return nil
}

func parseNames(p url.Values, out *search) error {
	n := &out.name
	n.First, n.Last, n.Any = p.Get("firstName"), p.Get("lastName"), p.Get("q")
	out.named = n.First != "" || n.Last != "" || n.Any != ""
	if !out.named {
		return nil
	}
	for _, prefix := range []struct {
		asked bool
		name  string
		value string
	}{{n.PrefixFirst, "firstName", n.First}, {n.PrefixLast, "lastName", n.Last}} {
		if prefix.asked && prefix.value != "" && len([]rune(namekey.Fold(prefix.value))) < namekey.MinPrefix {
			return badParam("prefix_too_short", "%s needs at least %d letters with prefixMatch.", prefix.name, namekey.MinPrefix)
		}
	}
	if out.query.AnyKey = n.Keys(); len(out.query.AnyKey) == 0 {
		return badParam("bad_name", "The name has no letters that can be looked for.")
	}
	return nil
}

// parseAges reads birth date and age. Without a name they also narrow what the index gives; with
// one they do not, because an alias may have been born in another year.
func (s *Server) parseAges(p url.Values, out *search) error {
	if text := p.Get("dob"); text != "" {
		birth, err := schemas.ParseDate(text)
		if err != nil || birth.Day == 0 {
			return badParam("bad_dob", "dob must be a date like 1971-03-09.")
		}
		out.birth = birth
		if !out.named {
			out.query.BornMin, out.query.BornMax = birth.Year, birth.Year
		}
	}
	if text := p.Get("age"); text != "" {
		age, err := strconv.Atoi(text)
		if err != nil || age < 0 || age > 130 {
			return badParam("bad_age", "age must be a whole number of years from 0 to 130.")
		}
		out.age = age
		if !out.named && out.birth.IsZero() {
			year := s.deps.Now().UTC().Year()
			out.query.BornMin, out.query.BornMax = year-age-1, year-age
		}
	}
	return nil
}

func parsePlaces(p url.Values, out *search) error {
	if out.address = p.Get("address"); out.address != "" && !out.named {
		if out.query.AnyKey = namekey.StreetKeys(out.address); len(out.query.AnyKey) == 0 {
			return badParam("bad_address", "The address has no letters or digits that can be looked for.")
		}
	}
	out.query.City, out.query.Zip = p.Get("city"), p.Get("zipcode")
	if zip := out.query.Zip; zip != "" && (len(zip) < 5 || strings.Trim(zip[:5], "0123456789") != "" || len(zip) > 5 && zip[5] != '-') {
		return badParam("bad_zipcode", "zipcode must have five digits.")
	} else if zip != "" {
		out.query.Zip = zip[:5]
	}
	if text := p.Get("state"); text != "" {
		code, ok := schemas.StateCode(text)
		if !ok {
			return badParam("bad_state", "state must be the name of a US state or territory, or its two-letter code.")
		}
		out.query.State = code
	}
	return nil
}

func parseIDs(p url.Values, out *search) error {
	for name, into := range map[string]*[]schemas.UUID{"uuid": &out.query.IDs, "personUuid": &out.query.Persons, "faceId": nil} {
		text := p.Get(name)
		if text == "" {
			continue
		}
		id, err := schemas.ParseUUID(text)
		if err != nil {
			return badParam("bad_uuid", "%s is not a UUID (8-4-4-4-12 hexadecimal digits).", name)
		}
		if into != nil {
			*into = []schemas.UUID{id}
		}
	}
	return nil
}

func parseTimes(p url.Values, out *search) error {
	for _, bound := range []struct {
		name string
		into *time.Time
		end  bool
	}{
		{"createdAtStart", &out.query.FirstSeenFrom, false}, {"createdAtEnd", &out.query.FirstSeenTo, true},
		{"updatedAtStart", &out.query.ChangedFrom, false}, {"updatedAtEnd", &out.query.ChangedTo, true},
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
			return badParam("bad_"+bound.name, "%s must be a date like 2026-01-31 or a time like 2026-01-31T12:00:00Z.", bound.name)
		}
		*bound.into = at.UTC()
	}
	q := out.query
	for _, pair := range [][2]time.Time{{q.FirstSeenFrom, q.FirstSeenTo}, {q.ChangedFrom, q.ChangedTo}} {
		if !pair[0].IsZero() && !pair[1].IsZero() && pair[1].Before(pair[0]) {
			return badParam("bad_range", "The end of a time range lies before its start.")
		}
	}
	return nil
}

// parseNear reads a place and a radius. -1, -1 means "not known" on the wire and is never a place.
func (s *Server) parseNear(p url.Values, out *search) error {
	if !p.Has("lat") && !p.Has("lng") {
		return nil
	}
	if !p.Has("lat") || !p.Has("lng") {
		return badParam("lat_lng_together", "lat and lng must be given together.")
	}
	circle := index.Circle{Miles: 1}
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
			return badParam("bad_radius", "radius must be a number of miles above 0, at most %d.", maxRadius)
		}
		if err != nil || math.IsNaN(n) || n < number.min || n > number.max {
			return badParam("bad_"+number.name, "%s must be a number from %g to %g.", number.name, number.min, number.max)
		}
		*number.into = n
	}
	if circle.Lat == -1 && circle.Lon == -1 {
		return badParam("bad_lat", "lat and lng -1, -1 mean an unknown place: nothing is near it.")
	}
	out.query.Near = &circle
	if s.config.NearDays > 0 && out.query.ChangedFrom.IsZero() {
		out.query.ChangedFrom = s.deps.Now().AddDate(0, 0, -s.config.NearDays)
	}
	return nil
}
