package indextest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"lineup/indexer/index"
	"lineup/schemas"
)

func otherHandles(t *testing.T, open opener) {
	ctx := context.Background()
	a, b := open(t), open(t)
	Serving(t, a, Model)
	see := func(ix index.Index, e index.Entry, want bool) {
		t.Helper()
		near, _, err := ix.Nearest(ctx, Embedding(Model.Dimensions, e.Document.Record.Photos[0].Digest), 1, index.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(near) == 1 && near[0].Face.Registrant == e.ID; got != want {
			t.Errorf("the other handle finds the face: %v, want %v", got, want)
		}
	}
	for n := range 20 {
		e := Person(n, 1, nil)
		writer, reader := a, b
		if n%2 == 1 {
			writer, reader = b, a
		}
		Put(t, writer, e)
		see(reader, e, true)
		if docs, err := reader.Lookup(ctx, e.ID); err != nil || len(docs) != 1 {
			t.Fatalf("the other handle looks up %d documents, %v", len(docs), err)
		}
		if n%5 == 4 {
			Put(t, reader, Gone(e, 2))
			see(writer, e, false)
		}
	}
	if err := b.Create(ctx, index.Generation{Name: "two", Model: Model}); err != nil {
		t.Fatal(err)
	}
	if err := b.Switch(ctx, "two"); err != nil {
		t.Fatal(err)
	}
	if _, g, err := a.Nearest(ctx, make([]float32, Model.Dimensions), 1, index.Filter{}); err != nil || g.Name != "two" {
		t.Errorf("after another handle's switch generation %q answers, %v", g.Name, err)
	}
	if err := b.Drop(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	if err := a.Replace(ctx, "one", Person(1, 9, nil)); err == nil {
		t.Error("a generation another handle dropped is written to")
	}
	// What is there is there after a restart.
	e := Person(50, 1, nil)
	if err := a.Replace(ctx, "two", e); err != nil {
		t.Fatal(err)
	}
	see(open(t), e, true)
}

// together lets writers replace pairs of faces while readers look: a reader sees a registrant
// whole at one revision, always.
func together(t *testing.T, open opener) {
	ctx, ix := context.Background(), open(t)
	Serving(t, ix, Model)
	const revisions = 25
	at := func(n int, revision uint64) index.Entry {
		return Person(n, revision, func(r *schemas.Record) {
			r.Photos = []schemas.Photo{{Digest: schemas.DigestOf(fmt.Appendf(nil, "%d left %d", n, revision))},
				{Digest: schemas.DigestOf(fmt.Appendf(nil, "%d right %d", n, revision))}}
		})
	}
	for n := range 4 {
		Put(t, ix, at(n, 1))
	}
	var writers, readers sync.WaitGroup
	var done atomic.Bool
	for n := range 4 {
		writers.Go(func() {
			for r := uint64(2); r <= revisions; r++ {
				if err := ix.Replace(ctx, "one", at(n, r)); err != nil {
					t.Errorf("replace: %v", err)
					return
				}
			}
		})
	}
	for range 3 {
		readers.Go(func() {
			for !done.Load() {
				near, _, err := ix.Nearest(ctx, make([]float32, Model.Dimensions), 100, index.Filter{})
				if err != nil {
					t.Errorf("nearest: %v", err)
					return
				}
				faces := map[schemas.UUID]int{}
				for _, n := range near {
					faces[n.Face.Registrant]++
				}
				for id, n := range faces {
					if n != 2 {
						t.Errorf("a reader sees %d faces of %s, want the 2 of one revision", n, id)
						return
					}
				}
			}
		})
	}
	writers.Wait()
	done.Store(true)
	readers.Wait()
	if c, err := ix.Count(ctx, "one"); err != nil || c != (index.Counts{Registrants: 4, WithFace: 4, Faces: 8}) {
		t.Errorf("at the end: %+v, %v", c, err)
	}
}

func cancelled(t *testing.T, open opener) {
	ctx, ix := context.Background(), open(t)
	Serving(t, ix, Model)
	Put(t, ix, Person(1, 1, nil))
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := ix.Replace(gone, "one", Person(2, 1, nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("replace: %v, want context.Canceled", err)
	}
	if _, err := ix.Find(gone, index.Query{}); !errors.Is(err, context.Canceled) {
		t.Errorf("find: %v, want context.Canceled", err)
	}
	if _, _, err := ix.Nearest(gone, make([]float32, Model.Dimensions), 1, index.Filter{}); !errors.Is(err, context.Canceled) {
		t.Errorf("nearest: %v, want context.Canceled", err)
	}
	if c, err := ix.Count(ctx, "one"); err != nil || c.Registrants != 1 {
		t.Errorf("afterwards: %+v, %v", c, err)
	}
}
