package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"lineup/indexer/face"
	"lineup/queryd"
	"lineup/queryd/keys"
	"lineup/schemas"
)

// unpaid are requests with large bodies that carry no key, or none that opens anything.
var unpaid = []struct{ head, begin string }{
	{"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n",
		"--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.jpg\"\r\n\r\n"},
	{"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n",
		"--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nwrong\r\n--b\r\nContent-Disposition: form-data; name=\"photo\"; " +
			"filename=\"a.jpg\"\r\n\r\n"},
	{"POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n", `{"jsonrpc":"2.0","id":1,"method":"`},
	{"POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-API-Key: wrong\r\n", `{"jsonrpc":"2.0","id":1,"method":"`},
	{"POST /faces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n", `{"queryImageBase64":"`},
}

// TestNothingIsReadBeforeItIsPaidFor sends 200 large bodies without a key at once: the memory of the
// process does not grow with them, and every client reads that its key is missing or wrong.
func TestNothingIsReadBeforeItIsPaidFor(t *testing.T) {
	h := newNode(t)
	host := strings.TrimPrefix(h.listen(), "http://")
	const clients, size, most = 200, 2_900_000, 64 << 20
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	var sent, answered sync.WaitGroup
	sent.Add(clients)
	finish := make(chan struct{})
	chunk := bytes.Repeat([]byte("a"), 100_000)
	for i := range clients {
		answered.Go(func() {
			once := sync.OnceFunc(sent.Done)
			defer once()
			u := unpaid[i%len(unpaid)]
			conn, err := net.Dial("tcp", host)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(time.Minute))
			fmt.Fprintf(conn, "%sContent-Length: %d\r\n\r\n%s", u.head, len(u.begin)+size+1, u.begin)
			for range size / len(chunk) {
				if _, err := conn.Write(chunk); err != nil {
					t.Errorf("%.30s: hung up on while the body is sent: %v", u.head, err)
					return
				}
			}
			once()
			<-finish
			if _, err := io.WriteString(conn, "a"); err != nil {
				t.Errorf("%.30s: %v", u.head, err)
				return
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || response.StatusCode != http.StatusUnauthorized {
				t.Errorf("%.30s: %v, %v", u.head, response, err)
			}
		})
	}
	sent.Wait()
	if grown := int64(heap()) - int64(before); grown > most {
		t.Errorf("%d bodies that nobody paid for hold %d MB", clients, grown>>20)
	}
	close(finish)
	answered.Wait()
}

// TestTheKeyComesFirst holds what the page's form must begin with, and that the other ways to give a key
// hold for the page too.
func TestTheKeyComesFirst(t *testing.T) {
	h := town(t)
	part := func(name, value string) string {
		return fmt.Sprintf("--b\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", name, value)
	}
	kind := []string{"Content-Type", "multipart/form-data; boundary=b"}
	key, sex, end := part("key", h.key), part("sex", "male"), "--b--\r\n"
	for name, c := range map[string]struct {
		body    string
		headers []string
		status  int
	}{
		"first":            {key + sex + end, nil, 200},
		"last":             {sex + key + end, nil, 401},
		"none":             {sex + end, nil, 401},
		"wrong":            {part("key", "wrong") + sex + end, nil, 401},
		"endless":          {part("key", strings.Repeat("k", 100_000)) + end, nil, 401},
		"in a header":      {sex + end, []string{"X-API-Key", h.key}, 200},
		"in both":          {key + sex + end, []string{"X-API-Key", h.key}, 200},
		"two":              {key + sex + end, []string{"X-API-Key", "other"}, 401},
		"two, the other's": {part("key", "other") + sex + end, []string{"X-API-Key", h.key}, 400},
		"endless fields":   {key + strings.Repeat(part("sex", "male"), 3000) + end, nil, 400},
		"an endless field": {key + part("sex", strings.Repeat("x", 200_000)) + end, nil, 400},
		"endless preamble": {strings.Repeat("x\r\n", 100_000) + key + end, nil, 401},
		"broken":           {key + "--b\r\nwhat", nil, 400},
	} {
		if response, body := h.do("POST", "/", c.body, append(kind, c.headers...)...); response.StatusCode != c.status {
			t.Errorf("%s: %d %.300s", name, response.StatusCode, body)
		}
	}
	// What carries no key may be small only.
	long := strings.Repeat("a", 40_000)
	for _, c := range [][2]string{{"/sexoffender", `{"lastName":"` + long + `","key":"` + h.key + `"}`},
		{"/search", "key=" + h.key + "&lastName=" + long},
		{"/", "key=" + h.key + "&lastName=" + long}} {
		kind := "application/x-www-form-urlencoded"
		if c[0] == "/sexoffender" {
			kind = "application/json"
		}
		if response, body := h.do("POST", c[0], c[1], "Content-Type", kind); response.StatusCode != 400 || !strings.Contains(body, "too_large") {
			t.Errorf("%s: %d %s", c[0], response.StatusCode, body)
		}
	}
}

// TestOnlySoManyBodiesAreReadAtOnce holds two bodies back: a third is refused until one of them has ended,
// and one key cannot take all places.
func TestOnlySoManyBodiesAreReadAtOnce(t *testing.T) {
	h := town(t, func(c *queryd.Config, _ *queryd.Deps) { c.MaxBodies = 2 })
	other, _, err := h.keys.Add(t.Context(), "other "+string(schemas.RandomID()), keys.Limits{PerMinute: 1e6, PerDay: 1e6})
	must(t, err)
	third, _, err := h.keys.Add(t.Context(), "third "+string(schemas.RandomID()), keys.Limits{PerMinute: 1e6, PerDay: 1e6})
	must(t, err)
	base := h.listen()
	held := func(key string) net.Conn {
		conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		must(t, err)
		t.Cleanup(func() { conn.Close() })
		_, err = fmt.Fprintf(conn, "POST /faces?key=%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{", key)
		must(t, err)
		return conn
	}
	// until asks until the answer is the one that is waited for: the server reads when it likes.
	until := func(key string, status int) *http.Response {
		for range 1000 {
			response, err := http.Post(base+"/faces?key="+key, "application/json", strings.NewReader("{}"))
			must(t, err)
			response.Body.Close()
			if response.StatusCode == status {
				return response
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Fatalf("never %d", status)
		return nil
	}
	first := held(h.key)
	if response := until(h.key, http.StatusServiceUnavailable); response.Header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	until(other, http.StatusBadRequest) // {} holds no photo: it was read
	held(other)
	until(third, http.StatusServiceUnavailable)
	_, err = io.WriteString(first, "}")
	must(t, err)
	until(third, http.StatusBadRequest)
}

// TestTooLargeIsSaidByEveryEntry sends a photo of 3,000,000 bytes and one of six megabytes, by every way a photo can come: it is too large,
// and nobody is told to come again with it, though too many photos are searched at the moment.
func TestTooLargeIsSaidByEveryEntry(t *testing.T) {
	h := newNode(t)
	h.gal.probeError = face.ErrBusy
	for _, size := range []int{3_000_000, 6_000_000} {
		photo := append(jpeg(""), make([]byte, size-4)...)
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		file, err := w.CreateFormFile("photo", "a.jpg")
		must(t, err)
		_, err = file.Write(photo)
		must(t, errors.Join(err, w.Close()))
		text := base64.StdEncoding.EncodeToString(photo)
		for name, c := range map[string]struct{ target, kind, body string }{
			"base64":         {"/faces", "application/json", faceBody(photo)},
			"form":           {"/", w.FormDataContentType(), form.String()},
			"form, for JSON": {"/?json=1", w.FormDataContentType(), form.String()},
			"MCP": {"/mcp", "application/json", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_faces",` +
				`"arguments":{"photoBase64":"` + text + `"}}}`},
		} {
			response, body := h.do("POST", c.target, c.body, "Content-Type", c.kind, "X-API-Key", h.key, "Accept",
				"application/json, text/event-stream")
			said := strings.Contains(body, "too_large") || strings.Contains(body, "must be smaller than") ||
				strings.Contains(body, "must have fewer")
			if !said || response.StatusCode != http.StatusBadRequest && name != "MCP" {
				t.Errorf("%d bytes by %s: %d %.300s", size, name, response.StatusCode, body)
			}
		}
	}
}
