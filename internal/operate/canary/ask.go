package canary

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"lineup/schemas"
	"lineup/scraper/samplesite/faces"
)

// Bounds of one request and its answer.
const (
	askTimeout = 30 * time.Second
	maxAnswer  = 8 << 20
)

// ask sends one request with the canary's key.
func (c *Canary) ask(ctx context.Context, method, path string, body []byte) (status int, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("ask the query daemon: %w", err)
	}
	r.Header.Set("X-API-Key", c.Key)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	got, err := c.Client.Do(r)
	if err != nil {
		return 0, nil, fmt.Errorf("ask the query daemon: %w (canary.url says where it is)", err)
	}
	defer got.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(got.Body, maxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("read the query daemon's answer: %w", err)
	}
	if got.StatusCode == http.StatusUnauthorized {
		return got.StatusCode, nil, fmt.Errorf("the query daemon refuses the canary's key: make one with lineup keys add canary --canary, and " +
			"set canary.key")
	}
	return got.StatusCode, answer, nil
}

// matches returns whom a photo of the canary finds.
func (c *Canary) matches(ctx context.Context) (ids []schemas.UUID, err error) {
	probe, err := faces.Files.ReadFile(probePhoto)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]string{"queryImageBase64": base64.StdEncoding.EncodeToString(probe)})
	if err != nil {
		return nil, err
	}
	status, answer, err := c.ask(ctx, http.MethodPost, "/faces", body)
	if err != nil {
		return nil, err
	}
	var found struct {
		FaceMatches []struct {
			UUID schemas.UUID `json:"uuid"`
		} `json:"faceMatches"`
	}
	if err := json.Unmarshal(answer, &found); err != nil || status != http.StatusOK {
		return nil, fmt.Errorf("POST /faces answered %d", status)
	}
	for _, m := range found.FaceMatches {
		ids = append(ids, m.UUID)
	}
	return ids, nil
}

// found checks that another photo of the canary finds it and nobody else.
func (c *Canary) found(ctx context.Context, id schemas.UUID) error {
	ids, err := c.matches(ctx)
	switch {
	case err != nil:
		return err
	case len(ids) == 0:
		return fmt.Errorf("a search with its photo finds nobody")
	case len(ids) > 1 || ids[0] != id:
		return fmt.Errorf("a search with its key finds %d people, and the canary alone is to be seen: is it the canary's key?", len(ids))
	}
	return nil
}

// shown checks that its photo is served.
func (c *Canary) shown(ctx context.Context, id schemas.UUID) error {
	want, err := faces.Files.ReadFile(listedPhoto)
	if err != nil {
		return err
	}
	status, photo, err := c.ask(ctx, http.MethodGet, "/photos/"+string(id), nil)
	if err == nil && (status != http.StatusOK || !bytes.Equal(photo, want)) {
		err = fmt.Errorf("GET /photos answered %d, %d bytes, and not its photo", status, len(photo))
	}
	return err
}

// answered checks that its record is answered with a stamp.
func (c *Canary) answered(ctx context.Context, id schemas.UUID, stamp string) error {
	status, answer, err := c.ask(ctx, http.MethodGet, "/sexoffender?mode=extensive&uuid="+string(id), nil)
	if err == nil && (status != http.StatusOK || !bytes.Contains(answer, []byte(stamp))) {
		err = fmt.Errorf("GET /sexoffender answered %d, without the last change", status)
	}
	return err
}

// gone checks that no answer contains the canary any more: at once, even if the index does not know yet.
func (c *Canary) gone(ctx context.Context, id schemas.UUID) error {
	ids, err := c.matches(ctx)
	if err == nil && len(ids) > 0 {
		err = fmt.Errorf("a search still finds it")
	}
	if err != nil {
		return err
	}
	status, _, err := c.ask(ctx, http.MethodGet, "/photos/"+string(id), nil)
	if err == nil && status != http.StatusNotFound {
		err = fmt.Errorf("GET /photos answered %d", status)
	}
	if err != nil {
		return err
	}
	status, answer, err := c.ask(ctx, http.MethodGet, "/sexoffender?uuid="+string(id), nil)
	if err == nil && (status != http.StatusOK || bytes.Contains(answer, []byte(`"uuid"`))) {
		err = fmt.Errorf("GET /sexoffender answered %d, and still has its record", status)
	}
	return err
}
