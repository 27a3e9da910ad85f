package web

import (
	"net/http"
	"time"

	"lineup/queryd/serve"
	"lineup/schemas"
)

// sheetOf is the head of a printed answer to the form of a page. The key is not on it.
func (p *Pages) sheetOf(r *http.Request, id string, asked ...row) *sheet {
	if id == "" {
		id = serve.ExchangeOf(r.Context()).ID
	}
	return &sheet{Asked: asked, At: p.search.Now().UTC().Format(time.RFC3339), ID: id}
}

// askedRows are the filled-in fields of a form, in its order.
func askedRows(asked map[string]string) []row {
	var rows []row
	for _, f := range []struct{ field, label string }{
		{"photo", "photo"}, {"firstName", "first"}, {"lastName", "last"}, {"dob", "dob"}, {"age", "age"}, {"address", "address"},
		{"city", "city"},
		{"state", "state"}, {"zipcode", "zip"}, {"near", "near.zip"}, {"lat", "lat"}, {"lng", "lng"}, {"radius", "radius"},
		{"sex", "sex"}, {"ageMin", "age.from"}, {"ageMax", "age.to"}, {"createdAtStart", "created"}, {"page", "page"},
	} {
		if value := asked[f.field]; value != "" {
			switch f.field {
			case "state":
				value = schemas.StateName(value)
			case "radius":
				if asked["lat"]+asked["near"] == "" {
					continue
				}
			}
			rows = append(rows, row{Label: f.label, Value: value, Worded: f.field == "sex"})
		}
	}
	for _, f := range []struct{ field, label string }{{"fuzzy", "fuzzy"}, {"prefixMatch", "prefix"}, {"mode", "extensive"}} {
		if asked[f.field] != "" && asked["firstName"]+asked["lastName"] != "" {
			rows = append(rows, row{Label: f.label, Value: "yes", Worded: true})
		}
	}
	return rows
}
