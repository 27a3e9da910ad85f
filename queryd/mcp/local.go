package mcp

import (
	"context"
	"net/http"
	"net/url"

	"lineup/queryd/api"
	"lineup/queryd/keys"
	"lineup/queryd/serve"
	"lineup/schemas"
)

// Local answers from the search of this process, with the same keys, limits and audit line as the REST API.
type Local struct {
	API    *api.API
	Shared *serve.Server
	Key    string // of the HTTP request, "" for none
	Base   string // beginning of the links it makes
}

// Offenders answers the parameters of GET /sexoffender.
func (l Local) Offenders(ctx context.Context, params url.Values) (answer api.Offenders, _ Said, err error) {
	said, err := l.call(ctx, "sexoffender", func(ctx context.Context, h http.Header) error {
		if _, err := l.Shared.Authorize(ctx, h, l.Key, false); err != nil {
			return err
		}
		found, asked, err := l.API.SearchRecords(ctx, h, params)
		if err == nil {
			answer = l.API.Offenders(found, asked, l.Base)
		}
		return err
	})
	return answer, said, err
}

// Faces answers the body of POST /faces.
func (l Local) Faces(ctx context.Context, request api.FaceRequest) (answer api.Faces, _ Said, err error) {
	said, err := l.call(ctx, "faces", func(ctx context.Context, h http.Header) error {
		key, err := l.Shared.Authorize(ctx, h, l.Key, true)
		if err == nil {
			answer, err = l.API.FacesOf(ctx, h, key, request, l.Base)
		}
		return err
	})
	return answer, said, err
}

// Coverage answers GET /v1/coverage.
func (l Local) Coverage(ctx context.Context) (answer api.Coverage, _ Said, err error) {
	said, err := l.call(ctx, "coverage", func(ctx context.Context, _ http.Header) error {
		answer, err = l.API.CoverageOf(ctx)
		return err
	})
	return answer, said, err
}

// Changes answers GET /v1/changes.
func (l Local) Changes(ctx context.Context, cursor, limit string) (answer api.Changes, _ Said, err error) {
	said, err := l.call(ctx, "changes", func(ctx context.Context, h http.Header) error {
		if _, err := l.Shared.Authorize(ctx, h, l.Key, false); err != nil {
			return err
		}
		answer, err = l.API.ChangesOf(ctx, cursor, limit)
		return err
	})
	return answer, said, err
}

// watching runs a question about the watches of the key.
func (l Local) watching(ctx context.Context, ask func(context.Context, keys.Key) error) (Said, error) {
	return l.call(ctx, "watches", func(ctx context.Context, h http.Header) error {
		key, err := l.API.Watcher(ctx, h, l.Key)
		if err != nil {
			return err
		}
		return ask(ctx, key)
	})
}

// AddWatch answers POST /v1/watches.
func (l Local) AddWatch(ctx context.Context, request api.WatchRequest) (answer api.Watch, said Said, err error) {
	said, err = l.watching(ctx, func(ctx context.Context, key keys.Key) (err error) {
		answer, err = l.API.AddWatch(ctx, key, request)
		return err
	})
	return answer, said, err
}

// Watches answers GET /v1/watches.
func (l Local) Watches(ctx context.Context) (answer api.Watches, said Said, err error) {
	said, err = l.watching(ctx, func(ctx context.Context, key keys.Key) (err error) {
		answer, err = l.API.Watches(ctx, key)
		return err
	})
	return answer, said, err
}

// Look answers GET /v1/watches/{id}.
func (l Local) Look(ctx context.Context, id schemas.UUID, look string) (answer api.Watch, said Said, err error) {
	said, err = l.watching(ctx, func(ctx context.Context, key keys.Key) (err error) {
		answer, err = l.API.Look(ctx, key, id, look)
		return err
	})
	return answer, said, err
}

// EndWatch answers DELETE /v1/watches/{id}.
func (l Local) EndWatch(ctx context.Context, id schemas.UUID) error {
	_, err := l.watching(ctx, func(ctx context.Context, key keys.Key) error { return l.API.EndWatch(ctx, key, id) })
	return err
}

// Photo answers GET /photos/{id}.
func (l Local) Photo(ctx context.Context, id schemas.UUID, link url.Values) (data []byte, kind string, err error) {
	_, err = l.call(ctx, "photos", func(ctx context.Context, h http.Header) error {
		if !l.Shared.Links().Hold(id, link) {
			if _, err := l.Shared.Authorize(ctx, h, l.Key, false); err != nil {
				return err
			}
		}
		var face schemas.UUID
		if text := link.Get("face"); text != "" {
			if face, err = schemas.ParseUUID(text); err != nil {
				return serve.BadRequest("bad_uuid", "face is not a UUID (8-4-4-4-12 hexadecimal digits).")
			}
		}
		data, kind, _, err = l.API.PhotoOf(ctx, id, face)
		return err
	})
	return data, kind, err
}

func (l Local) call(ctx context.Context, kind string, ask func(context.Context, http.Header) error) (Said, error) {
	h, failed := l.Shared.Call(ctx, kind, ask)
	if failed != nil {
		reason := failed.Reason
		if failed.Status != http.StatusBadRequest && reason != serve.CursorExpired { // the wire gives a reason with these alone
			reason = reasonOf(failed.Status)
		}
		return Said{}, &Problem{reason, failed.Message}
	}
	return said(h.Values), nil
}

// reasonOf is the reason of a failure that the wire gives no other for.
func reasonOf(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "key_refused"
	case http.StatusTooManyRequests:
		return "rate_limited"
	case http.StatusNotFound:
		return "not_found"
	case http.StatusServiceUnavailable:
		return "unavailable"
	}
	return "failed"
}
