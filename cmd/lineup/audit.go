package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sort"

	"lineup/indexer/index"
	"lineup/ingest/blob"
	"lineup/schemas"
)

// Audit compares ledger, index and blobs in both directions.
type Audit struct {
	Repair bool    `help:"Ring doorbells for what differs; never changes anything itself."`
	Sample float64 `default:"1" help:"Share of registrants whose blobs are read and checked, 0 to 1."`
	JSON   bool    `name:"json" help:"Print JSON."`
}

// Help says what the exit codes mean.
func (c *Audit) Help() string {
	return "Exit codes: 0 everything agrees, 1 differences found, 2 could not tell.\nDifferences that waiting jobs will mend are counted as due, not as differences."
}

// Difference is one kind of disagreement.
type Difference struct {
	Kind     string         `json:"kind"`
	Count    int            `json:"count"`
	Examples []schemas.UUID `json:"examples"`
}

// AuditReport is what an audit found.
type AuditReport struct {
	Registrants int          `json:"registrants"`
	Due         int          `json:"due"`
	Differences []Difference `json:"differences"`
	Rung        int          `json:"rung,omitempty"`
}

const maxExamples = 5

// auditing is an audit under way.
type auditing struct {
	found map[string]*Difference
	ring  map[string]map[schemas.UUID]bool // by source
}

func (a *auditing) note(kind, source string, id schemas.UUID) {
	d := a.found[kind]
	if d == nil {
		d = &Difference{Kind: kind}
		a.found[kind] = d
	}
	d.Count++
	if len(d.Examples) < maxExamples {
		d.Examples = append(d.Examples, id)
	}
	if source == "" {
		return
	}
	if a.ring[source] == nil {
		a.ring[source] = make(map[schemas.UUID]bool)
	}
	a.ring[source][id] = true
}

// Run does it.
func (c *Audit) Run(ctx context.Context, app *App) (err error) {
	h, err := app.Open(ctx)
	if err != nil {
		return exitError{2, err}
	}
	defer func() {
		if closing := h.Close(); closing != nil && err == nil {
			err = exitError{2, closing}
		}
	}()
	report, err := h.audit(ctx, c.Sample, c.Repair)
	if err != nil {
		return exitError{2, fmt.Errorf("audit: %w", err)}
	}
	if c.JSON {
		err = app.printJSON(report)
	} else {
		fmt.Fprintf(app.Stdout, "%d registrants, %d waiting to be indexed\n", report.Registrants, report.Due)
		for _, d := range report.Differences {
			fmt.Fprintf(app.Stdout, "%-28s %6d  e.g. %v\n", d.Kind, d.Count, d.Examples)
		}
		if c.Repair {
			fmt.Fprintf(app.Stdout, "rang for %d registrants\n", report.Rung)
		}
	}
	if err == nil && len(report.Differences) > 0 {
		return exitError{code: 1}
	}
	return err
}

func (h *House) audit(ctx context.Context, sample float64, repair bool) (AuditReport, error) {
	var report AuditReport
	a := &auditing{make(map[string]*Difference), make(map[string]map[schemas.UUID]bool)}
	generations, err := h.Index.Generations(ctx)
	if err != nil {
		return report, err
	}
	listed := make(map[schemas.UUID]schemas.Standing)
	due := make(map[schemas.UUID]bool)
	for s, err := range h.Ledger.Each(ctx, "") {
		if errors.Is(err, schemas.ErrNewerSchema) {
			a.note("newer_schema", "", s.ID)
			continue
		}
		if err != nil {
			return report, err
		}
		for _, t := range live(generations) {
			if !s.Agrees(t.Generation, t.Model) {
				due[s.ID] = true
			}
		}
		if s.Listed {
			listed[s.ID] = s
		}
	}
	report.Registrants, report.Due = len(listed), len(due)
	for _, g := range generations {
		if err := h.auditGeneration(ctx, g, listed, due, a); err != nil {
			return report, err
		}
	}
	if err := h.auditBlobs(ctx, listed, sample, a); err != nil {
		return report, err
	}
	for _, d := range a.found {
		report.Differences = append(report.Differences, *d)
	}
	sort.Slice(report.Differences, func(i, j int) bool { return report.Differences[i].Kind < report.Differences[j].Kind })
	if !repair {
		return report, nil
	}
	for source, ids := range a.ring {
		for id := range ids {
			// The mark says that the index agrees while it does not: it must go first.
			if err := h.Ledger.Unmark(ctx, source, id); err != nil {
				return report, err
			}
			if err := h.Queue.Publish(ctx, source, id); err != nil {
				return report, err
			}
			report.Rung++
		}
	}
	return report, nil
}

// auditGeneration compares one generation with the listed, both ways.
func (h *House) auditGeneration(ctx context.Context, g index.Generation, listed map[schemas.UUID]schemas.Standing, due map[schemas.UUID]bool, a *auditing) error {
	held := make(map[schemas.UUID]bool)
	for doc, err := range h.Index.Walk(ctx, g.Name) {
		if err != nil {
			return err
		}
		held[doc.ID] = true
		s, ok := listed[doc.ID]
		switch {
		case due[doc.ID]:
		case !ok:
			found, err := h.Ledger.Find(ctx, doc.ID)
			if err == nil && found.Listed {
				continue // came while we looked
			}
			a.note("in_index_not_listed", found.Source, doc.ID)
		case g.State != index.Retired && doc.Revision != s.Revision:
			a.note("index_revision_differs", s.Source, doc.ID)
		}
	}
	if g.State == index.Retired {
		return nil
	}
	for id, s := range listed {
		if !held[id] && !due[id] {
			a.note("listed_not_in_index", s.Source, id)
		}
	}
	return nil
}

// auditBlobs looks for the blobs of the listed, reading those of a sample, and for blobs that nobody refers to.
func (h *House) auditBlobs(ctx context.Context, listed map[schemas.UUID]schemas.Standing, sample float64, a *auditing) error {
	missing := make(map[blob.Ref]string)
	for id, s := range listed {
		add := func(kind blob.Kind, d schemas.Digest) {
			if d != "" {
				missing[blob.Ref{Owner: id, Kind: kind, Digest: d}] = s.Source
			}
		}
		add(blob.Record, s.Record)
		for _, p := range s.Photos {
			add(blob.Photo, p.Digest)
		}
		for _, p := range s.Pages {
			add(blob.Page, p.Digest)
		}
	}
	for info, err := range h.Blobs.Walk(ctx, "") {
		if err != nil {
			return err
		}
		source, wanted := missing[info.Ref]
		delete(missing, info.Ref)
		switch {
		case !wanted:
			if s, err := h.Ledger.Find(ctx, info.Owner); err == nil && s.Listed {
				continue // a newer capture than the sweep saw
			}
			a.note("blob_without_registrant", "", info.Owner)
		case sample > 0 && rand.Float64() < sample:
			if _, err := h.Blobs.Get(ctx, info.Ref); errors.Is(err, blob.ErrCorrupt) {
				a.note("corrupt_"+string(info.Kind), source, info.Owner)
			} else if err != nil {
				return err
			}
		}
	}
	for ref, source := range missing {
		if has, err := h.Blobs.Has(ctx, ref); err != nil {
			return err
		} else if has {
			continue
		}
		if s, err := h.Ledger.Standing(ctx, source, ref.Owner); err == nil && !s.Listed {
			continue
		}
		a.note("missing_"+string(ref.Kind), source, ref.Owner)
	}
	return nil
}
