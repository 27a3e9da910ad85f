package web

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"

	"lineup/indexer/index"
	"lineup/queryd/api"
	"lineup/queryd/keys"
	"lineup/queryd/search"
	"lineup/queryd/serve"
	"lineup/schemas"
)

// Home answers /: the face search.
func (p *Pages) Home(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return p.render(w, r, http.StatusOK, view{Page: "home"})
	}
	bound := int64(p.config.MaxPhoto) + 64<<10
	if r.ContentLength > bound {
		return p.photoTooLarge()
	}
	if err := readForm(w, r, bound); err != nil {
		return err
	}
	given := r.PostFormValue("key")
	key, err := p.serve.Authorize(r.Context(), w.Header(), given, true)
	if err != nil {
		return err
	}
	photo, err := p.formPhoto(r)
	if err != nil {
		return err
	}
	request, err := formFilter(r)
	if err != nil {
		return err
	}
	found, err := p.api.SearchFaces(r.Context(), w.Header(), key, photo, request)
	if err != nil {
		return err
	}
	if wantsJSON(r) {
		serve.WriteJSON(w, http.StatusOK, p.api.Faces(found, false, p.serve.Base(r)))
		return nil
	}
	return p.render(w, r, http.StatusOK, view{Page: "home", Key: given, Sources: p.serve.SourceNotices(found.Sources()),
		Body: p.cardsOf(found, key.ID != keys.Demo), Asked: askedOf(r)})
}

// wantsJSON reports whether the form asks for the API's answer instead of cards.
func wantsJSON(r *http.Request) bool { return r.PostForm.Get("json") != "" }

func (p *Pages) photoTooLarge() error {
	return serve.BadRequest("too_large", fmt.Sprintf("The photo must be smaller than %d bytes. Scale it down: 1000 pixels are "+
		"plenty.", p.config.MaxPhoto))
}

// formPhoto is the photo of the form; without one, the demo photo, which a chooser cannot be
// filled with by a server.
func (p *Pages) formPhoto(r *http.Request) ([]byte, error) {
	file, header, err := r.FormFile("photo")
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) || err == nil && header.Size == 0 && header.Filename == "" {
		return serve.DemoPhoto, nil
	}
	if err != nil {
		return nil, serve.BadRequest("bad_form", "The photo could not be read. Choose it again.")
	}
	defer file.Close()
	photo, err := io.ReadAll(file)
	if err != nil {
		return nil, serve.BadRequest("bad_form", "The photo could not be read. Choose it again.")
	}
	if len(photo) >= p.config.MaxPhoto {
		return nil, p.photoTooLarge()
	}
	return photo, nil
}

// formFilter reads the filters of the form.
func formFilter(r *http.Request) (api.FaceRequest, error) {
	var out api.FaceRequest
	for name, into := range map[string]*api.StringList{"state": &out.State, "sex": &out.Sex} {
		if v := r.PostForm.Get(name); v != "" {
			*into = api.StringList{v}
		}
	}
	for name, into := range map[string]*api.Years{"ageMin": &out.AgeMin, "ageMax": &out.AgeMax} {
		if v := r.PostForm.Get(name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil {
				return out, serve.BadRequest("bad_age", name+" must be a whole number of years from 0 to 130.")
			}
			*into = api.Years(n)
		}
	}
	return out, nil
}

// cards is the answer of a face search on the page.
type cards struct {
	Search *api.Search
	Cards  []card
	Probe  string // JSON: the photo's size and the boxes of its faces, for the preview
	Reach  search.Reach
	Strong int // cards of which fewer than one stranger in ten searches is expected
	Weak   int // the others
}

// card is one match.
type card struct {
	api.Match
	Image, Name, Source string
	Facts               []row
	Record              bool // the key may see the record in full
}

func (p *Pages) cardsOf(found search.Faces, records bool) cards {
	wire := p.api.Faces(found, true, "")
	probe, _ := json.Marshal(wire.Search.Probe)
	out := cards{Search: wire.Search, Probe: string(probe), Reach: found.Reach}
	for i, m := range wire.Matches {
		d := found.Matches[i].Document
		if likeness(m.Similarity) == "likeness.weak" {
			out.Weak++
		} else {
			out.Strong++
		}
		out.Cards = append(out.Cards, card{Match: m, Image: "/photos/" + string(d.ID) + "?face=" + string(m.Face),
			Name: api.Titled(api.FullName(d.Record.Name)), Source: p.sourceName(d.Record.Source),
			Facts: p.shortFacts(d), Record: records})
	}
	return out
}

// shortFacts are what tells a person at a glance.
func (p *Pages) shortFacts(d index.Document) []row {
	r := d.Record
	home, _ := r.Home()
	return slices.DeleteFunc([]row{
		dated("born", r.Birth), fact("age", api.Age(r, p.search.Now())),
		fact("sex", api.Capital(cmp.Or(r.Sex.Value, r.Sex.Raw))), fact("height", api.Height(r.Height)),
		fact("lives", joined(", ", home.City, schemas.StateName(r.State()))), fact("level", r.Level.Value),
	}, func(f row) bool { return f.Value == "" })
}

func (p *Pages) sourceName(id string) string {
	source, _ := p.search.Source(id)
	return source.Name
}
