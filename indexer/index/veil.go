package index

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"lineup/schemas"
)

// Veil is an index of which readers see whom schemas.Visible says: the canary answers to its own key alone, and stands in no
// answer, count, order or sample of anybody else. Writers and the audit (Walk) work on what is there.
func Veil(ix Index) Index { return &veiled{Index: ix} }

// Unveil is the engine below a Veil.
func Unveil(ix Index) Index {
	if v, ok := ix.(*veiled); ok {
		return v.Index
	}
	return ix
}

// veiled adds the rule to an engine.
type veiled struct{ Index }

// hidden bounds the faces of the canary that an engine holds at a time: it has one, and another while a removal is indexed.
const hidden = 4

// Replace has a generation told of the canary before it holds it: who reads learns with an answer whether the canary may be among it,
// and asks no more where it is not.
func (v *veiled) Replace(ctx context.Context, generation string, entries ...Entry) error {
	for _, e := range entries {
		if n := schemas.CanaryNumber(e.ID); n > 0 && e.Document != nil {
			if err := v.Hide(ctx, generation, n); err != nil {
				return err
			}
		}
	}
	return v.Index.Replace(ctx, generation, entries...)
}

// canaries returns the canary's documents in the serving generation g: under the last key that it was told of, under the one
// before, which may be on its way out, and under the next one, which another writer may be adding.
func (v *veiled) canaries(ctx context.Context, g Generation) ([]Document, error) {
	if g.Canaries == 0 {
		return nil, nil
	}
	var ids []schemas.UUID
	for n := max(g.Canaries-2, 0); n <= min(g.Canaries, schemas.CanaryKeys-1); n++ {
		ids = append(ids, schemas.RegistrantID(schemas.CanarySource, schemas.CanaryKey(n)))
	}
	return v.Index.Lookup(ctx, ids...)
}

// Leftover is the engine's, where it has one.
func (v *veiled) Leftover() string {
	if e, ok := v.Index.(interface{ Leftover() string }); ok {
		return e.Leftover()
	}
	return ""
}

// visible are the ids of those whom the viewer may know of.
func visible(ctx context.Context, ids []schemas.UUID) []schemas.UUID {
	return slices.DeleteFunc(slices.Clone(ids), func(id schemas.UUID) bool { return !schemas.Visible(ctx, id) })
}

// narrowed is f for whoever looks; any is false where nobody can pass it.
func narrowed(ctx context.Context, f Filter) (_ Filter, any bool) {
	if !schemas.ViewsCanary(ctx) {
		return f, true
	}
	any = len(f.Sources) == 0 || slices.Contains(f.Sources, schemas.CanarySource)
	f.Sources = []string{schemas.CanarySource}
	return f, any
}

func (v *veiled) Lookup(ctx context.Context, ids ...schemas.UUID) ([]Document, error) {
	return v.Index.Lookup(ctx, visible(ctx, ids)...)
}

func (v *veiled) Face(ctx context.Context, id schemas.UUID) (schemas.Face, error) {
	f, err := v.Index.Face(ctx, id)
	if err == nil && !schemas.Visible(ctx, f.Registrant) {
		return schemas.Face{}, fmt.Errorf("face %s: %w", id, fs.ErrNotExist)
	}
	return f, err
}

func (v *veiled) Nearest(ctx context.Context, embedding []float32, k int, f Filter) ([]Neighbour, Generation, error) {
	f, any := narrowed(ctx, f)
	if !any {
		k = 0
	}
	found, g, err := v.Index.Nearest(ctx, embedding, more(k), f)
	return seen(ctx, found, k), g, err
}

func (v *veiled) Search(ctx context.Context, generation string, embedding []float32, k int) ([]Neighbour, error) {
	found, err := v.Index.Search(ctx, generation, embedding, more(k))
	return seen(ctx, found, k), err
}

// more is how many are asked for so that k are left without the canary.
func more(k int) int {
	if k <= 0 {
		return k
	}
	return k + hidden
}

// seen are the first k of those who are visible.
func seen(ctx context.Context, found []Neighbour, k int) []Neighbour {
	found = slices.DeleteFunc(found, func(n Neighbour) bool { return !schemas.Visible(ctx, n.Face.Registrant) })
	return found[:min(max(k, 0), len(found))]
}

func (v *veiled) Enrolled(ctx context.Context, f Filter) (int, Generation, error) {
	f, any := narrowed(ctx, f)
	n, g, err := v.Index.Enrolled(ctx, f)
	if err != nil || schemas.ViewsCanary(ctx) {
		if !any {
			n = 0
		}
		return n, g, err
	}
	docs, err := v.canaries(ctx, g)
	for _, d := range docs {
		if f.Passes(schemas.CanarySource, FactsOf(d.Record)) && slices.ContainsFunc(d.Photos, func(p PhotoOutcome) bool { return p.Face != "" }) {
			n--
		}
	}
	return max(n, 0), g, err
}

func (v *veiled) Sample(ctx context.Context, generation string, n int, seed uint64) ([]schemas.Face, error) {
	faces, err := v.Index.Sample(ctx, generation, more(n), seed)
	faces = slices.DeleteFunc(faces, func(f schemas.Face) bool { return !schemas.Visible(ctx, f.Registrant) })
	return faces[:min(max(n, 0), len(faces))], err
}

func (v *veiled) Held(ctx context.Context, generation string, photo schemas.Digest) ([]schemas.Face, []PhotoOutcome, error) {
	faces, outcomes, err := v.Index.Held(ctx, generation, photo)
	return slices.DeleteFunc(faces, func(f schemas.Face) bool { return !schemas.Visible(ctx, f.Registrant) }), outcomes, err
}

// Count leaves the canary out of what the serving generation holds: others are counted as they are.
func (v *veiled) Count(ctx context.Context, generation string) (Counts, error) {
	c, err := v.Index.Count(ctx, generation)
	if err != nil {
		return c, err
	}
	all, err := v.Generations(ctx)
	if err != nil {
		return c, err
	}
	g, err := ServingOf(all)
	if err != nil || g.Name != generation {
		return c, nil
	}
	docs, err := v.canaries(ctx, g)
	for _, d := range docs {
		c.Registrants--
		if slices.ContainsFunc(d.Photos, func(p PhotoOutcome) bool { return p.Face != "" }) {
			c.WithFace, c.Faces = c.WithFace-1, c.Faces-1
		}
	}
	return c, err
}

func (v *veiled) Find(ctx context.Context, q Query) (Found, error) {
	if len(q.IDs) > 0 {
		if q.IDs = visible(ctx, q.IDs); len(q.IDs) == 0 {
			return Found{Documents: []Document{}}, nil
		}
		return v.Index.Find(ctx, q)
	}
	var any bool
	if q.Filter, any = narrowed(ctx, q.Filter); !any {
		return Found{Documents: []Document{}}, nil
	}
	found, err := v.Index.Find(ctx, q)
	if err != nil || schemas.ViewsCanary(ctx) {
		return without(ctx, found), err
	}
	canaries, err := v.canaries(ctx, found.Generation)
	if err != nil || len(canaries) == 0 {
		return without(ctx, found), err
	}
	own := q
	own.Skip, own.Limit, own.After, own.IDs = 0, hidden, nil, nil
	for _, d := range canaries {
		own.IDs = append(own.IDs, d.ID)
	}
	among, err := v.Index.Find(ctx, own)
	if err != nil || among.Total == 0 { // as of nearly every question: the canary has no name and no place
		return without(ctx, found), err
	}
	return v.around(ctx, q, among)
}

// around is the page of the answer to q without those of the canary, which are among it.
func (v *veiled) around(ctx context.Context, q Query, among Found) (Found, error) {
	wide := q
	wide.Limit = q.Bound() + len(among.Documents)
	found, err := v.Index.Find(ctx, wide)
	if err != nil || len(found.Documents) == 0 {
		found.Total = max(found.Total-among.Total, 0)
		return found, err
	}
	// Who of them comes before what was read, and behind q.After, has pushed the page on by one.
	first, _ := q.RankOf(found.Documents[0].ID, found.Documents[0].Record)
	before := 0
	for _, d := range among.Documents {
		at, _ := q.RankOf(d.ID, d.Record)
		if at.Compare(first) < 0 && (q.After == nil || at.Compare(*q.After) > 0) {
			before++
		}
	}
	rest := found.Next != nil
	found = without(ctx, found)
	found.Total = max(found.Total-among.Total, 0)
	docs := found.Documents[min(before, len(found.Documents)):]
	found.Documents, found.Next = docs[:min(q.Bound(), len(docs))], nil
	if n := len(found.Documents); n > 0 && (rest || len(docs) > n) {
		last, _ := q.RankOf(docs[n-1].ID, docs[n-1].Record)
		found.Next = &last
	}
	return found, nil
}

// without leaves out of a page whom the viewer may not know of.
func without(ctx context.Context, found Found) Found {
	found.Documents = slices.DeleteFunc(found.Documents, func(d Document) bool { return !schemas.Visible(ctx, d.ID) })
	return found
}
