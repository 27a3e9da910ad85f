package mcp

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"lineup/queryd/api"
	"lineup/schemas"
)

// Remote answers from a daemon's REST API.
type Remote struct {
	Base string // "https://lineup.example.org"
	Key  string
	Do   func(*http.Request) (*http.Response, error) // http.Client.Do
}

// maxAnswer bounds the bytes of one answer that are read.
const maxAnswer = 8 << 20

// Offenders answers the parameters of GET /sexoffender.
func (c Remote) Offenders(ctx context.Context, params url.Values) (answer api.Offenders, said Said, err error) {
	said, err = c.ask(ctx, http.MethodGet, "/sexoffender?"+params.Encode(), nil, &answer)
	return answer, said, err
}

// Faces answers the body of POST /faces.
func (c Remote) Faces(ctx context.Context, request api.FaceRequest) (answer api.Faces, said Said, err error) {
	said, err = c.ask(ctx, http.MethodPost, "/faces", request, &answer)
	return answer, said, err
}

// Coverage answers GET /v1/coverage.
func (c Remote) Coverage(ctx context.Context) (answer api.Coverage, said Said, err error) {
	said, err = c.ask(ctx, http.MethodGet, "/v1/coverage", nil, &answer)
	return answer, said, err
}

// Changes answers GET /v1/changes.
func (c Remote) Changes(ctx context.Context, cursor, limit string) (answer api.Changes, said Said, err error) {
	params := url.Values{}
	for name, value := range map[string]string{"cursor": cursor, "limit": limit} {
		if value != "" {
			params.Set(name, value)
		}
	}
	said, err = c.ask(ctx, http.MethodGet, "/v1/changes?"+params.Encode(), nil, &answer)
	return answer, said, err
}

// AddWatch answers POST /v1/watches.
func (c Remote) AddWatch(ctx context.Context, request api.WatchRequest) (answer api.Watch, said Said, err error) {
	said, err = c.ask(ctx, http.MethodPost, "/v1/watches", request, &answer)
	return answer, said, err
}

// Watches answers GET /v1/watches.
func (c Remote) Watches(ctx context.Context) (answer api.Watches, said Said, err error) {
	said, err = c.ask(ctx, http.MethodGet, "/v1/watches", nil, &answer)
	return answer, said, err
}

// Look answers GET /v1/watches/{id}.
func (c Remote) Look(ctx context.Context, id schemas.UUID, look string) (answer api.Watch, said Said, err error) {
	said, err = c.ask(ctx, http.MethodGet, "/v1/watches/"+string(id)+"?"+url.Values{"look": {look}}.Encode(), nil, &answer)
	return answer, said, err
}

// EndWatch answers DELETE /v1/watches/{id}.
func (c Remote) EndWatch(ctx context.Context, id schemas.UUID) error {
	_, _, err := c.send(ctx, http.MethodDelete, "/v1/watches/"+string(id), nil)
	return err
}

// Photo answers GET /photos/{id}.
func (c Remote) Photo(ctx context.Context, id schemas.UUID, link url.Values) (data []byte, kind string, err error) {
	data, h, err := c.send(ctx, http.MethodGet, "/photos/"+string(id)+"?"+link.Encode(), nil)
	return data, h.Get("Content-Type"), err
}

// ask sends one request and decodes the answer into v.
func (c Remote) ask(ctx context.Context, method, path string, body, v any) (Said, error) {
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return Said{}, fmt.Errorf("encode the request: %w", err)
		}
	}
	data, h, err := c.send(ctx, method, path, sent)
	if err != nil {
		return Said{}, err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return Said{}, fmt.Errorf("read lineup's answer: %w (is the daemon of this version?)", err)
	}
	return said(h.Values), nil
}

func (c Remote) send(ctx context.Context, method, path string, body []byte) ([]byte, http.Header, error) {
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Base, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, fmt.Errorf("make the request: %w", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.Key != "" {
		r.Header.Set("X-API-Key", c.Key)
	}
	answer, err := c.Do(r)
	if err != nil {
		return nil, nil, fmt.Errorf("ask lineup: %w", err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, nil, fmt.Errorf("read lineup's answer: %w", err)
	}
	if answer.StatusCode/100 != 2 {
		var failed struct{ Message, Reason string }
		json.Unmarshal(data, &failed) // a proxy's answer may be anything
		return nil, nil, &Problem{cmp.Or(failed.Reason, reasonOf(answer.StatusCode)), cmp.Or(failed.Message, "lineup answered "+answer.Status)}
	}
	return data, answer.Header, nil
}
