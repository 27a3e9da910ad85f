package e2e_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lineup/schemas"
)

// A poor enrolled photo may be the nearest: a blurred face lies near to many. It keeps its place,
// for order is by similarity alone, but never silently: its quality stands beside the match, and
// on the card of the page.
func TestAPoorEnrolledPhotoIsNeverSilentlyFirst(t *testing.T) {
	h := newNode(t)
	h.crowd(60)
	poor := h.enrol(person("poor", "Rowan", "Testcase"), near(0.02))
	good := h.enrol(person("good", "Robin", "Sample"), near(0.03))
	quality := schemas.Quality{FacePixels: 41, Sharpness: 31, Brightness: 50, Score: 34, Step: "cnn",
		Warnings: []string{"face_too_small", "blurred"}}
	for i := range h.gal.faces {
		if h.gal.faces[i].Registrant == poor {
			h.gal.faces[i].Quality = quality
		}
	}
	h.gal.probe = near(0)
	response, body := h.keyed("POST", "/faces", faceBody(jpeg("probe"), `,"details":true`))
	got := decode[struct {
		Matches []struct {
			UUID    schemas.UUID    `json:"uuid"`
			Quality schemas.Quality `json:"quality"`
		} `json:"faceMatches"`
	}](t, body)
	if response.StatusCode != http.StatusOK || len(got.Matches) < 2 || got.Matches[0].UUID != poor || got.Matches[1].UUID != good {
		t.Fatalf("%d %s", response.StatusCode, body)
	}
	if diff := cmp.Diff(quality, got.Matches[0].Quality); diff != "" {
		t.Errorf("the poor photo's quality: %s", diff)
	}
	if w := got.Matches[1].Quality.Warnings; len(w) != 0 {
		t.Errorf("the good photo is warned of: %q", w)
	}
}
