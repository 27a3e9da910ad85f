package operate

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"lineup/indexer/index/embedded"
	"lineup/indexer/index/indextest"
	"lineup/ingest/blob"
	"lineup/internal/testkit/stores"
	"lineup/schemas"
)

// TestAnAuditRemembersOnePartAtATime: over whatever number of parts it finds the same, and it holds no more than a part.
func TestAnAuditRemembersOnePartAtATime(t *testing.T) {
	const people = 60
	ctx, engines := t.Context(), stores.Open(t)
	ix, err := embedded.Open(ctx, t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	indextest.Serving(t, ix, indextest.Model)
	generations, err := ix.Generations(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s := &Stores{JS: engines.JetStream, Ledger: engines.Ledger, Queue: engines.Queue, Blobs: engines.Blobs, Index: ix}
	put := func(id schemas.UUID, kind blob.Kind, text string) schemas.Digest {
		t.Helper()
		ref, err := s.Blobs.Put(ctx, id, kind, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return ref.Digest
	}
	want := map[string]int{}
	for n := range people {
		e := indextest.Person(n, 1, nil)
		record := put(e.ID, blob.Record, fmt.Sprint("record ", n))
		_, err := s.Ledger.Update(ctx, "us-aa", e.ID, func(l *schemas.Listing) error {
			l.Revision, l.Listed, l.Key, l.Changed, l.Record = 1, true, fmt.Sprint(n), time.Now(), record
			g := generations[0]
			l.Marks = map[string]schemas.Mark{g.Name: {Revision: 1, Model: g.Model.ID, Features: g.Features, Built: g.Created, Faces: 1}}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		switch n % 6 {
		case 0: // all is well
		case 1:
			want["blob_without_registrant"]++
			put(schemas.RegistrantID("us-aa", fmt.Sprint("nobody ", n)), blob.Photo, "of nobody")
		case 2:
			want["missing_record"]++
			if err := s.Blobs.Delete(ctx, blob.Ref{Owner: e.ID, Kind: blob.Record, Digest: record}); err != nil {
				t.Fatal(err)
			}
		case 3:
			want["listed_not_in_index"]++
			continue
		case 4:
			want["in_index_not_listed"]++
			indextest.Put(t, ix, indextest.Person(n+1000, 1, nil))
		case 5:
			want["index_revision_differs"]++
			e = indextest.Person(n, 2, nil)
		}
		indextest.Put(t, ix, e)
	}
	for _, atOnce := range []int{people, 20, 1} {
		s.AuditAtOnce = atOnce
		a := &auditing{stores: s, found: map[string]*Difference{}, sources: map[string]string{}}
		if err := a.parts(ctx, Share(1), false); err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for kind, d := range a.found {
			got[kind] = d.Count
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || a.report.Registrants != people || a.report.Read != people-want["missing_record"] {
			t.Errorf("%d at once: %v, %+v; want %v", atOnce, got, a.report, want)
		}
		if limit := atOnce + people/4; a.most > limit { // parts are as even as ids are
			t.Errorf("%d at once: %d were remembered", atOnce, a.most)
		}
	}

	report, err := s.Audit(ctx, Share(0), true, nil)
	if mend := want["listed_not_in_index"] + want["index_revision_differs"] + want["missing_record"]; err != nil || report.Enqueued != mend {
		t.Errorf("%+v, %v", report, err)
	}
}
