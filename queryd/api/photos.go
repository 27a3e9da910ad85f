package api

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"time"

	"lineup/queryd/serve"
	"lineup/schemas"
)

// photoAge is how long a photo may be cached, in seconds: short, because who is removed from
// the registry must not be shown for long.
const photoAge = "300"

// ServePhoto answers GET /photos/{id}: id is a face id, or a registrant's id and ?face= one of
// its faces; without it the first photo. Photos need no key: they stand in pages as images.
func (a *API) ServePhoto(w http.ResponseWriter, r *http.Request) error {
	id, err := schemas.ParseUUID(r.PathValue("id"))
	if err != nil {
		return serve.BadRequest("bad_uuid", "The photo's id is not a UUID (8-4-4-4-12 hexadecimal digits).")
	}
	var faceID schemas.UUID
	if text := r.URL.Query().Get("face"); text != "" {
		if faceID, err = schemas.ParseUUID(text); err != nil {
			return serve.BadRequest("bad_uuid", "face is not a UUID (8-4-4-4-12 hexadecimal digits).")
		}
	}
	data, kind, digest, err := a.PhotoOf(r.Context(), id, faceID)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("ETag", `"`+string(digest)+`"`)
	h.Set("Cache-Control", "public, max-age="+photoAge)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	return nil
}

// PhotoOf is a photo, its media type and its digest; see search.Engine.Photo.
func (a *API) PhotoOf(ctx context.Context, id, faceID schemas.UUID) (data []byte, kind string, digest schemas.Digest, err error) {
	if data, digest, err = a.search.Photo(ctx, id, faceID); err != nil {
		return nil, "", "", err
	}
	kind = http.DetectContentType(data)
	if !slices.Contains([]string{"image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"}, kind) {
		kind = "application/octet-stream"
	}
	return data, kind, digest, nil
}

// ServeEvidence answers GET /v1/matches/{id}/evidence.
func (a *API) ServeEvidence(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.serve.Authorize(r.Context(), w.Header(), serve.GivenKey(r), true); err != nil {
		return err
	}
	signed, err := a.search.Evidence(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	serve.ExchangeOf(r.Context()).Count = 1
	a.serve.WriteSourceNotices(w.Header(), []string{signed.Evidence.Source})
	serve.WriteJSON(w, http.StatusOK, signed)
	return nil
}
