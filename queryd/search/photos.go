package search

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"lineup/indexer/index"
	"lineup/ingest/blob"
	"lineup/schemas"
)

// Photo is the bytes of a stored photo of a registrant who is listed now: id is a face id, or a
// registrant's id and faceID one of its faces; without it the first photo. Errors: fs.ErrNotExist
// whatever the reason that there is none (an id never given, a registrant who left the registry or
// was removed here, must not be told apart by guessing ids), *Unavailable.
func (e *Engine) Photo(ctx context.Context, id, faceID schemas.UUID) ([]byte, schemas.Digest, error) {
	ctx, cancel := context.WithTimeout(ctx, e.config.SearchTimeout)
	defer cancel()
	ref, err := e.findPhoto(ctx, id, faceID)
	if err != nil {
		return nil, "", err
	}
	defer e.metrics.timed(ctx, "photo")()
	data, err := e.deps.Photos.Get(ctx, ref)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", fs.ErrNotExist
	}
	if err != nil {
		return nil, "", unavailable("photo_store", err)
	}
	return data, ref.Digest, nil
}

// findPhoto finds which stored photo an id means, of a registrant who is listed now.
func (e *Engine) findPhoto(ctx context.Context, id, faceID schemas.UUID) (blob.Ref, error) {
	docs, err := e.lookup(ctx, id)
	if err != nil {
		return blob.Ref{}, err
	}
	if len(docs) == 0 && faceID == "" {
		found, err := e.deps.Index.Face(ctx, id)
		if err == nil {
			faceID = id
			docs, err = e.lookup(ctx, found.Registrant)
		} else if errors.Is(err, fs.ErrNotExist) {
			err = nil
		} else {
			err = unavailable("index", err)
		}
		if err != nil {
			return blob.Ref{}, err
		}
	}
	if len(docs) == 0 {
		return blob.Ref{}, fs.ErrNotExist
	}
	d := docs[0]
	listed, err := e.listed(ctx, docs)
	if err != nil {
		return blob.Ref{}, err
	}
	listing, ok := listed[d.ID]
	if !ok {
		return blob.Ref{}, fs.ErrNotExist
	}
	photo, ok := FirstPhoto(d.Record)
	if faceID != "" {
		photo, ok = facePhoto(d, faceID)
		if !ok {
			return blob.Ref{}, fs.ErrNotExist
		}
	}
	if !ok {
		return blob.Ref{}, fs.ErrNotExist // listed without a photo
	}
	if !slices.ContainsFunc(listing.Photos, func(p schemas.PhotoState) bool { return p.Digest == photo }) {
		return blob.Ref{}, fs.ErrNotExist
	}
	return blob.Ref{Owner: d.ID, Kind: blob.Photo, Digest: photo}, nil
}

func facePhoto(d index.Document, faceID schemas.UUID) (schemas.Digest, bool) {
	for _, p := range d.Photos {
		if p.Face == faceID {
			return p.Photo, true
		}
	}
	return "", false
}
