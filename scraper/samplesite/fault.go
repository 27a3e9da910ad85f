package samplesite

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"
)

// Kind is what goes wrong.
type Kind string

// The faults a Site can have.
const (
	NotFound    Kind = "404"
	ServerError Kind = "500"
	Unavailable Kind = "503" // with Retry-After: 1
	TooMany     Kind = "429" // with Retry-After: 1
	Forbidden   Kind = "403"
	Slow        Kind = "slow"       // answers after Fault.Delay
	Truncated   Kind = "truncate"   // half of the body under its full length, then the connection closes
	Cut         Kind = "cut"        // half of the body as if it were all
	Layout      Kind = "layout"     // the page with its class names and headings changed
	Block       Kind = "block"      // a CAPTCHA page under status 200
	Gate        Kind = "gate"       // an agreement page in HTML under status 200, in the place of anything
	Empty       Kind = "empty"      // 200 with no bytes
	Charset     Kind = "charset"    // the page in ISO-8859-1 while its header says UTF-8
	Renamed     Kind = "renamed"    // a table's columns have other names
	Reordered   Kind = "reordered"  // a table's columns in another order
	Duplicated  Kind = "duplicated" // every row of a table twice
	Shrunk      Kind = "shrunk"     // a table with the first half of the people only
	CaseIDs     Kind = "case"       // a table's ids in lower case
)

// Robots is a robots.txt that forbids everything; it needs no Path.
const Robots Kind = "robots"

// Kinds are all faults, for help texts.
var kinds = []Kind{NotFound, ServerError, Unavailable, TooMany, Forbidden, Slow, Truncated, Cut, Layout, Block, Gate, Empty, Charset,
	Renamed, Reordered, Duplicated, Shrunk, CaseIDs, Robots}

// Fault makes requests go wrong.
type Fault struct {
	Kind  Kind          `json:"kind"`
	Path  string        `json:"path,omitempty"`  // requests whose path and query contain this; "" is every one but robots.txt
	Times int           `json:"times,omitempty"` // so many requests, 0 is until Heal
	Skip  int           `json:"skip,omitempty"`  // so many requests are answered rightly first
	Delay time.Duration `json:"delay,omitempty"` // of Slow, in nanoseconds
}

// serve answers r wrongly; right gives the right answer.
func (f Fault) serve(w http.ResponseWriter, r *http.Request, right http.Handler) {
	switch f.Kind {
	case NotFound, ServerError, Unavailable, TooMany, Forbidden:
		status, _ := strconv.Atoi(string(f.Kind))
		if f.Kind == Unavailable || f.Kind == TooMany {
			w.Header().Set("Retry-After", "1")
		}
		http.Error(w, http.StatusText(status), status)
		return
	case Slow:
		select {
		case <-time.After(f.Delay):
			right.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
		return
	case Block:
		page(w, `<h1>Please verify you are a human</h1><div class="g-recaptcha" data-sitekey="sample"></div>`)
		return
	case Gate:
		page(w, `<h1>Conditions of use</h1><form method="post" action="/agree"><input type="checkbox" name="agree">`+
			`<button>I agree</button></form>`)
		return
	case Empty:
		return
	case Robots:
		fmt.Fprint(w, "User-agent: *\nDisallow: /\n")
		return
	case Renamed, Reordered, Duplicated, Shrunk, CaseIDs:
		right.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), faultKey{}, f.Kind)))
		return
	}
	answer := httptest.NewRecorder()
	right.ServeHTTP(answer, r)
	body := answer.Body.Bytes()
	for name, values := range answer.Header() {
		if name != "Content-Length" && name != "Etag" && name != "Last-Modified" {
			w.Header()[name] = values
		}
	}
	switch f.Kind {
	case Truncated:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(answer.Code)
		w.Write(body[:len(body)/2])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // the one way to break a response off
	case Cut:
		body = body[:len(body)/2]
	case Layout:
		body = []byte(strings.NewReplacer(
			"label-value", "pair-list", "offenderDetails.jsp", "person.jsp", "<th", "<td", "</th", "</td",
			"somsTopTable", "topTable").Replace(string(body)))
	case Charset:
		body = latin1(body)
	}
	w.WriteHeader(answer.Code)
	w.Write(body)
}

type faultKey struct{}

// tableFault is the fault of a request that spoils tables, "" for none.
func tableFault(ctx context.Context) Kind {
	kind, _ := ctx.Value(faultKey{}).(Kind)
	return kind
}
