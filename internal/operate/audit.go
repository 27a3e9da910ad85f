package operate

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"math/rand/v2"
	"sort"
	"time"

	"lineup/indexer/index"
	"lineup/ingest/blob"
	"lineup/schemas"
)

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
	Enqueued    int          `json:"rung,omitempty"`
}

const maxExamples = 5

// auditing is an audit under way. It remembers little of each registrant: there may be millions.
type auditing struct {
	stores     *Stores
	report     AuditReport
	found      map[string]*Difference
	enqueue    map[string]map[schemas.UUID]bool // whom a job can mend, by source
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

// note counts a difference. source, unless it is "", says that a job can mend it.
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
	if a.enqueue[source] == nil {
		a.enqueue[source] = make(map[schemas.UUID]bool)
	}
	a.enqueue[source][id] = true
}

// Audit compares ledger, index and blobs in both directions. sample is the share of the blobs that are
// read and compared with their digests, from 0 to 1. With repair, a job is enqueued for what
// differs and a job can mend; nothing else is changed.
func (s *Stores) Audit(ctx context.Context, sample float64, repair bool) (AuditReport, error) {
	a := &auditing{stores: s, found: make(map[string]*Difference), enqueue: make(map[string]map[schemas.UUID]bool),
		registered: make(map[schemas.UUID]remembered), blobs: make(map[blobKey]bool)}
	a.report.Differences = []Difference{}
	generations, err := s.Index.Generations(ctx)
	if err != nil {
		return a.report, err
	}
	if err := a.ledger(ctx, Live(generations)); err != nil {
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

// repair enqueues a job for what differs.
func (a *auditing) repair(ctx context.Context) error {
	for source, ids := range a.enqueue {
		for id := range ids {
			// The mark says that the index agrees while it does not: it must go first.
			if err := a.stores.Ledger.Unmark(ctx, source, id); err != nil {
				return err
			}
			if err := a.stores.Queue.Publish(ctx, source, id); err != nil {
				return err
			}
			a.report.Enqueued++
		}
	}
	return nil
}

// ledger sweeps the ledger for what index and blobs must hold.
func (a *auditing) ledger(ctx context.Context, targets []schemas.Target) error {
	for s, err := range a.stores.Ledger.Each(ctx, "") {
		if errors.Is(err, schemas.ErrNewerSchema) {
			a.note("newer_schema", "", s.ID)
			continue
		}
		if err != nil {
			return err
		}
		due := s.DueIn(targets) != schemas.DueNot
		if due {
			a.report.Due++
		}
		if !s.Listed && !due {
			continue
		}
		a.registered[s.ID] = remembered{source: s.Source, revision: s.Revision, listed: s.Listed, due: due}
		if s.Listed {
			a.report.Registrants++
			for _, ref := range blob.Needed(s) {
				a.blobs[keyOf(ref)] = true
			}
		}
	}
	return nil
}

// generation compares the n-th generation with the listed, both ways.
func (a *auditing) generation(ctx context.Context, g index.Generation, n int) error {
	for doc, err := range a.stores.Index.Walk(ctx, g.Name) {
		if err != nil {
			return err
		}
		r := a.registered[doc.ID]
		switch {
		case r.due:
		case !r.listed:
			found, err := a.stores.Ledger.Find(ctx, doc.ID)
			if err == nil && found.Listed {
				continue // came while we looked
			}
			a.note("in_index_not_listed", found.Source, doc.ID)
			continue
		case g.State != index.Retired && doc.Revision != r.revision:
			if now, err := a.stores.Ledger.Listing(ctx, r.source, doc.ID); err != nil || now.Revision != r.revision {
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
		if now, err := a.stores.Ledger.Listing(ctx, r.source, id); err != nil || now.Revision != r.revision {
			continue // it changed while we looked
		}
		a.note("listed_not_in_index", r.source, id)
	}
	return nil
}

// stored looks for the blobs of the listed, reading those of a sample, and for blobs that nobody
// refers to.
func (a *auditing) stored(ctx context.Context, sample float64) error {
	for info, err := range a.stores.Blobs.Walk(ctx, "") {
		if err != nil {
			return err
		}
		key := keyOf(info.Ref)
		if !a.blobs[key] {
			if s, err := a.stores.Ledger.Find(ctx, info.Owner); err == nil && s.Listed {
				continue // a newer capture than the sweep saw, or an older one being replaced
			}
			a.note("blob_without_registrant", "", info.Owner)
			continue
		}
		delete(a.blobs, key)
		if sample == 0 || rand.Float64() >= sample {
			continue
		}
		_, err := a.stores.Blobs.Get(ctx, info.Ref)
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
	expiry := time.Now().AddDate(0, 0, -a.stores.PageDays)
	for s, err := range a.stores.Ledger.Each(ctx, "") {
		if errors.Is(err, schemas.ErrNewerSchema) {
			continue
		}
		if err != nil {
			return err
		}
		if !s.Listed {
			continue
		}
		for _, ref := range blob.Needed(s) {
			if !a.blobs[keyOf(ref)] {
				continue
			}
			has, err := a.stores.Blobs.Has(ctx, ref)
			if err != nil {
				return err
			}
			switch {
			case has:
			case ref.Kind == blob.Page && a.stores.PageDays > 0 && s.FirstSeen.Before(expiry):
				// An unchanged page is stored once, so it may have expired although it was read since.
				a.report.Expired++
			default:
				a.note("missing_"+string(ref.Kind), s.Source, s.ID)
			}
		}
	}
	return nil
}
