package serve

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"lineup/indexer/face"
	"lineup/queryd/keys"
	"lineup/queryd/search"
	"lineup/schemas"
)

// Failure is an answer that is an error: what the caller did, or what we could not do.
type Failure struct {
	Status  int
	Reason  string // stable, for programs: "no_face"
	Message string // for people, with what to do
	Retry   int    // seconds, 0: do not say
	Input   bool   // a bad parameter of /sexoffender: the legacy setting answers it with 200
	Probe   *Probe // where the faces are, when there are several
	Cause   error  // for the log
}

func (f *Failure) Error() string { return f.Reason + ": " + f.Message }
func (f *Failure) Unwrap() error { return f.Cause }

// BadRequest is a 400 with a stable reason.
func BadRequest(reason, message string) *Failure {
	return &Failure{Status: http.StatusBadRequest, Reason: reason, Message: message}
}

// unavailable is a 503 for a part of the node that did not answer.
func unavailable(part string, cause error) *Failure {
	return &Failure{Status: http.StatusServiceUnavailable, Reason: part + "_unavailable", Retry: 5, Cause: cause,
		Message: "The " + strings.ReplaceAll(part, "_", " ") + " cannot be asked at the moment, so there is no answer. Try again soon."}
}

// statusGone is the status a client that left is logged with; nobody reads it.
const statusGone = 499

// FailureOf is the one table that turns errors into answers.
func FailureOf(err error) *Failure {
	var known *Failure
	var photo *face.Problem
	var down *search.Unavailable
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &photo):
		f := BadRequest(string(photo.Code), photo.Text)
		if photo.Code == face.CodeSeveralFaces {
			probe := ProbeOf(photo.Result)
			f.Probe = &probe
		}
		return f
	case errors.As(err, &down):
		return unavailable(down.Part, down.Cause)
	case errors.Is(err, search.ErrCursor):
		return &Failure{Status: http.StatusGone, Reason: CursorExpired, Message: "The cursor has expired: it is too old, or the stream of " +
			"changes was started anew. Start over without a cursor, and drop what is not listed then."}
	case errors.Is(err, keys.ErrUnknown):
		return &Failure{Status: http.StatusUnauthorized, Reason: "invalid_key", Message: "Invalid API key"}
	case errors.Is(err, face.ErrBusy):
		return &Failure{Status: http.StatusServiceUnavailable, Reason: "busy", Retry: 2, Cause: err,
			Message: "Too many photos are being searched at the moment. Try again in a few seconds."}
	case errors.Is(err, context.Canceled):
		return &Failure{Status: statusGone, Reason: "client_left", Message: "The client closed the request."}
	case errors.Is(err, context.DeadlineExceeded):
		return &Failure{Status: http.StatusServiceUnavailable, Reason: "timeout", Retry: 5, Cause: err,
			Message: "The answer took too long. Try again soon."}
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, search.ErrGone): // nobody is told which
		return &Failure{Status: http.StatusNotFound, Reason: "not_found", Message: "There is nothing here under that id. It was never given, " +
			"or what it named is not shown here any more: it was removed here, or by its registry, whose official page is the authority."}
	}
	return &Failure{Status: http.StatusInternalServerError, Reason: "internal", Cause: err,
		Message: "Something went wrong on the server. Quote the X-Request-Id of this answer to its operator."}
}

// CursorExpired is the reason of a 410 that says so; other ones have none.
const CursorExpired = "cursor_expired"

// errorBody is an error on the wire: {code, message}; with a 400 also {error, reason}, the
// other shape that clients of the contract know.
type errorBody struct {
	Code    int    `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	Error   string `json:"error,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Probe   *Probe `json:"probe,omitempty"` // with several_faces: where they are
}

// invalidInput is the text of "error" in the contract.
const invalidInput = "Invalid input params"

// WriteFailure answers with f.
func (s *Server) WriteFailure(w http.ResponseWriter, f *Failure) {
	status, body := f.Status, errorBody{Code: f.Status, Message: f.Message}
	if status == http.StatusBadRequest {
		body.Error, body.Reason, body.Probe = invalidInput, f.Reason, f.Probe
		if f.Input && s.config.Legacy200 {
			status, body = http.StatusOK, errorBody{Error: invalidInput, Reason: f.Reason}
		}
	}
	if f.Reason == CursorExpired {
		body.Reason = f.Reason
	}
	if f.Retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.Retry))
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="lineup"`)
	}
	WriteJSON(w, status, body)
}

// WriteJSON answers with v.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.Encode(v) // the client may have left: nothing to do about it
}

// Probe is a probe's photo on the wire: its size, and where its faces are.
type Probe struct {
	Width   int             `json:"width"`
	Height  int             `json:"height"`
	Box     schemas.Box     `json:"box"`
	Others  []schemas.Box   `json:"others"`
	Quality schemas.Quality `json:"quality"`
}

// ProbeOf puts what was found in a photo on the wire.
func ProbeOf(r face.Result) Probe {
	return Probe{Width: r.Width, Height: r.Height, Box: r.Box, Others: append([]schemas.Box{}, r.Others...), Quality: r.Quality}
}
