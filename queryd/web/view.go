package web

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"lineup/schemas"
)

// languageLink leads to the same page in another language.
type languageLink struct{ Lang, Name, Path string }

// to is a path of ours, in the language that a link chose.
func to(v view, path string) string {
	path, fragment, _ := strings.Cut(path, "#")
	if v.Lang != "" {
		path += "?lang=" + v.Lang
	}
	if fragment != "" {
		path += "#" + fragment
	}
	return path
}

// toRecord is the path of a record.
func toRecord(v view, id any) string {
	if known, ok := id.(*schemas.UUID); ok && known != nil {
		id = *known
	}
	return to(v, fmt.Sprintf("/record/%v", id))
}

// view is what every template is given.
type view struct {
	Page      string
	Partial   bool   // only the answer is asked for, by the script
	Key       string // as given, else DEMO where that works
	Given     bool   // Key came with the request
	DemoKey   string // what DEMO opens on this page, the key of a text; "" for nothing
	Contact   string
	MaxPhoto  int      // bytes
	Sources   []string // notices of the sources in the answer
	RequestID string
	Failure   *shownFailure
	Faults    []fault // what is wrong with fields of the form
	Body      any
	Asked     map[string]string // the form as it was sent
	Sheet     *sheet            // the head of the answer when it is printed
	Lang      string            // what a link chose, "" for what the browser asks for
	Languages []languageLink
	States    []stateGroup // for the form's list
	JSON      string       // the answer as JSON, in place of Body
}

// shownFailure is a failure as a template sees it.
type shownFailure struct {
	Reason  string
	Message string // in English: shown where the language file has nothing better
	Retry   string // seconds, "" for none
	Probe   string // JSON: where the faces are, when there are several
}

// askedOf is the form as it was sent, without its files.
func askedOf(r *http.Request) map[string]string {
	asked := map[string]string{}
	for name, values := range r.PostForm {
		asked[name] = values[0]
	}
	return asked
}

// fault is what is wrong with one field of a form.
type fault struct {
	Field   string // the id of its input
	Reason  string // the key of a text, behind "problem."
	Message string // in English: shown where the language file has nothing better
}

// fieldOf are the fields that a failure is about, by its reason; reasons that may be about several, or
// none, are not there.
var fieldOf = map[string]string{
	"missing_key": "key", "invalid_key": "key", "demo_key": "key", "two_keys": "key",
	"no query params presented": "lastName", "bad_name": "lastName", "bad_dob": "dob", "bad_address": "address",
	"forbidden_combination": "address", "bad_state": "state", "bad_zipcode": "zipcode", "bad_lat": "lat", "bad_lng": "lng",
	"bad_radius": "radius", "radius_alone": "near", "bad_near": "near", "bad_createdAtStart": "createdAtStart", "bad_perPage": "perPage",
	"bad_sex":      "sex",
	"not_an_image": "photo", "unsupported_format": "photo", "too_large": "photo", "truncated": "photo", "no_photo": "photo",
	"no_face":        "photo",
	"face_too_small": "photo", "blurred": "photo", "too_dark": "photo", "too_bright": "photo", "turned_away": "photo", "drawn": "photo",
	"partly_outside": "photo",
}

// fieldView is one text field of a form.
type fieldView struct {
	ID, Label, Class, Value string
	Extra, Invalid          template.HTMLAttr
	Fault                   *fault
}

// field is the text field of a name, with what was asked and what is wrong with it. extra are
// attributes of ours.
func field(v view, id, label, class, extra string) fieldView {
	own := template.HTMLAttr(extra)
	return fieldView{ID: id, Label: label, Class: class, Value: v.Asked[id], Extra: own, Invalid: invalid(v, id), Fault: faultOf(v, id)}
}

// faultOf is what is wrong with a field, nil for nothing.
func faultOf(v view, id string) *fault {
	if at := slices.IndexFunc(v.Faults, func(f fault) bool { return f.Field == id }); at >= 0 {
		return &v.Faults[at]
	}
	return nil
}

// invalid are the attributes that tell what describes a field, and that something is wrong with it.
func invalid(v view, id string, described ...string) template.HTMLAttr {
	attributes := ""
	if faultOf(v, id) != nil {
		attributes = ` aria-invalid="true"`
		if v.Faults[0].Field == id {
			attributes += " autofocus"
		}
		described = append([]string{id + "-error"}, described...)
	}
	if len(described) > 0 {
		attributes += ` aria-describedby="` + strings.Join(described, " ") + `"`
	}
	return template.HTMLAttr(attributes)
}

// sheet is what a printed answer says of its question.
type sheet struct {
	Asked []row
	At    string // RFC 3339
	ID    string // of the search
}

// stateGroup is a part of the list of states, under a heading which is the key of a text.
type stateGroup struct {
	Title  string
	States []schemas.State
}

// row is a fact under a label, which is the key of a text.
type row struct {
	Label, Value string
	Worded       bool   // Value is the key of a text too
	Code         bool   // Value is a code of ours
	Dated        bool   // Value is a schemas.Date
	Scheme       string // the id of the scheme that Value is of, "" for none
}

// wantsJSON reports whether the form asks for the API's answer instead of cards.
func wantsJSON(r *http.Request) bool {
	return r.PostForm.Get("json") != "" || r.Header.Get("Accept") == "application/json"
}
