package serve

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

	"lineup/internal/tracing"
	"lineup/schemas"
)

// Route is one path and who answers there.
type Route struct {
	Pattern string
	Kind    string // endpoint name in metrics, audit and usage
	Methods []string
	Serve   func(http.ResponseWriter, *http.Request) error
	// Fail answers with a failure; nil answers with JSON.
	Fail func(http.ResponseWriter, *http.Request, *Failure)
	Page bool // for browsers that visit: CORS is of no use
	// Inside says that the key of a POST may stand in its body.
	Inside bool
	// Link reports whether a request came by a link of ours, as good as a key; nil: none does.
	Link func(*http.Request) bool
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
		ctx, span := tracing.Root(x.with(r.Context()), "request", tracing.Endpoint(rt.Kind))
		r = r.WithContext(ctx)
		w := &statusWriter{ResponseWriter: plain}
		s.commonHeaders(w.Header(), x.ID)
		if r.Body != nil && r.Body != http.NoBody {
			x.body = &body{ReadCloser: r.Body}
			r.Body = x.body
			// Else the server would read some of the body before it sends the answer, and then hang up.
			http.NewResponseController(plain).EnableFullDuplex()
			defer x.body.readOn(plain, r, x)
			defer x.body.release()
		}
		s.forwarded(r.Context(), r)
		client := Network(s.config.Proxies.client(r))
		x.Paid = rt.Link != nil && rt.Link(r)
		x.broke = !x.Paid && s.clients.broke(client, start)
		defer func() {
			if !x.Paid && !x.broke && !s.working.lately(GivenKey(r), start) {
				s.clients.spend(client, start)
			}
		}()
		failed := s.limited(rt, x, r)
		if failed == nil {
			failed = s.answer(rt, w, r)
		}
		if failed != nil {
			x.Reason = failed.Reason
			if failed.Status >= http.StatusInternalServerError {
				s.deps.Log.ErrorContext(r.Context(), "request failed", "request", x.ID, "endpoint", rt.Kind,
					"reason", failed.Reason, "error", failed.Cause)
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
		span.Set(tracing.Status(w.status))
		span.End(failedFor(w.status))
	})
}

// failedFor is the failure of a request by its status: what a client did wrong is none of ours.
func failedFor(status int) error {
	if status >= http.StatusInternalServerError {
		return errors.New("failed")
	}
	return nil
}

// limited refuses a client that has spent what it has, unless its request may carry a key that works.
func (s *Server) limited(rt Route, x *Exchange, r *http.Request) *Failure {
	given := GivenKey(r)
	if !x.broke || given == "" && rt.Inside && r.Method == http.MethodPost {
		return nil
	}
	if !s.working.mayWork(given, s.deps.Now()) {
		s.metrics.refused.WithLabelValues("address").Inc()
		return s.brokeFailure()
	}
	x.looked = true
	return nil
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
	ctx, span := tracing.Start(x.with(ctx), "call", tracing.Endpoint(kind))
	defer func() { span.End(nil) }()
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
	if origin := s.config.AllowOrigin; origin != "" {
		h.Set("Access-Control-Allow-Origin", origin)
		if origin != "*" {
			h.Add("Vary", "Origin")
		}
		h.Set("Access-Control-Expose-Headers", "ETag, X-Request-Id, X-Offenders-Request-Id, X-Search-Id, X-Coverage, X-Notice, "+
			"X-Source-Notice, X-Ignored-Params, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After")
	}
	for _, notice := range Notices(s.config.Contact) {
		h.Add("X-Notice", HeaderText(notice))
	}
}
