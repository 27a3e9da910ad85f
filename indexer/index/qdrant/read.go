package qdrant

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/qdrant/go-client/qdrant"

	"lineup/indexer/index"
	"lineup/schemas"
)

// page is how many points are read at a time.
const page = 500

// scroll yields the points of a request in the order of their ids, page by page, until do says no.
func (x *Index) scroll(ctx context.Context, what string, request *qdrant.ScrollPoints,
	do func(*qdrant.RetrievedPoint) (bool, error)) error {
	if request.Limit == nil {
		request.Limit = qdrant.PtrOf(uint32(page))
	}
	for {
		var points []*qdrant.RetrievedPoint
		var next *qdrant.PointId
		err := x.call(ctx, what, func(ctx context.Context) (err error) {
			points, next, err = x.client.ScrollAndOffset(ctx, request)
			return err
		})
		if err != nil {
			return err
		}
		for _, p := range points {
			if more, err := do(p); err != nil || !more {
				return err
			}
		}
		if next == nil {
			return nil
		}
		request.Offset = next
	}
}

// Lookup returns the documents of the ids that are held, in the ids' order.
func (x *Index) Lookup(ctx context.Context, ids ...schemas.UUID) (docs []index.Document, err error) {
	err = x.reading(ctx, func(g generation) error {
		docs, err = x.lookup(ctx, g, ids)
		return err
	})
	return docs, err
}

func (x *Index) lookup(ctx context.Context, g generation, ids []schemas.UUID) (docs []index.Document, err error) {
	held := map[string]index.Document{}
	for part := range slices.Chunk(validIDs(ids), page) {
		err := x.call(ctx, "look up", func(ctx context.Context) error {
			points, err := x.client.Get(ctx, &qdrant.GetPoints{CollectionName: x.registrants(g.Name), Ids: pointIDs(part),
				WithPayload: qdrant.NewWithPayloadInclude("listed", "document")})
			if err != nil {
				return err
			}
			for _, p := range points {
				if !p.GetPayload()["listed"].GetBoolValue() {
					continue
				}
				if held[p.GetId().GetUuid()], err = decodeDocument(p.GetPayload()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	docs = make([]index.Document, 0, len(held))
	for _, id := range ids {
		if d, ok := held[strings.ToLower(string(id))]; ok {
			docs = append(docs, d)
		}
	}
	return docs, nil
}

// Face returns one face of the serving generation.
func (x *Index) Face(ctx context.Context, id schemas.UUID) (f schemas.Face, err error) {
	err = x.reading(ctx, func(g generation) error {
		var got []*qdrant.RetrievedPoint
		if ids := validIDs([]schemas.UUID{id}); len(ids) == 1 {
			err := x.call(ctx, "face", func(ctx context.Context) (err error) {
				got, err = x.client.Get(ctx, &qdrant.GetPoints{CollectionName: x.faces(g.Name), Ids: pointIDs(ids),
					WithPayload: qdrant.NewWithPayload(true), WithVectors: qdrant.NewWithVectors(true)})
				return err
			})
			if err != nil {
				return err
			}
		}
		if len(got) == 0 {
			return fmt.Errorf("face %.40q: %w", id, fs.ErrNotExist)
		}
		if f, err = decodeFace(got[0].GetPayload()); err != nil {
			return err
		}
		held, err := x.holdings(ctx, g.Name, []schemas.UUID{f.Registrant})
		if err != nil {
			return err
		}
		if !slices.Contains(held[f.Registrant].faces, string(f.ID)) {
			return fmt.Errorf("face %s: %w", id, fs.ErrNotExist)
		}
		f.Embedding, err = vectorOf(got[0])
		return err
	})
	return f, err
}

// Nearest returns the k faces that pass f and are nearest to the embedding: exactly those,
// unless the options say Approximate.
func (x *Index) Nearest(ctx context.Context, embedding []float32, k int, f index.Filter) (near []index.Neighbour, serving index.Generation,
	err error) {
	err = x.reading(ctx, func(g generation) error {
		serving = g.Generation
		near, err = x.nearest(ctx, g.Generation, embedding, k, f)
		return err
	})
	return near, serving, err
}

// Search is Nearest over any generation.
func (x *Index) Search(ctx context.Context, name string, embedding []float32, k int) ([]index.Neighbour, error) {
	all, err := x.Generations(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range all {
		if g.Name == name {
			return x.nearest(ctx, g, embedding, k, index.Filter{})
		}
	}
	return nil, missing(name)
}

func (x *Index) nearest(ctx context.Context, g index.Generation, embedding []float32, k int, f index.Filter) (near []index.Neighbour,
	err error) {
	if err := index.ValidateEmbedding(embedding, g.Model.Dimensions); err != nil {
		return nil, fmt.Errorf("nearest: %w", err)
	}
	if k <= 0 {
		return nil, ctx.Err()
	}
	// Some more than asked for: faces of equal distance at the end, and such as are being
	// replaced and do not count.
	for limit, try := k+k/4+8, 0; ; limit, try = limit*2, try+1 {
		hits, err := x.query(ctx, g.Name, embedding, limit, f)
		if err != nil {
			return nil, err
		}
		whole := false
		if near, whole, err = x.counting(ctx, g.Name, embedding, hits); err != nil {
			return nil, err
		}
		// Passed-over faces mean a writer at work, whose new faces the next look sees.
		if whole && (len(near) >= k || len(hits) < limit) || try == 4 {
			return near[:min(k, len(near))], nil
		}
	}
}

func (x *Index) query(ctx context.Context, generation string, embedding []float32, limit int, f index.Filter) (hits []*qdrant.ScoredPoint,
	err error) {
	params := &qdrant.SearchParams{Exact: qdrant.PtrOf(true), Quantization: &qdrant.QuantizationSearchParams{Ignore: qdrant.PtrOf(true)}}
	if x.o.Approximate {
		params = &qdrant.SearchParams{HnswEf: qdrant.PtrOf(uint64(max(x.o.Effort, limit))),
			Quantization: &qdrant.QuantizationSearchParams{Rescore: qdrant.PtrOf(true), Oversampling: qdrant.PtrOf(x.o.Oversampling)}}
	}
	err = x.call(ctx, "nearest", func(ctx context.Context) (err error) {
		hits, err = x.client.Query(ctx, &qdrant.QueryPoints{CollectionName: x.faces(generation), Query: qdrant.NewQuery(embedding...),
			Filter: filter(f),
			Params: params, Limit: qdrant.PtrOf(uint64(limit)), WithPayload: qdrant.NewWithPayloadInclude("face", "source"),
			WithVectors: qdrant.NewWithVectors(true)})
		return err
	})
	return hits, err
}

// counting keeps the faces that are in their registrant's list, nearest first. whole says
// that all were. The distances are computed here, in float64: Qdrant adds in float32, in an order
// that depends on its processor.
func (x *Index) counting(ctx context.Context, generation string, embedding []float32, hits []*qdrant.ScoredPoint) (near []index.Neighbour,
	whole bool, err error) {
	var ids []schemas.UUID
	near = make([]index.Neighbour, 0, len(hits))
	for _, h := range hits {
		f, err := decodeFace(h.GetPayload())
		if err != nil {
			return nil, false, err
		}
		held, err := vectorOf(h)
		if err != nil {
			return nil, false, err
		}
		near = append(near, index.Neighbour{Face: f, Source: h.GetPayload()["source"].GetStringValue(), Distance: distance(embedding, held)})
		ids = append(ids, f.Registrant)
	}
	slices.Sort(ids)
	held, err := x.holdings(ctx, generation, slices.Compact(ids))
	if err != nil {
		return nil, false, err
	}
	near = slices.DeleteFunc(near, func(n index.Neighbour) bool {
		return !slices.Contains(held[n.Face.Registrant].faces, string(n.Face.ID))
	})
	slices.SortFunc(near, func(a, b index.Neighbour) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.Face.ID, b.Face.ID))
	})
	return near, len(near) == len(hits), nil
}

// distance is the Euclidean distance of two embeddings.
func distance(a, b []float32) float64 {
	sum := 0.0
	for i := range min(len(a), len(b)) {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}

// Enrolled counts the registrants with a face that pass f.
func (x *Index) Enrolled(ctx context.Context, f index.Filter) (n int, serving index.Generation, err error) {
	err = x.reading(ctx, func(g generation) error {
		serving = g.Generation
		narrow := filter(f)
		narrow.Must = append(narrow.Must, qdrant.NewMatchBool("enrolled", true))
		n, err = x.count(ctx, x.registrants(g.Name), narrow)
		return err
	})
	return n, serving, err
}

func (x *Index) count(ctx context.Context, collection string, f *qdrant.Filter) (int, error) {
	var n uint64
	err := x.call(ctx, "count", func(ctx context.Context) (err error) {
		n, err = x.client.Count(ctx, &qdrant.CountPoints{CollectionName: collection, Filter: f, Exact: qdrant.PtrOf(true)})
		return err
	})
	return int(n), err
}

// Count counts what a generation holds.
func (x *Index) Count(ctx context.Context, name string) (c index.Counts, err error) {
	if !index.ValidName(name) {
		return c, missing(name)
	}
	if c.Registrants, err = x.count(ctx, x.registrants(name), &qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatchBool("listed",
		true)}}); err != nil {
		return c, err
	}
	if c.WithFace, err = x.count(ctx, x.registrants(name), &qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatchBool("enrolled",
		true)}}); err != nil {
		return c, err
	}
	c.Faces, err = x.count(ctx, x.faces(name), nil)
	return c, err
}

// Walk yields every registrant the generation holds, by id.
func (x *Index) Walk(ctx context.Context, name string, from schemas.UUID) iter.Seq2[index.Document, error] {
	return func(yield func(index.Document, error) bool) {
		if !index.ValidName(name) {
			yield(index.Document{}, missing(name))
			return
		}
		request := &qdrant.ScrollPoints{CollectionName: x.registrants(name), WithPayload: qdrant.NewWithPayloadInclude("revision", "photos"),
			Filter: &qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatchBool("listed", true)}}}
		if from != "" {
			request.Offset = qdrant.NewIDUUID(string(from))
		}
		left := false
		err := x.scroll(ctx, "walk generation "+name, request, func(p *qdrant.RetrievedPoint) (bool, error) {
			d := index.Document{ID: schemas.UUID(p.GetId().GetUuid()), Revision: uint64(p.GetPayload()["revision"].GetIntegerValue())}
			photos, err := photosOf(p)
			if err != nil {
				return false, err
			}
			d.Photos = photos
			left = !yield(d, nil)
			return !left, nil
		})
		if err != nil && !left {
			yield(index.Document{}, err)
		}
	}
}

func photosOf(p *qdrant.RetrievedPoint) (photos []index.PhotoOutcome, err error) {
	if err := json.Unmarshal([]byte(p.GetPayload()["photos"].GetStringValue()), &photos); err != nil {
		return nil, fmt.Errorf("a registrant's point is damaged: %w; hint: reindex", err)
	}
	return photos, nil
}

// Held returns what a generation holds of a photo.
func (x *Index) Held(ctx context.Context, name string, photo schemas.Digest) (faces []schemas.Face, outcomes []index.PhotoOutcome,
	err error) {
	if !index.ValidName(name) {
		return nil, nil, missing(name)
	}
	of := &qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatchKeyword("photo", string(photo))}}
	err = x.scroll(ctx, "faces of a photo", &qdrant.ScrollPoints{CollectionName: x.faces(name), Filter: of,
		WithPayload: qdrant.NewWithPayloadInclude("face"), WithVectors: qdrant.NewWithVectors(true)},
		func(p *qdrant.RetrievedPoint) (bool, error) {
			f, err := decodeFace(p.GetPayload())
			if err != nil {
				return false, err
			}
			f.Embedding, err = vectorOf(p)
			faces = append(faces, f)
			return len(faces) < index.MostHeld, err
		})
	if err != nil {
		return nil, nil, err
	}
	err = x.scroll(ctx, "outcomes of a photo", &qdrant.ScrollPoints{CollectionName: x.registrants(name), Filter: of,
		WithPayload: qdrant.NewWithPayloadInclude("photos")},
		func(p *qdrant.RetrievedPoint) (bool, error) {
			photos, err := photosOf(p)
			for _, o := range photos {
				if o.Photo == photo {
					outcomes = append(outcomes, o)
				}
			}
			return len(outcomes) < index.MostHeld, err
		})
	return faces, outcomes, err
}

// Sharing returns photos of a source's registrants that look like hash, unmarked ones first.
func (x *Index) Sharing(ctx context.Context, name, source string, hash uint64, most, limit int) (sharers []index.Sharer, err error) {
	if !index.ValidName(name) {
		return nil, missing(name)
	}
	for _, field := range []string{"bands", "marked"} {
		of := &qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatchKeyword("source", source), qdrant.NewMatchKeywords(field, bands(hash)...)}}
		request := &qdrant.ScrollPoints{CollectionName: x.registrants(name), Filter: of, WithPayload: qdrant.NewWithPayloadInclude("photos"),
			Limit: qdrant.PtrOf(uint32(limit))}
		err := x.scroll(ctx, "photos like one", request, func(p *qdrant.RetrievedPoint) (bool, error) {
			photos, err := photosOf(p)
			for _, o := range photos {
				if o.Hash != 0 && near(o.Hash, hash, most) && (field == "marked") == (o.Problem == index.Placeholder) {
					sharers = append(sharers, index.Sharer{ID: schemas.UUID(p.GetId().GetUuid()), Photo: o})
				}
			}
			return len(sharers) < limit, err
		})
		if err != nil {
			return nil, err
		}
	}
	return sharers[:min(limit, len(sharers))], nil
}
