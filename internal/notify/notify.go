// Package notify tells an operator who is away that something needs a human, or no longer does: by a signed webhook,
// by mail, or both. Notices decides what is new.
package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"lineup/internal/dial"
)

// Event says what happened to a condition.
type Event string

// The events.
const (
	Begun Event = "begun" // it holds, and did not before
	Ended Event = "ended" // it holds no longer
	Test  Event = "test"  // nothing happened: somebody tries whether notices arrive
)

// Notice is one message. It contains no personal data.
type Notice struct {
	Event  Event     `json:"event"`
	Kind   string    `json:"kind"`             // of the condition: blocked, engine_down, ...
	Source string    `json:"source,omitempty"` // the registry it is about, where it is about one
	Say    string    `json:"say"`              // what it is and what to do, in a sentence
	Since  time.Time `json:"since,omitzero"`   // when the condition was seen first
	At     time.Time `json:"at"`
	From   string    `json:"from"` // which installation says so
}

// Options say whom to notify, and how.
type Options struct {
	Webhook string // URL that a notice is posted to as JSON; "" for none
	Secret  string // that a webhook is signed with

	SMTP           string // host:port of the mail server; "" for no mail
	User, Password string // at the server; "" for none
	From           string
	To             []string

	Inside bool // the receivers may be at addresses that are not public
}

// Sender sends notices to the receivers in its options.
type Sender struct {
	opts  Options
	dial  dial.Func
	hooks *Poster
}

// timeout bounds one delivery.
const timeout = 15 * time.Second

// New makes a Sender.
func New(opts Options) *Sender {
	return &Sender{opts: opts, dial: dialer(opts.Inside), hooks: NewPoster(opts.Inside)}
}

// dialer connects to receivers: at public addresses only, unless inside is set.
func dialer(inside bool) dial.Func {
	d := &net.Dialer{Timeout: timeout}
	return dial.Public(d.DialContext, func(string) bool { return inside })
}

// Configured reports whether there is any receiver.
func (s *Sender) Configured() bool { return s.opts.Webhook != "" || s.opts.SMTP != "" }

// Send sends a notice to every receiver, and returns which ones could not be reached.
func (s *Sender) Send(ctx context.Context, n Notice) error {
	ctx, cancel := context.WithTimeout(ctx, 2*timeout)
	defer cancel()
	var problems []error
	if s.opts.Webhook != "" {
		problems = append(problems, s.post(ctx, n))
	}
	if s.opts.SMTP != "" {
		problems = append(problems, s.mail(ctx, n))
	}
	return errors.Join(problems...)
}

// Headers of a webhook.
const (
	SignatureHeader = "X-Lineup-Signature" // Sign of the body
	DeliveryHeader  = "X-Lineup-Delivery"  // the same for a repeated delivery
)

// Sign returns the signature of a webhook's body: t=, the Unix time it was made, and v1=, the hexadecimal HMAC-
// SHA-256, keyed with the secret, of that time, a dot and the body. A receiver computes it again and refuses old
// times.
func Sign(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// Poster posts webhooks.
type Poster struct{ client *http.Client }

// NewPoster makes a Poster that asks public addresses only, or with inside any.
func NewPoster(inside bool) *Poster {
	// Redirects are not followed: the signature is meant for the address that was configured.
	return &Poster{&http.Client{Timeout: timeout,
		Transport: &http.Transport{DialContext: dialer(inside), TLSHandshakeTimeout: timeout, MaxIdleConnsPerHost: 1,
			IdleConnTimeout: timeout},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Post posts a body as JSON, signed with a secret. delivery stays the same when a delivery is repeated. Errors name
// neither the URL nor the secret, which are the receiver's.
func (p *Poster) Post(ctx context.Context, url, secret, delivery string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return errors.New("it is no address that can be asked")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(SignatureHeader, Sign(secret, time.Now(), body))
	request.Header.Set(DeliveryHeader, delivery)
	answer, err := p.client.Do(request)
	if err != nil {
		return withoutURL(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16)) // the body of the answer is not used
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("it answered %s", answer.Status)
	}
	return nil
}

func (s *Sender) post(ctx context.Context, n Notice) error {
	body, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("write a notice: %w", err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s %d", n.Event, n.Kind, n.Source, n.Since.UnixNano()))
	if err := s.hooks.Post(ctx, s.opts.Webhook, s.opts.Secret, hex.EncodeToString(sum[:8]), body); err != nil {
		return fmt.Errorf("post to notify.webhook: %w%s", err, hint(err))
	}
	return nil
}

// hint says what lets a receiver be asked that is not, "" where nothing does.
func hint(err error) string {
	if errors.Is(err, dial.ErrPrivate) {
		return " (notify.inside allows addresses that are not public)"
	}
	return ""
}

// withoutURL returns err without the webhook's address, which may contain a secret.
func withoutURL(err error) error {
	var wrapped interface{ Unwrap() error }
	if errors.As(err, &wrapped) && wrapped.Unwrap() != nil {
		return wrapped.Unwrap()
	}
	return err
}

// mail sends a notice as a message of plain text.
func (s *Sender) mail(ctx context.Context, n Notice) error {
	message := mail.NewMsg()
	err := errors.Join(message.From(s.opts.From), message.To(s.opts.To...))
	if err != nil {
		return fmt.Errorf("address a notice (notify.from, notify.to): %w", err)
	}
	about := strings.TrimSpace(n.Kind + " " + n.Source)
	message.Subject(fmt.Sprintf("Lineup: %s: %s", about, n.Event))
	since := ""
	if !n.Since.IsZero() {
		since = "\nsince " + n.Since.UTC().Format("2006-01-02 15:04 MST")
	}
	message.SetBodyString(mail.TypeTextPlain, fmt.Sprintf("%s\n\n%s: %s%s\nfrom %s, %s\n", n.Say, n.Event, about, since, n.From,
		n.At.UTC().Format("2006-01-02 15:04 MST")))
	host, port, err := net.SplitHostPort(s.opts.SMTP)
	if err != nil {
		return fmt.Errorf("notify.smtp: %w", err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return fmt.Errorf("notify.smtp: %w", err)
	}
	connect := mail.DialContextFunc(s.dial)
	options := []mail.Option{mail.WithPort(number), mail.WithTimeout(timeout), mail.WithTLSPolicy(mail.TLSMandatory)}
	switch {
	case number == 465:
		connect = s.dialTLS
		options = append(options, mail.WithSSL())
	case s.opts.Inside: // a relay inside the network may do without TLS
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	}
	options = append(options, mail.WithDialContextFunc(connect))
	if s.opts.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.opts.User),
			mail.WithPassword(s.opts.Password))
	}
	client, err := mail.NewClient(host, options...)
	if err == nil {
		err = client.DialAndSendWithContext(ctx, message)
	}
	if err != nil {
		return fmt.Errorf("send mail by notify.smtp %s: %w%s", s.opts.SMTP, err, hint(err))
	}
	return nil
}

// dialTLS dials a server that speaks TLS from the first byte.
func (s *Sender) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := s.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	secure := tls.Client(conn, &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12})
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secure, nil
}
