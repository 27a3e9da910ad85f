package web

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"lineup/queryd/api"
	"lineup/schemas"
)

// coverageView is the page of what is covered.
type coverageView struct {
	Known                  int // registries
	Registrants, WithPhoto int // of those that are read, together
	Here, There            []coveredView
}

// coveredView is how one registry stands.
type coveredView struct {
	api.Covered
	State      string        // its name, "" for a registry that is of none
	LastRead   time.Duration // ago
	LastChange time.Duration // ago, 0 for not known
}

// Coverage answers /coverage: first what is read here, then where else to search.
func (p *Pages) Coverage(w http.ResponseWriter, r *http.Request) error {
	all, err := p.search.Coverage(r.Context())
	if err != nil {
		return err
	}
	v := coverageView{Known: len(all)}
	for i, c := range p.api.Coverage(all).Sources {
		row := coveredView{Covered: c}
		row.State = schemas.StateName(all[i].State())
		if c.LastComplete == nil {
			v.There = append(v.There, row)
			continue
		}
		now := p.search.Now()
		row.LastRead = now.Sub(all[i].Complete.Ended)
		if !all[i].Changed.IsZero() {
			row.LastChange = max(now.Sub(all[i].Changed), time.Nanosecond)
		}
		v.Registrants += *c.Registrants
		v.WithPhoto += *c.WithPhoto
		v.Here = append(v.Here, row)
	}
	for _, rows := range [][]coveredView{v.Here, v.There} {
		slices.SortStableFunc(rows, func(a, b coveredView) int {
			return cmp.Or(cmp.Compare(cmp.Or(a.State, a.Name), cmp.Or(b.State, b.Name)), cmp.Compare(a.Name, b.Name))
		})
	}
	return p.render(w, r, http.StatusOK, view{Page: "coverage", Body: v})
}
