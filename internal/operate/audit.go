package operate

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
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
	Read        int          `json:"read"` // blobs read and compared with their digests
	Differences []Difference `json:"differences"`
	Enqueued    int          `json:"rung,omitempty"`
}

const maxExamples = 5

// auditAtOnce is Stores.AuditAtOnce where nothing else is said: some 0.5 KB each, so 100 MB.
const auditAtOnce = 200_000

// auditing is the state of a running audit. It keeps little about each registrant, since there may be millions.
type auditing struct {
	stores *Stores
	report AuditReport
	found  map[string]*Difference
	shown  Progress

	part       schemas.Part
	enqueue    map[string]map[schemas.UUID]bool // whom of the part a job can mend, by source
	registered map[schemas.UUID]remembered      // the listed of the part, and who else of it is due
	blobs      map[blobKey]bool                 // those the listed of the part need, until they are found
	sources    map[string]string                // so that a name is in memory once
	done, all  int64                            // registrants in the ledger, then in each generation, and blobs
	most       int                              // registrants remembered at once
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

// note counts a difference. If source is not "", a job can mend it.
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

// Reads says which blobs an audit reads and compares with their digests. For the others it only checks that they
// exist.
type Reads func(blob.Ref) bool

// Share reads a random share of the blobs, from 0 to 1.
func Share(share float64) Reads {
	return func(blob.Ref) bool { return share > 0 && rand.Float64() < share }
}

// Rolling reads the blobs whose turn is on the day of now; each blob has one turn in so many days. 0 days reads none.
func Rolling(now time.Time, days int) Reads {
	today := uint64(now.Unix() / (24 * 60 * 60))
	return func(ref blob.Ref) bool {
		if days <= 0 {
			return false
		}
		key := keyOf(ref)
		return binary.BigEndian.Uint64(key[:])%uint64(days) == today%uint64(days)
	}
}

// Audit compares ledger, index and blobs in both directions. A blob that was read and does not have its digest is set
// aside, and the next crawl reads it again. With repair, a job is enqueued for each difference that a job can mend;
// nothing else is changed. If shown is not nil, it is told the progress; the total is known once the ledger was swept.
func (s *Stores) Audit(ctx context.Context, reads Reads, repair bool, shown Progress) (AuditReport, error) {
	a := &auditing{stores: s, found: make(map[string]*Difference), sources: make(map[string]string), shown: shown}
	a.report.Differences = []Difference{}
	err := a.parts(ctx, reads, repair)
	if err != nil {
		return a.report, err
	}
	for _, d := range a.found {
		a.report.Differences = append(a.report.Differences, *d)
	}
	sort.Slice(a.report.Differences, func(i, j int) bool { return a.report.Differences[i].Kind < a.report.Differences[j].Kind })
	return a.report, nil
}

// parts audits one part of the registrants after the other.
func (a *auditing) parts(ctx context.Context, reads Reads, repair bool) error {
	generations, err := a.stores.Index.Generations(ctx)
	if err != nil {
		return err
	}
	parts, err := a.stores.Ledger.Parts(ctx, cmp.Or(a.stores.AuditAtOnce, auditAtOnce))
	if err != nil {
		return err
	}
	for i, part := range parts {
		a.part, a.enqueue = part, make(map[string]map[schemas.UUID]bool)
		a.registered, a.blobs = make(map[schemas.UUID]remembered), make(map[blobKey]bool)
		before := a.done
		if err := a.ledger(ctx, Live(generations)); err != nil {
			return err
		}
		a.most = max(a.most, len(a.registered))
		// The parts are about equal, so all are so many times this one.
		a.all = before + (a.done-before+int64(len(generations)*len(a.registered)+len(a.blobs)))*int64(len(parts)-i)
		for n, g := range generations {
			if err := a.generation(ctx, g, n+1); err != nil {
				return err
			}
		}
		if err := a.stored(ctx, reads); err != nil {
			return err
		}
		if !repair {
			continue
		}
		if err := a.repair(ctx); err != nil {
			return err
		}
	}
	return nil
}

// step counts one more item as done.
func (a *auditing) step() {
	if a.done++; a.shown != nil {
		a.shown(a.done, a.all)
	}
}

// repair enqueues jobs that mend the differences.
func (a *auditing) repair(ctx context.Context) error {
	for source, ids := range a.enqueue {
		for id := range ids {
			// The mark says that the index agrees although it does not, so it is deleted first.
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
	for s, err := range a.stores.Ledger.EachOf(ctx, "", a.part) {
		if errors.Is(err, schemas.ErrNewerSchema) {
			a.note("newer_schema", "", s.ID)
			continue
		}
		if err != nil {
			return err
		}
		a.step()
		due, counts := s.DueIn(targets) != schemas.DueNot, s.Source != schemas.CanarySource // which is compared, and is nobody
		if due && counts {
			a.report.Due++
		}
		if !s.Listed && !due {
			continue
		}
		a.registered[s.ID] = remembered{source: a.name(s.Source), revision: s.Revision, listed: s.Listed, due: due}
		if s.Listed {
			if counts {
				a.report.Registrants++
			}
			for _, ref := range blob.Needed(s) {
				a.blobs[keyOf(ref)] = true
			}
		}
	}
	return nil
}

// name is a source's name, which all registrants of the source share.
func (a *auditing) name(source string) string {
	if known, ok := a.sources[source]; ok {
		return known
	}
	a.sources[source] = source
	return source
}

// generation compares the n-th generation with the listed registrants, both ways.
func (a *auditing) generation(ctx context.Context, g index.Generation, n int) error {
	for doc, err := range a.stores.Index.Walk(ctx, g.Name, a.part.First()) {
		if err != nil {
			return err
		}
		if !a.part.Has(doc.ID) {
			break // they come by id
		}
		a.step()
		r := a.registered[doc.ID]
		switch {
		case r.due:
		case !r.listed:
			found, err := a.stores.Ledger.Find(ctx, doc.ID)
			if err == nil && found.Listed {
				continue // added while we looked
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

// stored checks that the blobs of listed registrants exist, reads those whose turn it is, and looks for blobs that
// nobody refers to.
func (a *auditing) stored(ctx context.Context, reads Reads) error {
	for shard := a.part.From; shard < a.part.To; shard++ {
		for info, err := range a.stores.Blobs.WalkShard(ctx, shard) {
			if err == nil {
				err = a.storedBlob(ctx, info, reads)
			}
			if err != nil {
				return err
			}
		}
	}
	if len(a.blobs) == 0 {
		return nil
	}
	return a.missing(ctx)
}

func (a *auditing) storedBlob(ctx context.Context, info blob.Info, reads Reads) error {
	a.step()
	key := keyOf(info.Ref)
	if !a.blobs[key] {
		if s, err := a.stores.Ledger.Find(ctx, info.Owner); err == nil && s.Listed {
			return nil // a newer capture than the sweep saw, or an older one being replaced
		}
		a.note("blob_without_registrant", "", info.Owner)
		return nil
	}
	delete(a.blobs, key)
	if !reads(info.Ref) {
		return nil
	}
	a.report.Read++
	_, err := blob.Read(ctx, a.stores.Blobs, info.Ref)
	switch {
	case errors.Is(err, blob.ErrCorrupt):
		a.note("corrupt_"+string(info.Kind), a.registered[info.Owner].source, info.Owner)
	case errors.Is(err, fs.ErrNotExist): // deleted while we looked, or found missing next time
	case err != nil:
		return err
	}
	return nil
}

// missing looks once more for the blobs that were not found, with the current ledger.
func (a *auditing) missing(ctx context.Context) error {
	expiry := time.Now().AddDate(0, 0, -a.stores.PageDays)
	for s, err := range a.stores.Ledger.EachOf(ctx, "", a.part) {
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
				// An unchanged page is stored only once, so the object store may have deleted it although the page was
				// read again since.
				a.report.Expired++
			default:
				a.note("missing_"+string(ref.Kind), s.Source, s.ID)
			}
		}
	}
	return nil
}
