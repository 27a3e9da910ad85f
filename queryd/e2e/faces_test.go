package e2e_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/queryd"
	"lineup/schemas"
)

// near is an embedding at about this distance from the zero probe.
func near(distance float32) []float32 {
	e := make([]float32, model.Dimensions)
	e[0] = distance
	return e
}

func faceBody(photo []byte, more ...string) string {
	return `{"queryImageBase64":"` + base64.StdEncoding.EncodeToString(photo) + `"` + strings.Join(more, "") + `}`
}

type faceAnswer struct {
	Matches []struct {
		Similarity float64         `json:"similarity"`
		Face       string          `json:"faceId"`
		UUID       string          `json:"uuid"`
		Image      string          `json:"matchedImageUrl"`
		Offender   json.RawMessage `json:"offender"`
		MatchID    string          `json:"matchId"`
		Distance   float64         `json:"distance"`
	} `json:"faceMatches"`
	Search *struct {
		Outcome string `json:"outcome"`
		Advice  *struct {
			Filter       string  `json:"filter"`
			Expected     float64 `json:"expectedFalseMatches"`
			Alternatives []struct {
				Filter   string  `json:"filter"`
				Expected float64 `json:"expectedFalseMatches"`
			} `json:"alternatives"`
		} `json:"advice"`
		Probe struct {
			Others []schemas.Box `json:"others"`
		} `json:"probe"`
	} `json:"search"`
}

func TestFacesAnswersTheContractsKeysAndNoOthers(t *testing.T) {
	h := newNode(t)
	h.crowd(40)
	id := h.enrol(person("1001", "Rowan", "Testcase", func(r *schemas.Record) { r.Birth = schemas.Date{Year: 1971} }), near(0.1))
	response, body := h.do("POST", "/faces?key="+h.key, faceBody(jpeg("probe")))
	if response.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %s", response.StatusCode, body)
	}
	root := decode[map[string]any](t, body)
	if len(root) != 1 {
		t.Errorf("root has %d keys, want 1: %s", len(root), body)
	}
	match := root["faceMatches"].([]any)[0].(map[string]any)
	var faceID schemas.UUID
	for _, f := range h.gal.faces {
		if f.Registrant == id {
			faceID = f.ID
		}
	}
	want := map[string]any{
		"similarity": match["similarity"], "faceId": string(faceID), "uuid": string(id),
		"matchedImageUrl": "http://lineup.test" + h.link(id, faceID),
		"offender": map[string]any{"firstName": "Rowan", "lastName": "Testcase", "dob": "1971-01-01T00:00:00.000Z",
			"offenderUrl": "https://registry.example.test/detail?id=1001", "offenderImageUrl": "https://registry.example.test/photo?id=1001",
			"personUuid": nil},
	}
	if diff := cmp.Diff(want, match); diff != "" {
		t.Errorf("match (-want +got):\n%s", diff)
	}
	if s := match["similarity"].(float64); s <= 90 || s > 100 {
		t.Errorf("similarity %v, want above 90", s)
	}
	if got := response.Header.Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
	if !strings.Contains(strings.Join(response.Header.Values("X-Source-Notice"), " "), "fingerprints") ||
		len(response.Header.Values("X-Notice")) < 5 {
		t.Errorf("notices missing: %v", response.Header)
	}
}

func TestFacesOrderLimitAndSharedPhotos(t *testing.T) {
	h := newNode(t)
	h.crowd(60)
	for i := range 25 { // one photo listed under many names
		h.enrol(person(fmt.Sprintf("s%02d", i), "Shared", fmt.Sprintf("Photo%c", 'a'+i)), near(0.05))
	}
	_, body := h.keyed("POST", "/faces", faceBody(jpeg("probe")))
	got := decode[faceAnswer](t, body)
	if len(got.Matches) != 20 {
		t.Fatalf("%d matches, want 20", len(got.Matches))
	}
	for i := 1; i < len(got.Matches); i++ {
		a, b := got.Matches[i-1], got.Matches[i]
		if a.Similarity < b.Similarity || a.Similarity == b.Similarity && a.UUID >= b.UUID {
			t.Errorf("matches %d and %d out of order", i-1, i)
		}
	}
}

func TestFacesNobodyAboveTheFloor(t *testing.T) {
	h := newNode(t)
	h.crowd(60)
	h.gal.probe = near(9)
	_, body := h.keyed("POST", "/faces", faceBody(jpeg("probe")))
	if body != "{\"faceMatches\":[]}\n" {
		t.Errorf("body %s", body)
	}
	_, body = h.keyed("POST", "/faces", faceBody(jpeg("probe"), `,"details":true`))
	if got := decode[faceAnswer](t, body); got.Search == nil || got.Search.Outcome != "no_match" {
		t.Errorf("details: %s", body)
	}
}

func TestWhoIsDelistedNeverAnswers(t *testing.T) {
	h := newNode(t)
	h.crowd(40)
	id := h.enrol(person("1001", "Rowan", "Testcase"), near(0.1))
	h.ledger.gone[id] = true
	_, body := h.keyed("POST", "/faces", faceBody(jpeg("probe")))
	if strings.Contains(body, string(id)) {
		t.Errorf("delisted registrant in the answer: %s", body)
	}
	_, body = h.keyed("GET", "/sexoffender?uuid="+string(id), "")
	if strings.Contains(body, string(id)) {
		t.Errorf("delisted registrant in the answer: %s", body)
	}
	if response, _ := h.do("GET", h.link(id, ""), ""); response.StatusCode != http.StatusNotFound {
		t.Errorf("photo: status %d, want 404", response.StatusCode)
	}
	h.ledger.err = errors.New("ledger is down")
	for _, request := range [][2]string{{"POST", "/faces"}, {"GET", "/sexoffender?lastName=Testcase"}, {"GET", "/photos/" + string(id)}} {
		response, body := h.keyed(request[0], request[1], faceBody(jpeg("probe")))
		if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" ||
			strings.Contains(body, "Testcase") {
			t.Errorf("%v with the ledger down: status %d, body %s", request, response.StatusCode, body)
		}
	}
}

// TestNothingFoundIsNeverClear: an empty list with people within reach is inconclusive, whether
// none of them stands out or those who did have left the registry, and says what would help.
func TestNothingFoundIsNeverClear(t *testing.T) {
	sexes, states := []string{"male", "female"}, []string{"NY", "TX", "CA", "WA"}
	enrol := func(h *daemon, i int, distance float32) schemas.UUID {
		return h.enrol(person(fmt.Sprintf("n%02d", i), "Look", fmt.Sprintf("Alike%c", 'a'+i), func(r *schemas.Record) {
			r.Jurisdiction, r.Birth = states[i/2%4], schemas.Date{Year: 1950 + 10*(i/8)}
			r.Sex = schemas.Coded{Value: sexes[i%2]}
		}), near(distance))
	}
	details := faceBody(jpeg("probe"), `,"details":true`)
	t.Run("none stands out", func(t *testing.T) {
		h := newNode(t)
		for i := range 16 { // fewer than 20: E is 16 times the model's curve at .5
			enrol(h, i, 0.5+float32(i)/1000)
		}
		_, body := h.keyed("POST", "/faces", details)
		got := decode[faceAnswer](t, body)
		if len(got.Matches) != 0 || got.Search.Outcome != "inconclusive" || got.Search.Advice == nil {
			t.Fatalf("body %s", body)
		}
		// At .5 the curve (.39: 1e-3, .45: 1e-2, a decade each .06) has 10^(-2+.05/.06) = .068129; 16 of them: 1.09007.
		// A state leaves a quarter, sex and birth year (8 each) and age range (ten years apart) one half.
		const e = 1.09007
		want := map[string]float64{"state": e / 4, "sex": e / 2, "age_range": e / 2, "birth_year": e / 2}
		said := map[string]float64{got.Search.Advice.Filter: got.Search.Advice.Expected}
		for _, a := range got.Search.Advice.Alternatives {
			said[a.Filter] = a.Expected
		}
		if diff := cmp.Diff(want, said, cmpopts.EquateApprox(1e-3, 0)); diff != "" || got.Search.Advice.Filter != "state" {
			t.Errorf("advice %q first, want state; (-want +got):\n%s", got.Search.Advice.Filter, diff)
		}
		// And it is as it was said: with the state given, one stands out or fewer false matches are expected.
		_, body = h.keyed("POST", "/faces", faceBody(jpeg("probe"), `,"details":true,"state":"TX"`))
		if narrowed := decode[faceAnswer](t, body); narrowed.Search.Outcome != "match" {
			t.Errorf("with the state given: %s", body)
		}
	})
	t.Run("all who stood out left", func(t *testing.T) {
		h := newNode(t)
		h.ledger.gone[enrol(h, 0, 0.1)] = true
		_, body := h.keyed("POST", "/faces", details)
		if got := decode[faceAnswer](t, body); len(got.Matches) != 0 || got.Search.Outcome != "inconclusive" {
			t.Errorf("body %s", body)
		}
		if !strings.Contains(h.logged(), "inconclusive") {
			t.Errorf("the log says another outcome: %s", h.logged())
		}
	})
	t.Run("a match gives no advice", func(t *testing.T) {
		h := newNode(t)
		h.crowd(40)
		enrol(h, 0, 0.1)
		_, body := h.keyed("POST", "/faces", details)
		if got := decode[faceAnswer](t, body); got.Search.Outcome != "match" || got.Search.Advice != nil {
			t.Errorf("body %s", body)
		}
	})
}

func TestFacesRefusesWithTheDocumentedCode(t *testing.T) {
	tests := []struct {
		name, method, target, body string
		probeError                 error
		key                        string
		status                     int
		reason, message            string
	}{
		{name: "missing key", key: "none", status: 401, message: "Missing API key"},
		{name: "unknown key", key: "lu_nonsense", status: 401, message: "Invalid API key"},
		{name: "very long key", key: strings.Repeat("x", 5000), status: 401, message: "Invalid API key"},
		{name: "wrong method", method: "GET", status: 405},
		{name: "another wrong method", method: "PATCH", status: 405},
		{name: "no body", body: "", status: 400, reason: "bad_json"},
		{name: "not JSON", body: "queryImageBase64=abc", status: 400, reason: "bad_json"},
		{name: "no photo", body: "{}", status: 400, reason: "no_photo"},
		{name: "photo of a wrong type", body: `{"queryImageBase64":7}`, status: 400, reason: "bad_json"},
		{name: "null photo", body: `{"queryImageBase64":null}`, status: 400, reason: "no_photo"},
		{name: "base64 garbage", body: `{"queryImageBase64":"/9j/!!!!"}`, status: 400, reason: "bad_base64",
			message: "queryImageBase64 is not base64: character 5 is '!'."},
		{name: "base64 with a sign of another tongue", body: `{"queryImageBase64":"/9jé4AAQ"}`, status: 400, reason: "bad_base64",
			message: "queryImageBase64 is not base64: character 4 is 'é'."},
		{name: "padding inside", body: `{"queryImageBase64":"/9j/=4AA"}`, status: 400, reason: "bad_base64",
			message: "queryImageBase64 is not base64: character 5 is '='."},
		{name: "base64 that ends in the middle", body: `{"queryImageBase64":"/9j/4"}`, status: 400, reason: "bad_base64",
			message: "queryImageBase64 is not base64: it ends in the middle, a character is missing or one too many."},
		{name: "data prefix in capitals", body: `{"queryImageBase64":"DATA:image/JPEG;BASE64,/9j/"}`, status: 400, reason: "data_prefix"},
		{name: "data prefix without base64", body: `{"queryImageBase64":"data:image/jpeg,x"}`, status: 400, reason: "data_prefix"},
		{name: "data prefix", body: `{"queryImageBase64":"data:image/jpeg;base64,/9j/"}`, status: 400, reason: "data_prefix"},
		{name: "not an image", body: faceBody([]byte("hello, I am text")), probeError: &face.Problem{Code: face.CodeNotAnImage,
			Text: "This is not a photo."}, status: 400, reason: "not_an_image"},
		{name: "several faces", body: faceBody(jpeg("x")), probeError: &face.Problem{Code: face.CodeSeveralFaces,
			Text: "The photo shows 2 faces."}, status: 400, reason: "several_faces"},
		{name: "3,000,000 bytes", body: faceBody(append(jpeg(""), make([]byte, 3_000_000-4)...)), status: 400, reason: "too_large"},
		{name: "oversized body", body: faceBody(make([]byte, 6_000_000)), status: 400, reason: "too_large"},
		{name: "no face", body: faceBody(jpeg("x")), probeError: &face.Problem{Code: face.CodeNoFace, Text: "No face was found."}, status: 400,
			reason: "no_face", message: "No face was found."},
		{name: "too many waiting", body: faceBody(jpeg("x")), probeError: face.ErrBusy, status: 503},
		{name: "unknown state", body: faceBody(jpeg("x"), `,"state":"Atlantis"`), status: 400, reason: "bad_state"},
		{name: "more states than there are", body: faceBody(jpeg("x"), `,"state":["NY"`+strings.Repeat(`,"NY"`, 60)+`]`), status: 400,
			reason: "bad_state"},
		{name: "unknown source", body: faceBody(jpeg("x"), `,"source":"xx"`), status: 400, reason: "bad_source"},
		{name: "unknown sex", body: faceBody(jpeg("x"), `,"sex":"q"`), status: 400, reason: "bad_sex"},
		{name: "ages the wrong way round", body: faceBody(jpeg("x"), `,"ageMin":50,"ageMax":40`), status: 400, reason: "bad_age"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newNode(t)
			h.gal.probeError = test.probeError
			method, key := test.method, test.key
			if method == "" {
				method = "POST"
			}
			if key == "" {
				key = h.key
			}
			target := "/faces?key=" + key
			if key == "none" {
				target = "/faces"
			}
			response, body := h.do(method, target, test.body)
			got := decode[struct {
				Code                   int
				Message, Error, Reason string
			}](t, body)
			if response.StatusCode != test.status || got.Code != test.status || got.Reason != test.reason || got.Message == "" {
				t.Errorf("status %d, body %s; want %d %q", response.StatusCode, body, test.status, test.reason)
			}
			if test.message != "" && got.Message != test.message {
				t.Errorf("message %q, want %q", got.Message, test.message)
			}
			if (test.status == 400) != (got.Error == "Invalid input params") {
				t.Errorf("error %q with status %d", got.Error, test.status)
			}
			if test.status == 405 && response.Header.Get("Allow") != "POST, OPTIONS" {
				t.Errorf("Allow %q", response.Header.Get("Allow"))
			}
			if test.status == 503 && response.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		})
	}
}

// TestEveryBase64OfAPhotoIsTaken: in the alphabet of URLs, without padding, in lines or with blanks it is the same photo.
func TestEveryBase64OfAPhotoIsTaken(t *testing.T) {
	h := newNode(t)
	photo := append(jpeg("x"), 0xfb, 0xff, 0xfe, 0x3f)
	std, raw := base64.StdEncoding.EncodeToString(photo), base64.RawURLEncoding.EncodeToString(photo)
	for name, text := range map[string]string{"usual": std, "of URLs, without padding": raw,
		"of URLs":         base64.URLEncoding.EncodeToString(photo),
		"without padding": base64.RawStdEncoding.EncodeToString(photo),
		"in lines":        std[:4] + `\r\n` + std[4:] + `\n`, "with blanks": " " + std[:8] + " " + std[8:]} {
		if response, body := h.keyed("POST", "/faces", `{"queryImageBase64":"`+text+`"}`); response.StatusCode != 200 {
			t.Errorf("%s: %d %s", name, response.StatusCode, body)
		}
	}
}

func TestTheLargestPhotoAndTheStrippedPrefix(t *testing.T) {
	h := newNode(t, func(c *queryd.Config, _ *queryd.Deps) { c.StripDataPrefix = true })
	largest := append(jpeg(""), make([]byte, 2_999_999-4)...)
	if response, body := h.keyed("POST", "/faces", faceBody(largest)); response.StatusCode != 200 {
		t.Errorf("2,999,999 bytes: %d %s", response.StatusCode, body)
	}
	wrapped := `{"queryImageBase64":"data:image/jpeg;base64,` + base64.StdEncoding.EncodeToString(jpeg("x")) + `"}`
	if response, body := h.keyed("POST", "/faces", wrapped); response.StatusCode != 200 {
		t.Errorf("data prefix with the setting: %d %s", response.StatusCode, body)
	}
}

func TestDemoKeyOpensTheDemoPhotoOnly(t *testing.T) {
	demo, err := os.ReadFile("../serve/demo.jpg")
	if err != nil {
		t.Fatal(err)
	}
	h := newNode(t)
	if response, body := h.do("POST", "/faces?key=DEMO", faceBody(demo)); response.StatusCode != 200 {
		t.Errorf("demo photo: %d %s", response.StatusCode, body)
	}
	for name, answer := range map[string]func() (*http.Response, string){
		"another photo": func() (*http.Response, string) { return h.do("POST", "/faces?key=DEMO", faceBody(jpeg("x"))) },
		"a record":      func() (*http.Response, string) { return h.do("GET", "/sexoffender?key=DEMO&lastName=x", "") },
	} {
		if response, body := answer(); response.StatusCode != 401 || !strings.Contains(body, "DEMO") {
			t.Errorf("%s: %d %s", name, response.StatusCode, body)
		}
	}
	h = newNode(t, func(c *queryd.Config, _ *queryd.Deps) { c.Demo = false })
	if response, _ := h.do("POST", "/faces?key=DEMO", faceBody(demo)); response.StatusCode != 401 {
		t.Errorf("DEMO switched off: %d", response.StatusCode)
	}
}

func TestDetailsSayHowCertainAndKeepEvidence(t *testing.T) {
	h := newNode(t)
	h.crowd(60)
	id := h.enrol(person("1001", "Rowan", "Testcase"), near(0.1))
	h.gal.others = []schemas.Box{{Left: 1, Top: 1, Right: 5, Bottom: 5}}
	response, body := h.keyed("POST", "/faces", faceBody(jpeg("probe"), `,"details":true`))
	got := decode[faceAnswer](t, body)
	if got.Search == nil || got.Search.Outcome != "match" || len(got.Search.Probe.Others) != 1 || got.Matches[0].Distance < 0.099 {
		t.Fatalf("details: %s", body)
	}
	if want := response.Header.Get("X-Search-Id") + "-1"; got.Matches[0].MatchID != want {
		t.Errorf("matchId %q, want %q", got.Matches[0].MatchID, want)
	}
	checkEvidence(t, h, got.Matches[0].MatchID, id)
	response, _ = h.keyed("GET", "/v1/matches/"+string(schemas.RandomID())+"-1/evidence", "")
	if response.StatusCode != 404 {
		t.Errorf("unknown match: %d", response.StatusCode)
	}
	h.ledger.gone[id] = true
	if response, _ = h.keyed("GET", "/v1/matches/"+got.Matches[0].MatchID+"/evidence", ""); response.StatusCode != 404 {
		t.Errorf("evidence after removal: %d", response.StatusCode)
	}
}

// waiting embeds until the caller leaves, and says so.
type waiting struct {
	embedder
	began, ended chan struct{}
}

func (w waiting) Embed(ctx context.Context, _ []byte, _ face.Purpose) (face.Result, error) {
	close(w.began)
	<-ctx.Done()
	close(w.ended)
	return face.Result{}, ctx.Err()
}

// searched counts the searches of a gallery.
type searched struct {
	*gallery
	n *atomic.Int64
}

func (s searched) Nearest(ctx context.Context, e []float32, k int, f index.Filter) ([]index.Neighbour, index.Generation, error) {
	s.n.Add(1)
	return s.gallery.Nearest(ctx, e, k, f)
}

// TestAClientThatLeavesStopsItsWork: the embedder's context ends with the connection, long before any
// timeout, and no search follows.
func TestAClientThatLeavesStopsItsWork(t *testing.T) {
	slow := waiting{began: make(chan struct{}), ended: make(chan struct{})}
	var searches atomic.Int64
	h := newNode(t, func(c *queryd.Config, d *queryd.Deps) {
		c.EmbedTimeout = time.Hour
		slow.embedder = d.Faces.(embedder)
		d.Faces, d.Index = slow, searched{d.Index.(*gallery), &searches}
	})
	server := httptest.NewServer(h)
	ctx, leave := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, "POST", server.URL+"/faces?key="+h.key, strings.NewReader(faceBody(jpeg("probe"))))
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error)
	go func() {
		_, err := http.DefaultClient.Do(request)
		answered <- err
	}()
	<-slow.began
	leave()
	<-slow.ended
	if err := <-answered; !errors.Is(err, context.Canceled) {
		t.Errorf("the client that left got %v", err)
	}
	server.Close() // waits for the handler
	if n := searches.Load(); n != 0 {
		t.Errorf("%d searches for a client that left", n)
	}
	if !strings.Contains(h.logged(), "client_left") {
		t.Errorf("the log does not say that the client left: %s", h.logged())
	}
}
