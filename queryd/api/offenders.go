package api

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"lineup/queryd/search"
	"lineup/queryd/serve"
)

// Offenders is the envelope of /sexoffender.
type Offenders struct {
	Offenders  []Offender `json:"offenders"`
	Page       int        `json:"page"`
	TotalPages int        `json:"totalPages"`
	Error      int        `json:"error,omitempty"` // 503: the answer may be incomplete
}

// ServeOffenders answers GET and POST /sexoffender.
func (a *API) ServeOffenders(w http.ResponseWriter, r *http.Request) error {
	params, ignored, err := a.readPaidParams(w, r)
	if err != nil {
		return err
	}
	if len(ignored) > 0 && !slices.ContainsFunc(searchParams, params.Has) {
		return misspelt(ignored)
	}
	if RadiusAlone(params) != nil { // clients that give it beside a ZIP code go on working
		ignored = append(ignored, "radius")
	}
	if len(ignored) > 0 {
		w.Header().Set("X-Ignored-Params", serve.HeaderText(strings.Join(ignored, ", ")))
	}
	found, asked, err := a.SearchRecords(r.Context(), w.Header(), params)
	if err != nil {
		return err
	}
	serve.WriteJSON(w, http.StatusOK, a.Offenders(found, asked, a.serve.Base(r)))
	return nil
}

// readPaidParams reads the parameters of a request whose key works. A POST may carry it in its body,
// which is small then.
func (a *API) readPaidParams(w http.ResponseWriter, r *http.Request) (url.Values, []string, error) {
	given := serve.GivenKey(r)
	if given != "" || r.Method != http.MethodPost {
		key, err := a.serve.Authorize(r.Context(), w.Header(), given, false)
		if err == nil {
			err = a.serve.PaidBody(w, r, key, MaxBody)
		}
		if err != nil {
			return nil, nil, err
		}
		params, ignored, err := readParams(r)
		if err == nil {
			err = serve.OneKey(r, params.Get("key"))
		}
		return params, ignored, err
	}
	serve.UnpaidBody(w, r)
	params, ignored, err := readParams(r)
	if _, refused := a.serve.Authorize(r.Context(), w.Header(), params.Get("key"), false); refused != nil && !tooLarge(err) {
		return nil, nil, refused
	}
	return params, ignored, err
}

// SearchRecords does the search that params ask for, and writes the headers of its answer.
func (a *API) SearchRecords(ctx context.Context, h http.Header, params url.Values) (search.Records, search.Question, error) {
	asked, err := a.Question(params)
	if err != nil {
		return search.Records{}, asked, err
	}
	found, err := a.search.Records(ctx, asked)
	if err != nil {
		return search.Records{}, asked, err
	}
	serve.ExchangeOf(ctx).Count = len(found.Hits)
	a.serve.WriteSourceNotices(h, found.Sources())
	serve.WriteReach(h, found.Reach, false)
	return found, asked, nil
}

// Offenders puts the answer to a question on the wire.
func (a *API) Offenders(found search.Records, asked search.Question, base string) Offenders {
	out := Offenders{Offenders: []Offender{}, Page: found.Page, TotalPages: found.Pages}
	for _, h := range found.Hits {
		o := a.offenderOf(h.Document, h.Person, asked.Extensive, base)
		if h.Score >= 0 {
			score := math.Round(h.Score*1000) / 1000
			o.Confidence = &score
		}
		if asked.Extensive && asked.Named {
			o.Basis = h.Match.Why()
			if h.Match.Alias {
				o.Matched = FullName(h.Match.Name)
			}
		}
		out.Offenders = append(out.Offenders, o)
	}
	if found.Incomplete {
		out.Error = http.StatusServiceUnavailable
	}
	return out
}
