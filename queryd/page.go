package queryd

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"net/http"
	"net/url"
	"path"
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

// page holds the templates and the texts of one language.
type page struct {
	templates map[string]*template.Template // by the page's name
	text      map[string]string
	etags     map[string]string // of assets, by name
}

// pages are the templates that stand inside layout.html.
var pages = []string{"home", "search", "record", "coverage", "terms", "failure", "docs"}

func newPage() (*page, error) {
	p := &page{templates: map[string]*template.Template{}, text: map[string]string{}, etags: map[string]string{}}
	data, err := pageFiles.ReadFile("page/lang/en.json")
	if err == nil {
		err = json.Unmarshal(data, &p.text)
	}
	if err != nil {
		return nil, fmt.Errorf("read the page's language file: %w", err)
	}
	functions := template.FuncMap{
		"t": func(key string, args ...any) (string, error) {
			text, ok := p.text[key]
			if !ok {
				return "", fmt.Errorf("no text %q in the language file", key)
			}
			if len(args) > 0 {
				text = fmt.Sprintf(text, args...)
			}
			return text, nil
		},
		"chance": p.chance, "help": p.help, "percent": func(x float64) string { return strconv.FormatFloat(math.Floor(x*10)/10, 'f', 1, 64) },
		"day": func(t *string) string {
			if t == nil {
				return ""
			}
			return (*t)[:min(10, len(*t))]
		},
		"born": func(t *string, precision string) string { // as precise as the registry prints it
			length := map[string]int{"exact": 10, "year_month": 7, "year": 4}[precision]
			if t == nil {
				return ""
			}
			return (*t)[:length]
		},
		"left": func(age, bound *float64) float64 {
			if age == nil || bound == nil {
				return 0
			}
			return max(*bound-*age, 0)
		},
		"turn": func(v view, number int, text string) map[string]any {
			return map[string]any{"Asked": v.Asked, "Key": v.Key, "Number": number, "Text": text}
		},
		"next": func(n int) int { return n + 1 }, "previous": func(n int) int { return n - 1 },
		"round": func(x float64) string { return strconv.FormatFloat(x, 'g', 3, 64) },
		"lines": func(text string) []string { return strings.Split(text, "\n") },
		"weblink": func(link any) string { // only what a browser opens safely
			text, _ := link.(string)
			if given, ok := link.(*string); ok && given != nil {
				text = *given
			}
			if u, err := url.Parse(text); err != nil || u.Scheme != "http" && u.Scheme != "https" {
				return ""
			}
			return text
		},
		"num": func(n *int) string {
			if n == nil {
				return "–"
			}
			return strconv.Itoa(*n)
		},
		"hours": func(h *float64) float64 { return *h },
	}
	for _, name := range pages {
		t, err := template.New("layout.html").Funcs(functions).ParseFS(pageFiles, "page/layout.html", "page/parts.html", "page/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("read the page's templates: %w", err)
		}
		p.templates[name] = t
	}
	for _, name := range assets {
		data, err := pageFiles.ReadFile("page/" + name)
		if err != nil {
			return nil, fmt.Errorf("read the page's assets: %w", err)
		}
		p.etags[name] = `"` + string(schemas.DigestOf(data)[:16]) + `"`
	}
	return p, nil
}

// chance says an expected number of false matches in words.
func (p *page) chance(expected float64) string {
	switch {
	case expected < 1e-6:
		return p.text["chance.million"]
	case expected >= 0.75:
		return p.text["chance.one"]
	}
	n := 1 / expected
	scale := math.Pow(10, max(math.Floor(math.Log10(n))-1, 0))
	digits := strconv.FormatFloat(math.Round(n/scale)*scale, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return fmt.Sprintf(p.text["chance.in"], digits)
}

// help says what to do about a failure, "" when its message says all.
func (p *page) help(reason string) string { return p.text["help."+reason] }

// view is what every template is given.
type view struct {
	Page      string
	Partial   bool
	Key       string
	Demo      bool
	Notices   []string
	Sources   []string // notices of the sources in the answer
	RequestID string
	Failure   *shownFailure
	Body      any
	Asked     map[string]string // the search parameters, for the next page
}

// shownFailure is a failure as a template sees it.
type shownFailure struct{ Reason, Message, Boxes string }

func shown(f *failure) *shownFailure {
	out := &shownFailure{Reason: f.reason, Message: f.message}
	if f.probe != nil {
		boxes, _ := json.Marshal(f.probe)
		out.Boxes = string(boxes)
	}
	return out
}

// csp lets the page load from its own host only; blob: is the preview of a chosen photo.
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// render writes a page, or with X-Partial only its answer.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, v view) error {
	v.Partial = r.Header.Get("X-Partial") != ""
	v.Demo = s.config.Demo
	v.Notices = notices(s.config.Contact)
	v.RequestID = exchangeOf(r.Context()).id
	if v.Key == "" && s.config.Demo {
		v.Key = keys.Demo
	}
	name := "layout.html"
	if v.Partial {
		name = "answer"
	}
	var b bytes.Buffer
	if err := s.page.templates[v.Page].ExecuteTemplate(&b, name, v); err != nil {
		return fmt.Errorf("render page %s: %w", v.Page, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", csp)
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	b.WriteTo(w) // the client may have left: nothing to do about it
	return nil
}

// failurePage answers a browser with a failure.
func (s *Server) failurePage(w http.ResponseWriter, r *http.Request, f *failure) {
	if f.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.retry))
	}
	if err := s.render(w, r, f.status, view{Page: "failure", Failure: shown(f)}); err != nil {
		s.deps.Log.ErrorContext(r.Context(), "failure page not rendered", "error", err)
		s.writeFailure(w, f)
	}
}

// assets are the files a browser may ask for under /assets/.
var assets = []string{"lineup.css", "lineup.js", "demo.jpg", "icon.svg"}

func (s *Server) serveAsset(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	tag, ok := s.page.etags[name]
	if !ok {
		return &failure{status: http.StatusNotFound, reason: "no_such_path", message: "There is no such file."}
	}
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".jpg": "image/jpeg", ".svg": "image/svg+xml"}
	data, err := pageFiles.ReadFile("page/" + name)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", kinds[path.Ext(name)])
	h.Set("ETag", tag)
	h.Set("Cache-Control", "public, max-age=300")
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	w.Write(data)
	return nil
}

// serveHome answers /: the face search.
func (s *Server) serveHome(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return s.render(w, r, http.StatusOK, view{Page: "home"})
	}
	bound := int64(s.config.MaxPhoto) + 64<<10
	if r.ContentLength > bound {
		return badRequest("too_large", fmt.Sprintf("The photo must be smaller than %d bytes.", s.config.MaxPhoto))
	}
	r.Body = http.MaxBytesReader(w, r.Body, bound)
	if err := r.ParseMultipartForm(bound); err != nil { // all in memory: bound is the limit
		return badRequest("bad_form", "The form could not be read: its photo is too large, or it ended early.")
	}
	key, err := s.authorize(w, r, r.FormValue("key"), true)
	if err != nil {
		return err
	}
	photo := demoPhoto
	if file, header, err := r.FormFile("photo"); err == nil {
		defer file.Close()
		if header.Size > 0 {
			if photo, err = io.ReadAll(file); err != nil {
				return badRequest("bad_form", "The photo could not be read.")
			}
		}
	} else if !errors.Is(err, http.ErrMissingFile) {
		return badRequest("bad_form", "The photo could not be read.")
	}
	if len(photo) >= s.config.MaxPhoto {
		return badRequest("too_large", fmt.Sprintf("The photo must be smaller than %d bytes.", s.config.MaxPhoto))
	}
	filter, err := s.filterOf(formFilter(r))
	if err != nil {
		return err
	}
	found, err := s.searchFaces(r.Context(), key, photo, filter, s.base(r))
	if err != nil {
		return err
	}
	s.writeSourceNotices(w.Header(), found.sources)
	return s.render(w, r, http.StatusOK, view{Page: "home", Key: r.FormValue("key"), Sources: s.sourceNotices(found.sources), Body: s.cardsOf(found)})
}

// formFilter reads the filters of the form.
func formFilter(r *http.Request) faceRequest {
	list := func(name string) stringList {
		if v := r.FormValue(name); v != "" {
			return stringList{v}
		}
		return nil
	}
	number := func(name string) int { n, _ := strconv.Atoi(r.FormValue(name)); return n }
	return faceRequest{State: list("state"), Sex: list("sex"), AgeMin: number("ageMin"), AgeMax: number("ageMax")}
}

// cards is the answer of a face search on the page.
type cards struct {
	Search *wireSearch
	Cards  []card
	Boxes  string // JSON: the probe's size and boxes, for the preview
}

type card struct {
	wireMatch
	Name, Source, Place, Born string
}

func (s *Server) cardsOf(found foundFaces) cards {
	wire := found.wire(true)
	out := cards{Search: wire.Search}
	boxes, _ := json.Marshal(wire.Search.Probe)
	out.Boxes = string(boxes)
	for i, m := range wire.Matches {
		d := found.docs[i]
		home, _ := d.Record.Home()
		out.Cards = append(out.Cards, card{wireMatch: m, Name: titled(fullName(d.Record.Name)), Source: s.sources[d.Record.Source].Name, Born: d.Record.Birth.String(),
			Place: strings.Trim(home.City+", "+schemas.StateName(stateOf(d.Record)), ", ")})
	}
	return out
}

// serveSearch answers /search: names and places.
func (s *Server) serveSearch(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return s.render(w, r, http.StatusOK, view{Page: "search"})
	}
	return s.renderRecords(w, r, "search", func(form url.Values) url.Values { return form })
}

// serveRecord answers /record/{id}: one record in full.
func (s *Server) serveRecord(w http.ResponseWriter, r *http.Request) error {
	id, err := schemas.ParseUUID(r.PathValue("id"))
	if err != nil {
		return badRequest("bad_uuid", "The record's id is not a UUID (8-4-4-4-12 hexadecimal digits).")
	}
	if r.Method != http.MethodPost {
		return s.render(w, r, http.StatusOK, view{Page: "record"})
	}
	return s.renderRecords(w, r, "record", func(url.Values) url.Values {
		return url.Values{"uuid": {string(id)}, "mode": {"extensive"}}
	})
}

// renderRecords answers a form with the records its parameters find.
func (s *Server) renderRecords(w http.ResponseWriter, r *http.Request, name string, params func(url.Values) url.Values) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	parse := r.ParseForm
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		parse = func() error { return r.ParseMultipartForm(maxBody) }
	}
	if err := parse(); err != nil {
		return badRequest("bad_form", "The form could not be read.")
	}
	if _, err := s.authorize(w, r, r.PostForm.Get("key"), false); err != nil {
		return err
	}
	asked := params(r.PostForm)
	for key, values := range asked {
		if len(values) == 0 || strings.TrimSpace(values[0]) == "" || len([]rune(values[0])) > maxText {
			delete(asked, key)
		}
	}
	answer, sources, err := s.findOffenders(r.Context(), asked, s.base(r))
	if err != nil {
		return err
	}
	exchangeOf(r.Context()).count = len(answer.Offenders)
	s.writeSourceNotices(w.Header(), sources)
	again := map[string]string{}
	for key := range asked {
		if key != "page" {
			again[key] = asked.Get(key)
		}
	}
	return s.render(w, r, http.StatusOK, view{Page: name, Key: r.PostForm.Get("key"), Sources: s.sourceNotices(sources), Body: answer, Asked: again})
}

func (s *Server) serveCoveragePage(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), s.config.SearchTimeout)
	defer cancel()
	all, err := s.coverage(ctx)
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, view{Page: "coverage", Body: all})
}

func (s *Server) serveTermsPage(w http.ResponseWriter, r *http.Request) error {
	return s.render(w, r, http.StatusOK, view{Page: "terms", Body: keys.Terms})
}
