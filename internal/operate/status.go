package operate

import (
	"context"
	"errors"
	"io/fs"
	"sort"
	"time"

	"lineup/indexer/index"
	"lineup/ingest/queue"
	"lineup/schemas"
)

// SourceStatus is how one source stands.
type SourceStatus struct {
	Source       string              `json:"source"`
	LastComplete time.Time           `json:"lastComplete,omitzero"`
	LastChange   time.Time           `json:"lastChange,omitzero"` // a complete run found anybody new, changed, returned or gone
	Alarms       []string            `json:"alarms,omitempty"`    // what of the last run, and of the runs of a year, wants a look
	LastState    schemas.RunState    `json:"lastState,omitempty"`
	LastReason   string              `json:"lastReason,omitempty"`
	Last         *schemas.RunSummary `json:"last,omitempty"`
	Listed       int                 `json:"listed"`
	WithPhoto    int                 `json:"withPhoto"`
	WithFace     int                 `json:"withFace"` // -1 when the index does not answer
	Due          int                 `json:"due"`      // the index has yet to agree; -1 likewise
	// DueWhy counts them by why: missing, revision, model, features.
	DueWhy     map[schemas.Due]int `json:"dueWhy,omitempty"`
	Waiting    int                 `json:"waiting"` // jobs
	Dead       int                 `json:"dead"`    // dead jobs
	Removed    int                 `json:"removed"` // for ever
	Permission *Permission         `json:"permission,omitempty"`
	Enabled    bool                `json:"enabled"`              // crawled on its schedule
	Next       time.Time           `json:"next,omitzero"`        // when it is crawled next; zero while it is not
	Definition string              `json:"definition,omitempty"` // file of one that is not the program's own
	Shadows    bool                `json:"shadows,omitempty"`    // it stands in the place of one that is
}

// Permission is the operator's record that a source's agency allows the crawl.
type Permission struct {
	Who       string `json:"who"`
	When      string `json:"when"` // YYYY-MM-DD
	Reference string `json:"reference"`
	Terms     string `json:"terms"` // URL
}

// StatusReport is the whole.
type StatusReport struct {
	Version     string             `json:"version"`
	Sources     []SourceStatus     `json:"sources"`
	Jobs        queue.Counts       `json:"jobs"`
	Generations []GenerationStatus `json:"generations"`
	Engines     map[string]string  `json:"engines"`   // "ok" or what is wrong
	Attention   []string           `json:"attention"` // what needs a human, one line each; never null
}

// GenerationStatus is how one index generation stands.
type GenerationStatus struct {
	Name     string       `json:"name"`
	Model    string       `json:"model"`
	Features int          `json:"features"` // version of its name keys, address keys and facts
	State    string       `json:"state"`
	Created  time.Time    `json:"created"`
	Counts   index.Counts `json:"counts"`
	// Calibration is what scores rest on; nil until an indexer has measured the generation.
	Calibration *index.Calibration `json:"calibration,omitempty"`
}

// Status tells how sources, jobs, generations and engines stand. The caller adds permissions, definitions and the version.
func (s *Stores) Status(ctx context.Context) (StatusReport, error) {
	report := StatusReport{Engines: make(map[string]string)}
	var err error
	if report.Jobs, err = s.Queue.Count(ctx); err != nil {
		return report, err
	}
	check := func(name string, err error) {
		report.Engines[name] = "ok"
		if err != nil {
			report.Engines[name] = err.Error()
		}
	}
	check("nats", nil)
	check("blobs", s.Blobs.Check(ctx))
	rows, targets, serving, err := s.generations(ctx)
	check("index", errors.Join(s.Index.Check(ctx), err))
	report.Generations = rows
	if report.Sources, err = s.sources(ctx, targets, serving); err != nil {
		return report, err
	}
	if report.Engines["index"] != "ok" {
		for i := range report.Sources {
			report.Sources[i].WithFace, report.Sources[i].Due, report.Sources[i].DueWhy = -1, -1, nil
		}
	}
	return report, nil
}

// generations tells how each generation stands, which are to agree with the ledger, and which one serves.
func (s *Stores) generations(ctx context.Context) (rows []GenerationStatus, targets []schemas.Target, serving string, err error) {
	all, err := s.Index.Generations(ctx)
	if err != nil {
		return nil, nil, "", err
	}
	rows = []GenerationStatus{}
	for _, g := range all {
		counts, err := s.Index.Count(ctx, g.Name)
		if err != nil {
			return nil, nil, "", err
		}
		if g.State == index.Serving {
			serving = g.Name
		}
		row := GenerationStatus{Name: g.Name, Model: g.Model.ID, Features: g.Features, State: string(g.State), Created: g.Created, Counts: counts}
		if g.Calibration.Version != 0 {
			row.Calibration = &g.Calibration
		}
		rows = append(rows, row)
	}
	return rows, Live(all), serving, nil
}

// Sources sums the ledger up by source.
func (s *Stores) Sources(ctx context.Context) ([]SourceStatus, error) {
	generations, err := s.Index.Generations(ctx)
	if err != nil {
		return nil, err
	}
	serving := ""
	for _, g := range generations {
		if g.State == index.Serving {
			serving = g.Name
		}
	}
	return s.sources(ctx, Live(generations), serving)
}

func (s *Stores) sources(ctx context.Context, targets []schemas.Target, serving string) ([]SourceStatus, error) {
	by := make(map[string]*SourceStatus)
	of := func(source string) *SourceStatus {
		if by[source] == nil {
			by[source] = &SourceStatus{Source: source}
		}
		return by[source]
	}
	for listing, err := range s.Ledger.Each(ctx, "") {
		if errors.Is(err, schemas.ErrNewerSchema) {
			continue
		}
		if err != nil {
			return nil, err
		}
		row := of(listing.Source)
		if listing.Removal != nil {
			row.Removed++
		}
		if why := listing.DueIn(targets); why != schemas.DueNot {
			row.Due++
			if row.DueWhy == nil {
				row.DueWhy = make(map[schemas.Due]int)
			}
			row.DueWhy[why]++
		}
		if !listing.Listed {
			continue
		}
		row.Listed++
		for _, p := range listing.Photos {
			if p.Digest != "" {
				row.WithPhoto++
				break
			}
		}
		if listing.Marks[serving].Faces > 0 {
			row.WithFace++
		}
	}
	crawled, err := s.Ledger.Sources(ctx)
	if err != nil {
		return nil, err
	}
	for _, source := range crawled {
		runs, err := s.Ledger.Runs(ctx, source)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		row := of(source)
		if row.Last = runs.Last; runs.Last != nil {
			row.LastState, row.LastReason = runs.Last.State, runs.Last.Reason
			row.Alarms = append(runs.Last.Alarms(), runs.Alarms(time.Now())...)
		}
		if runs.Complete != nil {
			row.LastComplete = runs.Complete.Ended
			row.LastChange = runs.LastChange()
		}
	}
	waiting, dead, err := s.Queue.Waiting(ctx)
	if err != nil {
		return nil, err
	}
	for source, n := range waiting {
		of(source).Waiting = n
	}
	for source, n := range dead {
		of(source).Dead = n
	}
	rows := make([]SourceStatus, 0, len(by))
	for _, row := range by {
		rows = append(rows, *row)
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i].Source < rows[j].Source })
	return rows, nil
}
