package qdrant

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/qdrant/go-client/qdrant"

	"lineup/indexer/index"
	"lineup/schemas"
)

// batch is how many registrants go to the server in one call.
const batch = 100

// Replace makes the generation hold exactly the entries. The order of its steps is what makes
// it converge, whoever else writes and wherever it is cut off: new faces, which nobody looks at
// yet; the registrant, which makes them the ones that count; then old faces away.
func (x *Index) Replace(ctx context.Context, generation string, entries ...index.Entry) error {
	if !index.ValidName(generation) {
		return missing(generation)
	}
	g, err := x.ready(ctx, generation)
	if err != nil {
		return fmt.Errorf("replace: %w", err)
	}
	points, err := latest(entries, g.Model.Dimensions)
	if err != nil {
		return fmt.Errorf("replace in generation %s: %w", generation, err)
	}
	for part := range slices.Chunk(points, batch) {
		if err := x.replace(ctx, generation, part); err != nil {
			return fmt.Errorf("replace %d registrants in generation %s: %w", len(part), generation, err)
		}
	}
	return ctx.Err()
}

// latest checks the entries and keeps the newest of each registrant, the last of several.
func latest(entries []index.Entry, dim int) ([]entry, error) {
	at := map[schemas.UUID]int{}
	var out []entry
	for _, e := range entries {
		p, err := encode(e, dim)
		if err != nil {
			return nil, err
		}
		i, ok := at[e.ID]
		switch {
		case !ok:
			at[e.ID] = len(out)
			out = append(out, p)
		case p.revision >= out[i].revision:
			out[i] = p
		}
	}
	return out, nil
}

func (x *Index) replace(ctx context.Context, generation string, entries []entry) error {
	held, err := x.revisions(ctx, generation, entries)
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(slices.Clone(entries), func(e entry) bool { return held[e.id].revision > e.revision })
	if len(entries) == 0 {
		return nil
	}
	var faces, registrants []*qdrant.PointStruct
	for _, e := range entries {
		faces = append(faces, e.faces...)
		registrants = append(registrants, e.point)
	}
	// Only what is not newer is overwritten; a point that is not there is written.
	newer := func(ids func(entry) []*qdrant.PointId) *qdrant.Filter {
		f := &qdrant.Filter{}
		for _, e := range entries {
			if list := ids(e); len(list) > 0 {
				f.Should = append(f.Should, qdrant.NewFilterAsCondition(&qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewHasID(list...),
					upTo(e.revision)}}))
			}
		}
		return f
	}
	upsert := func(collection string, points []*qdrant.PointStruct, when *qdrant.Filter) error {
		for part := range slices.Chunk(points, 10*batch) {
			err := x.call(ctx, "write "+collection, func(ctx context.Context) error {
				_, err := x.client.Upsert(ctx, &qdrant.UpsertPoints{CollectionName: collection, Wait: qdrant.PtrOf(true), Ordering: strong(),
					Points: part, UpdateFilter: when})
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := upsert(x.faces(generation), faces, newer(func(e entry) []*qdrant.PointId { return e.faceIDs })); err != nil {
		return err
	}
	if err := upsert(x.registrants(generation), registrants,
		newer(func(e entry) []*qdrant.PointId { return []*qdrant.PointId{qdrant.NewIDUUID(string(e.id))} })); err != nil {
		return err
	}
	// Another writer may have been quicker with a newer revision: then it is ours that go.
	if held, err = x.revisions(ctx, generation, entries); err != nil {
		return err
	}
	stale := &qdrant.Filter{}
	for _, e := range entries {
		now := held[e.id]
		must := &qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatchKeyword("registrant", string(e.id)), upTo(now.revision)}}
		if len(now.faces) > 0 {
			must.MustNot = []*qdrant.Condition{qdrant.NewHasID(pointIDs(now.faces)...)}
		}
		stale.Should = append(stale.Should, qdrant.NewFilterAsCondition(must))
	}
	return x.call(ctx, "delete old faces", func(ctx context.Context) error {
		_, err := x.client.Delete(ctx, &qdrant.DeletePoints{CollectionName: x.faces(generation), Wait: qdrant.PtrOf(true), Ordering: strong(),
			Points: qdrant.NewPointsSelectorFilter(stale)})
		return err
	})
}

func upTo(revision uint64) *qdrant.Condition {
	return qdrant.NewRange("revision", &qdrant.Range{Lte: qdrant.PtrOf(float64(revision))})
}

// holding is what a registrant's point says.
type holding struct {
	revision uint64
	faces    []string
}

func (x *Index) revisions(ctx context.Context, generation string, entries []entry) (map[schemas.UUID]holding, error) {
	ids := make([]schemas.UUID, len(entries))
	for i, e := range entries {
		ids[i] = e.id
	}
	return x.holdings(ctx, generation, ids)
}

// holdings reads what the points of registrants say of their faces.
func (x *Index) holdings(ctx context.Context, generation string, ids []schemas.UUID) (map[schemas.UUID]holding, error) {
	out := make(map[schemas.UUID]holding, len(ids))
	for part := range slices.Chunk(ids, 1000) {
		points := make([]string, len(part))
		for i, id := range part {
			points[i] = string(id)
		}
		err := x.call(ctx, "read revisions", func(ctx context.Context) error {
			got, err := x.client.Get(ctx, &qdrant.GetPoints{CollectionName: x.registrants(generation), Ids: pointIDs(points),
				WithPayload: qdrant.NewWithPayloadInclude("revision", "faces")})
			for _, p := range got {
				h := holding{revision: uint64(p.GetPayload()["revision"].GetIntegerValue())}
				for _, f := range p.GetPayload()["faces"].GetListValue().GetValues() {
					h.faces = append(h.faces, f.GetStringValue())
				}
				out[schemas.UUID(p.GetId().GetUuid())] = h
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func pointIDs(ids []string) []*qdrant.PointId {
	out := make([]*qdrant.PointId, len(ids))
	for i, id := range ids {
		out[i] = qdrant.NewIDUUID(id)
	}
	return out
}

// entry is an entry as points.
type entry struct {
	id       schemas.UUID
	revision uint64
	point    *qdrant.PointStruct
	faces    []*qdrant.PointStruct
	faceIDs  []*qdrant.PointId
}

// encode checks an entry and makes it points.
func encode(e index.Entry, dim int) (entry, error) {
	out := entry{id: e.ID, revision: e.Revision}
	if err := e.Validate(dim); err != nil {
		return out, err
	}
	payload := map[string]*qdrant.Value{"revision": qdrant.NewValueInt(int64(e.Revision)), "listed": qdrant.NewValueBool(e.Document != nil)}
	out.point = &qdrant.PointStruct{Id: qdrant.NewIDUUID(string(e.ID)), Vectors: qdrant.NewVectorsMap(map[string]*qdrant.Vector{}),
		Payload: payload}
	if e.Document == nil {
		return out, nil
	}
	facts := factsOf(e)
	if err := document(payload, e, facts); err != nil {
		return out, err
	}
	var ids []*qdrant.Value
	for _, f := range e.DistinctFaces() {
		p, err := facePoint(e, f, facts)
		if err != nil {
			return out, err
		}
		out.faces = append(out.faces, p)
		out.faceIDs = append(out.faceIDs, p.GetId())
		ids = append(ids, qdrant.NewValueString(string(f.ID)))
	}
	payload["faces"] = qdrant.NewValueFromList(ids...)
	payload["enrolled"] = qdrant.NewValueBool(len(ids) > 0)
	return out, nil
}

func facePoint(e index.Entry, f schemas.Face, facts map[string]*qdrant.Value) (*qdrant.PointStruct, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("face %s: %w", f.ID, err)
	}
	payload := map[string]*qdrant.Value{
		"registrant": qdrant.NewValueString(string(e.ID)), "revision": qdrant.NewValueInt(int64(e.Revision)),
		"photo": qdrant.NewValueString(string(f.Photo)), "face": qdrant.NewValueString(string(text)),
	}
	for name, value := range facts {
		payload[name] = value
	}
	return &qdrant.PointStruct{Id: qdrant.NewIDUUID(string(f.ID)), Vectors: qdrant.NewVectors(f.Embedding...), Payload: payload}, nil
}
