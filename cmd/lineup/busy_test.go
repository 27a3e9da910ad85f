package main

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"lineup/indexer"
	"lineup/queryd/keys"
	"lineup/scraper/samplesite/faces"
)

// oneWorker is a daemon with one recognizer, where four photos may wait.
func oneWorker(t *testing.T) (*road, *httptest.Server) {
	t.Helper()
	r := newRoad(t)
	r.h.Config.Index.Workers = 1
	embedder, err := r.h.OpenFaces(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, embedder.Close()) })
	must(t, indexer.Prepare(t.Context(), r.h.Index, embedder.Model()))
	r.renewMetrics()
	api, err := r.h.NewServer(t.Context(), embedder)
	must(t, err)
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return r, server
}

// TestTooManyPhotosAreRefusedAtTheDoor sends many more photos at once than may be embedded and
// wait: those are answered, the others told at once to come again, and nothing piles up.
func TestTooManyPhotosAreRefusedAtTheDoor(t *testing.T) {
	r, server := oneWorker(t)
	photo, err := faces.Files.ReadFile("noface.jpg") // every step of the search is tried on it
	must(t, err)
	body, err := json.Marshal(map[string]string{"queryImageBase64": base64.StdEncoding.EncodeToString(photo)})
	must(t, err)

	const callers = 60
	var mu sync.Mutex
	statuses := map[int]int{}
	var problems []error
	var wait sync.WaitGroup
	for range callers {
		wait.Go(func() {
			response, err := http.Post(server.URL+"/faces?key="+r.key, "application/json", bytes.NewReader(body))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				problems = append(problems, err)
				return
			}
			defer response.Body.Close()
			_, err = io.Copy(io.Discard, response.Body)
			problems = append(problems, err)
			statuses[response.StatusCode]++
			if response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
		})
	}
	wait.Wait()
	must(t, errors.Join(problems...))
	found, refused := statuses[http.StatusBadRequest], statuses[http.StatusServiceUnavailable] // there is no face in it
	if found+refused != callers || found < 5 || refused < 1 {
		t.Errorf("statuses %v: want the one at work and the four that wait answered with 400, the rest with 503", statuses)
	}
}

// TestAFloodIsItsOwnersAlone lets one key ask without end, more than may wait: another key's searches are all
// answered, and a picture that is too large is told to be so by every way it can be sent, by the flooding
// key too, and not to come again.
func TestAFloodIsItsOwnersAlone(t *testing.T) {
	r, server := oneWorker(t)
	other, _, err := r.h.Keys.Add(t.Context(), "other", keys.Limits{PerMinute: 100000, PerDay: 1000000})
	must(t, err)
	photo, err := faces.Files.ReadFile("noface.jpg")
	must(t, err)
	var large bytes.Buffer
	must(t, png.Encode(&large, image.NewGray(image.Rect(0, 0, 5200, 5000))))

	stop, full := make(chan struct{}), make(chan struct{})
	var wait sync.WaitGroup
	defer wait.Wait()
	defer close(stop)
	once := sync.OnceFunc(func() { close(full) })
	for range 12 {
		wait.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if status, _ := sent(t, server.URL, "/faces", r.key, photo); status == http.StatusServiceUnavailable {
					once()
				}
			}
		})
	}
	<-full
	for range 5 {
		if status, body := sent(t, server.URL, "/faces", other, photo); status != http.StatusBadRequest || !strings.Contains(body, "no_face") {
			t.Errorf("another key's search: %d %s", status, body)
		}
	}
	for _, key := range []string{r.key, other} {
		for _, target := range []string{"/faces", "/", "/?json=1", "/mcp"} {
			status, body := sent(t, server.URL, target, key, large.Bytes())
			if want := map[string]int{"/mcp": http.StatusOK}[target]; status != cmp.Or(want, http.StatusBadRequest) ||
				!strings.Contains(body, "too_large") && !strings.Contains(body, "5200 x 5000 pixels") {
				t.Errorf("%s: 26 million pixels: %d %.300s", target, status, body)
			}
		}
	}
}

// sent sends a photo the way that target takes it, and returns the answer.
func sent(t *testing.T, base, target, key string, photo []byte) (status int, body string) {
	text := base64.StdEncoding.EncodeToString(photo)
	kind := "application/json"
	var out bytes.Buffer
	switch target {
	case "/faces":
		out.WriteString(`{"queryImageBase64":"` + text + `"}`)
	case "/mcp":
		out.WriteString(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_faces","arguments":{"photoBase64":"` +
			text + `"}}}`)
	default:
		form := multipart.NewWriter(&out)
		kind = form.FormDataContentType()
		file, err := form.CreateFormFile("photo", "a.png")
		if err == nil {
			_, err = file.Write(photo)
		}
		if err = errors.Join(err, form.Close()); err != nil {
			t.Error(err)
			return 0, ""
		}
	}
	request, err := http.NewRequest("POST", base+target, &out)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	request.Header.Set("Content-Type", kind)
	request.Header.Set("X-API-Key", key)
	request.Header.Set("Accept", "application/json, text/event-stream")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return response.StatusCode, string(answer)
}
