package e2e_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lineup/queryd"
	"lineup/queryd/keys"
	"lineup/schemas"
)

func TestAKeyIsTakenInEveryForm(t *testing.T) {
	h := town(t)
	const target = "/sexoffender?lastName=Testcase"
	for name, answer := range map[string]func() (*http.Response, string){
		"query":    func() (*http.Response, string) { return h.do("GET", target+"&key="+h.key, "") },
		"header":   func() (*http.Response, string) { return h.do("GET", target, "", "X-API-Key", h.key) },
		"RapidAPI": func() (*http.Response, string) { return h.do("GET", target, "", "X-RapidAPI-Key", h.key) },
		"twice": func() (*http.Response, string) {
			return h.do("GET", target+"&key="+h.key, "", "X-API-Key", h.key, "Authorization", "Bearer "+h.key)
		},
		"bearer": func() (*http.Response, string) { return h.do("GET", target, "", "Authorization", "bearer "+h.key) },
		"body": func() (*http.Response, string) {
			return h.do("POST", "/sexoffender", `{"lastName":"Testcase","key":"`+h.key+`"}`, "Content-Type", "application/json")
		},
	} {
		if response, body := answer(); response.StatusCode != 200 || len(names(t, body)) != 2 {
			t.Errorf("%s: %d %s", name, response.StatusCode, body)
		}
	}
}

func TestNothingPersonalIsLogged(t *testing.T) {
	h := town(t)
	h.do("GET", "/sexoffender?lastName=Testcase&key="+h.key, "")
	h.do("GET", "/sexoffender?lastName=Testcase&key=wrongkey", "")
	h.keyed("POST", "/faces", faceBody(jpeg("probe")))
	h.ledger.err = errors.New("down")
	h.keyed("GET", "/sexoffender?lastName=Testcase", "")
	log := h.logged()
	if strings.Count(log, "msg=answered") != 4 || !strings.Contains(log, "status=401") || !strings.Contains(log, "reason=invalid_key") {
		t.Errorf("audit lines missing: %s", log)
	}
	for _, secret := range []string{"Testcase", "TESTCASE", h.key, "wrongkey", "lastName", "/9j/"} {
		if strings.Contains(log, secret) {
			t.Errorf("log holds %q", secret)
		}
	}
}

// TestTwoKeysAreRefused holds that nobody's request is counted on another's key by chance.
func TestTwoKeysAreRefused(t *testing.T) {
	h := town(t)
	for name, answer := range map[string]func() (*http.Response, string){
		"query and header": func() (*http.Response, string) {
			return h.do("GET", "/sexoffender?lastName=Testcase&key="+h.key, "", "X-API-Key", "other")
		},
		"two headers": func() (*http.Response, string) {
			return h.do("POST", "/faces", "{}", "X-API-Key", h.key, "X-RapidAPI-Key", "other", "Content-Type", "application/json")
		},
		"header and body": func() (*http.Response, string) {
			return h.do("POST", "/sexoffender", `{"lastName":"Testcase","key":"other"}`, "Content-Type", "application/json", "X-API-Key", h.key)
		},
	} {
		if response, body := answer(); response.StatusCode != 400 || !strings.Contains(body, "two_keys") || strings.Contains(body, h.key) {
			t.Errorf("%s: %d %s", name, response.StatusCode, body)
		}
	}
}

// TestALargeBodyGetsItsAnswer sends all of a body that is too large before it reads, as many clients do.
func TestALargeBodyGetsItsAnswer(t *testing.T) {
	h := newNode(t)
	host := strings.TrimPrefix(h.listen(), "http://")
	for _, path := range []string{"/faces", "/sexoffender", "/"} {
		conn, err := net.Dial("tcp", host)
		must(t, err)
		defer conn.Close()
		must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		const size = 24 << 20
		kind := "application/json"
		if path == "/" {
			kind = "application/x-www-form-urlencoded"
		}
		if _, err := io.WriteString(conn, "POST "+path+"?key="+h.key+" HTTP/1.1\r\nHost: x\r\nContent-Type: "+kind+"\r\nContent-Length: "+
			strconv.Itoa(size)+"\r\n\r\n"+
			strings.Repeat("a", size)); err != nil {
			t.Errorf("%s: the server hangs up while the body is sent: %v", path, err)
			continue
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || response.StatusCode != 400 {
			t.Errorf("%s: %v, %v", path, response, err)
		}
	}
}

// TestNobodysPagesMayAsk holds that an empty query.allow_origin lets no page of another origin read an answer.
func TestNobodysPagesMayAsk(t *testing.T) {
	h := town(t, func(c *queryd.Config, _ *queryd.Deps) { c.AllowOrigin = "" })
	for _, method := range []string{"OPTIONS", "GET"} {
		response, _ := h.do(method, "/v1/terms", "", "Origin", "https://app.example", "Access-Control-Request-Method", "GET")
		for name := range response.Header {
			if strings.HasPrefix(name, "Access-Control-Allow-Origin") {
				t.Errorf("%s answers with %s: %q", method, name, response.Header[name])
			}
		}
	}
}

func TestMethodsPreflightAndHeaders(t *testing.T) {
	h := town(t)
	response, body := h.do("OPTIONS", "/faces", "", "Origin", "https://app.example", "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", "content-type")
	if response.StatusCode != 204 || body != "" || response.Header.Get("Access-Control-Allow-Origin") != "*" ||
		!strings.Contains(response.Header.Get("Access-Control-Allow-Methods"), "POST") ||
		!strings.Contains(response.Header.Get("Access-Control-Allow-Headers"), "content-type") {
		t.Errorf("preflight: %d %v", response.StatusCode, response.Header)
	}
	if response, _ = h.do("OPTIONS", "/sexoffender", ""); response.StatusCode != 204 ||
		response.Header.Get("Allow") != "POST, GET, HEAD, OPTIONS" {
		t.Errorf("OPTIONS: %d %q", response.StatusCode, response.Header.Get("Allow"))
	}
	if response, _ = h.do("GET", "/healthz", "", "X-Request-Id", "client:42"); response.Header.Get("X-Request-Id") != "client:42" ||
		response.Header.Get("X-Offenders-Request-Id") != "client:42" {
		t.Errorf("request id %q", response.Header.Get("X-Request-Id"))
	}
	if response, _ = h.do("GET", "/healthz", "", "X-Request-Id", "not allowed"); response.Header.Get("X-Request-Id") == "not allowed" ||
		response.Header.Get("X-Request-Id") == "" {
		t.Errorf("request id %q", response.Header.Get("X-Request-Id"))
	}
	response, body = h.do("GET", "/sexoffender?lastName=Testcase&key="+h.key, "", "Accept-Encoding", "gzip")
	if response.Header.Get("Content-Encoding") == "gzip" {
		plain, err := gzip.NewReader(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(plain)
		if err != nil || len(names(t, string(text))) != 2 {
			t.Errorf("gzip: %v %s", err, text)
		}
	} else {
		t.Error("a large answer is not compressed")
	}
	if response, _ = h.do("GET", "/sexoffender?lastName=Testcase&facelId=x&wat=1&key="+h.key,
		""); response.Header.Get("X-Ignored-Params") != "facelId, wat" {
		t.Errorf("X-Ignored-Params %q", response.Header.Get("X-Ignored-Params"))
	}
}

func TestPhotosAreCachedBrieflyAndByDigest(t *testing.T) {
	h := town(t)
	f := h.gal.faces[0]
	for _, target := range []string{h.link(f.Registrant, ""), h.link(f.ID, ""), h.link(f.Registrant, f.ID)} {
		response, body := h.do("GET", target, "")
		if response.StatusCode != 200 || response.Header.Get("Content-Type") != "image/jpeg" || body != string(jpeg("photo of 1")) {
			t.Errorf("%s: %d %v", target, response.StatusCode, response.Header)
		}
		if response, body = h.do("GET", target, "", "If-None-Match", response.Header.Get("ETag")); response.StatusCode != 304 || body != "" {
			t.Errorf("%s again: %d", target, response.StatusCode)
		}
		if response, _ = h.do("HEAD", target, ""); response.StatusCode != 200 {
			t.Errorf("HEAD: %d", response.StatusCode)
		}
	}
	if response, _ := h.do("GET", h.link(f.Registrant, schemas.RandomID()), ""); response.StatusCode != 404 {
		t.Errorf("a replaced photo: %d", response.StatusCode)
	}
	h.ledger.gone[f.Registrant] = true
	h.gal.docs, h.gal.faces = nil, nil // and the index has followed
	if response, _ := h.do("GET", h.link(f.Registrant, f.ID), ""); response.StatusCode != 404 {
		t.Errorf("after removal: %d", response.StatusCode)
	}
}

func TestLimitsOfAKey(t *testing.T) {
	now := clock
	h := newNode(t, func(_ *queryd.Config, d *queryd.Deps) { d.Now = func() time.Time { return now } })
	secret, key, err := h.keys.Add(t.Context(), "limited "+t.Name(), keys.Limits{PerMinute: 2, PerDay: 3})
	if err != nil {
		t.Fatal(err)
	}
	get := func() *http.Response {
		response, _ := h.do("GET", "/sexoffender?lastName=x&key="+secret, "")
		return response
	}
	if r := get(); r.StatusCode != 200 || r.Header.Get("RateLimit-Limit") != "2" || r.Header.Get("RateLimit-Remaining") != "1" {
		t.Errorf("first: %d %v", r.StatusCode, r.Header)
	}
	get()
	if r := get(); r.StatusCode != 429 || r.Header.Get("Retry-After") != "54" {
		t.Errorf("third in a minute: %d, Retry-After %q", r.StatusCode, r.Header.Get("Retry-After"))
	}
	now = now.Add(time.Minute)
	if r := get(); r.StatusCode != 200 {
		t.Errorf("next minute: %d", r.StatusCode)
	}
	if r := get(); r.StatusCode != 429 || r.Header.Get("RateLimit-Limit") != "3" {
		t.Errorf("fourth in a day: %d %v", r.StatusCode, r.Header)
	}
	now = now.Add(24 * time.Hour)
	if r := get(); r.StatusCode != 200 {
		t.Errorf("next day: %d", r.StatusCode)
	}
	// What was used is stored when the daemon ends, and is what another daemon starts from.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Run(ctx, listener); err != nil {
		t.Fatal(err)
	}
	uses, err := h.keys.Usage(t.Context(), key.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(uses) != 2 || uses[0].Kinds["sexoffender"] != 3 || uses[0].Kinds["refused"] != 2 || uses[1].Total() != 1 {
		t.Errorf("usage %+v", uses)
	}
}

func TestReadyNamesThePartThatIsNot(t *testing.T) {
	h := newNode(t, func(_ *queryd.Config, d *queryd.Deps) {
		d.Ready = func(context.Context) map[string]error {
			return map[string]error{"broker": errors.New("secret host is down"), "index": nil}
		}
	})
	response, body := h.do("GET", "/readyz", "")
	if response.StatusCode != 503 || !strings.Contains(body, `"broker":"not ready"`) || !strings.Contains(body, `"index":"ready"`) ||
		strings.Contains(body, "secret") {
		t.Errorf("%d %s", response.StatusCode, body)
	}
}

func TestAnUnreachableIndexIs503(t *testing.T) {
	h := town(t)
	h.gal.err = errors.New("engine is down")
	for _, request := range [][3]string{{"GET", "/sexoffender?lastName=Testcase", ""}, {"POST", "/faces", faceBody(jpeg("x"))}} {
		if response, body := h.keyed(request[0], request[1], request[2]); response.StatusCode != 503 || strings.Contains(body, "engine is down") {
			t.Errorf("%v: %d %s", request[:2], response.StatusCode, body)
		}
	}
}

func TestSlowAndOversizedClientsAreCutOff(t *testing.T) {
	h := newNode(t)
	base := h.listen()
	host := strings.TrimPrefix(base, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ") // and never ends its headers
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("a client that never ends its headers is not cut off: %v", err)
	}
	large, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer large.Close()
	io.WriteString(large, "POST /faces?key="+h.key+" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "+
		"1000000000\r\n\r\n{")
	large.SetReadDeadline(time.Now().Add(time.Minute))
	response, err := http.ReadResponse(bufio.NewReader(large), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); response.StatusCode != 400 || !strings.Contains(string(body), "too_large") {
		t.Errorf("a body of a gigabyte: %d %s", response.StatusCode, body)
	}
	if response, err := http.Get(base + "/healthz"); err != nil || response.StatusCode != 200 {
		t.Errorf("afterwards: %v", err)
	}
}

// TestClientsInTheWild runs testdata/clients against a server, as users of Offenders.io wrote theirs.
func TestClientsInTheWild(t *testing.T) {
	h := newNode(t, func(c *queryd.Config, _ *queryd.Deps) { c.PublicURL = "" })
	h.crowd(40)
	h.enrol(person("1001", "Rowan", "Testcase"), near(0.1))
	base := h.listen()
	for _, client := range [][]string{
		{"bash", "testdata/clients/curl.sh"}, {"node", "testdata/clients/fetch.mjs"},
		{"python3", "testdata/clients/urllib_client.py"}, {pythonWithRequests(t), "testdata/clients/requests_client.py"},
	} {
		t.Run(filepath.Base(client[1]), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			command := exec.CommandContext(ctx, client[0], client[1])
			command.Env = append(os.Environ(), "BASE="+base, "KEY="+h.key, "PHOTO=../serve/demo.jpg", "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
			out, err := command.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "ok: Rowan Testcase") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// pythonWithRequests is a Python that has the requests package: not every python3 on the path is
// the system's, which the set-up of the tests gives it to.
func pythonWithRequests(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), python, "-c", "import requests").Run() == nil {
			return python
		}
	}
	t.Fatal("no Python with requests: apt-get install python3-requests (the test set-up does so)")
	return ""
}

func FuzzParameters(f *testing.F) {
	for _, seed := range []string{"lastName=a", "lat=1&lng=2&radius=3", "q=%FF&page=2", "uuid=x&dob=1971-01-01",
		"createdAtStart=2026-01-01T00:00:00Z", "a=1;b=2", "zipcode=%00", "prefixMatch=both&firstName=abc"} {
		f.Add(seed, "")
	}
	f.Add("", `{"lastName":"a","page":1}`)
	f.Add("", `{"lastName":{"a":1}}`)
	f.Fuzz(func(t *testing.T, query, body string) {
		h := fuzzNode(t)
		method := "GET"
		if body != "" {
			method = "POST"
		}
		values, err := url.ParseQuery(query)
		if err == nil {
			query = values.Encode()
		} else {
			query = url.QueryEscape(query)
		}
		response, answer := h.do(method, "/sexoffender?"+query, body, "X-API-Key", h.key)
		if response.StatusCode != 200 && response.StatusCode != 400 && response.StatusCode != 401 {
			t.Errorf("%d %s", response.StatusCode, answer)
		}
	})
}

func FuzzFaceBodies(f *testing.F) {
	f.Add(`{"queryImageBase64":"/9j/4AAQ"}`)
	f.Add(`{"queryImageBase64":["a"],"state":7}`)
	f.Add(faceBody(jpeg("x"), `,"details":true,"state":["NY","New Jersey"],"ageMin":-1`))
	f.Fuzz(func(t *testing.T, body string) {
		h := fuzzNode(t)
		if response, answer := h.do("POST", "/faces", body, "X-API-Key", h.key); response.StatusCode != 200 && response.StatusCode != 400 {
			t.Errorf("%d %s", response.StatusCode, answer)
		}
	})
}

var fuzzed *daemon

// fuzzNode is one daemon for all inputs of a fuzz run.
func fuzzNode(t *testing.T) *daemon {
	if fuzzed == nil {
		fuzzed = town(t)
	}
	fuzzed.t = t
	return fuzzed
}
