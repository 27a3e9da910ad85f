package queryd

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/queryd/evidence"
	"lineup/queryd/keys"
	"lineup/schemas"
)

// matchLimit is how many matches an answer holds at most.
const matchLimit = 20

// faceRequest is the body of POST /faces. All but the photo is ours and optional.
type faceRequest struct {
	Photo   *string    `json:"queryImageBase64"`
	Details bool       `json:"details"`
	State   stringList `json:"state"`
	Source  stringList `json:"source"`
	Sex     stringList `json:"sex"`
	AgeMin  int        `json:"ageMin"`
	AgeMax  int        `json:"ageMax"`
}

// stringList is a string or a list of strings on the wire.
type stringList []string

func (l *stringList) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = nil
		if one != "" {
			*l = stringList{one}
		}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(l))
}

// wireFaces is the answer of POST /faces: exactly one key, unless details were asked for.
type wireFaces struct {
	Matches []wireMatch `json:"faceMatches"`
	Search  *wireSearch `json:"search,omitempty"`
}

// wireMatch has the contract's five keys, and more with details.
type wireMatch struct {
	Similarity float64            `json:"similarity"`
	Face       schemas.UUID       `json:"faceId"`
	Registrant *schemas.UUID      `json:"uuid"`
	Image      string             `json:"matchedImageUrl"`
	Offender   *wireMatchOffender `json:"offender"`
	*wireMatchDetails
}

type wireMatchDetails struct {
	Match                string          `json:"matchId,omitempty"` // for /v1/matches/{id}/evidence
	Distance             float64         `json:"distance"`
	ExpectedFalseMatches float64         `json:"expectedFalseMatches"`
	Calibration          string          `json:"calibration"`
	Quality              schemas.Quality `json:"quality"` // of the matched photo
}

// wireMatchOffender is the short record in a match: exactly six keys.
type wireMatchOffender struct {
	FirstName string        `json:"firstName"`
	LastName  string        `json:"lastName"`
	Birth     *string       `json:"dob"`
	URL       *string       `json:"offenderUrl"`
	Photo     *string       `json:"offenderImageUrl"`
	Person    *schemas.UUID `json:"personUuid"`
}

// wireSearch says how a search went.
type wireSearch struct {
	ID          string        `json:"id"`
	Outcome     score.Outcome `json:"outcome"`
	Calibration string        `json:"calibration"`
	Model       string        `json:"model"`
	Generation  string        `json:"generation"`
	Registrants int           `json:"registrants"` // searched
	Advice      *wireAdvice   `json:"advice,omitempty"`
	Probe       wireProbe     `json:"probe"`
}

// wireAdvice is the filter that would help an inconclusive search most, with the expected false
// matches of its best candidate under it, and what else would help.
type wireAdvice struct {
	Filter               string       `json:"filter"`
	ExpectedFalseMatches float64      `json:"expectedFalseMatches"`
	Alternatives         []wireAdvice `json:"alternatives,omitempty"`
}

type wireProbe struct {
	Width   int             `json:"width"`
	Height  int             `json:"height"`
	Box     schemas.Box     `json:"box"`
	Others  []schemas.Box   `json:"others"`
	Quality schemas.Quality `json:"quality"`
}

// serveFaces answers POST /faces.
func (s *Server) serveFaces(w http.ResponseWriter, r *http.Request) error {
	key, err := s.authorize(w, r, givenKey(r), true)
	if err != nil {
		return err
	}
	request, err := s.readFaceRequest(w, r)
	if err != nil {
		return err
	}
	photo, err := s.decodePhoto(*request.Photo)
	if err != nil {
		s.metrics.problems.WithLabelValues(failureOf(err).reason).Inc()
		return err
	}
	found, err := s.searchAsked(w, r, key, photo, request)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, found.wire(request.Details))
	return nil
}

// searchAsked does the search that request asks for, and writes the headers of its answer.
func (s *Server) searchAsked(w http.ResponseWriter, r *http.Request, key keys.Key, photo []byte, request faceRequest) (foundFaces, error) {
	filter, err := s.filterOf(request)
	if err != nil {
		return foundFaces{}, err
	}
	found, err := s.searchFaces(r.Context(), key, photo, filter, s.base(r))
	if err != nil {
		return foundFaces{}, err
	}
	w.Header().Set("X-Search-Id", string(found.id))
	s.writeSourceNotices(w.Header(), found.sources)
	return found, nil
}

// readFaceRequest reads the body within its bound.
func (s *Server) readFaceRequest(w http.ResponseWriter, r *http.Request) (faceRequest, error) {
	bound := int64(base64.StdEncoding.EncodedLen(s.config.MaxPhoto))*11/10 + 4096 // room for line breaks and the other keys
	tooLarge := badRequest(string(face.CodeTooLarge), fmt.Sprintf("The photo must be smaller than %d bytes before encoding. Scale it down: 1000 pixels are plenty.", s.config.MaxPhoto))
	defer s.metrics.timed("read")()
	var request faceRequest
	if r.ContentLength > bound {
		return request, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bound))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return request, tooLarge
	case err != nil:
		return request, badRequest("incomplete_body", "The body of the request ended early or came too slowly.")
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return request, badRequest("bad_json", `The body must be a JSON object like {"queryImageBase64": "..."}.`)
	}
	if request.Photo == nil || *request.Photo == "" {
		return request, badRequest("no_photo", "queryImageBase64 is missing: send the photo's bytes in base64.")
	}
	return request, nil
}

// decodePhoto turns the text of queryImageBase64 into the photo's bytes.
func (s *Server) decodePhoto(text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "data:") {
		_, rest, ok := strings.Cut(text, ";base64,")
		if !ok || !s.config.StripDataPrefix {
			return nil, badRequest("data_prefix", `Leave out the "data:image/...;base64," prefix: queryImageBase64 holds the base64 of the photo's bytes alone.`)
		}
		text = rest
	}
	photo, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, badRequest("bad_base64", "queryImageBase64 is not valid base64 (standard alphabet, padded).")
	}
	if len(photo) >= s.config.MaxPhoto {
		return nil, badRequest(string(face.CodeTooLarge), fmt.Sprintf("The photo has %d bytes; it must have fewer than %d. Scale it down: 1000 pixels are plenty.", len(photo), s.config.MaxPhoto))
	}
	return photo, nil
}

// filterOf narrows the gallery as the request asks.
func (s *Server) filterOf(request faceRequest) (index.Filter, error) {
	var f index.Filter
	for _, state := range request.State {
		code, ok := schemas.StateCode(state)
		if !ok {
			return f, badRequest("bad_state", fmt.Sprintf("state %.40q is not a US state or territory.", state))
		}
		f.States = append(f.States, code)
	}
	for _, id := range request.Source {
		if _, ok := s.sources[id]; !ok {
			return f, badRequest("bad_source", fmt.Sprintf("source %.40q is not known here; see /v1/coverage.", id))
		}
		f.Sources = append(f.Sources, id)
	}
	for _, sex := range request.Sex {
		sex = strings.ToLower(sex)
		if sex != "male" && sex != "female" {
			return f, badRequest("bad_sex", `sex must be "male" or "female".`)
		}
		f.Sexes = append(f.Sexes, sex)
	}
	if request.AgeMin < 0 || request.AgeMax < 0 || request.AgeMin > 130 || request.AgeMax > 130 ||
		request.AgeMax != 0 && request.AgeMin > request.AgeMax {
		return f, badRequest("bad_age", "ageMin and ageMax must be years from 0 to 130, ageMin not above ageMax.")
	}
	year := s.deps.Now().UTC().Year()
	if request.AgeMax != 0 {
		f.BornMin = year - request.AgeMax - 1
	}
	if request.AgeMin != 0 {
		f.BornMax = year - request.AgeMin
	}
	return f, nil
}

// foundFaces is the outcome of a face search.
type foundFaces struct {
	id          schemas.UUID
	matches     []wireMatch // with details
	docs        []index.Document
	sources     []string
	probe       face.Result
	scored      score.Scored
	advice      *wireAdvice
	generation  index.Generation
	registrants int
}

// wire is the answer, with our own keys or without.
func (f foundFaces) wire(details bool) wireFaces {
	if !details {
		out := wireFaces{Matches: make([]wireMatch, len(f.matches))}
		for i, m := range f.matches {
			m.wireMatchDetails = nil
			out.Matches[i] = m
		}
		return out
	}
	return wireFaces{Matches: f.matches, Search: &wireSearch{
		ID: string(f.id), Outcome: f.scored.Outcome, Calibration: f.scored.Calibration,
		Model: f.generation.Model.ID, Generation: f.generation.Name, Registrants: f.registrants, Advice: f.advice,
		Probe: probeOf(f.probe),
	}}
}

func probeOf(r face.Result) wireProbe {
	return wireProbe{Width: r.Width, Height: r.Height, Box: r.Box, Others: append([]schemas.Box{}, r.Others...), Quality: r.Quality}
}

// searchFaces runs one face search. Nothing of the photo outlives it.
func (s *Server) searchFaces(ctx context.Context, key keys.Key, photo []byte, filter index.Filter, base string) (foundFaces, error) {
	x := exchangeOf(ctx)
	found := foundFaces{id: schemas.RandomID(), matches: []wireMatch{}}
	if key.ID == keys.Demo && schemas.DigestOf(photo) != s.demo {
		return found, demoOnly()
	}
	faces := s.embedder()
	embedding := ctx
	probe, err := s.embed(embedding, faces, photo)
	if err != nil {
		return found, err
	}
	found.probe = probe
	ctx, cancel := context.WithTimeout(ctx, s.config.SearchTimeout)
	defer cancel()
	neighbours, err := s.nearest(ctx, &found, filter)
	if err == nil && found.generation.Model.ID != faces.Model().ID {
		// A reindex has switched to another model: what was found means nothing.
		neighbours, err = s.nearestAgain(embedding, &found, photo, filter)
	}
	if err != nil {
		return found, err
	}
	done := s.metrics.timed("score")
	found.scored = score.Of(neighbours, found.generation.Model, s.typical.Gallery(found.registrants))
	done()
	if err := s.fillMatches(ctx, &found, base); err != nil {
		return found, err
	}
	if found.advice, err = s.advise(ctx, found.scored, neighbours); err != nil {
		return found, err
	}
	x.count, x.reason = len(found.matches), string(found.scored.Outcome)
	s.metrics.outcomes.WithLabelValues(string(found.scored.Outcome)).Inc()
	return found, nil
}

// embed finds the probe's face.
func (s *Server) embed(ctx context.Context, faces face.Embedder, photo []byte) (face.Result, error) {
	defer s.metrics.timed("embed")()
	ctx, cancel := context.WithTimeout(ctx, s.config.EmbedTimeout)
	defer cancel()
	probe, err := faces.Embed(ctx, photo, face.Probe)
	var problem *face.Problem
	if errors.As(err, &problem) {
		s.metrics.problems.WithLabelValues(string(problem.Code)).Inc()
	}
	return probe, err
}

// nearest asks the index for the probe's neighbours and how many were searched.
func (s *Server) nearest(ctx context.Context, found *foundFaces, filter index.Filter) ([]index.Neighbour, error) {
	defer s.metrics.timed("nearest")()
	neighbours, generation, err := s.deps.Index.Nearest(ctx, found.probe.Embedding, score.K, filter)
	if err == nil {
		found.generation = generation
		found.registrants, err = s.deps.Index.Enrolled(ctx, filter)
	}
	if err != nil {
		return nil, unavailable("index", err)
	}
	return neighbours, nil
}

// embedder is the one that fitted the serving generation last.
func (s *Server) embedder() face.Embedder {
	if n := s.model.Load(); n > 0 {
		return s.deps.MoreFaces[n-1]
	}
	return s.deps.Faces
}

// nearestAgain embeds the probe by the model of the generation that serves now, and searches it.
func (s *Server) nearestAgain(ctx context.Context, found *foundFaces, photo []byte, filter index.Filter) ([]index.Neighbour, error) {
	want := found.generation.Model.ID
	for n, faces := range append([]face.Embedder{s.deps.Faces}, s.deps.MoreFaces...) {
		if faces.Model().ID != want {
			continue
		}
		s.model.Store(int32(n))
		var err error
		if found.probe, err = s.embed(ctx, faces, photo); err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, s.config.SearchTimeout)
		defer cancel()
		neighbours, err := s.nearest(ctx, found, filter)
		if err == nil && found.generation.Model.ID != want {
			err = unavailable("index", errors.New("generations are being switched"))
		}
		return neighbours, err
	}
	return nil, unavailable("index", fmt.Errorf("the serving generation %s is of model %s, which this daemon does not compute: run reindex, or a daemon of the version that made it",
		found.generation.Name, want))
}

// fillMatches makes the answer of the candidates above the floor whom the ledger lists, and
// takes those whom it does not list out of the scored ones.
func (s *Server) fillMatches(ctx context.Context, found *foundFaces, base string) error {
	candidates := found.scored.Matches(score.K)
	ids := make([]schemas.UUID, len(candidates))
	for i, c := range candidates {
		ids[i] = c.Face.Registrant
	}
	docs, err := s.lookup(ctx, ids...)
	if err != nil {
		return err
	}
	listed, err := s.listed(ctx, docs)
	if err != nil {
		return err
	}
	persons, err := s.persons(ctx, docs, listed)
	if err != nil {
		return err
	}
	byID := make(map[schemas.UUID]index.Document, len(docs))
	for _, d := range docs {
		byID[d.ID] = d
	}
	left := map[schemas.UUID]bool{}
	var proof []evidence.Match
	for _, c := range candidates {
		listing, ok := listed[c.Face.Registrant]
		if !ok {
			left[c.Face.Registrant] = true
		}
		if !ok || len(found.matches) == matchLimit {
			continue
		}
		doc := byID[c.Face.Registrant]
		found.docs = append(found.docs, doc)
		found.sources = append(found.sources, doc.Record.Source)
		found.matches = append(found.matches, matchOf(c, doc, persons[doc.ID], base))
		proof = append(proof, evidenceOf(c, doc, listing, found.generation, s.deps.Now().UTC()))
	}
	found.scored = found.scored.Without(func(id schemas.UUID) bool { return left[id] })
	if len(proof) == 0 || s.deps.Evidence == nil {
		return nil
	}
	if err := s.deps.Evidence.Put(ctx, found.id, proof); err != nil {
		s.metrics.evidence.Inc()
		s.deps.Log.WarnContext(ctx, "evidence not stored", "request", exchangeOf(ctx).id, "error", err)
		return nil
	}
	for i := range found.matches {
		found.matches[i].Match = proof[i].ID
	}
	return nil
}

// advise says which filters would help an inconclusive search; nil for any other.
func (s *Server) advise(ctx context.Context, scored score.Scored, neighbours []index.Neighbour) (*wireAdvice, error) {
	if scored.Outcome != score.Inconclusive {
		return nil, nil
	}
	ids := make([]schemas.UUID, len(neighbours))
	for i, n := range neighbours {
		ids[i] = n.Face.Registrant
	}
	docs, err := s.lookup(ctx, ids...)
	if err != nil {
		return nil, err
	}
	facts := make([]score.Facts, len(docs))
	for i, d := range docs {
		facts[i] = score.Facts{State: stateOf(d.Record), Sex: d.Record.Sex.Value, Born: d.Record.Birth.Year}
	}
	var all []wireAdvice
	for _, a := range score.Advise(scored, facts) {
		all = append(all, wireAdvice{Filter: a.Filter, ExpectedFalseMatches: a.Expected})
	}
	if len(all) == 0 {
		return nil, nil
	}
	best := all[0]
	best.Alternatives = all[1:]
	return &best, nil
}
