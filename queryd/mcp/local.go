package mcp

import (
	"context"
	"net/http"
	"net/url"

	"lineup/queryd/api"
	"lineup/queryd/serve"
	"lineup/schemas"
)

// Local answers from the search of this process, under the same keys, limits and audit line as the
// REST API.
type Local struct {
	API    *api.API
	Shared *serve.Server
	Key    string // of the HTTP request, "" for none
	Base   string // what minted links begin with
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

// Photo answers GET /photos/{id}.
func (l Local) Photo(ctx context.Context, id schemas.UUID) (data []byte, kind string, err error) {
	_, err = l.call(ctx, "photos", func(ctx context.Context, _ http.Header) error {
		data, kind, _, err = l.API.PhotoOf(ctx, id, "")
		return err
	})
	return data, kind, err
}

func (l Local) call(ctx context.Context, kind string, ask func(context.Context, http.Header) error) (Said, error) {
	h, failed := l.Shared.Call(ctx, kind, ask)
	if failed != nil {
		reason := failed.Reason
		if failed.Status != http.StatusBadRequest { // the wire gives a reason with these alone
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
	case http.StatusNotFound, http.StatusGone:
		return "not_found"
	case http.StatusServiceUnavailable:
		return "unavailable"
	}
	return "failed"
}
