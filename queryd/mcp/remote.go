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

// Photo answers GET /photos/{id}.
func (c Remote) Photo(ctx context.Context, id schemas.UUID) (data []byte, kind string, err error) {
	data, h, err := c.send(ctx, http.MethodGet, "/photos/"+string(id), nil)
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
	if answer.StatusCode != http.StatusOK {
		var failed struct{ Message, Reason string }
		json.Unmarshal(data, &failed) // a proxy's answer may be anything
		return nil, nil, &Problem{cmp.Or(failed.Reason, reasonOf(answer.StatusCode)), cmp.Or(failed.Message, "lineup answered "+answer.Status)}
	}
	return data, answer.Header, nil
}
