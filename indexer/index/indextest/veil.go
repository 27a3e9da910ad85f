package indextest

import (
	"context"
	"errors"
	"io/fs"
	"reflect"
	"testing"
	"time"

	"lineup/indexer/index"
	"lineup/schemas"
)

// canary is the n-th canary, with the very face of somebody.
func canary(n int, of index.Entry) index.Entry {
	e := Person(0, 1, func(r *schemas.Record) {
		*r = schemas.Record{Schema: r.Schema, Source: schemas.CanarySource, Key: schemas.CanaryKey(n), Photos: of.Document.Record.Photos}
	})
	e.Document.Keys = nil
	e.Document.FirstSeen, e.Document.Changed = of.Document.FirstSeen, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	return e
}

// seenAs is all that a reader can learn, of which nothing may change for anybody when a canary comes.
func seenAs(t *testing.T, ctx context.Context, ix index.Index, people []index.Entry, id schemas.UUID, face schemas.UUID) map[string]any {
	t.Helper()
	seen := map[string]any{}
	note := func(what string, answer any, err error) {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%s: %v", what, err)
		}
		seen[what] = answer
	}
	for _, k := range []int{1, 2, 7, len(people), 2 * len(people)} {
		for name, f := range map[string]index.Filter{"all": {}, "canary": {Sources: []string{schemas.CanarySource}},
			"aa":     {Sources: []string{"us-aa"}},
			"either": {Sources: []string{"us-aa", schemas.CanarySource}}, "men": {Sexes: []string{"male"}}} {
			near, _, err := ix.Nearest(ctx, people[3].Faces[0].Embedding, k, f)
			note("nearest "+name+" "+string(rune('a'+k%26)), near, err)
			n, _, err := ix.Enrolled(ctx, f)
			note("enrolled "+name, n, err)
			found, err := ix.Find(ctx, index.Query{Filter: f, Limit: k})
			note("find "+name+" "+string(rune('a'+k%26)), [3]any{idsOf(found.Documents), found.Total, found.Next}, err)
		}
		near, err := ix.Search(ctx, "one", people[3].Faces[0].Embedding, k)
		note("search "+string(rune('a'+k%26)), near, err)
		faces, err := ix.Sample(ctx, "one", k, 5)
		note("sample "+string(rune('a'+k%26)), faces, err)
	}
	docs, err := ix.Lookup(ctx, id, people[5].ID)
	note("lookup", idsOf(docs), err)
	_, err = ix.Face(ctx, face)
	note("face", errors.Is(err, fs.ErrNotExist), err)
	found, err := ix.Find(ctx, index.Query{IDs: []schemas.UUID{id}})
	note("find by id", [2]any{len(found.Documents), found.Total}, err)
	found, err = ix.Find(ctx, index.Query{ChangedFrom: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)})
	note("find changed", [2]any{len(found.Documents), found.Total}, err)
	counts, err := ix.Count(ctx, "one")
	note("count", counts, err)
	held, _, err := ix.Held(ctx, "one", people[3].Faces[0].Photo)
	note("held", len(held), err)
	return seen
}

// asked counts the questions to an engine.
type asked struct {
	index.Index
	n int
}

func (a *asked) Lookup(ctx context.Context, ids ...schemas.UUID) ([]index.Document, error) {
	a.n++
	return a.Index.Lookup(ctx, ids...)
}

func (a *asked) Nearest(ctx context.Context, e []float32, k int, f index.Filter) ([]index.Neighbour, index.Generation, error) {
	a.n++
	return a.Index.Nearest(ctx, e, k, f)
}

func (a *asked) Enrolled(ctx context.Context, f index.Filter) (int, index.Generation, error) {
	a.n++
	return a.Index.Enrolled(ctx, f)
}

func (a *asked) Find(ctx context.Context, q index.Query) (index.Found, error) {
	a.n++
	return a.Index.Find(ctx, q)
}

// unaskedFor holds that while there is no canary a reader's question is one question to the engine.
func unaskedFor(t *testing.T, raw index.Index, all []index.Entry) {
	t.Helper()
	counted := &asked{Index: raw}
	ix, ctx := index.Veil(counted), t.Context()
	for what, ask := range map[string]func() error{
		"nearest":  func() error { _, _, err := ix.Nearest(ctx, all[3].Faces[0].Embedding, 5, index.Filter{}); return err },
		"enrolled": func() error { _, _, err := ix.Enrolled(ctx, index.Filter{}); return err },
		"find":     func() error { _, err := ix.Find(ctx, index.Query{Limit: 7}); return err },
		"look up":  func() error { _, err := ix.Lookup(ctx, all[3].ID); return err },
	} {
		if counted.n = 0; ask() != nil || counted.n != 1 {
			t.Errorf("%s is %d questions where there is no canary (%v)", what, counted.n, ask())
		}
	}
}

// veil holds that the canary changes nothing for anybody but its own key, which sees nobody else.
func veil(t *testing.T, open opener) {
	raw := open(t)
	Serving(t, raw, Model)
	all := crowd(60)
	Put(t, raw, all...)
	everybody, own := context.Background(), schemas.WithViewer(context.Background(), &schemas.Viewer{Canary: true})
	unaskedFor(t, raw, all)
	for n := range 3 { // their ids stand anywhere in the order
		bird := canary(n, all[3])
		before := seenAs(t, everybody, index.Veil(raw), all, bird.ID, bird.Faces[0].ID)
		Put(t, index.Veil(raw), bird)
		ix := index.Veil(raw)
		after := seenAs(t, everybody, ix, all, bird.ID, bird.Faces[0].ID)
		for what := range before {
			if !reflect.DeepEqual(before[what], after[what]) {
				t.Errorf("canary %d: %s was %v, and is %v", n, what, before[what], after[what])
			}
		}
		comparePages(t, ix, all)
		near, _, err := ix.Nearest(own, all[3].Faces[0].Embedding, 50, index.Filter{})
		if err != nil || len(near) != 1 || near[0].Face.Registrant != bird.ID {
			t.Errorf("its own key finds %v, %v", near, err)
		}
		count, _, err := ix.Enrolled(own, index.Filter{})
		docs, lerr := ix.Lookup(own, bird.ID, all[3].ID)
		found, ferr := ix.Find(own, index.Query{})
		if errors.Join(err, lerr, ferr) != nil || count != 1 || len(docs) != 1 || docs[0].ID != bird.ID || len(found.Documents) != 1 ||
			found.Documents[0].ID != bird.ID || found.Total != 1 {
			t.Errorf("its own key sees %d faces, looks up %v, finds %v: %v", count, idsOf(docs), idsOf(found.Documents),
				errors.Join(err, lerr, ferr))
		}
		if near, _, err := ix.Nearest(own, all[3].Faces[0].Embedding, 50, index.Filter{Sources: []string{"us-aa"}}); err != nil || len(near) > 0 {
			t.Errorf("its own key finds %v of us-aa, %v", near, err)
		}
		if _, err := ix.Face(own, all[3].Faces[0].ID); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("its own key sees somebody's face: %v", err)
		}
		Put(t, index.Veil(raw), Gone(bird, 2))
	}
}
