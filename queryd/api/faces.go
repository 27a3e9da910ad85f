package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/queryd/keys"
	"lineup/queryd/search"
	"lineup/queryd/serve"
	"lineup/schemas"
)

// FaceRequest is the body of POST /faces. All but the photo is ours and optional.
type FaceRequest struct {
	Photo   *string    `json:"queryImageBase64"`
	Details bool       `json:"details"`
	State   StringList `json:"state"`
	Source  StringList `json:"source"`
	Sex     StringList `json:"sex"`
	AgeMin  Years      `json:"ageMin"`
	AgeMax  Years      `json:"ageMax"`
}

// Years is a whole number on the wire, or a text that is one.
type Years int

// UnmarshalJSON reads it.
func (y *Years) UnmarshalJSON(data []byte) error {
	text := strings.TrimSpace(strings.Trim(string(data), `"`))
	if text == "" || text == "null" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return badYears
	}
	*y = Years(n)
	return nil
}

var badYears = serve.BadRequest("bad_age", "ageMin and ageMax must be years from 0 to 130, ageMin not above ageMax.")

// StringList is a string or a list of strings on the wire.
type StringList []string

func (l *StringList) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = nil
		if one != "" {
			*l = StringList{one}
		}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(l))
}

// Faces is the answer of POST /faces: exactly one key, unless details were asked for.
type Faces struct {
	Matches []Match `json:"faceMatches"`
	Search  *Search `json:"search,omitempty"`
}

// Match has the contract's five keys, and more with details.
type Match struct {
	Similarity float64        `json:"similarity"`
	Face       schemas.UUID   `json:"faceId"`
	Registrant *schemas.UUID  `json:"uuid"`
	Image      string         `json:"matchedImageUrl"`
	Offender   *MatchOffender `json:"offender"`
	*MatchDetails
}

type MatchDetails struct {
	Match                string          `json:"matchId,omitempty"` // for /v1/matches/{id}/evidence
	Distance             float64         `json:"distance"`
	ExpectedFalseMatches float64         `json:"expectedFalseMatches"`
	Calibration          string          `json:"calibration"`
	Quality              schemas.Quality `json:"quality"` // of the matched photo
}

// MatchOffender is the short record in a match: exactly six keys.
type MatchOffender struct {
	FirstName string        `json:"firstName"`
	LastName  string        `json:"lastName"`
	Birth     *string       `json:"dob"`
	URL       *string       `json:"offenderUrl"`
	Photo     *string       `json:"offenderImageUrl"`
	Person    *schemas.UUID `json:"personUuid"`
}

// Search says how a search went.
type Search struct {
	ID          string        `json:"id"`
	Outcome     score.Outcome `json:"outcome"`
	Calibration string        `json:"calibration"`
	Self        *score.Self   `json:"selfCalibration,omitempty"` // with calibration "neighbours+self"
	Model       string        `json:"model"`
	Generation  string        `json:"generation"`
	Registrants int           `json:"registrants"` // searched
	// Stragglers are those the generation lacks because they cannot be indexed.
	Stragglers *index.Stragglers `json:"stragglers,omitempty"`
	Advice     *Advice           `json:"advice,omitempty"`
	Probe      serve.Probe       `json:"probe"`
}

// Advice is the filter that would help an inconclusive search most, with the expected false
// matches of its best candidate under it, and what else would help.
type Advice struct {
	Filter               string   `json:"filter"`
	ExpectedFalseMatches float64  `json:"expectedFalseMatches"`
	Alternatives         []Advice `json:"alternatives,omitempty"`
}

// ServeFaces answers POST /faces.
func (a *API) ServeFaces(w http.ResponseWriter, r *http.Request) error {
	key, err := a.serve.Authorize(r.Context(), w.Header(), serve.GivenKey(r), true)
	if err != nil {
		return err
	}
	request, err := a.readFaceRequest(w, r, key)
	if err != nil {
		return err
	}
	answer, err := a.FacesOf(r.Context(), w.Header(), key, request, a.serve.Base(r))
	if err != nil {
		return err
	}
	serve.WriteJSON(w, http.StatusOK, answer)
	return nil
}

// FacesOf answers a request whose key is known, and writes the headers of the answer.
func (a *API) FacesOf(ctx context.Context, h http.Header, key keys.Key, request FaceRequest, base string) (Faces, error) {
	if request.Photo == nil || *request.Photo == "" {
		return Faces{}, serve.BadRequest("no_photo", "queryImageBase64 is missing: send the photo's bytes in base64.")
	}
	photo, err := a.decodePhoto(*request.Photo)
	if err != nil {
		a.search.Refused(serve.FailureOf(err).Reason)
		return Faces{}, err
	}
	found, err := a.SearchFaces(ctx, h, key, photo, request)
	if err != nil {
		return Faces{}, err
	}
	return a.Faces(found, request.Details, base), nil
}

// SearchFaces does the search that request asks for, and writes the headers of its answer.
func (a *API) SearchFaces(ctx context.Context, h http.Header, key keys.Key, photo []byte, request FaceRequest) (search.Faces, error) {
	filter, err := a.filterOf(request)
	if err != nil {
		return search.Faces{}, err
	}
	if key.ID == keys.Demo && schemas.DigestOf(photo) != demo {
		return search.Faces{}, serve.DemoOnly()
	}
	found, err := a.search.Faces(ctx, photo, filter, key.Owner())
	if err != nil {
		return search.Faces{}, err
	}
	x := serve.ExchangeOf(ctx)
	x.Count, x.Reason = len(found.Matches), string(found.Scored.Outcome)
	h.Set("X-Search-Id", string(found.ID))
	a.serve.WriteSourceNotices(h, found.Sources())
	serve.WriteReach(h, found.Reach, true)
	return found, nil
}

// demo is the digest of the photo that DEMO opens.
var demo = schemas.DigestOf(serve.DemoPhoto)

// readFaceRequest reads the body within its bound.
func (a *API) readFaceRequest(w http.ResponseWriter, r *http.Request, key keys.Key) (FaceRequest, error) {
	bound := int64(base64.StdEncoding.EncodedLen(a.config.MaxPhoto))*11/10 + 4096 // room for line breaks and the other keys
	tooLarge := serve.BadRequest(string(face.CodeTooLarge), fmt.Sprintf("The photo must be smaller than %d bytes before encoding. "+
		"Scale it down: 1000 pixels are plenty.", a.config.MaxPhoto))
	defer a.search.Timed(r.Context(), "read")()
	var request FaceRequest
	if r.ContentLength > bound {
		return request, tooLarge
	}
	if err := a.serve.PaidBody(w, r, key, bound); err != nil {
		return request, err
	}
	body, err := readAll(r)
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return request, tooLarge
	case err != nil:
		return request, serve.BadRequest("incomplete_body", "The body of the request ended early or came too slowly.")
	}
	body = withoutMark(body)
	err = json.Unmarshal(body, &request)
	var known *serve.Failure
	if errors.As(err, &known) {
		return request, known
	}
	if err == nil && request.Photo == nil {
		err = misspeltPhoto(body)
		if errors.As(err, &known) {
			return request, known
		}
	}
	if err != nil {
		return request, serve.BadRequest("bad_json", `The body must be a JSON object like {"queryImageBase64": "..."}.`)
	}
	return request, nil
}

// readAll reads a body whose size is mostly said before.
func readAll(r *http.Request) ([]byte, error) {
	var read bytes.Buffer
	read.Grow(int(max(0, r.ContentLength)) + bytes.MinRead)
	_, err := read.ReadFrom(r.Body)
	return read.Bytes(), err
}

// misspeltPhoto names the member that may have been meant for the photo.
func misspeltPhoto(body []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if name != "queryImageBase64" && nearest(name, []string{"queryImageBase64"}) != "" {
			return serve.BadRequest("no_photo", fmt.Sprintf("%.40s is not known; did you mean queryImageBase64?", name))
		}
	}
	return nil
}

// decodePhoto turns the text of queryImageBase64 into the photo's bytes.
func (a *API) decodePhoto(text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	if len(text) >= 5 && strings.EqualFold(text[:5], "data:") {
		head, rest, ok := strings.Cut(text, ",")
		if ok = ok && strings.HasSuffix(strings.ToLower(head), ";base64"); !ok || !a.config.StripDataPrefix {
			return nil, serve.BadRequest("data_prefix",
				`Leave out the "data:image/...;base64," prefix: queryImageBase64 holds the base64 of the photo's bytes alone.`)
		}
		text = rest
	}
	photo, err := unbase64(text)
	if err != nil {
		return nil, serve.BadRequest("bad_base64", "queryImageBase64 is not base64: "+err.Error()+".")
	}
	if len(photo) >= a.config.MaxPhoto {
		return nil, serve.BadRequest(string(face.CodeTooLarge), fmt.Sprintf("The photo has %d bytes; it must have fewer than %d. "+
			"Scale it down: 1000 pixels are plenty.", len(photo), a.config.MaxPhoto))
	}
	return photo, nil
}

var urlAlphabet = strings.NewReplacer("-", "+", "_", "/", "\n", "", "\r", "", " ", "", "\t", "")

// unbase64 decodes the usual alphabet or that of URLs, with padding or without, broken into lines or not. Errors: a sentence
// for the caller, which names the first character that is wrong and its place, from 1.
func unbase64(text string) ([]byte, error) {
	if photo, err := base64.StdEncoding.DecodeString(text); err == nil {
		return photo, nil
	}
	body := strings.TrimRight(text, "= \n\r\t")
	at := strings.IndexFunc(body, func(r rune) bool {
		return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_ \n\r\t", r)
	})
	if at >= 0 {
		wrong, _ := utf8.DecodeRuneInString(body[at:])
		return nil, fmt.Errorf("character %d is %q", utf8.RuneCountInString(body[:at])+1, wrong)
	}
	photo, err := base64.RawStdEncoding.DecodeString(urlAlphabet.Replace(body))
	if err != nil {
		return nil, errors.New("it ends in the middle, a character is missing or one too many")
	}
	return photo, nil
}

// maxStates bounds the states of one question: there are 56 with the territories.
const maxStates = 60

// filterOf narrows the gallery as the request asks.
func (a *API) filterOf(request FaceRequest) (index.Filter, error) {
	var f index.Filter
	if len(request.State) > maxStates {
		return f, serve.BadRequest("bad_state", fmt.Sprintf("state has %d names; there are fewer than %d states and territories.",
			len(request.State), maxStates))
	}
	for _, state := range request.State {
		code, ok := schemas.StateCode(state)
		if !ok {
			return f, serve.BadRequest("bad_state", fmt.Sprintf("state %.40q is not a US state or territory.", state))
		}
		f.States = append(f.States, code)
	}
	for _, id := range request.Source {
		if _, ok := a.search.Source(id); !ok {
			return f, serve.BadRequest("bad_source", fmt.Sprintf("source %.40q is not known here; see /v1/coverage.", id))
		}
		if !slices.Contains(f.Sources, id) {
			f.Sources = append(f.Sources, id)
		}
	}
	for _, sex := range request.Sex {
		sex = strings.ToLower(sex)
		if sex != "male" && sex != "female" {
			return f, serve.BadRequest("bad_sex", `sex must be "male" or "female".`)
		}
		if !slices.Contains(f.Sexes, sex) {
			f.Sexes = append(f.Sexes, sex)
		}
	}
	if request.AgeMin < 0 || request.AgeMax < 0 || request.AgeMin > 130 || request.AgeMax > 130 ||
		request.AgeMax != 0 && request.AgeMin > request.AgeMax {
		return f, badYears
	}
	year := a.search.Now().UTC().Year()
	if request.AgeMax != 0 {
		f.BornMin = year - int(request.AgeMax) - 1
	}
	if request.AgeMin != 0 {
		f.BornMax = year - int(request.AgeMin)
	}
	return f, nil
}

// Faces puts the answer to a face search on the wire, with our own keys or without.
func (a *API) Faces(found search.Faces, details bool, base string) Faces {
	out := Faces{Matches: []Match{}}
	for _, m := range found.Matches {
		match := a.matchOf(m, base)
		if !details {
			match.MatchDetails = nil
		}
		out.Matches = append(out.Matches, match)
	}
	if details {
		out.Search = &Search{
			ID: string(found.ID), Outcome: found.Scored.Outcome, Calibration: found.Scored.Calibration, Self: found.Scored.Self,
			Model: found.Generation.Model.ID, Generation: found.Generation.Name, Registrants: found.Registrants,
			Advice: adviceOf(found.Advice), Probe: serve.ProbeOf(found.Probe),
		}
		if lacks := found.Generation.Stragglers; lacks.String() != "" {
			out.Search.Stragglers = &lacks
		}
	}
	return out
}

// adviceOf puts advice on the wire: the best, and the others as its alternatives.
func adviceOf(advice []score.Advice) *Advice {
	var all []Advice
	for _, one := range advice {
		all = append(all, Advice{Filter: one.Filter, ExpectedFalseMatches: one.Expected})
	}
	if len(all) == 0 {
		return nil
	}
	best := all[0]
	best.Alternatives = all[1:]
	return &best
}
