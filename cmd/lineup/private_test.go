package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"lineup/indexer/face"
	"lineup/schemas"
	"lineup/scraper/samplesite/faces"
)

// syncBuffer is a log that many goroutines write.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// TestNothingOfASearchStays searches by a photo and by words that are nowhere else, in every way, and
// then looks for them, for the key and for the query strings in the whole log and the whole data directory.
func TestNothingOfASearchStays(t *testing.T) {
	var log syncBuffer
	r := newRoad(t, func(a *App) {
		a.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	r.crawl("")
	photo, err := faces.Files.ReadFile("p020c.jpg") // a view the gallery does not hold
	must(t, err)
	embedder, err := r.h.OpenFaces(t.Context())
	must(t, err)
	probe, err := embedder.Embed(t.Context(), photo, face.Probe)
	must(t, err)
	must(t, embedder.Close())

	encoded := base64.StdEncoding.EncodeToString(photo)
	ask := func(method, path, body string, want int) {
		t.Helper()
		request := httptest.NewRequest(method, path, strings.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		r.api.ServeHTTP(w, request)
		if w.Code != want {
			t.Errorf("%s: %d %s", method, w.Code, w.Body)
		}
	}
	key := "?key=" + r.key
	ask(http.MethodPost, "/faces"+key, `{"queryImageBase64":"`+encoded+`","details":true}`, 200)
	ask(http.MethodPost, "/faces"+key, `{"queryImageBase64":"data:image/jpeg;base64,`+encoded+`"}`, 400)
	ask(http.MethodPost, "/faces?key=wrongquizzlekey", `{"queryImageBase64":"`+encoded+`"}`, 401)
	ask(http.MethodGet, "/sexoffender"+key+"&firstName=Zebulonquark&lastName=Wuxtryford&fuzzy=true", "", 200)
	ask(http.MethodGet, "/sexoffender"+key+"&q=Zebulonquark+Wuxtryford", "", 200)
	ask(http.MethodGet, "/sexoffender"+key+"&address=77+Quopplelane&city=Wuxtryville", "", 200)
	ask(http.MethodGet, "/sexoffender"+key+"&lastName=Wuxtryford&state=Zebulonia", "", 400)
	ask(http.MethodPost, "/sexoffender"+key, `{"lastName":"Wuxtryford","dob":"1931-07-17"}`, 200)
	form := url.Values{"key": {r.key}, "lastName": {"Wuxtryford"}}
	request := httptest.NewRequest(http.MethodPost, "/search", strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.api.ServeHTTP(httptest.NewRecorder(), request)
	mcp := httptest.NewRequest(http.MethodPost, "/mcp"+key, strings.NewReader(
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_offenders","arguments":{"lastName":"Wuxtryford"}}}`))
	mcp.Header.Set("Content-Type", "application/json")
	mcp.Header.Set("Accept", "application/json, text/event-stream")
	w := httptest.NewRecorder()
	r.api.ServeHTTP(w, mcp)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "No record found") {
		t.Errorf("MCP: %d %s", w.Code, w.Body)
	}

	text := log.String()
	checkAudit(t, text)
	secrets := map[string][]byte{
		"the first name": []byte("zebulonquark"), "the last name": []byte("wuxtryford"), "the street": []byte("quopplelane"),
		"the key": []byte(r.key), "a wrong key": []byte("wrongquizzlekey"), "the birth date": []byte("1931-07-17"),
		"the photo's digest": []byte(schemas.DigestOf(photo)),
		"the embedding":      floats(probe.Embedding[40:44]), "the embedding in float64": doubles(probe.Embedding[40:44]),
	}
	digest, err := hex.DecodeString(string(schemas.DigestOf(photo)))
	must(t, err)
	secrets["the photo's digest in bytes"] = digest
	for at := len(photo) / 2; at+30 <= len(photo); at += len(photo) / 10 { // behind the tables that photos share
		secrets["the photo"] = photo[at : at+30]
		secrets["the photo in base64"] = []byte(base64.StdEncoding.EncodeToString(photo[at-at%3 : at-at%3+30]))
		absent(t, "the log", []byte(text), secrets)
		absentBelow(t, r.app.Config.Data, secrets)
	}
	absent(t, "the log", []byte(text), map[string][]byte{"a query string": []byte("lastName")})
}

// checkAudit holds that each search has a line with what an audit needs and nothing else.
func checkAudit(t *testing.T, log string) {
	t.Helper()
	lines := 0
	for line := range strings.Lines(log) {
		var entry map[string]any
		must(t, json.Unmarshal([]byte(line), &entry))
		if entry["msg"] != "answered" {
			continue
		}
		lines++
		for name := range entry {
			switch name {
			case "time", "level", "msg", "request", "endpoint", "key", "status", "count", "reason", "milliseconds":
			default:
				t.Errorf("an audit line has %q: %s", name, line)
			}
		}
		if entry["time"] == "" || entry["request"] == "" || entry["endpoint"] == "" || entry["status"] == 200.0 && entry["endpoint"] == "faces" &&
			len(entry["key"].(string)) != 16 {
			t.Errorf("an audit line lacks something: %s", line)
		}
	}
	if lines < 10 {
		t.Errorf("%d audit lines", lines)
	}
}

// absent fails when data has one of the secrets, in any letter case.
func absent(t *testing.T, where string, data []byte, secrets map[string][]byte) {
	t.Helper()
	lower := bytes.ToLower(data)
	for name, secret := range secrets {
		if bytes.Contains(data, secret) || bytes.Contains(lower, secret) {
			t.Errorf("%s holds %s", where, name)
		}
	}
}

func absentBelow(t *testing.T, dir string, secrets map[string][]byte) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		absent(t, path, data, secrets)
		return nil
	})
	if err != nil || files < 50 {
		t.Errorf("looked into %d files: %v", files, err)
	}
}

func floats(all []float32) (b []byte) {
	for _, f := range all {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

func doubles(all []float32) (b []byte) {
	for _, f := range all {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(f)))
	}
	return b
}
