package web

import (
	"cmp"
	"encoding/json"
	"fmt"
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
	form, err := p.readFaceForm(w, r)
	if err != nil {
		return err
	}
	request, err := formFilter(r)
	if err != nil {
		return err
	}
	found, err := p.api.SearchFaces(r.Context(), w.Header(), form.key, form.photo, request)
	if err != nil {
		return err
	}
	if wantsJSON(r) {
		serve.WriteJSON(w, http.StatusOK, p.api.Faces(found, false, p.serve.Base(r)))
		return nil
	}
	asked := askedOf(r)
	asked["photo"] = cmp.Or(form.name, demoFile)
	return p.render(w, r, http.StatusOK, view{Page: "home", Key: form.given, Sources: p.serve.SourceNotices(found.Sources()),
		Body: p.cardsOf(found, form.key.ID != keys.Demo || p.serve.DemoRecords()), Asked: asked,
		Sheet: p.sheetOf(r, string(found.ID), askedRows(asked)...)})
}

// demoFile is what the page calls the demo photo.
const demoFile = "DEMO.jpg"

func (p *Pages) photoTooLarge() error {
	return serve.BadRequest("too_large", fmt.Sprintf("The photo must be smaller than %d bytes. Scale it down: 1000 pixels are "+
		"plenty.", p.config.MaxPhoto))
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
		out.Cards = append(out.Cards, card{Match: m, Image: p.serve.Links().Path(d.ID, m.Face),
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
		coded("sex", r.Sex.Value, r.Sex.Raw), fact("height", api.Height(r.Height)),
		fact("lives", joined(", ", home.City, schemas.StateName(r.State()))), {Label: "level", Value: r.Level.Value, Scheme: r.Level.Scheme},
	}, func(f row) bool { return f.Value == "" })
}

func (p *Pages) sourceName(id string) string {
	source, _ := p.search.Source(id)
	return source.Name
}
