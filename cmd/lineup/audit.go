package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"sort"
	"time"

	"lineup/indexer/index"
	"lineup/ingest"
	"lineup/ingest/blob"
	"lineup/schemas"
)

// Audit compares ledger, index and blobs in both directions.
type Audit struct {
	Repair bool    `help:"Ring doorbells for what differs; never changes anything itself."`
	Sample float64 `default:"0.01" help:"Share of the blobs that are read and compared with their digests; 1 reads all. That they are there is always checked."`
	JSON   bool    `name:"json" help:"Print JSON."`
}

// Help says what the exit codes mean.
func (c *Audit) Help() string {
	return "Exit codes: 0 everything agrees, 1 differences found, 2 could not tell.\nDifferences that waiting jobs will mend are counted as due, not as differences; pages that the object store\n" +
		"expires by s3.page_days are counted as expired. May run beside everything else; takes about 250 MB a million registrants.\n\n" +
		"Kinds: listed_not_in_index, index_revision_differs, in_index_not_listed: lineup audit --repair rings for them.\n" +
		"missing_photo, missing_record, missing_page, corrupt_...: the next crawl reads and stores them again.\n" +
		"blob_without_registrant: what a crash left; indexers sweep it up within some hours.\n" +
		"newer_schema: written by a newer version of lineup and left alone."
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
	Expired     int          `json:"expiredPages,omitempty"`
	Differences []Difference `json:"differences"`
	Rung        int          `json:"rung,omitempty"`
}

const maxExamples = 5

// auditing is an audit under way. It remembers little of each registrant: there may be millions.
type auditing struct {
	h          *Node
	report     AuditReport
	found      map[string]*Difference
	ring       map[string]map[schemas.UUID]bool // by source
	registered map[schemas.UUID]remembered      // the listed, and who else is due
	blobs      map[blobKey]bool                 // those the listed need, until they are found
}

// remembered is what an audit remembers of a registrant.
type remembered struct {
	source      string
	revision    uint64
	listed, due bool
	seen        int // the last generation that held it, counted from 1
}

// blobKey stands for a blob.Ref in less memory.
type blobKey [16]byte

func keyOf(ref blob.Ref) blobKey {
	sum := sha256.Sum256([]byte(string(ref.Owner) + string(ref.Kind) + string(ref.Digest)))
	return blobKey(sum[:16])
}

// blobsOf are the blobs that a listed registrant needs.
func blobsOf(s schemas.Listing) (refs []blob.Ref) {
	add := func(kind blob.Kind, d schemas.Digest) {
		if d != "" {
			refs = append(refs, blob.Ref{Owner: s.ID, Kind: kind, Digest: d})
		}
	}
	add(blob.Record, s.Record)
	for _, p := range s.Photos {
		add(blob.Photo, p.Digest)
	}
	for _, p := range s.Pages {
		add(blob.Page, p.Digest)
	}
	return refs
}

// note counts a difference. source, unless it is "", is where to ring for it.
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
	if c.Sample < 0 || c.Sample > 1 {
		return exitError{2, fmt.Errorf("--sample %v: want a share from 0 to 1", c.Sample)}
	}
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
		return exitError{2, fmt.Errorf("audit: could not tell: %w (lineup doctor looks at every engine)", err)}
	}
	if c.JSON {
		err = app.printJSON(report)
	} else {
		fmt.Fprintf(app.Stdout, "%d registrants, %d waiting to be indexed, %d pages expired\n", report.Registrants, report.Due, report.Expired)
		for _, d := range report.Differences {
			fmt.Fprintf(app.Stdout, "%-28s %6d  e.g. %v\n", d.Kind, d.Count, d.Examples)
		}
		switch {
		case c.Repair:
			fmt.Fprintf(app.Stdout, "rang for %d registrants\n", report.Rung)
		case len(report.Differences) == 0:
			fmt.Fprintln(app.Stdout, "no differences")
		}
	}
	if err != nil {
		return exitError{2, err}
	}
	if len(report.Differences) > 0 {
		return exitError{code: 1}
	}
	return nil
}

func (h *Node) audit(ctx context.Context, sample float64, repair bool) (AuditReport, error) {
	a := &auditing{h: h, found: make(map[string]*Difference), ring: make(map[string]map[schemas.UUID]bool),
		registered: make(map[schemas.UUID]remembered), blobs: make(map[blobKey]bool)}
	a.report.Differences = []Difference{}
	generations, err := h.Index.Generations(ctx)
	if err != nil {
		return a.report, err
	}
	if err := a.ledger(ctx, live(generations)); err != nil {
		return a.report, err
	}
	for i, g := range generations {
		if err := a.generation(ctx, g, i+1); err != nil {
			return a.report, err
		}
	}
	if err := a.stored(ctx, sample); err != nil {
		return a.report, err
	}
	for _, d := range a.found {
		a.report.Differences = append(a.report.Differences, *d)
	}
	sort.Slice(a.report.Differences, func(i, j int) bool { return a.report.Differences[i].Kind < a.report.Differences[j].Kind })
	if repair {
		err = a.repair(ctx)
	}
	return a.report, err
}

// repair rings for what differs.
func (a *auditing) repair(ctx context.Context) error {
	for source, ids := range a.ring {
		for id := range ids {
			// The mark says that the index agrees while it does not: it must go first.
			if err := a.h.Ledger.Unmark(ctx, source, id); err != nil {
				return err
			}
			if err := a.h.Queue.Publish(ctx, source, id); err != nil {
				return err
			}
			a.report.Rung++
		}
	}
	return nil
}

// ledger sweeps the ledger for what index and blobs must hold.
func (a *auditing) ledger(ctx context.Context, targets []ingest.Target) error {
	for s, err := range a.h.Ledger.Each(ctx, "") {
		if errors.Is(err, schemas.ErrNewerSchema) {
			a.note("newer_schema", "", s.ID)
			continue
		}
		if err != nil {
			return err
		}
		due := ingest.Due(s, targets)
		if due {
			a.report.Due++
		}
		if !s.Listed && !due {
			continue
		}
		a.registered[s.ID] = remembered{source: s.Source, revision: s.Revision, listed: s.Listed, due: due}
		if s.Listed {
			a.report.Registrants++
			for _, ref := range blobsOf(s) {
				a.blobs[keyOf(ref)] = true
			}
		}
	}
	return nil
}

// generation compares the n-th generation with the listed, both ways.
func (a *auditing) generation(ctx context.Context, g index.Generation, n int) error {
	for doc, err := range a.h.Index.Walk(ctx, g.Name) {
		if err != nil {
			return err
		}
		r := a.registered[doc.ID]
		switch {
		case r.due:
		case !r.listed:
			found, err := a.h.Ledger.Find(ctx, doc.ID)
			if err == nil && found.Listed {
				continue // came while we looked
			}
			a.note("in_index_not_listed", found.Source, doc.ID)
			continue
		case g.State != index.Retired && doc.Revision != r.revision:
			if now, err := a.h.Ledger.Listing(ctx, r.source, doc.ID); err != nil || now.Revision != r.revision {
				break // it changed while we looked
			}
			a.note("index_revision_differs", r.source, doc.ID)
		}
		r.seen = n
		a.registered[doc.ID] = r
	}
	if g.State == index.Retired {
		return nil
	}
	for id, r := range a.registered {
		if r.seen == n || r.due || !r.listed {
			continue
		}
		if now, err := a.h.Ledger.Listing(ctx, r.source, id); err != nil || now.Revision != r.revision {
			continue // it changed while we looked
		}
		a.note("listed_not_in_index", r.source, id)
	}
	return nil
}

// stored looks for the blobs of the listed, reading those of a sample, and for blobs that nobody
// refers to.
func (a *auditing) stored(ctx context.Context, sample float64) error {
	for info, err := range a.h.Blobs.Walk(ctx, "") {
		if err != nil {
			return err
		}
		key := keyOf(info.Ref)
		if !a.blobs[key] {
			if s, err := a.h.Ledger.Find(ctx, info.Owner); err == nil && s.Listed {
				continue // a newer capture than the sweep saw, or an older one being replaced
			}
			a.note("blob_without_registrant", "", info.Owner)
			continue
		}
		delete(a.blobs, key)
		if sample == 0 || rand.Float64() >= sample {
			continue
		}
		_, err := a.h.Blobs.Get(ctx, info.Ref)
		switch {
		case errors.Is(err, blob.ErrCorrupt):
			a.note("corrupt_"+string(info.Kind), a.registered[info.Owner].source, info.Owner)
		case errors.Is(err, fs.ErrNotExist): // went while we looked, or will be found missing next time
		case err != nil:
			return err
		}
	}
	if len(a.blobs) == 0 {
		return nil
	}
	return a.missing(ctx)
}

// missing looks again for the blobs that were not found, by the ledger as it is now.
func (a *auditing) missing(ctx context.Context) error {
	expiry := time.Now().AddDate(0, 0, -a.h.pageDays)
	for s, err := range a.h.Ledger.Each(ctx, "") {
		if errors.Is(err, schemas.ErrNewerSchema) {
			continue
		}
		if err != nil {
			return err
		}
		if !s.Listed {
			continue
		}
		for _, ref := range blobsOf(s) {
			if !a.blobs[keyOf(ref)] {
				continue
			}
			has, err := a.h.Blobs.Has(ctx, ref)
			if err != nil {
				return err
			}
			switch {
			case has:
			case ref.Kind == blob.Page && a.h.pageDays > 0 && s.FirstSeen.Before(expiry):
				// An unchanged page is stored once, so it may have expired although it was read since.
				a.report.Expired++
			default:
				a.note("missing_"+string(ref.Kind), s.Source, s.ID)
			}
		}
	}
	return nil
}
