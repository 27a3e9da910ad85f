package queryd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"lineup/queryd/keys"
	"lineup/schemas"
)

// exchange is what is known of the request at hand, for the audit line.
type exchange struct {
	id     string // request id
	kind   string // endpoint
	key    string // key id, never the key
	count  int    // registrants in the answer
	reason string // of a failure, or the outcome of a face search
}

type exchangeKey struct{}

// exchangeOf returns the exchange of a request that came through wrap.
func exchangeOf(ctx context.Context) *exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{}
}

// route is one path and who answers there.
type route struct {
	pattern string
	kind    string // endpoint name in metrics, audit and usage
	methods []string
	serve   func(http.ResponseWriter, *http.Request) error
	html    bool // failures are pages, and CORS is of no use
}

// routes builds the handler of everything.
func (s *Server) routes() (http.Handler, error) {
	get := []string{http.MethodGet, http.MethodHead}
	post := []string{http.MethodPost}
	openapi, err := newOpenAPI()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for _, r := range []route{
		{pattern: "/faces", kind: "faces", methods: post, serve: s.serveFaces},
		{pattern: "/sexoffender", kind: "sexoffender", methods: append(post, get...), serve: s.serveOffenders},
		{pattern: "/photos/{id}", kind: "photos", methods: get, serve: s.servePhoto},
		{pattern: "/v1/coverage", kind: "coverage", methods: get, serve: s.serveCoverage},
		{pattern: "/v1/matches/{id}/evidence", kind: "evidence", methods: get, serve: s.serveEvidence},
		{pattern: "/v1/terms", kind: "terms", methods: get, serve: s.serveTerms},
		{pattern: "/healthz", kind: "healthz", methods: get, serve: s.serveHealth},
		{pattern: "/readyz", kind: "readyz", methods: get, serve: s.serveReady},
		{pattern: "/openapi.json", kind: "openapi", methods: get, serve: openapi.serveJSON},
		{pattern: "/docs", kind: "docs", methods: get, serve: s.docsPage(openapi), html: true},
		{pattern: "/mcp", kind: "mcp", methods: []string{http.MethodPost, http.MethodGet, http.MethodDelete}, serve: s.serveMCP()},
		{pattern: "/{$}", kind: "page", methods: append(post, get...), serve: s.serveHome, html: true},
		{pattern: "/search", kind: "page", methods: append(post, get...), serve: s.serveSearch, html: true},
		{pattern: "/record/{id}", kind: "page", methods: append(post, get...), serve: s.serveRecord, html: true},
		{pattern: "/coverage", kind: "page", methods: get, serve: s.serveCoveragePage, html: true},
		{pattern: "/terms", kind: "page", methods: get, serve: s.serveTermsPage, html: true},
		{pattern: "/assets/{name}", kind: "assets", methods: get, serve: s.serveAsset},
		{pattern: "/", kind: "unknown", methods: append(post, get...), serve: func(http.ResponseWriter, *http.Request) error {
			return &failure{status: http.StatusNotFound, reason: "no_such_path", message: "There is no such path here. See /docs."}
		}},
	} {
		mux.Handle(r.pattern, s.wrap(r))
	}
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.ContentTypes([]string{
		"application/json", "text/html", "text/css", "text/javascript", "text/plain", "image/svg+xml"}))
	if err != nil {
		return nil, fmt.Errorf("set up compression: %w", err)
	}
	return compress(mux), nil
}

// statusWriter remembers the status that was sent.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController through.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// wrap gives a route what all have: request id, notices, CORS, methods, the table of errors,
// the audit line and metrics.
func (s *Server) wrap(rt route) http.Handler {
	return http.HandlerFunc(func(plain http.ResponseWriter, r *http.Request) {
		start := s.deps.Now()
		x := &exchange{id: requestID(r), kind: rt.kind}
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
		w := &statusWriter{ResponseWriter: plain}
		s.commonHeaders(w.Header(), x.id)
		failed := s.answer(rt, w, r)
		if failed != nil {
			x.reason = failed.reason
			if failed.status >= http.StatusInternalServerError {
				s.deps.Log.ErrorContext(r.Context(), "request failed", "request", x.id, "endpoint", rt.kind,
					"reason", failed.reason, "error", failed.cause)
			}
			switch {
			case w.status != 0: // too late for another answer
			case rt.html, rt.kind == "unknown" && prefersPage(r):
				s.failurePage(w, r, failed)
			default:
				s.writeFailure(w, failed)
			}
		}
		took := s.deps.Now().Sub(start)
		s.metrics.answered(rt.kind, w.status, took)
		if rt.kind != "healthz" && rt.kind != "readyz" && rt.kind != "assets" {
			s.deps.Audit.LogAttrs(r.Context(), slog.LevelInfo, "answered",
				slog.String("request", x.id), slog.String("endpoint", rt.kind), slog.String("key", x.key),
				slog.Int("status", w.status), slog.Int("count", x.count), slog.String("reason", x.reason),
				slog.Int64("milliseconds", took.Milliseconds()))
		}
	})
}

// answer runs the route, and turns a panic into a failure: one bad request must not end the
// others.
func (s *Server) answer(rt route, w http.ResponseWriter, r *http.Request) (failed *failure) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.deps.Log.Error("panic in a request", "endpoint", rt.kind, "panic", fmt.Sprintf("%.200v", p), "stack", string(debug.Stack()))
			failed = failureOf(fmt.Errorf("panic in %s", rt.kind))
		}
	}()
	if !slices.Contains(rt.methods, r.Method) {
		allow := strings.Join(append(slices.Clone(rt.methods), http.MethodOptions), ", ")
		w.Header().Set("Allow", allow)
		if r.Method == http.MethodOptions {
			if r.Header.Get("Access-Control-Request-Method") != "" && !rt.html {
				w.Header().Set("Access-Control-Allow-Methods", allow)
				w.Header().Set("Access-Control-Allow-Headers", "Content-Type, Authorization, X-API-Key, X-Request-Id, Mcp-Session-Id, Mcp-Protocol-Version")
				w.Header().Set("Access-Control-Max-Age", "600")
			}
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		return &failure{status: http.StatusMethodNotAllowed, reason: "method_not_allowed",
			message: "Method not supported here; use " + strings.Join(rt.methods, " or ") + "."}
	}
	if err := rt.serve(w, r); err != nil {
		return failureOf(err)
	}
	return nil
}

// requestIDs are what a client may name its request.
var requestIDs = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); requestIDs.MatchString(id) {
		return id
	}
	return string(schemas.RandomID())
}

// commonHeaders go with every answer.
func (s *Server) commonHeaders(h http.Header, id string) {
	h.Set("X-Request-Id", id)
	h.Set("X-Offenders-Request-Id", id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Access-Control-Allow-Origin", s.config.AllowOrigin)
	if s.config.AllowOrigin != "*" {
		h.Add("Vary", "Origin")
	}
	h.Set("Access-Control-Expose-Headers", "ETag, X-Request-Id, X-Offenders-Request-Id, X-Search-Id, X-Notice, X-Source-Notice, X-Ignored-Params, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After")
	for _, notice := range notices(s.config.Contact) {
		h.Add("X-Notice", headerText(notice))
	}
}

// authorize finds and counts the key of a request and writes where its limits stand. DEMO is
// let through only where demo is true.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request, given string, demo bool) (keys.Key, error) {
	x := exchangeOf(r.Context())
	if given == "" {
		return keys.Key{}, &failure{status: http.StatusUnauthorized, reason: "missing_key", message: "Missing API key"}
	}
	var key keys.Key
	if given == keys.Demo && s.config.Demo {
		x.key = keys.Demo
		if !demo {
			return keys.Key{}, demoOnly()
		}
		key = keys.Key{ID: keys.Demo, Name: keys.Demo}
	} else {
		var err error
		ctx, cancel := context.WithTimeout(r.Context(), s.config.SearchTimeout)
		key, err = s.deps.Keys.Check(ctx, given)
		cancel()
		if errors.Is(err, keys.ErrUnknown) {
			return keys.Key{}, err
		}
		if err != nil {
			return keys.Key{}, unavailable("key_store", err)
		}
	}
	x.key = key.ID
	q := s.limits.take(key, x.kind, s.deps.Now())
	q.write(w.Header())
	if q.refused {
		per := "minute"
		if q.daily {
			per = "day"
		}
		return keys.Key{}, &failure{status: http.StatusTooManyRequests, reason: "rate_limited",
			message: fmt.Sprintf("The limit of this key, %d requests a %s, is reached. Try again after the time in Retry-After.", q.limit, per)}
	}
	return key, nil
}

// demoOnly is what DEMO gets for anything but the bundled photo.
func demoOnly() *failure {
	return &failure{status: http.StatusUnauthorized, reason: "demo_key",
		message: "The DEMO key works for the bundled demo photo only. Ask the operator for a key of your own."}
}

// givenKey is the key a request carries: ?key=, X-API-Key or Authorization: Bearer.
func givenKey(r *http.Request) string {
	if key := r.URL.Query().Get("key"); key != "" {
		return key
	}
	if key := r.Header.Get("X-API-Key"); key != "" {
		return key
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}

// base is what minted links begin with.
func (s *Server) base(r *http.Request) string {
	if s.config.PublicURL != "" {
		return s.config.PublicURL
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// wireTime is a time on the wire: UTC, milliseconds, Z.
func wireTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.UTC().Format("2006-01-02T15:04:05.000Z")
	return &text
}
