package indexer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/ingest/blob"
	"lineup/schemas"
	"lineup/schemas/namekey"
)

// A photo that more than placeholderShare registrants of a source have, up to placeholderBits
// differing bits of its perceptual hash, shows nobody: it is the source's "no photo" picture.
const (
	placeholderShare = 5
	placeholderBits  = 2
)

// Placeholder is the Problem of a photo that shows nobody.
const Placeholder = "placeholder"

// entry builds what generation g shall hold of a listed registrant.
func (w *Worker) entry(ctx context.Context, all []index.Generation, g index.Generation, s schemas.Standing, working func() error) (index.Entry, error) {
	data, err := w.Blobs.Get(ctx, blob.Ref{Owner: s.ID, Kind: blob.Record, Digest: s.Record})
	if err != nil {
		return index.Entry{}, fmt.Errorf("read the record of %s: %w", s.ID, err)
	}
	record, err := schemas.DecodeRecord(data)
	if err != nil {
		return index.Entry{}, fmt.Errorf("record of %s: %w", s.ID, err)
	}
	entry := index.Entry{ID: s.ID, Source: s.Source, Revision: s.Revision, Document: &index.Document{
		ID: s.ID, Revision: s.Revision, Record: record, Person: schemas.PersonID(namekey.LinkKey(record)),
		FirstSeen: s.FirstSeen, Changed: s.Changed, Keys: namekey.Of(record),
	}}
	done := make(map[schemas.Digest]bool)
	for _, photo := range s.Photos {
		if photo.Digest == "" || done[photo.Digest] {
			continue
		}
		done[photo.Digest] = true
		if working != nil {
			if err := working(); err != nil {
				return index.Entry{}, err
			}
		}
		enrolled, outcome, err := w.enrol(ctx, all, g, s, photo.Digest)
		if err != nil {
			return index.Entry{}, err
		}
		w.Metrics.photo(outcome.Problem)
		entry.Document.Photos = append(entry.Document.Photos, outcome)
		if enrolled != nil {
			entry.Faces = append(entry.Faces, *enrolled)
		}
	}
	return entry, nil
}

// enrol gives the face of one photo of a registrant, from a generation that holds the photo
// already, else from the embedder. The face is nil when there is none to enrol; outcome says why.
func (w *Worker) enrol(ctx context.Context, all []index.Generation, g index.Generation, s schemas.Standing, photo schemas.Digest) (*schemas.Face, index.PhotoOutcome, error) {
	f, outcome, err := w.held(ctx, all, g, photo)
	if err != nil {
		return nil, outcome, err
	}
	if outcome.Photo == "" {
		if f, outcome, err = w.embed(ctx, g, s.ID, photo); err != nil {
			return nil, outcome, err
		}
	}
	if outcome.Hash != 0 {
		shared, err := w.Index.SharedHash(ctx, g.Name, s.Source, outcome.Hash, placeholderBits)
		if err != nil {
			return nil, outcome, fmt.Errorf("look for the photo's like: %w", err)
		}
		if shared > placeholderShare {
			return nil, index.PhotoOutcome{Photo: photo, Hash: outcome.Hash, Problem: Placeholder}, nil
		}
	}
	if f == nil {
		return nil, outcome, nil
	}
	f.ID, f.Registrant = schemas.FaceID(s.ID, photo), s.ID
	outcome.Face = f.ID
	return f, outcome, nil
}

// held looks for a photo in the generations of g's model. outcome.Photo is "" when none has it.
func (w *Worker) held(ctx context.Context, all []index.Generation, g index.Generation, photo schemas.Digest) (*schemas.Face, index.PhotoOutcome, error) {
	for _, other := range all {
		if other.Model.ID != g.Model.ID {
			continue
		}
		faces, outcomes, err := w.Index.Held(ctx, other.Name, photo)
		if err != nil {
			return nil, index.PhotoOutcome{}, fmt.Errorf("look for a photo in %s: %w", other.Name, err)
		}
		for _, outcome := range outcomes {
			if outcome.Problem == Placeholder {
				continue // counted anew: it may be so no longer
			}
			if outcome.Face == "" {
				return nil, outcome, nil
			}
			for _, f := range faces {
				if f.ID == outcome.Face {
					return &f, outcome, nil
				}
			}
		}
	}
	return nil, index.PhotoOutcome{}, nil
}

// embed computes the face of a stored photo.
func (w *Worker) embed(ctx context.Context, g index.Generation, owner schemas.UUID, photo schemas.Digest) (*schemas.Face, index.PhotoOutcome, error) {
	outcome := index.PhotoOutcome{Photo: photo}
	embedder, ok := w.embedders[g.Model.ID]
	if !ok {
		return nil, outcome, fmt.Errorf("generation %s, model %s: %w", g.Name, g.Model.ID, errModel)
	}
	data, err := w.Blobs.Get(ctx, blob.Ref{Owner: owner, Kind: blob.Photo, Digest: photo})
	if err != nil {
		return nil, outcome, fmt.Errorf("read a photo of %s: %w", owner, err)
	}
	started := time.Now()
	found, err := embedder.Embed(ctx, data, face.Enrol)
	w.Metrics.embedded(time.Since(started))
	var problem *face.Problem
	if errors.As(err, &problem) {
		outcome.Problem, outcome.Hash = string(problem.Code), problem.Result.Hash
		return nil, outcome, nil
	}
	if err != nil {
		return nil, outcome, fmt.Errorf("embed a photo of %s: %w", owner, err)
	}
	outcome.Hash = found.Hash
	return &schemas.Face{Photo: photo, Box: found.Box, Quality: found.Quality, Embedding: found.Embedding}, outcome, nil
}
