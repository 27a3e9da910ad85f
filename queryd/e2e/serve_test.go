package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/indexer/face"
	"lineup/queryd"
	"lineup/schemas"
)

// TestTwoDaemonsBehindOneAddressAnswerAsOne sends every other request to another daemon.
func TestTwoDaemonsBehindOneAddressAnswerAsOne(t *testing.T) {
	one := newNode(t, func(c *queryd.Config, _ *queryd.Deps) { c.PublicURL = "" })
	one.crowd(60)
	for i := range 45 {
		one.enrol(person(fmt.Sprint(i), "Rowan", "Testcase"), near(0.1+0.01*float32(i)))
	}
	two := newNode(t, func(c *queryd.Config, d *queryd.Deps) {
		c.PublicURL = ""
		d.Index, d.Faces, d.Photos, d.Ledger, d.Metrics = one.gal, embedder{one.gal}, one.photos, one.ledger, prometheus.NewRegistry()
	})
	one.gal.calibrate(t)
	var backends []*url.URL
	for _, h := range []*daemon{one, two} {
		u, err := url.Parse(h.listen())
		must(t, err)
		backends = append(backends, u)
	}
	var turn atomic.Int64
	served := make([]atomic.Int64, len(backends))
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		i := turn.Add(1) % int64(len(backends))
		served[i].Add(1)
		r.SetURL(backends[i])
		r.Out.Host = r.In.Host // as proxies are told to, so that minted links lead back to them
	}})
	defer proxy.Close()
	ask := func(method, path, body string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, proxy.URL+path, strings.NewReader(body))
		must(t, err)
		r.Header.Set("X-API-Key", one.key)
		r.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(r)
		must(t, err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		must(t, err)
		if response.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %d %s", method, path, response.StatusCode, text)
		}
		return string(text)
	}
	for _, request := range [][3]string{{"POST", "/faces", faceBody(jpeg("x"))}, {"GET", "/sexoffender?lastName=Nobody&fuzzy=true", ""},
		{"GET", "/v1/coverage", ""}} {
		if a, b := ask(request[0], request[1], request[2]), ask(request[0], request[1], request[2]); a != b || len(a) < 100 {
			t.Errorf("%v: %s and %s", request[:2], a, b)
		}
	}
	seen := map[string]bool{}
	for page := 1; page <= 3; page++ {
		for _, o := range decode[struct{ Offenders []struct{ UUID string } }](t,
			ask("GET", fmt.Sprintf("/sexoffender?lastName=Testcase&page=%d", page), "")).Offenders {
			if seen[o.UUID] {
				t.Errorf("%s is on two pages", o.UUID)
			}
			seen[o.UUID] = true
		}
	}
	if len(seen) != 45 {
		t.Errorf("%d records on three pages, want 45", len(seen))
	}
	match := decode[faceAnswer](t, ask("POST", "/faces", faceBody(jpeg("x"), `,"details":true`))).Matches[0]
	for range 2 { // of the daemon that searched, and of the other
		ask("GET", "/v1/matches/"+match.MatchID+"/evidence", "")
		ask("GET", strings.TrimPrefix(match.Image, proxy.URL), "")
		ask("GET", "/sexoffender?faceId="+match.Face, "")
	}
	if served[0].Load() < 6 || served[1].Load() < 6 {
		t.Errorf("served %d and %d", served[0].Load(), served[1].Load())
	}
}

// held is an embedder that lets go when it is told.
type held struct {
	embedder
	began, goOn chan struct{}
}

func (h held) Embed(ctx context.Context, photo []byte, p face.Purpose) (face.Result, error) {
	close(h.began)
	<-h.goOn
	return h.embedder.Embed(ctx, photo, p)
}

func TestRequestsAtHandFinishWhenTheDaemonEnds(t *testing.T) {
	slow := held{began: make(chan struct{}), goOn: make(chan struct{})}
	h := newNode(t, func(_ *queryd.Config, d *queryd.Deps) {
		slow.embedder = d.Faces.(embedder)
		d.Faces = slow
	})
	h.enrol(person("1", "Rowan", "Testcase"), near(0.1))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx, listener) }()
	answered := make(chan string, 1)
	go func() {
		response, err := http.Post("http://"+listener.Addr().String()+"/faces?key="+h.key, "application/json",
			strings.NewReader(faceBody(jpeg("x"))))
		if err != nil {
			answered <- err.Error()
			return
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		answered <- fmt.Sprint(response.StatusCode, " ", string(body), err)
	}()
	<-slow.began
	end()
	for { // until it takes no new requests
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			break
		}
		conn.Close()
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-ended:
		t.Fatalf("the daemon ended before its request: %v", err)
	default:
	}
	close(slow.goOn)
	if answer := <-answered; !strings.HasPrefix(answer, "200 {\"faceMatches\"") {
		t.Errorf("the request at hand: %s", answer)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestASlowBodyIsCutOff sends one byte after the other for ever.
func TestASlowBodyIsCutOff(t *testing.T) {
	h := newNode(t, func(c *queryd.Config, _ *queryd.Deps) { c.ReadTimeout = time.Second })
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.listen(), "http://"))
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /faces?key="+h.key+" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "+
		"1000000\r\n\r\n{")
	must(t, err)
	go func() {
		for {
			if _, err := io.WriteString(conn, " "); err != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	must(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	from := bufio.NewReader(conn)
	response, err := http.ReadResponse(from, nil)
	must(t, err)
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 400 || !strings.Contains(string(body), "incomplete_body") {
		t.Errorf("%d %s, %v", response.StatusCode, body, err)
	}
	if _, err := from.ReadByte(); err == nil {
		t.Error("the connection goes on")
	}
}

// TestEveryStageIsMeasured holds that the time of each stage is counted, and that no label names anybody.
func TestEveryStageIsMeasured(t *testing.T) {
	registry := prometheus.NewRegistry()
	h := town(t, func(_ *queryd.Config, d *queryd.Deps) { d.Metrics = registry })
	h.keyed("POST", "/faces", faceBody(jpeg("x")))
	h.keyed("GET", "/sexoffender?lastName=Testcase", "")
	h.keyed("GET", "/photos/"+string(schemas.RegistrantID("us-zz", "1")), "")
	families, err := registry.Gather()
	must(t, err)
	stages := map[string]bool{}
	for _, family := range families {
		for _, metric := range family.Metric {
			for _, label := range metric.Label {
				if label.GetName() == "stage" {
					stages[label.GetValue()] = metric.Histogram.GetSampleCount() > 0
				}
				if strings.Contains(strings.ToLower(label.GetValue()), "testcase") || strings.Contains(label.GetValue(), h.key) {
					t.Errorf("a label of %s: %s", family.GetName(), label.GetValue())
				}
			}
		}
	}
	for _, want := range []string{"read", "embed", "nearest", "score", "lookup", "ledger", "find", "rank", "photo"} {
		if !stages[want] {
			t.Errorf("stage %q is not measured: %v", want, stages)
		}
	}
}
