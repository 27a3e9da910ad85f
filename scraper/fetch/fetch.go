// Package fetch makes one request of a source at a time, politely and safely: under its own name, by robots.txt, at the
// source's rate, within bounds, and no more once the site refuses.
package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"lineup/internal/dial"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Limits of every answer, unless the source's manners say otherwise.
const (
	DefaultTimeout = 60 * time.Second
	DefaultMaxBody = 64 << 20
	maxRedirects   = 5
)

// Request is one thing to ask a site for.
type Request struct {
	Method string      // "" is GET
	URL    string      // absolute
	Header http.Header // beyond the fetcher's own
	Body   []byte      // of a POST

	// Told says that the service describes its failures in JSON. Such an answer is returned whatever its status, except
	// refusals and requests to wait.
	Told bool
}

// Page is an answer.
type Page struct {
	URL    string // where it came from in the end
	Status int
	Header http.Header
	Body   []byte
	Read   time.Time
}

// Manners are how a site is asked.
type Manners struct {
	Interval    time.Duration `yaml:"interval,omitempty" json:"interval" doc:"at least this between two requests to a host"`
	Concurrency int           `yaml:"concurrency,omitempty" json:"concurrency,omitempty" doc:"requests at once to a host (default 1)"`
	PerHour     int           `yaml:"per_hour,omitempty" json:"perHour,omitempty" doc:"requests an hour (default no limit)"`
	CA          string        `yaml:"ca,omitempty" json:"ca,omitempty" doc:"PEM of a certificate the site fails to send"`
	Timeout     time.Duration `yaml:"timeout,omitempty" json:"timeout,omitempty" doc:"for one answer (default 60 s)"`
	MaxBody     int64         `yaml:"max_body,omitempty" json:"maxBody,omitempty" doc:"bytes of one answer (default 64 MiB)"`
}

// StatusError is an answer with a status that is neither success nor a refusal. Status 404 and
// 410 are fs.ErrNotExist.
type StatusError struct {
	Status int
	URL    string
	wait   time.Duration // what Retry-After asked for
}

func (e *StatusError) Error() string { return fmt.Sprintf("answered %d", e.Status) }

// Is makes "not found" and "gone" fs.ErrNotExist.
func (e *StatusError) Is(target error) bool {
	return target == fs.ErrNotExist && (e.Status == http.StatusNotFound || e.Status == http.StatusGone)
}

// Errors that speak of the whole host or source, rather than of one request.
var (
	// ErrBlocked says the site does not want us: a CAPTCHA, a bot wall, a login, a refusal.
	// The source is marked blocked, and not asked again until a human says so.
	ErrBlocked = errors.New("the site refuses automated reading")
	// ErrDown says that a host failed so often in a row that it is asked no more in this run.
	ErrDown = errors.New("the site fails again and again, so it is left alone for now")
	// ErrRules says that a robots.txt cannot be read, which forbids everything (RFC 9309 §2.3.1.4).
	ErrRules = errors.New("its robots.txt cannot be read, so nothing may be asked")
)

// WaitError says that a host asks to be left alone for longer than a run waits.
type WaitError struct {
	Until time.Time
}

func (e *WaitError) Error() string {
	return "the site asks to be left alone until " + e.Until.Format("2006-01-02 15:04 MST")
}

const (
	maxPause = 10 * time.Minute    // a longer Retry-After ends the run
	maxWait  = 30 * 24 * time.Hour // a longer one is a mistake
)

// ErrTooLarge is returned for an answer longer than the source's limit.
var ErrTooLarge = errors.New("answer is larger than the source's limit (maxBody)")

// ErrRobots is returned for what robots.txt forbids. It is an ErrBlocked.
var ErrRobots = fmt.Errorf("robots.txt forbids it: %w", ErrBlocked)

// Config says who asks, and how.
type Config struct {
	Version   string            // of Lineup, for the User-Agent
	Contact   string            // an address or URL of the operator; the site's owner must be able to complain
	Manners   Manners           // of the source
	Hosts     []string          // hosts that may be asked, each as in a URL; "*" is any
	Local     string            // of Hosts, the one whose address need not be public: the operator's own, or a sample site's
	Refusals  []string          // text that only a refusal of this source has, beyond the common ones
	Transport http.RoundTripper // nil: the network, trusting Manners.CA too
	Backoff   time.Duration     // first wait before trying again, doubled each time; 0 is 2 s
	Tries     int               // for one request, 0 is 4
	Retries   int               // for the whole run beside one in ten requests, 0 is 20
	Asked     []time.Time       // requests of the last hour made by an earlier process, for the hourly quota
	Waits     *Waits            // hosts that asked to be left alone, of all who ask from this process; nil is this fetcher's own
	Logger    *slog.Logger
}

// Fetcher asks one source's hosts for pages, politely: by robots.txt, under its own name, at
// the source's rate, with one cookie jar. It is for one run; its methods may be called at once.
type Fetcher struct {
	cfg    Config
	agent  string
	client *http.Client
	pace   *pace

	mu       sync.Mutex
	robots   map[string]*robots
	failed   map[string]int // requests given up in a row, by host
	asked    int
	retried  int
	received int64
}

// New makes a Fetcher. Errors: a CA that is no certificate.
func New(cfg Config) (*Fetcher, error) {
	if cfg.Backoff == 0 {
		cfg.Backoff = 2 * time.Second
	}
	if cfg.Tries == 0 {
		cfg.Tries = 4
	}
	if cfg.Retries == 0 {
		cfg.Retries = 20
	}
	if cfg.Manners.Timeout == 0 {
		cfg.Manners.Timeout = DefaultTimeout
	}
	if cfg.Manners.MaxBody == 0 {
		cfg.Manners.MaxBody = DefaultMaxBody
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Transport == nil {
		t, err := transport(cfg.Manners, cfg.Local)
		if err != nil {
			return nil, err
		}
		cfg.Transport = t
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("make a cookie jar: %w", err)
	}
	if cfg.Waits == nil {
		cfg.Waits = &Waits{}
	}
	agent := "Lineup/" + cfg.Version
	if cfg.Version == "" {
		agent += "dev"
	}
	if cfg.Contact != "" {
		agent += " (+" + strings.Map(printable, cfg.Contact) + ")"
	}
	return &Fetcher{
		cfg: cfg, agent: agent, pace: newPace(cfg.Manners, cfg.Asked), robots: map[string]*robots{}, failed: map[string]int{},
		client: &http.Client{Transport: cfg.Transport, Jar: jar,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}

// transport is the network: public addresses, the operator's own local one and the operator's proxy, if the environment
// names one.
func transport(m Manners, local string) (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxConnsPerHost = max(m.Concurrency, 1)
	t.ResponseHeaderTimeout = m.Timeout
	var proxies sync.Map // host:port of each in use
	if proxy := t.Proxy; proxy != nil {
		t.Proxy = func(r *http.Request) (*url.URL, error) {
			u, err := proxy(r)
			if err == nil && u != nil {
				proxies.Store(withPort(u), true)
			}
			return u, err
		}
	}
	t.DialContext = dial.Public(t.DialContext, func(address string) bool {
		_, proxy := proxies.Load(address)
		return proxy || local != "" && address == local
	})
	if m.CA == "" {
		return t, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM([]byte(m.CA)) {
		return nil, errors.New("manners.ca holds no PEM certificate (want -----BEGIN CERTIFICATE-----)")
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool}
	return t, nil
}

// withPort is the host and port of u.
func withPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// HostError says that an address is of a host that the source does not name.
type HostError struct {
	Host string
}

func (e *HostError) Error() string { return "the definition does not name the host " + e.Host }

// Is makes it an address that is no good, now or later.
func (e *HostError) Is(target error) bool { return target == errAddress }

// mayAsk returns an error unless the source names u's host: pages, photos, redirects and robots.txt must not lead
// anywhere else. On a local host each port counts as a host of its own. Errors: *HostError.
func (f *Fetcher) mayAsk(u *url.URL) error {
	for _, host := range f.cfg.Hosts {
		named := (&url.URL{Scheme: u.Scheme, Host: host})
		if host == "*" || strings.EqualFold(host, u.Host) || strings.EqualFold(withPort(named), withPort(u)) {
			return nil
		}
		if host != f.cfg.Local && strings.EqualFold(named.Hostname(), u.Hostname()) && u.Port() == "" {
			return nil // http or https, by their own ports
		}
	}
	return &HostError{u.Host}
}

// Close lets go of idle connections.
func (f *Fetcher) Close() { f.client.CloseIdleConnections() }

// Received is how many bytes of answers were read.
func (f *Fetcher) Received() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.received
}

// Recent gives the times of the requests of the last hour, for the next process's quota; nil
// for a source without one.
func (f *Fetcher) Recent() []time.Time { return f.pace.recent(time.Now()) }

// Fetch requests r. It returns answers of status 2xx, 304 if r.Header made the request conditional, and others if
// r.Told. Temporary failures are retried within the run's budget; a refusal never is. Errors: ErrBlocked (also as
// ErrRobots), ErrRules, ErrDown once the host has failed maxFailed times in a row, *HostError, *WaitError,
// *StatusError, ErrTooLarge, errors of the network.
func (f *Fetcher) Fetch(ctx context.Context, r Request) (Page, error) {
	host := hostOf(r.URL)
	f.mu.Lock()
	down := f.failed[host] >= maxFailed
	f.mu.Unlock()
	if until := f.cfg.Waits.of(host); time.Now().Before(until) {
		return Page{}, &WaitError{until}
	}
	if down {
		return Page{}, fmt.Errorf("%d requests in a row got no answer: %w", maxFailed, ErrDown)
	}
	page, err := f.try(ctx, r)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch wait := (*WaitError)(nil); {
	case errors.As(err, &wait):
		f.cfg.Waits.add(host, wait.Until)
	case err == nil || !passing(err):
		f.failed[host] = 0 // it answers, if only to say no
	case ctx.Err() == nil:
		f.failed[host]++
	}
	return page, err
}

// maxFailed is how many requests in a row may fail, each tried as often as the config says, before a
// host is left alone.
const maxFailed = 10

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// try asks for r until there is an answer or no more trying is allowed.
func (f *Fetcher) try(ctx context.Context, r Request) (Page, error) {
	wait := f.cfg.Backoff
	for try := 1; ; try++ {
		page, err := f.follow(ctx, r)
		if err == nil || !passing(err) || ctx.Err() != nil {
			return page, err
		}
		s := (*StatusError)(nil)
		if errors.As(err, &s) && s.wait > maxPause {
			return Page{}, &WaitError{time.Now().Add(min(s.wait, maxWait)).Round(time.Second)}
		}
		if try >= f.cfg.Tries || !f.mayRetry() {
			return Page{}, fmt.Errorf("gave up after %d tries: %w", try, err)
		}
		if s != nil && s.wait > 0 {
			f.pace.hold(time.Now().Add(s.wait)) // everybody who asks this site waits
		} else if err := sleep(ctx, wait+jitter(wait/2)); err != nil {
			return Page{}, err
		}
		wait = min(2*wait, 5*time.Minute)
	}
}

// mayRetry takes one from the run's budget of repeated requests.
func (f *Fetcher) mayRetry() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.retried >= f.cfg.Retries+f.asked/10 {
		return false
	}
	f.retried++
	return true
}

// passing reports whether a failure may be temporary.
func passing(err error) bool {
	if errors.Is(err, ErrBlocked) || errors.Is(err, ErrTooLarge) || errors.Is(err, errAddress) || errors.Is(err, dial.ErrPrivate) {
		return false
	}
	if s := (*StatusError)(nil); errors.As(err, &s) {
		return s.Status == http.StatusTooManyRequests || s.Status == http.StatusRequestTimeout || s.Status >= 500
	}
	return true // the network: refused, reset, cut short, late
}

// follow makes a request and follows at most maxRedirects redirects.
func (f *Fetcher) follow(ctx context.Context, r Request) (Page, error) {
	for range maxRedirects + 1 {
		u, err := webAddress(r.URL)
		if err != nil {
			return Page{}, err
		}
		if err := f.mayAsk(u); err != nil {
			return Page{}, err
		}
		if err := f.allowed(ctx, u); err != nil {
			return Page{}, err
		}
		page, location, err := f.once(ctx, r)
		if err != nil {
			return Page{}, err
		}
		if location == "" {
			return page, nil
		}
		to, err := u.Parse(location)
		if err != nil || u.Scheme == "https" && to.Scheme != "https" {
			return Page{}, fmt.Errorf("redirect to a bad or less safe address: %w", errAddress)
		}
		r.URL = to.String()
		if page.Status != http.StatusTemporaryRedirect && page.Status != http.StatusPermanentRedirect {
			r.Method, r.Body = http.MethodGet, nil
		}
	}
	return Page{}, fmt.Errorf("more than %d redirects: %w", maxRedirects, errAddress)
}

// errAddress marks addresses that are no good, now or later.
var errAddress = errors.New("bad address")

func webAddress(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%w: want http:// or https:// with a host", errAddress)
	}
	return u, nil
}

// once waits for its turn and sends one request.
func (f *Fetcher) once(ctx context.Context, r Request) (Page, string, error) {
	release, err := f.pace.wait(ctx)
	if err != nil {
		return Page{}, "", err
	}
	defer release()
	f.mu.Lock()
	f.asked++
	f.mu.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, f.cfg.Manners.Timeout, fmt.Errorf("no whole answer within %s: %w", f.cfg.Manners.Timeout,
		context.DeadlineExceeded))
	defer cancel()
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return Page{}, "", fmt.Errorf("%w: %w", errAddress, err)
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", f.agent)
	answer, err := f.client.Do(req)
	if err != nil {
		return Page{}, "", f.cause(ctx, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, f.cfg.Manners.MaxBody+1))
	if err != nil {
		return Page{}, "", f.cause(ctx, fmt.Errorf("read answer: %w", err))
	}
	f.mu.Lock()
	f.received += int64(len(body))
	f.mu.Unlock()
	if int64(len(body)) > f.cfg.Manners.MaxBody {
		return Page{}, "", ErrTooLarge
	}
	page := Page{URL: r.URL, Status: answer.StatusCode, Header: answer.Header, Body: body, Read: time.Now().UTC()}
	return page, answer.Header.Get("Location"), f.judge(&page, answer.Header, r.Told)
}

// cause returns why a request failed, without the address, which may contain names.
func (f *Fetcher) cause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return fmt.Errorf("ask the site: %w", u.Err)
	}
	return err
}

// judge turns refusals and failures into errors; nil for 2xx, 304 and redirects, and for failures that tell why where
// that is wanted.
func (f *Fetcher) judge(page *Page, header http.Header, told bool) error {
	if mark := refusal(page, f.cfg.Refusals); mark != "" {
		return fmt.Errorf("status %d with %q: %w", page.Status, mark, ErrBlocked)
	}
	switch s := page.Status; {
	case s >= 200 && s < 300:
		header.Del("Location")
		return nil
	case s == http.StatusNotModified, s >= 300 && s < 400 && header.Get("Location") != "":
		return nil
	case s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusProxyAuthRequired,
		s == http.StatusUnavailableForLegalReasons:
		return fmt.Errorf("status %d: %w", s, ErrBlocked)
	case told && s != http.StatusTooManyRequests && header.Get("Retry-After") == "" &&
		strings.HasPrefix(header.Get("Content-Type"), "application/json"):
		return nil
	}
	return &StatusError{Status: page.Status, URL: page.URL, wait: retryAfter(header.Get("Retry-After"), page.Read)}
}
