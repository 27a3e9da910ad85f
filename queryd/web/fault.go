package web

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"lineup/queryd/api"
	"lineup/queryd/serve"
	"lineup/schemas/namekey"
)

// faults are the fields of the form that a failure is about, in the order of the form. A bad parameter
// is looked for in all of them, not only in the first.
func (p *Pages) faults(r *http.Request, page string, f *serve.Failure) []fault {
	failures := []*serve.Failure{f}
	if page == "search" && f.Input {
		if all := p.api.Faults(p.searchParams(r)); len(all) > 0 {
			failures = all
		}
	}
	var found []fault
	for _, f := range failures {
		if field := faultyField(page, f.Reason, r.PostForm); field != "" {
			found = append(found, fault{field, f.Reason, f.Message})
		}
	}
	return found
}

// faultyField is the field of a page's form that a reason is about, "" for none.
func faultyField(page, reason string, form url.Values) string {
	switch {
	case reason == "bad_age" && page == "home":
		return "ageMin"
	case reason == "bad_age":
		return "age"
	case reason == "prefix_too_short":
		if first := form.Get("firstName"); first != "" && len([]rune(namekey.Fold(first))) < namekey.MinPrefix {
			return "firstName"
		}
		return "lastName"
	case reason == "forbidden_combination" && form.Get("near") != "":
		return "near"
	case reason == "lat_lng_together" && form.Get("lat") == "":
		return "lat"
	case reason == "lat_lng_together":
		return "lng"
	case reason == "too_long":
		for _, name := range []string{"firstName", "lastName", "dob", "address", "city", "zipcode"} {
			if len([]rune(form.Get(name))) > api.MaxText {
				return name
			}
		}
		return ""
	case page == "record" && fieldOf[reason] != "key":
		return ""
	}
	return fieldOf[reason]
}

// fault says in words what is wrong with a field.
func (t texts) fault(f fault) string {
	title := t["problem."+f.Reason]
	if title == "" {
		return cmp.Or(f.Message, t["problem"])
	}
	return strings.TrimRight(title, ".") + ". " + t.either("problem."+f.Reason+".do", f.Message)
}
