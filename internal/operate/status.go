package operate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"time"

	"lineup/indexer/index"
	"lineup/ingest/ledger"
	"lineup/ingest/queue"
	"lineup/internal/notify"
	"lineup/internal/operate/canary"
	"lineup/schemas"
)

// SourceStatus is the state of one source.
type SourceStatus struct {
	Source       string              `json:"source"`
	LastComplete time.Time           `json:"lastComplete,omitzero"`
	LastChange   time.Time           `json:"lastChange,omitzero"` // when a complete run last found somebody new, changed, returned or gone
	Alarms       []string            `json:"alarms,omitempty"`    // what a human should look at in the last run and in those of the last year
	LastState    schemas.RunState    `json:"lastState,omitempty"`
	LastReason   string              `json:"lastReason,omitempty"`
	Last         *schemas.RunSummary `json:"last,omitempty"`
	Listed       int                 `json:"listed"`
	WithPhoto    int                 `json:"withPhoto"`
	WithFace     int                 `json:"withFace"` // -1 when the index does not answer, or its generations are new and not counted yet
	Due          int                 `json:"due"`      // registrants that the index does not agree with yet; -1 likewise
	// DueWhy counts the due registrants by reason: missing, revision, model, features.
	DueWhy     map[schemas.Due]int `json:"dueWhy,omitempty"`
	Waiting    int                 `json:"waiting"` // jobs; -1 where more wait than can be listed
	Dead       int                 `json:"dead"`    // dead jobs
	Removed    int                 `json:"removed"` // removed for ever
	Permission *schemas.Permission `json:"permission,omitempty"`
	Enabled    bool                `json:"enabled"`              // crawled on its schedule
	Next       time.Time           `json:"next,omitzero"`        // when it is crawled next; zero while it is not
	Definition string              `json:"definition,omitempty"` // file of a definition that is not the program's own
	Shadows    bool                `json:"shadows,omitempty"`    // it replaces a definition of the program's own
}

// StatusReport is the state of the whole installation.
type StatusReport struct {
	Version     string             `json:"version"`
	Sources     []SourceStatus     `json:"sources"`
	Counted     Counted            `json:"counted"` // when the registrants in Sources were counted
	Jobs        queue.Counts       `json:"jobs"`
	Generations []GenerationStatus `json:"generations"`
	Engines     map[string]string  `json:"engines"`   // "ok" or what is wrong
	Attention   []notify.Condition `json:"attention"` // what needs a human
	// Disk, Certificates and Audit are about the machine of the asking process, and the audit that it ran itself.
	Disk         *Disk         `json:"disk,omitempty"`
	Certificates []Certificate `json:"certificates,omitempty"`
	Audit        *Audited      `json:"audit,omitempty"`
	Untold       int           `json:"webhooks_given_up,omitempty"` // deliveries of watches, if this role may see them
	Canary       *CanaryStatus `json:"canary,omitempty"`            // nil if the configuration does not run it
}

// Counted says how old the counts of registrants are. A small ledger is counted on every request. A large one was
// counted by an indexer's last reconciliation.
type Counted struct {
	At      time.Time `json:"at"`
	Written uint64    `json:"written"` // how often listings were written since; 0: the counts are exact
}

// CanaryStatus is what the canary has proven, and what it should have proven by now.
type CanaryStatus struct {
	canary.State
	Late []canary.Step `json:"late"`
}

// GenerationStatus is the state of one index generation.
type GenerationStatus struct {
	Name     string       `json:"name"`
	Model    string       `json:"model"`
	Features int          `json:"features"` // version of its name keys, address keys and facts
	State    string       `json:"state"`
	Created  time.Time    `json:"created"`
	Counts   index.Counts `json:"counts"`
	// Calibration is what scores are based on; nil until an indexer has measured the generation.
	Calibration *index.Calibration `json:"calibration,omitempty"`
	// Stragglers are registrants that the generation lacks because they cannot be indexed, as counted by the last
	// reconciliation.
	Stragglers *index.Stragglers `json:"stragglers,omitempty"`
}

// Status returns the state of sources, jobs, generations and engines. The caller adds permissions, definitions and the
// version.
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
	if report.Sources, report.Counted, err = s.sources(ctx, targets, serving); err != nil {
		return report, err
	}
	if report.Engines["index"] != "ok" {
		for i := range report.Sources {
			report.Sources[i].WithFace, report.Sources[i].Due, report.Sources[i].DueWhy = -1, -1, nil
		}
	}
	if s.Keys != nil {
		if dead, err := s.Keys.DeadHooks(ctx); err == nil { // a role that may not read it goes without
			report.Untold = len(dead)
		}
	}
	return report, nil
}

// generations returns the state of each generation, which of them must agree with the ledger, and which one serves.
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
		if g.Stragglers.String() != "" {
			row.Stragglers = &g.Stragglers
		}
		rows = append(rows, row)
	}
	return rows, Live(all), serving, nil
}

// Sources sums up the ledger by source.
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
	rows, _, err := s.sources(ctx, Live(generations), serving)
	return rows, err
}

func (s *Stores) sources(ctx context.Context, targets []schemas.Target, serving string) ([]SourceStatus, Counted, error) {
	by := make(map[string]*SourceStatus)
	of := func(source string) *SourceStatus {
		if by[source] == nil {
			by[source] = &SourceStatus{Source: source}
		}
		return by[source]
	}
	counted, since, err := s.counted(ctx, targets)
	if err != nil {
		return nil, Counted{}, err
	}
	for source, counts := range counted.Sources {
		if source != schemas.CanarySource {
			of(source).count(counts, &counted, targets, serving)
		}
	}
	crawled, err := s.Ledger.Sources(ctx)
	if err != nil {
		return nil, since, err
	}
	for _, source := range crawled {
		if source == schemas.CanarySource {
			continue
		}
		runs, err := s.Ledger.Runs(ctx, source)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, since, err
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
		return nil, since, err
	}
	delete(waiting, schemas.CanarySource) // it is in StatusReport.Canary
	delete(dead, schemas.CanarySource)
	for source, n := range waiting {
		of(source).Waiting = n
	}
	for source, n := range dead {
		of(source).Dead = n
	}
	rows := make([]SourceStatus, 0, len(by))
	for _, row := range by {
		if waiting == nil {
			row.Waiting = -1
		}
		rows = append(rows, *row)
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i].Source < rows[j].Source })
	return rows, since, nil
}

// countedAlways is Stores.CountedAlways where nothing else is said: half a second of reading.
const countedAlways = 20_000

// counted returns the counts of the ledger and how old they are. It reads a ledger of at most CountedAlways entries, and one that
// no indexer has counted yet; of any other it returns what the last reconciliation counted.
func (s *Stores) counted(ctx context.Context, targets []schemas.Target) (ledger.Counts, Counted, error) {
	state, err := s.Ledger.State(ctx)
	if err != nil {
		return ledger.Counts{}, Counted{}, err
	}
	if state.Entries > cmp.Or(s.CountedAlways, countedAlways) {
		kept, err := s.Ledger.Counts(ctx)
		if written, ok := kept.Since(state); err == nil && ok {
			return kept, Counted{At: kept.Exact, Written: written}, nil
		}
		// A server whose rights are of the version before does not answer at all: what can be counted is counted.
	}
	counts, err := s.Ledger.NewCounts(ctx, targets)
	if err != nil {
		return ledger.Counts{}, Counted{}, err
	}
	for listing, err := range s.Ledger.Each(ctx, "") {
		if errors.Is(err, schemas.ErrNewerSchema) {
			continue
		}
		if err != nil {
			return ledger.Counts{}, Counted{}, err
		}
		counts.Add(listing)
	}
	return *counts, Counted{At: counts.Exact}, nil
}

// count takes over what was counted of a source for some generations, if those are live now.
func (r *SourceStatus) count(c *ledger.SourceCounts, counted *ledger.Counts, live []schemas.Target, serving string) {
	r.Listed, r.WithPhoto, r.Removed = c.Listed, c.WithPhoto, c.Removed
	r.WithFace = c.WithFace[serving]
	if serving != "" && !slices.ContainsFunc(counted.Targets, func(t schemas.Target) bool { return t.Generation == serving }) {
		r.WithFace = -1
	}
	if !counted.About(live) {
		r.Due = -1
		return
	}
	for why, n := range c.Due {
		if r.DueWhy == nil {
			r.DueWhy = make(map[schemas.Due]int)
		}
		r.DueWhy[why] = n
		r.Due += n
	}
}

// Runs returns the last reports of a source's crawls, or of every source's for "": at most that many of each, newest
// first.
func (s *Stores) Runs(ctx context.Context, source string, last int) ([]schemas.RunSummary, error) {
	sources := []string{source}
	if source == "" {
		var err error
		if sources, err = s.Ledger.Sources(ctx); err != nil {
			return nil, err
		}
		sources = slices.DeleteFunc(sources, func(id string) bool { return id == schemas.CanarySource })
		slices.Sort(sources)
	}
	all := []schemas.RunSummary{}
	for _, source := range sources {
		runs, err := s.Ledger.Runs(ctx, source)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s was never crawled here (lineup status names what was, lineup sources list what could be)", source)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, runs.History[:min(len(runs.History), max(last, 0))]...)
	}
	return all, nil
}
