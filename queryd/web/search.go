package web

import (
	"net/http"
	"net/url"
	"strings"

	"lineup/queryd/api"
	"lineup/queryd/names"
	"lineup/queryd/search"
)

// Search answers /search: names and places. It is a POST, so that no name gets into a
// history, a bookmark or a log.
func (p *Pages) Search(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return p.render(w, r, http.StatusOK, view{Page: "search"})
	}
	if err := readForm(w, r); err != nil {
		return err
	}
	key := r.PostForm.Get("key")
	if _, err := p.serve.Authorize(r.Context(), w.Header(), key, false); err != nil {
		return err
	}
	params := p.searchParams(r)
	if err := api.RadiusAlone(params); err != nil {
		return err
	}
	found, asked, err := p.api.SearchRecords(r.Context(), w.Header(), params)
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, view{Page: "search", Key: key, Sources: p.serve.SourceNotices(found.Sources()),
		Body: p.recordsOf(found, asked), Asked: askedOf(r), Sheet: p.sheetOf(r, "", askedRows(askedOf(r))...)})
}

// searchParams are the parameters of a search by what its form has.
func (p *Pages) searchParams(r *http.Request) url.Values {
	params := url.Values{}
	for name, values := range r.PostForm {
		value := strings.TrimSpace(values[0])
		if value != "" && name != "key" {
			params.Set(name, value)
		}
	}
	if iso, ok := p.spoken(r).texts.written(params.Get("dob")); ok {
		params.Set("dob", iso)
	}
	if api.RadiusAlone(params) != nil && !params.Has("zipcode") {
		params.Del("radius") // left over from a search near a place
	}
	return params
}

// recordsView is a page of records, parted by how well they answer.
type recordsView struct {
	Offenders        []api.Offender
	Page, TotalPages int
	Total            int // on all pages
	Error            int
	Groups           []hits
	Reach            search.Reach
	Map              *mapView // of a search around a place
}

// hits are records under one heading, the key of a text; "" for none.
type hits struct {
	Title string
	Cards []hit
}

// hit is one record, and why it is there.
type hit struct {
	api.Offender
	Why      string // the key of a text, "" where the very name was asked for
	WhyArgs  []any
	Number   int      // on the map, 0 for none
	Away     *float64 // miles from the place asked for
	Middle   bool     // Away is that of the middle of a ZIP code
	Unstated bool     // it does not state the birth date or age asked for
}

// recordsOf parts the records: those with the very name, those with another one, and those that do not
// state what was asked. A search without a name and without such records has one part, untitled.
func (p *Pages) recordsOf(found search.Records, asked search.Question) recordsView {
	answer := p.api.Offenders(found, asked, "")
	v := recordsView{Offenders: answer.Offenders, Page: answer.Page, TotalPages: answer.TotalPages, Total: found.Total,
		Error: answer.Error, Reach: found.Reach}
	first := (found.Page-1)*asked.PerPage + 1
	if around := asked.Query.Near; around != nil && len(found.Hits) > 0 {
		v.Map = mapOf(*around, found.Hits, first)
	}
	for i, h := range found.Hits {
		card := hit{Offender: v.Offenders[i], Unstated: h.Unstated > 0}
		if around := asked.Query.Near; around != nil {
			if at, ok := nearestPlace(*around, h); ok {
				miles := around.Distance(at)
				card.Number, card.Away, card.Middle = first+i, &miles, at.Middle
			}
		}
		card.Why, card.WhyArgs = why(h, asked)
		title := ""
		switch {
		case card.Unstated:
			title = "records.unstated"
		case asked.Named && card.Why == "":
			title = "records.exact"
		case asked.Named:
			title = "records.similar"
		}
		if n := len(v.Groups); n == 0 || v.Groups[n-1].Title != title {
			v.Groups = append(v.Groups, hits{Title: title})
		}
		last := &v.Groups[len(v.Groups)-1]
		last.Cards = append(last.Cards, card)
	}
	return v
}

// why says in words why a name matched that is not the very name asked for.
func why(h search.Hit, asked search.Question) (key string, args []any) {
	basis := h.Match.Why()
	first, _, _ := api.NameParts(h.Match.Name)
	switch {
	case !asked.Named || basis == names.Exact:
		return "", nil
	case basis == names.Alias:
		return "why.alias", []any{api.Spoken(h.Match.Name)}
	case basis == names.Nickname && asked.Name.First != "" && first != "":
		return "why.nickname.is", []any{api.Titled(asked.Name.First), first}
	}
	return "why." + string(basis), nil
}
