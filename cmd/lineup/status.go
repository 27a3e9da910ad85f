package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sort"
	"strconv"
	"text/tabwriter"
	"time"

	"lineup/indexer/index"
	"lineup/ingest"
	"lineup/ingest/queue"
	"lineup/queryd"
	"lineup/schemas"
)

// Status shows how everything stands.
type Status struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Help says what the columns and exit codes mean.
func (c *Status) Help() string {
	return "DUE registrants are not indexed as they are listed now; a job WAITING rings for most of them, and FAILED ones are\n" +
		"listed by lineup jobs dead. REMOVED are removed for ever. A ? stands where the index does not answer (-1 in JSON).\n" +
		"The scrape role exports the same as metrics on the private address.\n\nExit codes: 0 every engine answers, 1 one does not."
}

// SourceStatus is how one source stands.
type SourceStatus struct {
	Source       string              `json:"source"`
	LastComplete time.Time           `json:"lastComplete,omitzero"`
	LastState    schemas.RunState    `json:"lastState,omitempty"`
	LastReason   string              `json:"lastReason,omitempty"`
	Last         *schemas.RunSummary `json:"last,omitempty"`
	Listed       int                 `json:"listed"`
	WithPhoto    int                 `json:"withPhoto"`
	WithFace     int                 `json:"withFace"` // -1 when the index does not answer
	Due          int                 `json:"due"`      // the index has yet to agree; -1 likewise
	Waiting      int                 `json:"waiting"`  // jobs
	Dead         int                 `json:"dead"`     // dead jobs
	Removed      int                 `json:"removed"`  // for ever
	Permission   *queryd.Permission  `json:"permission,omitempty"`
}

// StatusReport is the whole.
type StatusReport struct {
	Version     string             `json:"version"`
	Sources     []SourceStatus     `json:"sources"`
	Jobs        queue.Counts       `json:"jobs"`
	Generations []GenerationStatus `json:"generations"`
	Engines     map[string]string  `json:"engines"` // "ok" or what is wrong
}

// GenerationStatus is how one index generation stands.
type GenerationStatus struct {
	Name    string       `json:"name"`
	Model   string       `json:"model"`
	State   string       `json:"state"`
	Created time.Time    `json:"created"`
	Counts  index.Counts `json:"counts"`
}

// Run does it.
func (c *Status) Run(ctx context.Context, app *App) (err error) {
	h, err := app.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	report, err := h.status(ctx)
	if err != nil {
		return err
	}
	for i := range report.Sources {
		report.Sources[i].Permission = app.permission(report.Sources[i].Source)
	}
	if c.JSON {
		err = app.printJSON(report)
	} else {
		err = app.printStatus(report)
	}
	for _, state := range report.Engines {
		if state != "ok" && err == nil {
			err = exitError{code: 1}
		}
	}
	return err
}

// live are the generations that must agree with the ledger.
func live(generations []index.Generation) (targets []ingest.Target) {
	for _, g := range generations {
		if g.State != index.Retired {
			targets = append(targets, target(g))
		}
	}
	return targets
}

// target is a generation as the ledger's marks name it.
func target(g index.Generation) ingest.Target {
	return ingest.Target{Generation: g.Name, Model: g.Model.ID, Built: g.Created}
}

func (h *Node) status(ctx context.Context) (StatusReport, error) {
	report := StatusReport{Version: version, Engines: make(map[string]string)}
	var err error
	if report.Jobs, err = h.Queue.Count(ctx); err != nil {
		return report, err
	}
	check := func(name string, err error) {
		report.Engines[name] = "ok"
		if err != nil {
			report.Engines[name] = err.Error()
		}
	}
	check("nats", nil)
	check("blobs", h.Blobs.Check(ctx))
	generations, serving, err := h.generations(ctx)
	check("index", errors.Join(h.Index.Check(ctx), err))
	report.Generations = generations
	var targets []ingest.Target
	for _, g := range generations {
		if g.State != string(index.Retired) {
			targets = append(targets, ingest.Target{Generation: g.Name, Model: g.Model, Built: g.Created})
		}
	}
	if report.Sources, err = h.sources(ctx, targets, serving); err != nil {
		return report, err
	}
	if report.Engines["index"] != "ok" {
		for i := range report.Sources {
			report.Sources[i].WithFace, report.Sources[i].Due = -1, -1
		}
	}
	return report, nil
}

// generations tells how each generation stands, and which one serves.
func (h *Node) generations(ctx context.Context) (rows []GenerationStatus, serving string, err error) {
	all, err := h.Index.Generations(ctx)
	if err != nil {
		return nil, "", err
	}
	for _, g := range all {
		counts, err := h.Index.Count(ctx, g.Name)
		if err != nil {
			return nil, "", err
		}
		if g.State == index.Serving {
			serving = g.Name
		}
		rows = append(rows, GenerationStatus{g.Name, g.Model.ID, string(g.State), g.Created, counts})
	}
	return rows, serving, nil
}

// sources sums the ledger up by source.
func (h *Node) sources(ctx context.Context, targets []ingest.Target, serving string) ([]SourceStatus, error) {
	by := make(map[string]*SourceStatus)
	of := func(source string) *SourceStatus {
		if by[source] == nil {
			by[source] = &SourceStatus{Source: source}
		}
		return by[source]
	}
	for s, err := range h.Ledger.Each(ctx, "") {
		if errors.Is(err, schemas.ErrNewerSchema) {
			continue
		}
		if err != nil {
			return nil, err
		}
		row := of(s.Source)
		if s.Removal != nil {
			row.Removed++
		}
		if ingest.Due(s, targets) {
			row.Due++
		}
		if !s.Listed {
			continue
		}
		row.Listed++
		for _, p := range s.Photos {
			if p.Digest != "" {
				row.WithPhoto++
				break
			}
		}
		if s.Marks[serving].Faces > 0 {
			row.WithFace++
		}
	}
	crawled, err := h.Ledger.Sources(ctx)
	if err != nil {
		return nil, err
	}
	for _, source := range crawled {
		runs, err := h.Ledger.Runs(ctx, source)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		row := of(source)
		if row.Last = runs.Last; runs.Last != nil {
			row.LastState, row.LastReason = runs.Last.State, runs.Last.Reason
		}
		if runs.Complete != nil {
			row.LastComplete = runs.Complete.Ended
		}
	}
	waiting, dead, err := h.Queue.Waiting(ctx)
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

func (a *App) printStatus(r StatusReport) error {
	w := tabwriter.NewWriter(a.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "SOURCE\tLAST COMPLETE\tLAST RUN\tLISTED\tPHOTO\tFACE\tDUE\tWAITING\tFAILED\tREMOVED")
	for _, s := range r.Sources {
		age := "never"
		if !s.LastComplete.IsZero() {
			age = time.Since(s.LastComplete).Round(time.Minute).String() + " ago"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\t%s\t%d\t%d\t%d\n", s.Source, age, s.LastState, s.Listed, s.WithPhoto, known(s.WithFace), known(s.Due), s.Waiting, s.Dead, s.Removed)
		if s.LastReason != "" && s.LastState != schemas.RunComplete {
			fmt.Fprintf(w, "  %s\n", s.LastReason)
		}
		if p := s.Permission; p != nil {
			fmt.Fprintf(w, "  permitted by %s on %s, %s (%s)\n", p.Who, p.When, p.Reference, p.Terms)
		}
		if s.Last != nil {
			for _, alarm := range s.Last.Alarms() {
				fmt.Fprintf(w, "  look: %s\n", alarm)
			}
		}
	}
	if len(r.Sources) == 0 {
		fmt.Fprintln(w, "(no source was crawled yet: lineup sources list)")
	}
	fmt.Fprintln(w, "\nGENERATION\tSTATE\tMODEL\tREGISTRANTS\tWITH FACE\tFACES")
	for _, g := range r.Generations {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\n", g.Name, g.State, g.Model, g.Counts.Registrants, g.Counts.WithFace, g.Counts.Faces)
	}
	fmt.Fprintln(w, "\nENGINE\tSTATE")
	for _, name := range []string{"nats", "blobs", "index"} {
		fmt.Fprintf(w, "%s\t%s\n", name, r.Engines[name])
	}
	return w.Flush()
}

// known is a count that may not be known.
func known(n int) string {
	if n < 0 {
		return "?"
	}
	return strconv.Itoa(n)
}
