// Package web is the page: it asks what the API asks and shows the answer to people.
package web

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"path"
	"strconv"
	"strings"

	"lineup/queryd/api"
	"lineup/queryd/keys"
	"lineup/queryd/retention"
	"lineup/queryd/search"
	"lineup/queryd/serve"
	"lineup/schemas"
)

//go:embed page
var pageFiles embed.FS

// pages are the templates that stand inside layout.html.
var pages = []string{"home", "search", "record", "coverage", "terms", "retention", "failure", "docs"}

// assetKinds are the media types of the files under page/ that a browser may ask for.
var assetKinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".jpg": "image/jpeg", ".svg": "image/svg+xml"}

// Config is what an operator decides about the page.
type Config struct {
	MaxPhoto int // a photo has fewer bytes than this
}

// Pages is the web page: templates in every language, and assets. It asks what the API asks. Make
// it with New.
type Pages struct {
	config    Config
	search    *search.Engine
	serve     *serve.Server
	api       *api.API
	log       *slog.Logger
	languages []language
	etags     map[string]string // of assets, by name
}

// language is the page in one language.
type language struct {
	texts     texts
	templates map[string]*template.Template // by the page's name
}

// New reads the page's templates and texts.
func New(config Config, engine *search.Engine, shared *serve.Server, wire *api.API, log *slog.Logger) (*Pages, error) {
	all, err := readTexts(pageFiles)
	if err != nil {
		return nil, err
	}
	p := &Pages{config: config, search: engine, serve: shared, api: wire, log: log, etags: map[string]string{demoName: etag(serve.DemoPhoto)}}
	for _, text := range all {
		l := language{texts: text, templates: map[string]*template.Template{}}
		for _, name := range pages {
			t, err := template.New("layout.html").Funcs(text.functions()).ParseFS(pageFiles, "page/layout.html", "page/parts.html",
				"page/"+name+".html")
			if err != nil {
				return nil, fmt.Errorf("read the page's templates: %w", err)
			}
			l.templates[name] = t
		}
		p.languages = append(p.languages, l)
	}
	files, err := pageFiles.ReadDir("page")
	if err != nil {
		return nil, fmt.Errorf("read the page's assets: %w", err)
	}
	for _, f := range files {
		if assetKinds[path.Ext(f.Name())] == "" {
			continue
		}
		data, err := pageFiles.ReadFile("page/" + f.Name())
		if err != nil {
			return nil, fmt.Errorf("read the page's assets: %w", err)
		}
		p.etags[f.Name()] = etag(data)
	}
	return p, nil
}

// demoName is the asset that is the demo photo.
const demoName = "demo.jpg"

func etag(data []byte) string { return `"` + string(schemas.DigestOf(data)[:16]) + `"` }

// languageOf is the language that an Accept-Language header asks for, else the first one, English.
func (p *Pages) languageOf(accept string) language {
	best, most := p.languages[0], 0.0
	for part := range strings.SplitSeq(accept, ",") {
		name, weight, weighed := strings.Cut(strings.TrimSpace(part), ";q=")
		q := 1.0
		if weighed {
			q, _ = strconv.ParseFloat(weight, 64)
		}
		name, _, _ = strings.Cut(name, "-")
		for _, l := range p.languages {
			if strings.EqualFold(name, l.texts["lang"]) && q > most {
				best, most = l, q
			}
		}
	}
	return best
}

// spoken is the language that a request is answered in: the one that a link chose, else the one that
// the browser asks for. No cookie keeps it: the page's own links hand it on.
func (p *Pages) spoken(r *http.Request) language {
	for _, l := range p.languages {
		if l.texts["lang"] == r.URL.Query().Get("lang") {
			return l
		}
	}
	return p.languageOf(r.Header.Get("Accept-Language"))
}

func (p *Pages) otherLanguages(r *http.Request, spoken language) (all []languageLink) {
	for _, l := range p.languages {
		if lang := l.texts["lang"]; lang != spoken.texts["lang"] {
			all = append(all, languageLink{lang, l.texts["language"], r.URL.Path + "?lang=" + lang})
		}
	}
	return all
}

// csp lets the page load from its own host only; blob: is the preview of a chosen photo.
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; form-action " +
	"'self'; base-uri 'none'; frame-ancestors 'none'"

// render writes a page, or with X-Partial only its answer.
func (p *Pages) render(w http.ResponseWriter, r *http.Request, status int, v view) error {
	v.Partial = r.Header.Get("X-Partial") != ""
	v.Contact, v.MaxPhoto = p.serve.Contact(), p.config.MaxPhoto
	v.RequestID = serve.ExchangeOf(r.Context()).ID
	v.Given = v.Key != ""
	switch {
	case p.serve.DemoRecords():
		v.DemoKey = "key.demo.records"
	case p.serve.Demo() && v.Page == "home":
		v.DemoKey = "key.demo"
	}
	if v.Key == "" && v.DemoKey != "" {
		v.Key = keys.Demo
	}
	name := "layout.html"
	if v.Partial {
		name = "reply"
	}
	if !v.Partial && (v.Page == "home" || v.Page == "search") {
		v.States = p.stateGroups(r.Context(), v.Page == "home")
	}
	spoken := p.spoken(r)
	if v.Lang = r.URL.Query().Get("lang"); v.Lang != spoken.texts["lang"] {
		v.Lang = ""
	}
	v.Languages = p.otherLanguages(r, spoken)
	var b bytes.Buffer
	if err := spoken.templates[v.Page].ExecuteTemplate(&b, name, v); err != nil {
		return fmt.Errorf("render page %s: %w", v.Page, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", csp)
	location := "()"
	if v.Page == "search" {
		location = "(self)"
	}
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation="+location)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if len(p.languages) > 1 {
		h.Add("Vary", "Accept-Language")
	}
	w.WriteHeader(status)
	b.WriteTo(w) // the client may have left: nothing to do about it
	return nil
}

// formPage is the page that shows its form again, filled in, with a failure; "" for none. Of a record
// that is not there, no key is asked for again.
func formPage(r *http.Request, f *serve.Failure) string {
	switch {
	case r.Method != http.MethodPost:
		return ""
	case r.URL.Path == "/":
		return "home"
	case r.URL.Path == "/search":
		return "search"
	case strings.HasPrefix(r.URL.Path, "/record/") &&
		(fieldOf[f.Reason] == "key" || f.Retry > 0 || f.Status >= http.StatusInternalServerError):
		return "record"
	}
	return ""
}

// Failure answers a browser with a failure, on the page where it happened.
func (p *Pages) Failure(w http.ResponseWriter, r *http.Request, f *serve.Failure) {
	if wantsJSON(r) {
		p.serve.WriteFailure(w, f)
		return
	}
	if f.Retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.Retry))
	}
	shown := &shownFailure{Reason: f.Reason, Message: f.Message, Retry: w.Header().Get("Retry-After")}
	if f.Probe != nil {
		probe, _ := json.Marshal(f.Probe) // numbers and words alone
		shown.Probe = string(probe)
	}
	v := view{Page: "failure", Failure: shown}
	if name := formPage(r, f); name != "" {
		v.Page, v.Asked, v.Key = name, askedOf(r), askedOf(r)["key"]
		v.Faults = p.faults(r, name, f)
	}
	if err := p.render(w, r, f.Status, v); err != nil {
		p.log.ErrorContext(r.Context(), "failure page not rendered", "error", err)
		p.serve.WriteFailure(w, f)
	}
}

// Prefers reports whether a browser asks, rather than a program.
func Prefers(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// Asset answers /assets/{name}.
func (p *Pages) Asset(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	tag, ok := p.etags[name]
	if !ok {
		return &serve.Failure{Status: http.StatusNotFound, Reason: "no_such_path", Message: "There is no such file."}
	}
	data := serve.DemoPhoto
	if name != demoName {
		var err error
		if data, err = pageFiles.ReadFile("page/" + name); err != nil {
			return err
		}
	}
	h := w.Header()
	h.Set("Content-Type", assetKinds[path.Ext(name)])
	h.Set("ETag", tag)
	h.Set("Cache-Control", "no-cache") // asked for again each time: scripts and page must be of one version
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	w.Write(data)
	return nil
}

// Docs answers /docs.
func (p *Pages) Docs(o *api.OpenAPI) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		return p.render(w, r, http.StatusOK, view{Page: "docs", Body: o.Docs})
	}
}

// Terms answers /terms.
func (p *Pages) Terms(w http.ResponseWriter, r *http.Request) error {
	return p.render(w, r, http.StatusOK, view{Page: "terms", Body: termsOf(keys.Terms)})
}

// retentionView is what is kept, and how long.
type retentionView struct {
	Kept    []retention.Kept
	Sources []retention.Source
}

// Retention answers /retention.
func (p *Pages) Retention(w http.ResponseWriter, r *http.Request) error {
	kept, sources := p.api.Kept()
	return p.render(w, r, http.StatusOK, view{Page: "retention", Body: retentionView{kept, sources}})
}

// termsView is the text of the terms, its numbered points apart.
type termsView struct {
	Title  string
	Points []string
}

// termsOf parts a text of a title and numbered points.
func termsOf(text string) termsView {
	title, rest, _ := strings.Cut(text, "\n\n")
	v := termsView{Title: strings.TrimSpace(title)}
	for line := range strings.Lines(rest) {
		line = strings.TrimSpace(line)
		number, point, numbered := strings.Cut(line, ". ")
		if _, err := strconv.Atoi(number); numbered && err == nil {
			v.Points = append(v.Points, point)
		} else if n := len(v.Points); n > 0 && line != "" {
			v.Points[n-1] += " " + line
		}
	}
	return v
}
