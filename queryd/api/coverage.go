package api

import (
	"context"
	"net/http"

	"lineup/queryd/search"
	"lineup/queryd/serve"
	"lineup/schemas"
)

// Coverage is the answer of GET /v1/coverage.
type Coverage struct {
	Sources []Covered `json:"sources"`
	AsOf    *string   `json:"asOf"`
}

// Covered is how one source stands. A fact that is not known is null.
type Covered struct {
	ID           string   `json:"id"`
	Name         string   `json:"name"`
	Jurisdiction string   `json:"jurisdiction"`
	URL          string   `json:"url"`
	Mode         string   `json:"mode"`
	LastRun      *string  `json:"lastRun"`
	LastState    *string  `json:"lastRunState"`
	LastComplete *string  `json:"lastCompleteRun"`
	AgeHours     *float64 `json:"ageHours"`
	MaxAgeHours  *float64 `json:"maxAgeHours"`
	Freshness    string   `json:"freshness"` // "fresh", "stale", "never" (read), "unknown"
	Registrants  *int     `json:"registrants"`
	WithPhoto    *int     `json:"withPhoto"`
	Photos       bool     `json:"publishesPhotos"`
	Attribution  string   `json:"attribution"`
	Terms        string   `json:"terms"`
	Notices      []string `json:"notices"`

	Permission *schemas.Permission `json:"permission,omitempty"` // only where the operator recorded one
}

// ServeCoverage answers GET /v1/coverage; it needs no key.
func (a *API) ServeCoverage(w http.ResponseWriter, r *http.Request) error {
	all, err := a.CoverageOf(r.Context())
	if err != nil {
		return err
	}
	serve.WriteJSON(w, http.StatusOK, all)
	return nil
}

// CoverageOf is how every source stands, on the wire.
func (a *API) CoverageOf(ctx context.Context) (Coverage, error) {
	all, err := a.search.Coverage(ctx)
	serve.ExchangeOf(ctx).Count = len(all)
	return a.Coverage(all), err
}

// Coverage puts how every source stands on the wire.
func (a *API) Coverage(all []search.Covered) Coverage {
	now := a.search.Now()
	out := Coverage{Sources: []Covered{}, AsOf: Time(now)}
	for _, s := range all {
		c := Covered{ID: s.ID, Name: s.Name, Jurisdiction: s.Jurisdiction, URL: s.Home, Mode: s.Mode,
			Photos: s.HasPhotos, Attribution: s.Attribution, Terms: s.Terms,
			Notices: append([]string{}, s.Notices...), Freshness: s.Freshness, Permission: s.Permission}
		if s.MaxAge > 0 {
			hours := s.MaxAge.Hours()
			c.MaxAgeHours = &hours
		}
		if !s.Last.Started.IsZero() {
			c.LastRun, c.LastState = Time(s.Last.Started), orNull(string(s.Last.State))
		}
		if !s.Complete.Ended.IsZero() {
			age := now.Sub(s.Complete.Ended).Hours()
			c.LastComplete, c.AgeHours = Time(s.Complete.Ended), &age
			c.Registrants, c.WithPhoto = &s.Complete.Registrants, &s.Complete.WithPhoto
		}
		out.Sources = append(out.Sources, c)
	}
	return out
}
