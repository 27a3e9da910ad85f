package fetch_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"lineup/internal/dial"
	"lineup/scraper/fetch"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// ask fetches url with a quick fetcher.
func ask(t *testing.T, cfg fetch.Config, r fetch.Request) (fetch.Page, error) {
	t.Helper()
	if cfg.Backoff == 0 {
		cfg.Backoff = time.Millisecond
	}
	f, err := fetch.New(at(t, cfg, r.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return f.Fetch(t.Context(), r)
}

// at is cfg for the operator's own site at address.
func at(t *testing.T, cfg fetch.Config, address string) fetch.Config {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Hosts, cfg.Local = []string{u.Host}, u.Host
	return cfg
}

func TestFailuresThatTellWhy(t *testing.T) {
	mux := http.NewServeMux()
	answer := func(status int, kind, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	mux.HandleFunc("/robots.txt", http.NotFound)
	mux.HandleFunc("/nobody", answer(404, "application/json; charset=utf-8", `{"m": "not found"}`))
	mux.HandleFunc("/many", answer(500, "application/json", `{"m": "more than 240"}`))
	mux.HandleFunc("/proxy", answer(502, "text/html", "<h1>Bad Gateway</h1>"))
	mux.HandleFunc("/refused", answer(403, "application/json", `{}`))
	mux.HandleFunc("/later", answer(503, "application/json", `{}`, "Retry-After", "0"))
	mux.HandleFunc("/often", answer(429, "application/json", `{}`))
	server := httptest.NewServer(mux)
	defer server.Close()
	for path, want := range map[string]int{"/nobody": 404, "/many": 500, "/proxy": 0, "/refused": 0, "/later": 0, "/often": 0} {
		for _, told := range []bool{true, false} {
			page, err := ask(t, fetch.Config{Version: "1", Tries: 1}, fetch.Request{URL: server.URL + path, Told: told})
			if got := page.Status; told && want > 0 && (err != nil || got != want || len(page.Body) == 0) || (!told || want == 0) && err == nil {
				t.Errorf("%s, told %v: %d, %v", path, told, got, err)
			}
		}
	}
}

func TestFetcher(t *testing.T) {
	var tries atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("/robots.txt", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "User-agent: *\nDisallow: /closed\nAllow: /closed/but\n\nUser-agent: Lineup\nDisallow: /not-you\nDisallow: /closed\n"+
			"Allow: /closed/but\n")
	})
	mux.HandleFunc("/who", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.UserAgent()) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/who", http.StatusFound) })
	mux.HandleFunc("/to-closed", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/closed", http.StatusFound) })
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/closed/but", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "open") })
	mux.HandleFunc("/flaky", func(w http.ResponseWriter, _ *http.Request) {
		if tries.Add(1)%3 != 0 {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		fmt.Fprint(w, "up")
	})
	mux.HandleFunc("/down", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusServiceUnavailable) })
	mux.HandleFunc("/captcha-404", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `<html><body><div class="g-recaptcha"></div>`)
	})
	mux.HandleFunc("/denied", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<html><head><title>Access Denied</title>")
	})
	mux.HandleFunc("/own-mark", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html><body>Come back with a ticket") })
	mux.HandleFunc("/403", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	mux.HandleFunc("/big", func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 2<<20)) })
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(make([]byte, 20<<20))
		z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(b.Bytes())
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/same", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == `"x"` {
			w.WriteHeader(http.StatusNotModified)
		}
	})
	mux.HandleFunc("/cookie", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("session"); err == nil {
			fmt.Fprint(w, "known")
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
		http.Redirect(w, r, "/cookie", http.StatusSeeOther)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	manners, refusals := fetch.Manners{MaxBody: 1 << 20, Timeout: time.Second}, []string{"come back with a ticket"}
	for _, tc := range []struct {
		path   string
		header http.Header
		body   string
		status int
		err    error
		asked  int32 // of /flaky
	}{
		{path: "/who", body: "Lineup/1.2 (+operator@example.orgX: y)"},
		{path: "/away", body: "Lineup/1.2 (+operator@example.orgX: y)"},
		{path: "/cookie", body: "known"},
		{path: "/closed/but", body: "open"},
		{path: "/closed/door", err: fetch.ErrRobots},
		{path: "/not-you", err: fetch.ErrRobots},
		{path: "/to-closed", err: fetch.ErrRobots},
		{path: "/loop", err: errAny},
		{path: "/flaky", body: "up"},
		{path: "/down", err: errAny},
		{path: "/nothing", err: fs.ErrNotExist},
		{path: "/captcha-404", err: fetch.ErrBlocked},
		{path: "/denied", err: fetch.ErrBlocked},
		{path: "/own-mark", err: fetch.ErrBlocked},
		{path: "/403", err: fetch.ErrBlocked},
		{path: "/big", err: fetch.ErrTooLarge},
		{path: "/bomb", err: fetch.ErrTooLarge},
		{path: "/slow", err: context.DeadlineExceeded},
		{path: "/same", header: http.Header{"If-None-Match": {`"x"`}}, status: http.StatusNotModified},
	} {
		t.Run(tc.path, func(t *testing.T) {
			m := manners
			if tc.path == "/slow" {
				m.Timeout = 20 * time.Millisecond
			}
			page, err := ask(t, fetch.Config{Version: "1.2", Contact: "operator@example.org\r\nX: y" /* header injection */, Manners: m,
				Refusals: refusals, Tries: 3},
				fetch.Request{URL: server.URL + tc.path, Header: tc.header})
			switch {
			case tc.err == errAny && err == nil, tc.err != nil && tc.err != errAny && !errors.Is(err, tc.err), tc.err == nil && err != nil:
				t.Fatalf("error %v, want %v", err, tc.err)
			case tc.err == nil && tc.status == 0 && !strings.HasPrefix(string(page.Body), tc.body):
				t.Errorf("got %q, want %q", page.Body, tc.body)
			case tc.status != 0 && page.Status != tc.status:
				t.Errorf("status %d, want %d", page.Status, tc.status)
			}
		})
	}
}

// errAny stands for any error.
var errAny = errors.New("any")

// counted is a site without robots.txt that answers so, and how often it was asked. It ends with the test.
func counted(t *testing.T, answer http.HandlerFunc) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			http.NotFound(w, r)
			return
		}
		asked.Add(1)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return server, &asked
}

func TestRefusalIsNeverRetried(t *testing.T) {
	server, asked := counted(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	if _, err := ask(t, fetch.Config{}, fetch.Request{URL: server.URL + "/x"}); !errors.Is(err, fetch.ErrBlocked) || asked.Load() != 1 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}

func TestRetryAfterIsWaitedFor(t *testing.T) {
	for name, header := range map[string]func() string{
		"seconds": func() string { return "1" },
		"date":    func() string { return time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat) },
	} {
		t.Run(name, func(t *testing.T) {
			var first, second time.Time
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/robots.txt":
				case first.IsZero():
					first = time.Now()
					w.Header().Set("Retry-After", header())
					w.WriteHeader(http.StatusTooManyRequests)
				default:
					second = time.Now()
				}
			}))
			defer server.Close()
			if _, err := ask(t, fetch.Config{}, fetch.Request{URL: server.URL + "/x"}); err != nil {
				t.Fatal(err)
			}
			if waited := second.Sub(first); waited < 900*time.Millisecond {
				t.Errorf("asked again after %s", waited)
			}
		})
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/robots.txt" {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	wait := (*fetch.WaitError)(nil)
	if _, err := ask(t, fetch.Config{}, fetch.Request{URL: server.URL + "/x"}); !errors.As(err, &wait) ||
		time.Until(wait.Until).Round(time.Hour) != 24*time.Hour {
		t.Errorf("a day's wait: %v", err)
	}
}

func TestHourlyQuotaCountsEarlierRequests(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	now := time.Now()
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	// Three an hour, two were made: robots.txt is the third, the page must wait.
	f, err := fetch.New(at(t, fetch.Config{Manners: fetch.Manners{PerHour: 3},
		Asked: []time.Time{now.Add(-2 * time.Hour), now.Add(-time.Minute), now.Add(-time.Second)}}, server.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Fetch(ctx, fetch.Request{URL: server.URL + "/x"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("fourth request of the hour: %v", err)
	}
	if got := len(f.Recent()); got != 3 {
		t.Errorf("%d requests kept for the next process, want 3", got)
	}
}

func TestIntervalHolds(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	f, err := fetch.New(at(t, fetch.Config{Manners: fetch.Manners{Interval: 30 * time.Millisecond, Concurrency: 8}}, server.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	start := time.Now()
	for range 4 {
		f.Fetch(t.Context(), fetch.Request{URL: server.URL + "/x"})
	}
	if took := time.Since(start); took < 4*30*time.Millisecond {
		t.Errorf("five requests in %s", took)
	}
}

func TestOwnCA(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	if _, err := ask(t, fetch.Config{Manners: fetch.Manners{CA: ca}}, fetch.Request{URL: server.URL + "/x"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("with its own CA: %v", err)
	}
	if _, err := ask(t, fetch.Config{Tries: 1}, fetch.Request{URL: server.URL + "/x"}); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without: %v", err)
	}
	if _, err := fetch.New(at(t, fetch.Config{Manners: fetch.Manners{CA: "nonsense"}}, server.URL)); err == nil {
		t.Error("took nonsense for a certificate")
	}
}

// TestALongWaitIsForEverybody has a site ask for an hour: nobody in this process asks it again.
func TestALongWaitIsForEverybody(t *testing.T) {
	server, asked := counted(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	waits := &fetch.Waits{}
	for range 3 { // fetchers of three sources at one host
		f, err := fetch.New(at(t, fetch.Config{Waits: waits}, server.URL))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		wait := (*fetch.WaitError)(nil)
		if _, err := f.Fetch(t.Context(), fetch.Request{URL: server.URL + "/x"}); !errors.As(err, &wait) {
			t.Errorf("not told to wait: %v", err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}

// TestNothingElseIsAsked has a site lead to a place inside the operator's network: by a redirect of a page or of
// robots.txt, by an address of its own, by a name that stands for this machine.
func TestNothingElseIsAsked(t *testing.T) {
	var reached atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer inside.Close()
	robots := http.NotFoundHandler()
	mux := http.NewServeMux()
	mux.HandleFunc("/robots.txt", func(w http.ResponseWriter, r *http.Request) { robots.ServeHTTP(w, r) })
	mux.Handle("/away", http.RedirectHandler(inside.URL+"/latest/meta-data/", http.StatusFound))
	mux.Handle("/file", http.RedirectHandler("file:///etc/passwd", http.StatusFound))
	mux.HandleFunc("/here", func(http.ResponseWriter, *http.Request) {})
	server := httptest.NewServer(mux)
	defer server.Close()
	for _, address := range []string{server.URL + "/away", server.URL + "/file", inside.URL + "/", "http://localhost:1/"} {
		f, err := fetch.New(at(t, fetch.Config{}, server.URL))
		if err != nil {
			t.Fatal(err)
		}
		if page, err := f.Fetch(t.Context(), fetch.Request{URL: address}); err == nil {
			t.Errorf("%s: answered %d", address, page.Status)
		}
		f.Close()
	}
	robots = http.RedirectHandler(inside.URL+"/robots.txt", http.StatusFound)
	if _, err := ask(t, fetch.Config{}, fetch.Request{URL: server.URL + "/here"}); !errors.Is(err, fetch.ErrRules) {
		t.Errorf("robots.txt elsewhere: %v", err)
	}
	// A source's own host must be public, unless the operator says that it is theirs.
	robots = http.NotFoundHandler()
	cfg := at(t, fetch.Config{Tries: 1}, server.URL)
	cfg.Local = ""
	f, err := fetch.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Fetch(t.Context(), fetch.Request{URL: server.URL + "/here"}); !errors.Is(err, dial.ErrPrivate) {
		t.Errorf("a source on this machine: %v", err)
	}
	if reached.Load() > 0 {
		t.Errorf("the inside was reached %d times", reached.Load())
	}
}
