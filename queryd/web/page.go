// Package web is the page: it asks what the API asks and shows the answer to people.
package web

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"lineup/queryd/api"
	"lineup/queryd/keys"
	"lineup/queryd/search"
	"lineup/queryd/serve"
	"lineup/schemas"
)

//go:embed page
var pageFiles embed.FS

// pages are the templates that stand inside layout.html.
var pages = []string{"home", "search", "record", "coverage", "terms", "failure", "docs"}

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

// view is what every template is given.
type view struct {
	Page      string
	Partial   bool   // only the answer is asked for, by the script
	Key       string // as given, else DEMO where that works
	Given     bool   // Key came with the request
	Contact   string
	MaxPhoto  int      // bytes
	Sources   []string // notices of the sources in the answer
	RequestID string
	Failure   *shownFailure
	Body      any
	Asked     map[string]string // the form as it was sent
	JSON      string            // the answer as JSON, in place of Body
}

// shownFailure is a failure as a template sees it.
type shownFailure struct {
	Reason  string
	Message string // in English: shown where the language file has nothing better
	Retry   string // seconds, "" for none
	Probe   string // JSON: where the faces are, when there are several
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
	if v.Key == "" && p.serve.Demo() {
		v.Key = keys.Demo
	}
	name := "layout.html"
	if v.Partial {
		name = "reply"
	}
	var b bytes.Buffer
	if err := p.languageOf(r.Header.Get("Accept-Language")).templates[v.Page].ExecuteTemplate(&b, name, v); err != nil {
		return fmt.Errorf("render page %s: %w", v.Page, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", csp)
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if len(p.languages) > 1 {
		h.Add("Vary", "Accept-Language")
	}
	w.WriteHeader(status)
	b.WriteTo(w) // the client may have left: nothing to do about it
	return nil
}

// formPages are the pages that show their form again, filled in, with a failure.
var formPages = map[string]string{"/": "home", "/search": "search"}

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
	if name, ok := formPages[r.URL.Path]; ok && r.Method == http.MethodPost {
		v.Page, v.Asked, v.Key = name, askedOf(r), askedOf(r)["key"]
	}
	if err := p.render(w, r, f.Status, v); err != nil {
		p.log.ErrorContext(r.Context(), "failure page not rendered", "error", err)
		p.serve.WriteFailure(w, f)
	}
}

// Prefers reports whether a browser asks, rather than a program.
func Prefers(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// readForm reads a form within its bound, whichever way it is encoded; all in memory.
func readForm(w http.ResponseWriter, r *http.Request, bound int64) error {
	r.Body = http.MaxBytesReader(w, r.Body, bound)
	err := r.ParseMultipartForm(bound)
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return serve.BadRequest("too_large", fmt.Sprintf("The form must be smaller than %d bytes.", bound))
	case err != nil && !errors.Is(err, http.ErrNotMultipart):
		return serve.BadRequest("bad_form", "The form could not be read, or it ended early. Send it again.")
	}
	return nil
}

// askedOf is the form as it was sent, without its files.
func askedOf(r *http.Request) map[string]string {
	asked := map[string]string{}
	for name, values := range r.PostForm {
		asked[name] = values[0]
	}
	return asked
}

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

// coverageView is the page of what is covered.
type coverageView struct {
	api.Coverage
	Read, Registrants, WithPhoto int // sources with a complete run, and what these hold together
}

// Coverage answers /coverage.
func (p *Pages) Coverage(w http.ResponseWriter, r *http.Request) error {
	all, err := p.search.Coverage(r.Context())
	if err != nil {
		return err
	}
	v := coverageView{Coverage: p.api.Coverage(all)}
	for _, c := range v.Sources {
		if c.LastComplete != nil {
			v.Read++
			v.Registrants += *c.Registrants
			v.WithPhoto += *c.WithPhoto
		}
	}
	slices.SortStableFunc(v.Sources, func(a, b api.Covered) int { // those that are read first
		return cmp.Compare(min(1, len(deref(b.LastComplete))), min(1, len(deref(a.LastComplete))))
	})
	return p.render(w, r, http.StatusOK, view{Page: "coverage", Body: v})
}

// Docs answers /docs.
func (p *Pages) Docs(o *api.OpenAPI) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		return p.render(w, r, http.StatusOK, view{Page: "docs", Body: o.Docs})
	}
}

// Terms answers /terms.
func (p *Pages) Terms(w http.ResponseWriter, r *http.Request) error {
	return p.render(w, r, http.StatusOK, view{Page: "terms", Body: keys.Terms})
}
