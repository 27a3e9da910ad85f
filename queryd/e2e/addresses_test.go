package e2e_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/queryd"
)

// from asks as a client at an address.
func (h *daemon) from(peer, method, target, body string, headers ...string) int {
	h.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr = net.JoinHostPort(peer, "4711")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") == "" {
		h.t.Errorf("%s %s: 429 without Retry-After", method, target)
	}
	return w.Code
}

// limitedTown lets a client make three requests without a key.
func limitedTown(t *testing.T, proxies string, now *time.Time) *daemon {
	return town(t, func(c *queryd.Config, d *queryd.Deps) {
		c.AddressPerMinute, c.Proxies = 3, proxies
		d.Now = func() time.Time { return *now }
	})
}

// TestAnAddressHasItsLimit holds what counts on the limit of an address, and what never does.
func TestAnAddressHasItsLimit(t *testing.T) {
	photo := "/photos/00000000-0000-4000-8000-000000000001"
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	for name, ask := range map[string]func(h *daemon, peer string) int{
		"pages":      func(h *daemon, peer string) int { return h.from(peer, "GET", "/", "") },
		"assets":     func(h *daemon, peer string) int { return h.from(peer, "GET", "/assets/lineup.css", "") },
		"photos":     func(h *daemon, peer string) int { return h.from(peer, "GET", photo, "") },
		"no key":     func(h *daemon, peer string) int { return h.from(peer, "GET", "/sexoffender?lastName=a", "") },
		"wrong keys": func(h *daemon, peer string) int { return h.from(peer, "GET", "/sexoffender?lastName=a&key=wrong", "") },
		"wrong forms": func(h *daemon, peer string) int {
			return h.from(peer, "POST", "/search", "key=wrong&lastName=a", form...)
		},
		"DEMO":         func(h *daemon, peer string) int { return h.from(peer, "POST", "/", "key=DEMO", form...) },
		"nothing":      func(h *daemon, peer string) int { return h.from(peer, "GET", "/nothing", "") },
		"coverage":     func(h *daemon, peer string) int { return h.from(peer, "GET", "/v1/coverage", "") },
		"other's body": func(h *daemon, peer string) int { return h.from(peer, "POST", "/sexoffender", `{"key":"wrong"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			now := clock
			h := limitedTown(t, "", &now)
			for i := range 3 {
				if status := ask(h, "198.51.100.7"); status == http.StatusTooManyRequests {
					t.Errorf("request %d: %d", i, status)
				}
			}
			if status := h.from("198.51.100.9", "GET", "/sexoffender?lastName=Testcase&key="+h.key, ""); status != http.StatusOK {
				t.Errorf("a key elsewhere: %d", status)
			}
			refused := 0 // a few keys are looked up all the same, for one of them may work
			for range 40 {
				if ask(h, "198.51.100.7") == http.StatusTooManyRequests {
					refused++
				}
			}
			if refused < 20 {
				t.Errorf("%d of 40 further requests are refused", refused)
			}
			if status := ask(h, "198.51.100.8"); status == http.StatusTooManyRequests {
				t.Errorf("another address: %d", status)
			}
			// Who has a key of his own shares the address, and is answered.
			for range 5 {
				if status := h.from("198.51.100.7", "GET", "/sexoffender?lastName=Testcase&key="+h.key, ""); status != http.StatusOK {
					t.Errorf("a key of the same address: %d", status)
				}
				if status := h.from("198.51.100.7", "POST", "/search", "lastName=Testcase&key="+h.key, form...); status != http.StatusOK {
					t.Errorf("a form with a key, of the same address: %d", status)
				}
			}
			now = now.Add(time.Minute)
			if status := ask(h, "198.51.100.7"); status == http.StatusTooManyRequests {
				t.Errorf("a minute later: %d", status)
			}
		})
	}
}

// TestANewKeyOpensWhereTheAddressHasSpentAll: somebody at a school begins while others have been busy.
func TestANewKeyOpensWhereTheAddressHasSpentAll(t *testing.T) {
	now := clock
	h := limitedTown(t, "", &now)
	for h.from("198.51.100.7", "GET", "/", "") != http.StatusTooManyRequests {
	}
	if status := h.from("198.51.100.7", "GET", "/sexoffender?lastName=Testcase&key="+h.key, ""); status != http.StatusOK {
		t.Errorf("%d", status)
	}
}

func TestKeysSpendNothingOfTheirAddress(t *testing.T) {
	now := clock
	h := limitedTown(t, "", &now)
	for range 10 {
		if status := h.from("198.51.100.7", "GET", "/sexoffender?lastName=Testcase&key="+h.key, ""); status != http.StatusOK {
			t.Fatalf("%d", status)
		}
	}
	if status := h.from("198.51.100.7", "GET", "/", ""); status != http.StatusOK {
		t.Errorf("a page after ten searches with a key: %d", status)
	}
}

// TestWhoseAddressItIs holds that a /64 is one client, and that X-Forwarded-For is believed of named
// proxies alone.
func TestWhoseAddressItIs(t *testing.T) {
	now := clock
	for name, c := range map[string]struct {
		proxies, peer string
		header        string // with %d in it
		other         string // the fourth: another client
		shared        bool   // the fourth counts as the same
	}{
		"a /64":                   {"", "2001:db8:1:2::%d", "", "2001:db8:1:2:ffff::4", true},
		"another /64":             {"", "2001:db8:1:2::%d", "", "2001:db8:1:3::4", false},
		"mapped":                  {"", "198.51.100.7", "", "::ffff:198.51.100.7", true},
		"an unnamed proxy":        {"", "10.0.0.1", "203.0.113.%d", "10.0.0.1", true},
		"a named proxy":           {"10.0.0.0/8", "10.0.0.1", "203.0.113.9", "10.0.0.1", false},
		"made up before a proxy":  {"10.0.0.0/8", "10.0.0.1", "192.0.2.%d, 203.0.113.9", "203.0.113.9", true},
		"two proxies":             {"10.0.0.0/8,192.0.2.1", "10.0.0.1", "203.0.113.9, 192.0.2.1", "203.0.113.9", true},
		"nonsense from the proxy": {"10.0.0.0/8", "10.0.0.1", "%dx", "10.0.0.1", true},
	} {
		t.Run(name, func(t *testing.T) {
			h := limitedTown(t, c.proxies, &now)
			number := func(text string, i int) string {
				if strings.Contains(text, "%d") {
					return fmt.Sprintf(text, i)
				}
				return text
			}
			for i := range 3 {
				if status := h.from(number(c.peer, i+1), "GET", "/v1/terms", "", "X-Forwarded-For", number(c.header, i+1)); status != 200 {
					t.Errorf("request %d: %d", i, status)
				}
			}
			if status := h.from(c.other, "GET", "/v1/terms", ""); (status == http.StatusTooManyRequests) != c.shared {
				t.Errorf("the fourth: %d, shared %v", status, c.shared)
			}
		})
	}
	c := shipped()
	c.Proxies = "10.0.0.0/8,proxy"
	if _, err := queryd.New(c, queryd.Deps{}); err == nil || !strings.HasPrefix(err.Error(), "proxies: ") {
		t.Errorf("a proxy without an address: %v", err)
	}
	c = shipped()
	c.AddressPerMinute = 0
	if _, err := queryd.New(c, queryd.Deps{}); err == nil || !strings.Contains(err.Error(), "AddressPerMinute is 0") {
		t.Errorf("a limit of nothing: %v", err)
	}
}

// TestAnUnnamedProxyIsTold holds that the log and a figure tell the operator.
func TestAnUnnamedProxyIsTold(t *testing.T) {
	registry := prometheus.NewRegistry()
	h := town(t, func(c *queryd.Config, d *queryd.Deps) { c.Proxies, d.Metrics = "10.0.0.1", registry })
	h.from("10.0.0.1", "GET", "/v1/terms", "", "X-Forwarded-For", "203.0.113.9")
	if strings.Contains(h.logged(), "X-Forwarded-For") {
		t.Errorf("a named proxy is warned of: %s", h.logged())
	}
	for range 3 {
		h.from("10.0.0.2", "GET", "/v1/terms", "", "X-Forwarded-For", "203.0.113.9")
	}
	if log := h.logged(); strings.Count(log, "X-Forwarded-For") != 1 || !strings.Contains(log, "peer=10.0.0.2") ||
		strings.Contains(log, "203.0.113.9") {
		t.Errorf("the log: %s", log)
	}
	families, err := registry.Gather()
	must(t, err)
	for _, f := range families {
		if f.GetName() == "lineup_query_unnamed_proxy_requests_total" && f.Metric[0].Counter.GetValue() == 3 {
			return
		}
	}
	t.Error("the requests are not counted")
}

// opened is a connection that has had one answer, and is idle.
func opened(t *testing.T, host string) (net.Conn, error) {
	t.Helper()
	conn, err := net.Dial("tcp", host)
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	if _, err := io.WriteString(conn, "GET /v1/terms HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return conn, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return conn, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return conn, err
}

// closed waits until the other side has hung up.
func closed(conn net.Conn) bool {
	var slow net.Error
	_, err := conn.Read(make([]byte, 1))
	return err != nil && (!errors.As(err, &slow) || !slow.Timeout())
}

// TestIdleConnectionsShutNobodyOut opens many more connections than may be open, and leaves them idle.
func TestIdleConnectionsShutNobodyOut(t *testing.T) {
	for name, change := range map[string]func(*queryd.Config, *queryd.Deps){
		"of one address": func(c *queryd.Config, _ *queryd.Deps) { c.AddressConnections = 10 },
		"of all":         func(c *queryd.Config, _ *queryd.Deps) { c.MaxConnections = 10 },
	} {
		t.Run(name, func(t *testing.T) {
			host := strings.TrimPrefix(town(t, change).listen(), "http://")
			var all []net.Conn
			for i := range 50 {
				conn, err := opened(t, host)
				if err != nil {
					t.Fatalf("connection %d: %v", i, err)
				}
				all = append(all, conn)
			}
			open := 0
			for _, conn := range all {
				if _, err := io.WriteString(conn, "GET /v1/terms HTTP/1.1\r\nHost: x\r\n\r\n"); err == nil && answered(conn) {
					open++
				}
			}
			if open < 1 || open > 10 {
				t.Errorf("%d of the connections go on, want 10 at most", open)
			}
		})
	}
}

func answered(conn net.Conn) bool {
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	return err == nil && response.StatusCode == http.StatusOK
}

// TestBusyConnectionsOfOneAddressAreBounded holds that one address has no more than its share, whatever it
// does with it, and gets it back.
func TestBusyConnectionsOfOneAddressAreBounded(t *testing.T) {
	h := town(t, func(c *queryd.Config, _ *queryd.Deps) { c.AddressConnections = 2 })
	host := strings.TrimPrefix(h.listen(), "http://")
	begun := func() net.Conn {
		conn, err := net.Dial("tcp", host)
		must(t, err)
		t.Cleanup(func() { conn.Close() })
		must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
		_, err = io.WriteString(conn, "GET /v1/terms HTTP/1.1\r\nHost: x\r\n") // and no more for now
		must(t, err)
		return conn
	}
	first, second := begun(), begun()
	if third := begun(); !closed(third) {
		t.Error("a third connection is let in")
	}
	for _, conn := range []net.Conn{first, second} {
		if _, err := io.WriteString(conn, "Connection: close\r\n\r\n"); err != nil || !answered(conn) {
			t.Errorf("a connection within the share: %v", err)
		}
		for !closed(conn) { // its answer is behind it
		}
	}
	for range 500 { // the server lets go when it likes
		if _, err := opened(t, host); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the share is not given back")
}

// TestHalfSentRequestsShutNobodyOut opens many more connections than may be open, and leaves each in the middle of its first request.
func TestHalfSentRequestsShutNobodyOut(t *testing.T) {
	host := strings.TrimPrefix(town(t, func(c *queryd.Config, _ *queryd.Deps) {
		c.MaxConnections, c.ReadTimeout = 10, time.Minute
	}).listen(), "http://")
	var last net.Conn
	for range 80 {
		conn, err := net.Dial("tcp", host)
		must(t, err)
		t.Cleanup(func() { conn.Close() })
		must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
		_, err = io.WriteString(conn, "GET /v1/terms HTTP/1.1\r\nHost: x\r\n") // and no more for now
		must(t, err)
		last = conn
	}
	if _, err := opened(t, host); err != nil { // they would have to time out ten by ten, which takes longer than it waits
		t.Fatalf("80 half-sent requests shut somebody out: %v", err)
	}
	if _, err := io.WriteString(last, "\r\n"); err != nil || !answered(last) {
		t.Errorf("whoever was slow a moment ago is not answered: %v", err)
	}
}

// TestRefusedBodiesShutNobodyOut opens many more connections than may be open. Each has had its 401 and goes on sending, which is read.
func TestRefusedBodiesShutNobodyOut(t *testing.T) {
	host := strings.TrimPrefix(town(t, func(c *queryd.Config, _ *queryd.Deps) {
		c.MaxConnections, c.ReadTimeout = 10, time.Minute
	}).listen(), "http://")
	for i := range 40 {
		conn, err := net.Dial("tcp", host)
		must(t, err)
		t.Cleanup(func() { conn.Close() })
		must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
		_, err = io.WriteString(conn, "POST /faces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2000000\r\n\r\n{")
		must(t, err)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || response.StatusCode != http.StatusUnauthorized {
			t.Fatalf("request %d: %v, %v", i, response, err)
		}
	}
	if _, err := opened(t, host); err != nil {
		t.Errorf("40 refused bodies shut somebody out: %v", err)
	}
}

// TestLargeHeadersGetTheirAnswer sends more headers than are read: the client reads the answer and a clean end, not a reset.
func TestLargeHeadersGetTheirAnswer(t *testing.T) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(town(t).listen(), "http://"))
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = fmt.Fprintf(conn, "GET /v1/terms HTTP/1.1\r\nHost: x\r\nX-Long: %s\r\n\r\n", strings.Repeat("x", 300_000))
	must(t, err)
	must(t, conn.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 431 ") {
		t.Errorf("%.60s, %v", answer, err)
	}
}

// TestAnIdleConnectionEnds holds the time that a client may be silent.
func TestAnIdleConnectionEnds(t *testing.T) {
	conn, err := opened(t, strings.TrimPrefix(
		town(t, func(c *queryd.Config, _ *queryd.Deps) { c.IdleTimeout = 10 * time.Millisecond }).listen(), "http://"))
	if err != nil || !closed(conn) {
		t.Errorf("an idle connection goes on: %v", err)
	}
}
