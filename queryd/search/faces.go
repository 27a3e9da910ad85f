package search

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/queryd/evidence"
	"lineup/schemas"
)

// matchLimit is how many matches an answer holds at most.
const matchLimit = 20

// Faces is the answer to a face search.
type Faces struct {
	ID          schemas.UUID
	Matches     []Match // the most similar first, all of registrants who are listed
	Probe       face.Result
	Scored      score.Scored
	Advice      []score.Advice // what would help an inconclusive search, the best first
	Generation  index.Generation
	Registrants int // searched
	Reach       Reach

	owner string
}

// NobodySearched is the outcome of a search that reached no registrants. It says nothing about anybody.
const NobodySearched score.Outcome = "nobody_searched"

// Match is one registrant's photo that looks like the probe.
type Match struct {
	score.Candidate
	Document index.Document
	Person   schemas.UUID // "" for none
	Evidence string       // the id to look its evidence up by, "" for none
}

// Sources are the sources of all matches.
func (f Faces) Sources() []string {
	var all []string
	for _, m := range f.Matches {
		all = append(all, m.Document.Record.Source)
	}
	return all
}

// Faces searches with one photo. owner is the holder of the key, who alone may read the evidence of the matches. The
// photo is not kept after the call. Errors: *face.Problem for a photo that cannot be searched, face.ErrBusy,
// *Unavailable.
func (e *Engine) Faces(ctx context.Context, photo []byte, filter index.Filter, owner string) (Faces, error) {
	found := Faces{ID: schemas.RandomID(), owner: owner}
	faces := e.embedder()
	ctx = face.WithOwner(ctx, owner)
	embedding := ctx
	probe, err := e.embed(embedding, faces, photo)
	if err != nil {
		return found, err
	}
	found.Probe = probe
	ctx, cancel := context.WithTimeout(ctx, e.config.SearchTimeout)
	defer cancel()
	neighbours, err := e.nearest(ctx, &found, filter)
	if (err == nil || errors.Is(err, index.ErrEmbedding)) && found.Generation.Model.ID != faces.Model().ID {
		// The serving generation is of another model, since a reindex has switched or is still to come: the neighbours
		// that were found mean nothing.
		neighbours, err = e.nearestAgain(embedding, &found, photo, filter)
	}
	if err != nil {
		return found, err
	}
	done := e.metrics.timed(ctx, "score")
	found.Scored = score.Of(neighbours, found.Generation.Model, score.GalleryOf(found.Generation, found.Registrants))
	done()
	if err := e.fillMatches(ctx, &found); err != nil {
		return found, err
	}
	if found.Reach, err = e.reach(ctx, filter.States, filter.Sources, true); err != nil {
		return found, err
	}
	if found.Registrants == 0 {
		found.Scored.Outcome = NobodySearched
	}
	if found.Advice, err = e.advise(ctx, found.Scored, neighbours); err != nil {
		return found, err
	}
	if !schemas.ViewsCanary(ctx) {
		e.metrics.outcomes.WithLabelValues(string(found.Scored.Outcome)).Inc()
	}
	return found, nil
}

// embed finds the probe's face.
func (e *Engine) embed(ctx context.Context, faces face.Embedder, photo []byte) (face.Result, error) {
	defer e.metrics.timed(ctx, "embed")()
	ctx, cancel := context.WithTimeout(ctx, e.config.EmbedTimeout)
	defer cancel()
	probe, err := faces.Embed(ctx, photo, face.Probe)
	var problem *face.Problem
	if errors.As(err, &problem) {
		e.metrics.problems.WithLabelValues(string(problem.Code)).Inc()
	}
	return probe, err
}

// nearest asks the index for the probe's neighbours and how many were searched.
func (e *Engine) nearest(ctx context.Context, found *Faces, filter index.Filter) ([]index.Neighbour, error) {
	defer e.metrics.timed(ctx, "nearest")()
	neighbours, generation, err := e.deps.Index.Nearest(ctx, found.Probe.Embedding, score.K, filter)
	if err == nil || errors.Is(err, index.ErrEmbedding) {
		found.Generation = generation
	}
	if err == nil {
		found.Registrants, _, err = e.deps.Index.Enrolled(ctx, filter)
	}
	if err != nil {
		return nil, unavailable("index", err)
	}
	return neighbours, nil
}

// embedder is the one that last matched the serving generation.
func (e *Engine) embedder() face.Embedder {
	if n := e.model.Load(); n > 0 {
		return e.deps.MoreFaces[n-1]
	}
	return e.deps.Faces
}

// nearestAgain embeds the probe with the model of the current serving generation, and searches that.
func (e *Engine) nearestAgain(ctx context.Context, found *Faces, photo []byte, filter index.Filter) ([]index.Neighbour, error) {
	want := found.Generation.Model.ID
	for n, faces := range append([]face.Embedder{e.deps.Faces}, e.deps.MoreFaces...) {
		if faces.Model().ID != want {
			continue
		}
		e.model.Store(int32(n))
		var err error
		if found.Probe, err = e.embed(ctx, faces, photo); err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, e.config.SearchTimeout)
		defer cancel()
		neighbours, err := e.nearest(ctx, found, filter)
		if err == nil && found.Generation.Model.ID != want {
			err = unavailable("index", errors.New("generations are being switched"))
		}
		return neighbours, err
	}
	return nil, unavailable("index", fmt.Errorf("the serving generation %s is of model %s, which this daemon does not compute: run "+
		"reindex, or a daemon of the version that made it",
		found.Generation.Name, want))
}

// fillMatches turns the candidates above the floor into matches, if the ledger lists them. Candidates that are not
// listed are also removed from the scored ones.
func (e *Engine) fillMatches(ctx context.Context, found *Faces) error {
	candidates := found.Scored.Matches(score.K)
	ids := make([]schemas.UUID, len(candidates))
	for i, c := range candidates {
		ids[i] = c.Face.Registrant
	}
	docs, err := e.lookup(ctx, ids...)
	if err != nil {
		return err
	}
	listed, err := e.listed(ctx, docs)
	if err != nil {
		return err
	}
	persons, err := e.persons(ctx, docs, listed)
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
		if !ok || len(found.Matches) == matchLimit {
			continue
		}
		doc := byID[c.Face.Registrant]
		found.Matches = append(found.Matches, Match{Candidate: c, Document: doc, Person: persons[doc.ID].ID})
		proof = append(proof, evidenceOf(c, doc, listing, found.Generation, found.Scored.Self, e.deps.Now().UTC()))
	}
	found.Scored = found.Scored.Without(func(id schemas.UUID) bool { return left[id] })
	if len(proof) == 0 || e.deps.Evidence == nil || schemas.ViewsCanary(ctx) { // no evidence is kept about the canary
		return nil
	}
	for i := range proof {
		proof[i].Owner = found.owner
	}
	if err := e.deps.Evidence.Put(ctx, found.ID, proof); err != nil {
		e.metrics.evidence.Inc()
		e.deps.Log.WarnContext(ctx, "evidence not stored", "search", found.ID, "error", err)
		return nil
	}
	for i := range found.Matches {
		found.Matches[i].Evidence = proof[i].ID
	}
	return nil
}

// evidenceOf returns the evidence of a match.
func evidenceOf(c score.Candidate, d index.Document, listing schemas.Listing, g index.Generation, self *score.Self,
	now time.Time) evidence.Match {
	m := evidence.Match{
		Searched: now, Source: d.Record.Source, Registrant: d.ID, Face: c.Face.ID, Photo: c.Face.Photo,
		Pages: []evidence.Page{}, Record: listing.Record, Sighted: listing.Sighted, SourceURL: d.Record.URL,
		Model: g.Model.ID, Generation: g.Name, Distance: c.Distance, Similarity: c.Similarity,
		ExpectedFalseMatches: c.ExpectedFalseMatches, Calibration: c.Calibration, Self: self,
	}
	for _, p := range listing.Pages {
		m.Pages = append(m.Pages, evidence.Page{URL: p.URL, SHA256: p.Digest, Read: p.Read})
	}
	return m
}
