package notify_test

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lineup/internal/dial"
	"lineup/internal/notify"
)

var notice = notify.Notice{Event: notify.Begun, Kind: "blocked", Source: "us-aa", Say: "us-aa refused to be crawled: look at the site",
	Since: time.Date(2026, 11, 27, 1, 2, 3, 0, time.UTC), At: time.Date(2026, 11, 27, 2, 0, 0, 0,
		time.UTC), From: "https://lineup.example.org"}

// TestWebhookIsSigned checks the signature as a receiver does, by the words of Sign.
func TestWebhookIsSigned(t *testing.T) {
	var body []byte
	var headers http.Header
	status := http.StatusNoContent
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		headers = r.Header
		w.WriteHeader(status)
	}))
	defer receiver.Close()
	s := notify.New(notify.Options{Webhook: receiver.URL + "/hook?token=abc", Secret: "shared", Inside: true})
	if err := s.Send(t.Context(), notice); err != nil {
		t.Fatal(err)
	}
	var got notify.Notice
	if err := json.Unmarshal(body, &got); err != nil || got != notice {
		t.Errorf("received %s: %v", body, err)
	}
	made, sum, _ := strings.Cut(strings.TrimPrefix(headers.Get("X-Lineup-Signature"), "t="), ",v1=")
	mac := hmac.New(sha256.New, []byte("shared"))
	mac.Write([]byte(made + "." + string(body)))
	if hex.EncodeToString(mac.Sum(nil)) != sum {
		t.Errorf("the signature %s is not of the body", headers.Get("X-Lineup-Signature"))
	}
	first := headers.Get("X-Lineup-Delivery")
	if err := s.Send(t.Context(), notice); err != nil || headers.Get("X-Lineup-Delivery") != first || first == "" {
		t.Errorf("a repeated delivery is %q after %q: %v", headers.Get("X-Lineup-Delivery"), first, err)
	}
	status = http.StatusFound
	if err := s.Send(t.Context(), notice); err == nil || strings.Contains(err.Error(), "token=abc") {
		t.Errorf("a redirect: %v", err)
	}
}

// TestReceiversArePublic holds that a webhook does not lead into the operator's network unless that is said, and that
// the error does not show its address.
func TestReceiversArePublic(t *testing.T) {
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("was asked") }))
	defer receiver.Close()
	err := notify.New(notify.Options{Webhook: receiver.URL + "/hook?token=abc", Secret: "shared"}).Send(t.Context(), notice)
	if !errors.Is(err, dial.ErrPrivate) || strings.Contains(err.Error(), "token=abc") {
		t.Errorf("%v", err)
	}
	err = notify.New(notify.Options{SMTP: receiver.Listener.Addr().String(), From: "a@example.org",
		To: []string{"b@example.org"}}).Send(t.Context(), notice)
	if !errors.Is(err, dial.ErrPrivate) || !strings.Contains(err.Error(), "notify.inside") {
		t.Errorf("mail: %v", err)
	}
}

// TestMail holds what a mail server gets.
func TestMail(t *testing.T) {
	address, said := mailServer(t)
	s := notify.New(notify.Options{SMTP: address, From: "lineup@example.org", To: []string{"one@example.org", "two@example.org"},
		Inside: true})
	if err := s.Send(t.Context(), notice); err != nil {
		t.Fatal(err)
	}
	got := <-said
	for _, want := range []string{"RCPT TO:<one@example.org>", "RCPT TO:<two@example.org>", "Subject: Lineup: blocked us-aa: begun",
		"us-aa refused to be crawled: look at the site", "since 2026-11-27 01:02 UTC"} {
		if !strings.Contains(got, want) {
			t.Errorf("the server did not get %q in:\n%s", want, got)
		}
	}
}

// TestMailIsEncrypted holds that a server outside that does not offer TLS gets nothing.
func TestMailIsEncrypted(t *testing.T) {
	address, _ := mailServer(t)
	err := notify.New(notify.Options{SMTP: address, User: "u", Password: "p", From: "a@example.org", To: []string{"b@example.org"},
		Inside: true}).Send(t.Context(), notice)
	if err == nil { // a password goes to nobody who may be listened to
		t.Error("the password was sent in clear")
	}
}

// mailServer is a mail server without TLS for one client, and what that said to it. It ends with the test.
func mailServer(t *testing.T) (address string, said chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	said = make(chan string, 1)
	go serveSMTP(l, said)
	return l.Addr().String(), said
}

// serveSMTP answers one client as a mail server without TLS, and tells what it said.
func serveSMTP(l net.Listener, said chan<- string) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	var all strings.Builder
	in := bufio.NewReader(conn)
	fmt.Fprint(conn, "220 test\r\n")
	data := false
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		all.WriteString(line)
		switch {
		case data && line == ".\r\n":
			data = false
			said <- all.String()
			fmt.Fprint(conn, "250 ok\r\n")
		case data:
		case strings.HasPrefix(line, "EHLO"):
			fmt.Fprint(conn, "250-test\r\n250 8BITMIME\r\n")
		case strings.HasPrefix(line, "DATA"):
			data = true
			fmt.Fprint(conn, "354 go\r\n")
		case strings.HasPrefix(line, "QUIT"):
			fmt.Fprint(conn, "221 bye\r\n")
			return
		default:
			fmt.Fprint(conn, "250 ok\r\n")
		}
	}
}
