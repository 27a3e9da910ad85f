package queryd

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
	"lineup/queryd/keys"
	"lineup/schemas"
)

// serveHome answers /: the face search.
func (s *Server) serveHome(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return s.render(w, r, http.StatusOK, view{Page: "home"})
	}
	bound := int64(s.config.MaxPhoto) + 64<<10
	if r.ContentLength > bound {
		return s.photoTooLarge()
	}
	if err := readForm(w, r, bound); err != nil {
		return err
	}
	given := r.PostFormValue("key")
	key, err := s.authorize(w, r, given, true)
	if err != nil {
		return err
	}
	photo, err := s.formPhoto(r)
	if err != nil {
		return err
	}
	request, err := formFilter(r)
	if err != nil {
		return err
	}
	found, err := s.searchAsked(w, r, key, photo, request)
	if err != nil {
		return err
	}
	if wantsJSON(r) {
		writeJSON(w, http.StatusOK, found.wire(false))
		return nil
	}
	return s.render(w, r, http.StatusOK, view{Page: "home", Key: given, Sources: s.sourceNotices(found.sources),
		Body: s.cardsOf(found, key.ID != keys.Demo), Asked: askedOf(r)})
}

// wantsJSON reports whether the form asks for the API's answer instead of cards.
func wantsJSON(r *http.Request) bool { return r.PostForm.Get("json") != "" }

func (s *Server) photoTooLarge() error {
	return badRequest("too_large", fmt.Sprintf("The photo must be smaller than %d bytes. Scale it down: 1000 pixels are plenty.", s.config.MaxPhoto))
}

// formPhoto is the photo of the form; without one, the demo photo, which a chooser cannot be
// filled with by a server.
func (s *Server) formPhoto(r *http.Request) ([]byte, error) {
	file, header, err := r.FormFile("photo")
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) || err == nil && header.Size == 0 && header.Filename == "" {
		return demoPhoto, nil
	}
	if err != nil {
		return nil, badRequest("bad_form", "The photo could not be read. Choose it again.")
	}
	defer file.Close()
	photo, err := io.ReadAll(file)
	if err != nil {
		return nil, badRequest("bad_form", "The photo could not be read. Choose it again.")
	}
	if len(photo) >= s.config.MaxPhoto {
		return nil, s.photoTooLarge()
	}
	return photo, nil
}

// formFilter reads the filters of the form.
func formFilter(r *http.Request) (faceRequest, error) {
	var out faceRequest
	for name, into := range map[string]*stringList{"state": &out.State, "sex": &out.Sex} {
		if v := r.PostForm.Get(name); v != "" {
			*into = stringList{v}
		}
	}
	for name, into := range map[string]*int{"ageMin": &out.AgeMin, "ageMax": &out.AgeMax} {
		if v := r.PostForm.Get(name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil {
				return out, badRequest("bad_age", name+" must be a whole number of years from 0 to 130.")
			}
			*into = n
		}
	}
	return out, nil
}

// cards is the answer of a face search on the page.
type cards struct {
	Search *wireSearch
	Cards  []card
	Probe  string // JSON: the photo's size and the boxes of its faces, for the preview
	Strong int    // cards of which fewer than one stranger in ten searches is expected
	Weak   int    // the others
}

// card is one match.
type card struct {
	wireMatch
	Image, Name, Source string
	Facts               []row
	Record              bool // the key may see the record in full
}

func (s *Server) cardsOf(found foundFaces, records bool) cards {
	wire := found.wire(true)
	probe, _ := json.Marshal(wire.Search.Probe)
	out := cards{Search: wire.Search, Probe: string(probe)}
	for i, m := range wire.Matches {
		d := found.docs[i]
		if likeness(m.Similarity) == "likeness.weak" {
			out.Weak++
		} else {
			out.Strong++
		}
		out.Cards = append(out.Cards, card{wireMatch: m, Image: "/photos/" + string(d.ID) + "?face=" + string(m.Face),
			Name: titled(fullName(d.Record.Name)), Source: cmp.Or(s.sources[d.Record.Source].Name, d.Record.Source),
			Facts: s.shortFacts(d), Record: records})
	}
	return out
}

// shortFacts are what tells a person at a glance.
func (s *Server) shortFacts(d index.Document) []row {
	r := d.Record
	home, _ := r.Home()
	return slices.DeleteFunc([]row{
		dated("born", r.Birth), fact("age", ageOf(r, s.deps.Now())),
		fact("sex", capital(cmp.Or(r.Sex.Value, r.Sex.Raw))), fact("height", heightOf(r.Height)),
		fact("lives", joined(", ", home.City, schemas.StateName(stateOf(r)))), fact("level", r.Level.Value),
	}, func(f row) bool { return f.Value == "" })
}
