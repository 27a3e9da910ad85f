package queryd

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"time"

	"lineup/indexer/index"
	"lineup/ingest/blob"
	"lineup/schemas"
)

// photoAge is how long a photo may be cached, in seconds: short, because who is removed from
// the registry must not be shown for long.
const photoAge = "300"

// gone says that what was here is not any more, for good.
func gone() *failure {
	return &failure{status: http.StatusGone, reason: "gone", message: "This was removed: the registry no longer publishes it."}
}

// servePhoto answers GET /photos/{id}: id is a face id, or a registrant's id and ?face= one of
// its faces; without it the first photo. Photos need no key: they stand in pages as images.
func (s *Server) servePhoto(w http.ResponseWriter, r *http.Request) error {
	id, err := schemas.ParseUUID(r.PathValue("id"))
	if err != nil {
		return badRequest("bad_uuid", "The photo's id is not a UUID (8-4-4-4-12 hexadecimal digits).")
	}
	var faceID schemas.UUID
	if text := r.URL.Query().Get("face"); text != "" {
		if faceID, err = schemas.ParseUUID(text); err != nil {
			return badRequest("bad_uuid", "face is not a UUID (8-4-4-4-12 hexadecimal digits).")
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.config.SearchTimeout)
	defer cancel()
	ref, err := s.findPhoto(ctx, id, faceID)
	if err != nil {
		return err
	}
	done := s.metrics.timed("photo")
	data, err := s.deps.Photos.Get(ctx, ref)
	done()
	if errors.Is(err, fs.ErrNotExist) {
		return gone()
	}
	if err != nil {
		return unavailable("photo_store", err)
	}
	kind := http.DetectContentType(data)
	if !slices.Contains([]string{"image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"}, kind) {
		kind = "application/octet-stream"
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("ETag", `"`+string(ref.Digest)+`"`)
	h.Set("Cache-Control", "public, max-age="+photoAge)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	return nil
}

// findPhoto finds which stored photo an id means, of a registrant who is listed now.
func (s *Server) findPhoto(ctx context.Context, id, faceID schemas.UUID) (blob.Ref, error) {
	docs, err := s.lookup(ctx, id)
	if err != nil {
		return blob.Ref{}, err
	}
	if len(docs) == 0 && faceID == "" {
		found, err := s.deps.Index.Face(ctx, id)
		if err == nil {
			faceID = id
			docs, err = s.lookup(ctx, found.Registrant)
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
		return blob.Ref{}, s.whyMissing(ctx, id)
	}
	d := docs[0]
	listed, err := s.listed(ctx, docs)
	if err != nil {
		return blob.Ref{}, err
	}
	listing, ok := listed[d.ID]
	if !ok {
		return blob.Ref{}, gone()
	}
	photo, ok := firstPhoto(d.Record)
	if faceID != "" {
		photo, ok = facePhoto(d, faceID)
		if !ok {
			return blob.Ref{}, gone() // such a link is only ever made for a face that was there
		}
	}
	if !ok {
		return blob.Ref{}, fs.ErrNotExist // listed without a photo
	}
	if !slices.ContainsFunc(listing.Photos, func(p schemas.PhotoState) bool { return p.Digest == photo }) {
		return blob.Ref{}, gone()
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

// whyMissing tells a registrant that was delisted from an id that never was.
func (s *Server) whyMissing(ctx context.Context, id schemas.UUID) error {
	listing, err := s.deps.Ledger.Find(ctx, id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fs.ErrNotExist
	case err != nil:
		return unavailable("ledger", err)
	case !listing.Listed:
		return gone()
	}
	return fs.ErrNotExist // listed, and not indexed yet
}
