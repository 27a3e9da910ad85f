package qdranttest

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"lineup/schemas"
)

var done = &qdrant.PointsOperationResponse{Result: &qdrant.UpdateResult{Status: qdrant.UpdateStatus_Completed}}

func idOf(p *qdrant.PointId) (string, error) {
	id, err := schemas.ParseUUID(p.GetUuid())
	if err != nil {
		return "", invalid("Unable to parse UUID: %s", p.GetUuid())
	}
	return string(id), nil
}

// ids reads point ids, all or none.
func ids(list []*qdrant.PointId) (out []string, err error) {
	for _, p := range list {
		id, err := idOf(p)
		if err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, nil
}

// Upsert writes points; of those that are there only what the update filter lets through.
func (s points) Upsert(_ context.Context, r *qdrant.UpsertPoints) (*qdrant.PointsOperationResponse, error) {
	c, err := s.find(r.GetCollectionName())
	if err == nil {
		err = s.writable()
	}
	if err != nil {
		return nil, err
	}
	checked := make([]string, len(r.GetPoints()))
	for i, p := range r.GetPoints() {
		if checked[i], err = idOf(p.GetId()); err != nil {
			return nil, err
		}
		if p.GetVectors() == nil {
			return nil, invalid("Expected some vectors")
		}
		if vector := p.GetVectors().GetVector(); c.vectors && len(floats(vector)) != c.size {
			return nil, invalid("Vector dimension error: expected dim: %d, got %d", c.size, len(floats(vector)))
		} else if !c.vectors && vector != nil {
			return nil, invalid("Not existing vector name error: ")
		}
	}
	for i, p := range r.GetPoints() {
		old, exists := c.points[checked[i]]
		switch {
		case exists && r.GetUpdateMode() == qdrant.UpdateMode_InsertOnly, !exists && r.GetUpdateMode() == qdrant.UpdateMode_UpdateOnly:
			continue
		case exists && r.GetUpdateFilter() != nil:
			ok, err := passes(r.GetUpdateFilter(), checked[i], old.GetPayload())
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
		}
		c.put(checked[i], proto.Clone(p).(*qdrant.PointStruct))
	}
	return done, nil
}

func floats(v *qdrant.Vector) []float32 {
	return v.GetDense().GetData()
}

// matching gives the ids a selector means, in order.
func (c *collection) matching(f *qdrant.Filter) (out []string, err error) {
	for _, id := range c.among(f) {
		ok, err := passes(f, id, c.points[id].GetPayload())
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, id)
		}
	}
	return out, nil
}

func (c *collection) selected(s *qdrant.PointsSelector) ([]string, error) {
	if s.GetFilter() != nil {
		return c.matching(s.GetFilter())
	}
	return ids(s.GetPoints().GetIds())
}

// Delete deletes points by id or filter.
func (s points) Delete(_ context.Context, r *qdrant.DeletePoints) (*qdrant.PointsOperationResponse, error) {
	c, err := s.find(r.GetCollectionName())
	if err == nil {
		err = s.writable()
	}
	if err != nil {
		return nil, err
	}
	list, err := c.selected(r.GetPoints())
	for _, id := range list {
		c.put(id, nil)
	}
	return done, err
}

// SetPayload adds to the payload of points.
func (s points) SetPayload(_ context.Context, r *qdrant.SetPayloadPoints) (*qdrant.PointsOperationResponse, error) {
	c, err := s.find(r.GetCollectionName())
	if err == nil {
		err = s.writable()
	}
	if err != nil {
		return nil, err
	}
	list, err := c.selected(r.GetPointsSelector())
	for _, id := range list {
		if p := c.points[id]; p != nil {
			next := proto.Clone(p).(*qdrant.PointStruct)
			if next.Payload == nil {
				next.Payload = map[string]*qdrant.Value{}
			}
			maps.Copy(next.Payload, r.GetPayload())
			c.put(id, next)
		}
	}
	return done, err
}

// CreateFieldIndex may be repeated.
func (s points) CreateFieldIndex(_ context.Context, r *qdrant.CreateFieldIndexCollection) (*qdrant.PointsOperationResponse, error) {
	c, err := s.find(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	c.indexed[r.GetFieldName()] = r.GetFieldType()
	c.index(r.GetFieldName())
	return done, nil
}

func payloadOf(p *qdrant.PointStruct, with *qdrant.WithPayloadSelector) map[string]*qdrant.Value {
	if with.GetEnable() {
		return p.GetPayload()
	}
	out := map[string]*qdrant.Value{}
	for _, field := range with.GetInclude().GetFields() {
		if v, ok := p.GetPayload()[field]; ok {
			out[field] = v
		}
	}
	return out
}

func retrieved(p *qdrant.PointStruct, payload *qdrant.WithPayloadSelector, vectors *qdrant.WithVectorsSelector) *qdrant.RetrievedPoint {
	out := &qdrant.RetrievedPoint{Id: p.GetId(), Payload: payloadOf(p, payload)}
	if vectors.GetEnable() {
		out.Vectors = vectorOf(p)
	}
	return out
}

func vectorOf(p *qdrant.PointStruct) *qdrant.VectorsOutput {
	return &qdrant.VectorsOutput{VectorsOptions: &qdrant.VectorsOutput_Vector{Vector: &qdrant.VectorOutput{
		Vector: &qdrant.VectorOutput_Dense{Dense: &qdrant.DenseVector{Data: floats(p.GetVectors().GetVector())}}}}}
}

// Get leaves unknown ids out.
func (s points) Get(_ context.Context, r *qdrant.GetPoints) (*qdrant.GetResponse, error) {
	c, err := s.find(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	list, err := ids(r.GetIds())
	out := &qdrant.GetResponse{}
	for _, id := range list {
		if p := c.points[id]; p != nil {
			out.Result = append(out.Result, retrieved(p, r.GetWithPayload(), r.GetWithVectors()))
		}
	}
	return out, err
}

// ordered sorts ids by a field, which must have an index that knows an order.
func (c *collection) ordered(list []string, by *qdrant.OrderBy) error {
	switch kind, ok := c.indexed[by.GetKey()]; {
	case !ok || kind == qdrant.FieldType_FieldTypeKeyword || kind == qdrant.FieldType_FieldTypeBool || kind == qdrant.FieldType_FieldTypeGeo ||
		kind == qdrant.FieldType_FieldTypeText:
		return invalid("No range index for `order_by` key: `%s`. Please create one to use `order_by`.", by.GetKey())
	case kind != qdrant.FieldType_FieldTypeInteger || by.GetDirection() != qdrant.Direction_Asc:
		return status.Error(codes.Unimplemented, "this stand-in orders by integers, ascending")
	}
	slices.SortStableFunc(list, func(a, b string) int {
		return cmp.Compare(c.points[a].GetPayload()[by.GetKey()].GetIntegerValue(), c.points[b].GetPayload()[by.GetKey()].GetIntegerValue())
	})
	return nil
}

// Scroll goes by id, ascending, or by an ordered field.
func (s points) Scroll(_ context.Context, r *qdrant.ScrollPoints) (*qdrant.ScrollResponse, error) {
	c, err := s.find(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	list, err := c.matching(r.GetFilter())
	if err != nil {
		return nil, err
	}
	if r.GetOffset() != nil {
		from, err := idOf(r.GetOffset())
		if err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(list, func(id string) bool { return id < from })
	}
	if r.GetOrderBy() != nil {
		if err := c.ordered(list, r.GetOrderBy()); err != nil {
			return nil, err
		}
	}
	limit := 10
	if r.Limit != nil {
		limit = int(r.GetLimit())
	}
	out := &qdrant.ScrollResponse{}
	for i, id := range list {
		if i == limit {
			out.NextPageOffset = qdrant.NewIDUUID(id)
			break
		}
		out.Result = append(out.Result, retrieved(c.points[id], r.GetWithPayload(), r.GetWithVectors()))
	}
	s.Scrolled.Add(int64(len(out.Result)))
	return out, nil
}

// Count counts exactly.
func (s points) Count(_ context.Context, r *qdrant.CountPoints) (*qdrant.CountResponse, error) {
	c, err := s.find(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	list, err := c.matching(r.GetFilter())
	return &qdrant.CountResponse{Result: &qdrant.CountResult{Count: uint64(len(list))}}, err
}

// Query finds the nearest; those of equal distance come in no order.
func (s points) Query(_ context.Context, r *qdrant.QueryPoints) (*qdrant.QueryResponse, error) {
	c, err := s.find(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	query := r.GetQuery().GetNearest().GetDense().GetData()
	if len(query) != c.size {
		return nil, invalid("Vector dimension error: expected dim: %d, got %d", c.size, len(query))
	}
	list, err := c.matching(r.GetFilter())
	if err != nil {
		return nil, err
	}
	type hit struct {
		id       string
		distance float32
	}
	var hits []hit
	for _, id := range list {
		d := distance(query, floats(c.points[id].GetVectors().GetVector()))
		if r.ScoreThreshold == nil || d <= r.GetScoreThreshold() {
			hits = append(hits, hit{id, d})
		}
	}
	slices.Reverse(hits)
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Compare(a.distance, b.distance) })
	limit := 10
	if r.Limit != nil {
		limit = int(r.GetLimit())
	}
	out := &qdrant.QueryResponse{}
	for _, h := range hits[:min(limit, len(hits))] { // no others are made: a calibration asks hundreds of times
		p := c.points[h.id]
		scored := &qdrant.ScoredPoint{Id: p.GetId(), Score: h.distance, Payload: payloadOf(p, r.GetWithPayload())}
		if r.GetWithVectors().GetEnable() {
			scored.Vectors = vectorOf(p)
		}
		out.Result = append(out.Result, scored)
	}
	return out, nil
}
