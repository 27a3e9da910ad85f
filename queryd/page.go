package queryd

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"lineup/queryd/keys"
	"lineup/schemas"
)

// demoPhoto is the photo that the DEMO key searches for: a rendering of nobody (CC0).
//
//go:embed page/demo.jpg
var demoPhoto []byte

//go:embed page
var pageFiles embed.FS

// pages are the templates that stand inside layout.html.
var pages = []string{"home", "search", "record", "coverage", "terms", "failure", "docs"}

// assetKinds are the media types of the files under page/ that a browser may ask for.
var assetKinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".jpg": "image/jpeg", ".svg": "image/svg+xml"}

// page holds the templates in every language, and the assets.
type page struct {
	languages []language
	etags     map[string]string // of assets, by name
}

// language is the page in one language.
type language struct {
	texts     texts
	templates map[string]*template.Template // by the page's name
}

func newPage() (*page, error) {
	all, err := readTexts(pageFiles)
	if err != nil {
		return nil, err
	}
	p := &page{etags: map[string]string{}}
	for _, text := range all {
		l := language{texts: text, templates: map[string]*template.Template{}}
		for _, name := range pages {
			t, err := template.New("layout.html").Funcs(text.functions()).ParseFS(pageFiles, "page/layout.html", "page/parts.html", "page/"+name+".html")
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
		p.etags[f.Name()] = `"` + string(schemas.DigestOf(data)[:16]) + `"`
	}
	return p, nil
}

// languageOf is the language that an Accept-Language header asks for, else the first one, English.
func (s *Server) languageOf(accept string) language {
	best, most := s.page.languages[0], 0.0
	for part := range strings.SplitSeq(accept, ",") {
		name, weight, weighed := strings.Cut(strings.TrimSpace(part), ";q=")
		q := 1.0
		if weighed {
			q, _ = strconv.ParseFloat(weight, 64)
		}
		name, _, _ = strings.Cut(name, "-")
		for _, l := range s.page.languages {
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
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// render writes a page, or with X-Partial only its answer.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, v view) error {
	v.Partial = r.Header.Get("X-Partial") != ""
	v.Contact, v.MaxPhoto = s.config.Contact, s.config.MaxPhoto
	v.RequestID = exchangeOf(r.Context()).id
	v.Given = v.Key != ""
	if v.Key == "" && s.config.Demo {
		v.Key = keys.Demo
	}
	name := "layout.html"
	if v.Partial {
		name = "reply"
	}
	var b bytes.Buffer
	if err := s.languageOf(r.Header.Get("Accept-Language")).templates[v.Page].ExecuteTemplate(&b, name, v); err != nil {
		return fmt.Errorf("render page %s: %w", v.Page, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", csp)
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if len(s.page.languages) > 1 {
		h.Add("Vary", "Accept-Language")
	}
	w.WriteHeader(status)
	b.WriteTo(w) // the client may have left: nothing to do about it
	return nil
}

// formPages are the pages that show their form again, filled in, with a failure.
var formPages = map[string]string{"/": "home", "/search": "search"}

// failurePage answers a browser with a failure, on the page where it happened.
func (s *Server) failurePage(w http.ResponseWriter, r *http.Request, f *failure) {
	if wantsJSON(r) {
		s.writeFailure(w, f)
		return
	}
	if f.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.retry))
	}
	shown := &shownFailure{Reason: f.reason, Message: f.message, Retry: w.Header().Get("Retry-After")}
	if f.probe != nil {
		probe, _ := json.Marshal(f.probe) // numbers and words alone
		shown.Probe = string(probe)
	}
	v := view{Page: "failure", Failure: shown}
	if name, ok := formPages[r.URL.Path]; ok && r.Method == http.MethodPost {
		v.Page, v.Asked, v.Key = name, askedOf(r), askedOf(r)["key"]
	}
	if err := s.render(w, r, f.status, v); err != nil {
		s.deps.Log.ErrorContext(r.Context(), "failure page not rendered", "error", err)
		s.writeFailure(w, f)
	}
}

// prefersPage reports whether a browser asks, rather than a program.
func prefersPage(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// readForm reads a form within its bound, whichever way it is encoded; all in memory.
func readForm(w http.ResponseWriter, r *http.Request, bound int64) error {
	r.Body = http.MaxBytesReader(w, r.Body, bound)
	err := r.ParseMultipartForm(bound)
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return badRequest("too_large", fmt.Sprintf("The form must be smaller than %d bytes.", bound))
	case err != nil && !errors.Is(err, http.ErrNotMultipart):
		return badRequest("bad_form", "The form could not be read, or it ended early. Send it again.")
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

func (s *Server) serveAsset(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	tag, ok := s.page.etags[name]
	if !ok {
		return &failure{status: http.StatusNotFound, reason: "no_such_path", message: "There is no such file."}
	}
	data, err := pageFiles.ReadFile("page/" + name)
	if err != nil {
		return err
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
	wireCoverage
	Read, Registrants, WithPhoto int // sources with a complete run, and what these hold together
}

func (s *Server) serveCoveragePage(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), s.config.SearchTimeout)
	defer cancel()
	all, err := s.coverage(ctx)
	if err != nil {
		return err
	}
	v := coverageView{wireCoverage: all}
	for _, c := range all.Sources {
		if c.LastComplete != nil {
			v.Read++
			v.Registrants += *c.Registrants
			v.WithPhoto += *c.WithPhoto
		}
	}
	slices.SortStableFunc(v.Sources, func(a, b wireCovered) int { // those that are read first
		return cmp.Compare(min(1, len(deref(b.LastComplete))), min(1, len(deref(a.LastComplete))))
	})
	return s.render(w, r, http.StatusOK, view{Page: "coverage", Body: v})
}

func (s *Server) serveTermsPage(w http.ResponseWriter, r *http.Request) error {
	return s.render(w, r, http.StatusOK, view{Page: "terms", Body: keys.Terms})
}
