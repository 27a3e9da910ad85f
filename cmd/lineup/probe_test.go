package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"lineup/schemas"
)

// TestProbesThatCannotBeSearched sends the odd photos through the front door to the real
// embedder: each is refused with its code, and several faces with where they are.
func TestProbesThatCannotBeSearched(t *testing.T) {
	r := newRoad(t)
	for photo, reason := range map[string]string{
		"README.md": "not_an_image", "p005a.webp": "unsupported_format", "noface.jpg": "no_face", "placeholder.jpg": "no_face",
		"twofaces.jpg": "several_faces",
	} {
		status, body := r.post(photo)
		var answer struct {
			Code            int
			Message, Reason string
			Probe           *struct {
				Width, Height int
				Box           schemas.Box
				Others        []schemas.Box
			}
		}
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Fatalf("%s: %v in %s", photo, err, body)
		}
		if status != http.StatusBadRequest || answer.Code != status || answer.Reason != reason || answer.Message == "" {
			t.Errorf("%s: %d %s, want 400 %q", photo, status, body, reason)
		}
		if several := reason == "several_faces"; several != (answer.Probe != nil) || several &&
			(len(answer.Probe.Others) != 1 || answer.Probe.Width != 560) {
			t.Errorf("%s: faces at %+v", photo, answer.Probe)
		}
	}
}

// TestMoreFormatsWhereTheOperatorTakesThem: the setting reaches the front door.
func TestMoreFormatsWhereTheOperatorTakesThem(t *testing.T) {
	r := newRoad(t, func(a *App) { a.Config.Query.AllFormats = true })
	r.crawl("")
	if status, body := r.post("p005a.webp"); status != http.StatusOK {
		t.Errorf("a WebP probe with query.all_formats: %d %s", status, body)
	}
}
