package queryd

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"lineup/indexer/index"
	"lineup/queryd/names"
	"lineup/schemas"
	"lineup/schemas/namekey"
)

// wireOffenders is the envelope of /sexoffender.
type wireOffenders struct {
	Offenders  []wireOffender `json:"offenders"`
	Page       int            `json:"page"`
	TotalPages int            `json:"totalPages"`
	Error      int            `json:"error,omitempty"` // 503: the answer may be incomplete
}

// serveOffenders answers GET and POST /sexoffender.
func (s *Server) serveOffenders(w http.ResponseWriter, r *http.Request) error {
	params, ignored, err := readParams(w, r)
	given := givenKey(r)
	if given == "" && err == nil {
		given = params.Get("key") // in the body of a POST
	}
	if _, refused := s.authorize(w, r, given, false); refused != nil {
		return refused
	}
	if err != nil {
		return err
	}
	if len(ignored) > 0 {
		w.Header().Set("X-Ignored-Params", headerText(strings.Join(ignored, ", ")))
	}
	answer, sources, err := s.findOffenders(r.Context(), params, s.base(r))
	if err != nil {
		return err
	}
	exchangeOf(r.Context()).count = len(answer.Offenders)
	s.writeSourceNotices(w.Header(), sources)
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// hit is a record that meets a search, with what it is ordered by.
type hit struct {
	doc   index.Document
	score float64 // of the name, 0..1; -1 when no name was asked for
	miles float64
}

// findOffenders runs one search and returns the page asked for, with the ids of its sources.
func (s *Server) findOffenders(ctx context.Context, params url.Values, base string) (wireOffenders, []string, error) {
	var none wireOffenders
	asked, err := s.parseSearch(params)
	if err != nil {
		return none, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.SearchTimeout)
	defer cancel()
	docs, cut, err := s.candidates(ctx, params, &asked)
	if err != nil {
		return none, nil, err
	}
	hits := rank(docs, asked, s)
	shown, listed, pages, err := s.listedPage(ctx, hits, asked.page, asked.perPage)
	if err != nil {
		return none, nil, err
	}
	out := wireOffenders{Offenders: []wireOffender{}, Page: asked.page, TotalPages: pages}
	persons, err := s.persons(ctx, documents(shown), listed)
	if err != nil {
		return none, nil, err
	}
	var sources []string
	for _, h := range shown {
		o := s.offenderOf(h.doc, persons[h.doc.ID], asked.extensive, base)
		if h.score >= 0 {
			score := math.Round(h.score*1000) / 1000
			o.Confidence = &score
		}
		out.Offenders = append(out.Offenders, o)
		sources = append(sources, h.doc.Record.Source)
	}
	var states []string
	if asked.query.State != "" {
		states = []string{asked.query.State}
	}
	stale, err := s.incomplete(ctx, states)
	if err != nil {
		return none, nil, err
	}
	if stale || cut {
		out.Error = http.StatusServiceUnavailable
	}
	return out, sources, nil
}

// candidates asks the index for all records that may meet the search. cut says that there were
// more than it returns.
func (s *Server) candidates(ctx context.Context, params url.Values, asked *search) (docs []index.Document, cut bool, err error) {
	defer s.metrics.timed("find")()
	if text := params.Get("faceId"); text != "" {
		id, _ := schemas.ParseUUID(text)
		found, err := s.deps.Index.Face(ctx, id)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, unavailable("index", err)
		}
		if len(asked.query.IDs) > 0 && asked.query.IDs[0] != found.Registrant {
			return nil, false, nil
		}
		asked.query.IDs = []schemas.UUID{found.Registrant}
	}
	query := asked.query
	query.Limit = index.MaxLimit
	if len(query.IDs)+len(query.Persons)+len(query.AnyKey) == 0 { // may bring that many records into memory
		select {
		case s.broad <- struct{}{}:
			defer func() { <-s.broad }()
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
	docs, cut, err = s.deps.Index.Find(ctx, query)
	if errors.Is(err, fs.ErrNotExist) { // nothing is indexed yet
		return nil, true, nil
	}
	if err != nil {
		return nil, false, unavailable("index", err)
	}
	return docs, cut, nil
}

// rank keeps the candidates that really meet the search and orders them: best name first, then
// nearest, then by uuid.
func rank(docs []index.Document, asked search, s *Server) []hit {
	defer s.metrics.timed("rank")()
	today := schemas.DateOf(s.deps.Now())
	hits := make([]hit, 0, len(docs))
	for _, d := range docs {
		h := hit{doc: d, score: -1}
		r := d.Record
		if asked.named {
			match, ok := names.Score(asked.name, r, asked.extensive || asked.name.PrefixFirst || asked.name.PrefixLast)
			if !ok {
				continue
			}
			h.score = match.Score
		}
		if !asked.birth.IsZero() && !born(r, asked.birth) || asked.age >= 0 && !aged(r, asked.age, today) ||
			asked.address != "" && !livesAt(r, asked.address) {
			continue
		}
		if asked.query.Near != nil {
			h.miles = nearest(r, *asked.query.Near)
		}
		hits = append(hits, h)
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.miles, b.miles), cmp.Compare(a.doc.ID, b.doc.ID))
	})
	return hits
}

// listedPage returns those hits of a page whom the ledger lists, and how many pages there are. The
// ledger is asked about one page only, however many hits there are, so a page holds fewer records
// where somebody has left the registry and the index has not followed yet: nobody else moves to
// another page by that. The number of pages counts what the index holds, and is exact when
// everything fits on one.
func (s *Server) listedPage(ctx context.Context, hits []hit, page, perPage int) (shown []hit, listed map[schemas.UUID]schemas.Listing, pages int, err error) {
	whole := len(hits) <= perPage
	if !whole {
		from := min((page-1)*perPage, len(hits))
		shown = hits[from:min(from+perPage, len(hits))]
	} else {
		shown = hits
	}
	listed, err = s.listed(ctx, documents(shown))
	if err != nil {
		return nil, nil, 0, err
	}
	shown = slices.DeleteFunc(slices.Clone(shown), func(h hit) bool {
		_, ok := listed[h.doc.ID]
		return !ok
	})
	if !whole {
		return shown, listed, (len(hits) + perPage - 1) / perPage, nil
	}
	pages = min(len(shown), 1)
	if page > 1 {
		shown = nil
	}
	return shown, listed, pages, nil
}

func documents(hits []hit) []index.Document {
	docs := make([]index.Document, len(hits))
	for i, h := range hits {
		docs[i] = h.doc
	}
	return docs
}

// born reports whether a record can be of somebody born on day: as precise as it is, it says so.
// Aliases' birth dates count.
func born(r schemas.Record, day schemas.Date) bool {
	all := []schemas.Date{r.Birth}
	for _, a := range r.Aliases {
		all = append(all, a.Birth)
	}
	for _, b := range all {
		if b.Year == day.Year && (b.Month == 0 || b.Month == day.Month) && (b.Day == 0 || b.Day == day.Day) {
			return true
		}
	}
	return false
}

// aged reports whether a record can be of somebody of that age today.
func aged(r schemas.Record, age int, today schemas.Date) bool {
	switch {
	case r.Birth.Day != 0:
		return r.Birth.YearsBetween(today) == age
	case r.Birth.Year != 0:
		return today.Year-r.Birth.Year == age || today.Year-r.Birth.Year == age+1
	case r.Age.Years > 0:
		now := r.Age.Years
		if !r.Age.On.IsZero() {
			now += today.Year - r.Age.On.Year
		}
		return age == now || age == now-1 || age == now+1
	}
	return false
}

// nearest is the distance in miles from a place to the nearest address where somebody lives or is held.
func nearest(r schemas.Record, from index.Circle) float64 {
	best := math.Inf(1)
	for _, p := range index.FactsOf(r).Places {
		best = min(best, from.Distance(p))
	}
	return best
}

// livesAt reports whether one address of a record has all the words asked for, abbreviations
// aside. The house number must be the first word of both when the searcher gave one.
func livesAt(r schemas.Record, asked string) bool {
	want := namekey.StreetWords(asked)
	if len(want) == 0 {
		return false
	}
	for _, a := range r.Addresses {
		have := namekey.StreetWords(strings.Join([]string{cmp.Or(a.Street, a.Raw), a.City, a.State, schemas.StateName(a.State), a.Zip}, " "))
		if len(have) > 0 && (want[0][0] < '0' || want[0][0] > '9' || want[0] == have[0]) &&
			!slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(have, w) }) {
			return true
		}
	}
	return false
}
