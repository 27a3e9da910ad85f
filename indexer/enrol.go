package indexer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/ingest/blob"
	"lineup/ingest/queue"
	"lineup/internal/tracing"
	"lineup/schemas"
	"lineup/schemas/namekey"
	"lineup/schemas/person"
)

// entry builds the index entry of a listed registrant for generation g.
func (w *Worker) entry(ctx context.Context, all []index.Generation, g index.Generation, s schemas.Listing,
	working func() error) (index.Entry, error) {
	data, err := blob.Read(ctx, w.Blobs, blob.Ref{Owner: s.ID, Kind: blob.Record, Digest: s.Record})
	if err != nil {
		return index.Entry{}, fmt.Errorf("read the record of %s: %w", s.ID, err)
	}
	record, err := schemas.DecodeRecord(data)
	if err != nil {
		return index.Entry{}, fmt.Errorf("record of %s: %w", s.ID, err)
	}
	entry := index.Entry{ID: s.ID, Source: s.Source, Revision: s.Revision, Document: &index.Document{
		ID: s.ID, Revision: s.Revision, Record: record, Person: person.ID(record),
		FirstSeen: s.FirstSeen, Changed: s.Changed, Keys: namekey.Of(record),
	}}
	done := make(map[schemas.Digest]bool)
	for _, photo := range s.Photos {
		if photo.Digest == "" || done[photo.Digest] {
			continue
		}
		done[photo.Digest] = true
		if w.Excluded != nil && w.Excluded(s.Source) {
			entry.Document.Photos = append(entry.Document.Photos, index.PhotoOutcome{Photo: photo.Digest, Problem: index.Excluded})
			w.Metrics.photo(index.Excluded)
			continue
		}
		if working != nil {
			if err := working(); err != nil {
				return index.Entry{}, err
			}
		}
		enrolled, outcome, err := w.enrol(ctx, all, g, s, record.Birth.String(), photo.Digest)
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

// enrol returns the face of one photo of a registrant. It takes it from a generation that already holds the photo, or
// else embeds it. The face is nil when there is none to enrol; outcome says why.
func (w *Worker) enrol(ctx context.Context, all []index.Generation, g index.Generation, s schemas.Listing, born string,
	photo schemas.Digest) (*schemas.Face, index.PhotoOutcome, error) {
	f, outcome, err := w.held(ctx, all, g, photo)
	if err != nil {
		return nil, outcome, err
	}
	shown := func() (bool, error) {
		outcome.Born = born
		return w.placeholder(ctx, g.Name, s.Source, index.Sharer{ID: s.ID, Photo: outcome})
	}
	nobody, err := shown()
	if err != nil {
		return nil, outcome, err
	}
	if !nobody && (outcome.Photo == "" || outcome.Problem == index.Placeholder) { // not held, or a placeholder no longer
		if f, outcome, err = w.embed(ctx, g, s, photo); err != nil {
			return nil, outcome, err
		}
		if nobody, err = shown(); err != nil {
			return nil, outcome, err
		}
	}
	if nobody {
		return nil, index.PhotoOutcome{Photo: photo, Hash: outcome.Hash, Born: born, Problem: index.Placeholder}, nil
	}
	if f == nil {
		return nil, outcome, nil
	}
	f.ID, f.Registrant = schemas.FaceID(s.ID, photo), s.ID
	outcome.Face = f.ID
	return f, outcome, nil
}

// held looks for a photo in the generations of g's model. outcome.Photo is "" if none has it. The outcome is
// Placeholder only if nothing else is known of the photo.
func (w *Worker) held(ctx context.Context, all []index.Generation, g index.Generation, photo schemas.Digest) (*schemas.Face,
	index.PhotoOutcome, error) {
	var marked index.PhotoOutcome
	for _, other := range all {
		if other.Model.ID != g.Model.ID {
			continue
		}
		faces, outcomes, err := w.Index.Held(ctx, other.Name, photo)
		if err != nil {
			return nil, marked, fmt.Errorf("look for a photo in %s: %w", other.Name, err)
		}
		for _, outcome := range outcomes {
			switch {
			case outcome.Problem == index.Placeholder:
				marked = outcome
			case outcome.Problem == string(queue.CorruptBlob) || outcome.Problem == string(queue.MissingBlob) ||
				outcome.Problem == index.Excluded: // try again
			case outcome.Face == "":
				return nil, outcome, nil
			case len(faces) > 0:
				return &faces[0], outcome, nil
			}
		}
	}
	return nil, marked, nil
}

// embed computes the face of a stored photo. If the photo's bytes are damaged or missing, the registrant is indexed
// without that photo until a crawl has stored it again.
func (w *Worker) embed(ctx context.Context, g index.Generation, s schemas.Listing, photo schemas.Digest) (*schemas.Face,
	index.PhotoOutcome, error) {
	outcome := index.PhotoOutcome{Photo: photo}
	embedder, ok := w.embedders[g.Model.ID]
	if !ok {
		return nil, outcome, fmt.Errorf("generation %s, model %s: %w", g.Name, g.Model.ID, errModel)
	}
	data, err := blob.Read(ctx, w.Blobs, blob.Ref{Owner: s.ID, Kind: blob.Photo, Digest: photo})
	if class := classify(err); class == queue.CorruptBlob || class == queue.MissingBlob && !w.hasMoved(ctx, s) {
		w.Log.WarnContext(ctx, "photo cannot be read", "registrant", s.ID, "class", class, "error", err)
		outcome.Problem = string(class)
		return nil, outcome, nil
	}
	if err != nil {
		return nil, outcome, fmt.Errorf("read a photo of %s: %w", s.ID, err)
	}
	started := time.Now()
	_, span := tracing.Start(ctx, "embed", tracing.Generation(g.Name))
	found, err := embedder.Embed(ctx, data, face.Enrol)
	span.End(err)
	w.Metrics.embedded(time.Since(started))
	var problem *face.Problem
	if errors.As(err, &problem) {
		outcome.Problem, outcome.Hash = string(problem.Code), problem.Result.Hash
		return nil, outcome, nil
	}
	if err != nil {
		return nil, outcome, fmt.Errorf("embed a photo of %s: %w", s.ID, err)
	}
	outcome.Hash = found.Hash
	return &schemas.Face{Photo: photo, Box: found.Box, Quality: found.Quality, Embedding: found.Embedding}, outcome, nil
}
