package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"lineup/schemas"
)

// Exchange is what is known of the request at hand, for the audit line.
type Exchange struct {
	ID     string // request id
	Kind   string // endpoint
	Key    string // key id, never the key
	Count  int    // registrants in the answer
	Reason string // of a failure, or the outcome of a face search
}

type exchangeKey struct{}

// ExchangeOf returns the exchange of a request that came through wrap.
func ExchangeOf(ctx context.Context) *Exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*Exchange); ok {
		return x
	}
	return &Exchange{}
}

// Route is one path and who answers there.
type Route struct {
	Pattern string
	Kind    string // endpoint name in metrics, audit and usage
	Methods []string
	Serve   func(http.ResponseWriter, *http.Request) error
	// Fail answers with a failure; nil answers with JSON.
	Fail func(http.ResponseWriter, *http.Request, *Failure)
	Page bool // for browsers that visit: CORS is of no use
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

// Wrap gives a route what all have: request id, notices, CORS, methods, the table of errors,
// the audit line and metrics.
func (s *Server) Wrap(rt Route) http.Handler {
	return http.HandlerFunc(func(plain http.ResponseWriter, r *http.Request) {
		start := s.deps.Now()
		x := &Exchange{ID: requestID(r), Kind: rt.Kind}
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
		w := &statusWriter{ResponseWriter: plain}
		s.commonHeaders(w.Header(), x.ID)
		body := r.Body
		failed := s.answer(rt, w, r)
		if failed != nil {
			if failed.tooLarge() {
				defer readOn(plain, body)
			}
			x.Reason = failed.Reason
			if failed.Status >= http.StatusInternalServerError {
				s.deps.Log.ErrorContext(r.Context(), "request failed", "request", x.ID, "endpoint", rt.Kind,
					"reason", failed.Reason, "error", failed.Cause)
			}
			if failed.tooLarge() { // else the server would close the connection with the answer
				http.NewResponseController(plain).EnableFullDuplex()
			}
			switch {
			case w.status != 0: // too late for another answer
			case rt.Fail != nil:
				rt.Fail(w, r, failed)
			default:
				s.WriteFailure(w, failed)
			}
		}
		s.finish(r.Context(), x, w.status, start)
	})
}

// maxReadOn bounds the bytes that are read of a body that was refused for its size.
const maxReadOn = 64 << 20

// readOn sends what was answered and then reads on what the client still sends: most clients read an
// answer only when they have sent all, and would see a broken connection instead of it.
func readOn(w http.ResponseWriter, body io.Reader) {
	if http.NewResponseController(w).Flush() == nil {
		io.Copy(io.Discard, io.LimitReader(body, maxReadOn)) // within the time of a request
	}
}

// finish counts what was answered and writes the audit line.
func (s *Server) finish(ctx context.Context, x *Exchange, status int, start time.Time) {
	took := s.deps.Now().Sub(start)
	s.metrics.answered(x.Kind, status, took)
	if x.Kind == "healthz" || x.Kind == "readyz" || x.Kind == "assets" {
		return
	}
	s.deps.Audit.LogAttrs(ctx, slog.LevelInfo, "answered",
		slog.String("request", x.ID), slog.String("endpoint", x.Kind), slog.String("key", x.Key),
		slog.Int("status", status), slog.Int("count", x.Count), slog.String("reason", x.Reason),
		slog.Int64("milliseconds", took.Milliseconds()))
}

// Call runs what answers an endpoint for a caller in this process, as Wrap does for one over HTTP:
// with the headers, the one table of errors, metrics and the audit line. A panic is the caller's.
func (s *Server) Call(ctx context.Context, kind string, call func(context.Context, http.Header) error) (http.Header, *Failure) {
	start := s.deps.Now()
	x := &Exchange{ID: string(schemas.RandomID()), Kind: kind}
	ctx = context.WithValue(ctx, exchangeKey{}, x)
	h := http.Header{}
	s.commonHeaders(h, x.ID)
	var failed *Failure
	status := http.StatusOK
	if err := call(ctx, h); err != nil {
		failed = FailureOf(err)
		status, x.Reason = failed.Status, failed.Reason
	}
	s.finish(ctx, x, status, start)
	return h, failed
}

// answer runs the route, and turns a panic into a failure: one bad request must not end the
// others.
func (s *Server) answer(rt Route, w http.ResponseWriter, r *http.Request) (failed *Failure) {
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			s.deps.Log.Error("panic in a request", "endpoint", rt.Kind, "panic", fmt.Sprintf("%.200v", p), "stack", string(debug.Stack()))
			failed = FailureOf(fmt.Errorf("panic in %s", rt.Kind))
		}
	}()
	if !slices.Contains(rt.Methods, r.Method) {
		allow := strings.Join(append(slices.Clone(rt.Methods), http.MethodOptions), ", ")
		w.Header().Set("Allow", allow)
		if r.Method == http.MethodOptions {
			if r.Header.Get("Access-Control-Request-Method") != "" && !rt.Page {
				w.Header().Set("Access-Control-Allow-Methods", allow)
				if asked := r.Header.Get("Access-Control-Request-Headers"); headerNames.MatchString(asked) {
					w.Header().Set("Access-Control-Allow-Headers", asked)
				}
				w.Header().Set("Access-Control-Max-Age", "600")
			}
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		return &Failure{Status: http.StatusMethodNotAllowed, Reason: "method_not_allowed",
			Message: "Method not supported here; use " + strings.Join(rt.Methods, " or ") + "."}
	}
	err := OneKey(r)
	if err == nil {
		err = rt.Serve(w, r)
	}
	if err != nil {
		return FailureOf(err)
	}
	return nil
}

// headerNames is a list of names of headers that a page asks to send; all of them may come.
var headerNames = regexp.MustCompile(`^[A-Za-z0-9-]+( ?, ?[A-Za-z0-9-]+){0,30}$`)

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
	h.Set("Access-Control-Expose-Headers", "ETag, X-Request-Id, X-Offenders-Request-Id, X-Search-Id, X-Coverage, X-Notice, "+
		"X-Source-Notice, X-Ignored-Params, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After")
	for _, notice := range Notices(s.config.Contact) {
		h.Add("X-Notice", HeaderText(notice))
	}
}
