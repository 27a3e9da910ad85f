package api

import (
	"bytes"
	"context"
	"errors"
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
// its faces; without it the first photo. Photos stand in pages as images, so a link of ours opens them;
// anybody else needs a key.
func (a *API) ServePhoto(w http.ResponseWriter, r *http.Request) error {
	cache := "public"
	if !serve.ExchangeOf(r.Context()).Paid { // it did not come by a valid link of ours
		cache = "private"
		if _, err := a.serve.Authorize(r.Context(), w.Header(), serve.GivenKey(r), false); err != nil {
			return photoRefused(r, err)
		}
	}
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
	h.Set("Cache-Control", cache+", max-age="+photoAge)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	return nil
}

// PhotoLink reports whether a request for a photo comes by a link of ours that holds.
func (a *API) PhotoLink(r *http.Request) bool {
	id, err := schemas.ParseUUID(r.PathValue("id"))
	return err == nil && a.serve.Links().Hold(id, r.URL.Query())
}

// photoRefused answers a request without a key. Where it came by a link that was altered or has expired, it says so.
func photoRefused(r *http.Request, err error) error {
	var f *serve.Failure
	if errors.As(err, &f) && f.Reason == "missing_key" && r.URL.Query().Has("s") {
		return &serve.Failure{Status: http.StatusUnauthorized, Reason: "photo_link",
			Message: "This link to a photo has expired or is not whole. Search again for a new one, or send a key."}
	}
	return err
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
	key, err := a.serve.Authorize(r.Context(), w.Header(), serve.GivenKey(r), true)
	if err != nil {
		return err
	}
	signed, err := a.search.Evidence(r.Context(), r.PathValue("id"), key.Owner())
	if err != nil {
		return err
	}
	serve.ExchangeOf(r.Context()).Count = 1
	a.serve.WriteSourceNotices(w.Header(), []string{signed.Evidence.Source})
	serve.WriteJSON(w, http.StatusOK, signed)
	return nil
}

// ServeSigningKeys answers GET /.well-known/lineup-keys.json: the public keys that verify evidence and receipts of removals, old ones
// too, so that a third party can without asking anybody. It needs no key.
func (a *API) ServeSigningKeys(w http.ResponseWriter, r *http.Request) error {
	keys, err := a.search.SigningKeys(r.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	_, err = w.Write(keys)
	return err
}
