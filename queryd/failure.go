package queryd

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"strconv"

	"lineup/indexer/face"
	"lineup/queryd/keys"
)

// failure is an answer that is an error: what the caller did, or what we could not do.
type failure struct {
	status  int
	reason  string     // stable, for programs: "no_face"
	message string     // for people, with what to do
	retry   int        // seconds, 0: do not say
	input   bool       // a bad parameter of /sexoffender: the legacy setting answers it with 200
	probe   *wireProbe // where the faces are, when there are several
	cause   error      // for the log
}

func (f *failure) Error() string { return f.reason + ": " + f.message }
func (f *failure) Unwrap() error { return f.cause }

// badRequest is a 400 with a stable reason.
func badRequest(reason, message string) *failure {
	return &failure{status: http.StatusBadRequest, reason: reason, message: message}
}

// unavailable is a 503 for a part of the house that did not answer.
func unavailable(part string, cause error) *failure {
	return &failure{status: http.StatusServiceUnavailable, reason: part + "_unavailable", retry: 5, cause: cause,
		message: "The " + part + " cannot be asked at the moment, so there is no answer. Try again soon."}
}

// statusGone is the status a client that left is logged with; nobody reads it.
const statusGone = 499

// failureOf is the one table that turns errors into answers.
func failureOf(err error) *failure {
	var known *failure
	var photo *face.Problem
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &photo):
		f := badRequest(string(photo.Code), photo.Text)
		if photo.Code == face.CodeSeveralFaces {
			probe := probeOf(photo.Result)
			f.probe = &probe
		}
		return f
	case errors.Is(err, keys.ErrUnknown):
		return &failure{status: http.StatusUnauthorized, reason: "invalid_key", message: "Invalid API key"}
	case errors.Is(err, face.ErrBusy):
		return &failure{status: http.StatusServiceUnavailable, reason: "busy", retry: 2, cause: err,
			message: "Too many photos are being searched at the moment. Try again in a few seconds."}
	case errors.Is(err, context.Canceled):
		return &failure{status: statusGone, reason: "client_left", message: "The client closed the request."}
	case errors.Is(err, context.DeadlineExceeded):
		return &failure{status: http.StatusServiceUnavailable, reason: "timeout", retry: 5, cause: err,
			message: "The answer took too long. Try again soon."}
	case errors.Is(err, fs.ErrNotExist):
		return &failure{status: http.StatusNotFound, reason: "not_found", message: "There is nothing here under that id."}
	}
	return &failure{status: http.StatusInternalServerError, reason: "internal", cause: err,
		message: "Something went wrong on the server. Quote the X-Request-Id of this answer to its operator."}
}

// errorBody is an error on the wire: {code, message}; with a 400 also {error, reason}, the
// other shape that clients of the contract know.
type errorBody struct {
	Code    int        `json:"code,omitempty"`
	Message string     `json:"message,omitempty"`
	Error   string     `json:"error,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	Probe   *wireProbe `json:"probe,omitempty"` // with several_faces: where they are
}

// invalidInput is the text of "error" in the contract.
const invalidInput = "Invalid input params"

// writeFailure answers with f.
func (s *Server) writeFailure(w http.ResponseWriter, f *failure) {
	status, body := f.status, errorBody{Code: f.status, Message: f.message}
	if status == http.StatusBadRequest {
		body.Error, body.Reason, body.Probe = invalidInput, f.reason, f.probe
		if f.input && s.config.Legacy200 {
			status, body = http.StatusOK, errorBody{Error: invalidInput, Reason: f.reason}
		}
	}
	if f.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.retry))
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="lineup"`)
	}
	writeJSON(w, status, body)
}

// writeJSON answers with v.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.Encode(v) // the client may have left: nothing to do about it
}
