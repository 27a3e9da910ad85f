package qdranttest

import (
	"math"
	"slices"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// passes evaluates a filter on a point.
func passes(f *qdrant.Filter, id string, payload map[string]*qdrant.Value) (bool, error) {
	for _, c := range f.GetMust() {
		if ok, err := meets(c, id, payload); err != nil || !ok {
			return false, err
		}
	}
	for _, c := range f.GetMustNot() {
		if ok, err := meets(c, id, payload); err != nil || ok {
			return false, err
		}
	}
	if len(f.GetShould()) == 0 {
		return true, nil
	}
	for _, c := range f.GetShould() {
		if ok, err := meets(c, id, payload); err != nil || ok {
			return ok, err
		}
	}
	return false, nil
}

func meets(c *qdrant.Condition, id string, payload map[string]*qdrant.Value) (bool, error) {
	switch {
	case c.GetFilter() != nil:
		return passes(c.GetFilter(), id, payload)
	case c.GetHasId() != nil:
		list, err := ids(c.GetHasId().GetHasId())
		return slices.Contains(list, id), err
	case c.GetField() != nil:
		return holds(c.GetField(), payload)
	}
	return false, status.Errorf(codes.Unimplemented, "this stand-in does not know the condition %v", c)
}

// values of a field: those of a list, else the one.
func values(v *qdrant.Value) []*qdrant.Value {
	if v == nil {
		return nil
	}
	if _, ok := v.GetKind().(*qdrant.Value_ListValue); ok {
		return v.GetListValue().GetValues()
	}
	return []*qdrant.Value{v}
}

func holds(f *qdrant.FieldCondition, payload map[string]*qdrant.Value) (bool, error) {
	var test func(v *qdrant.Value) bool
	switch {
	case f.GetRange() != nil:
		test = func(v *qdrant.Value) bool { return inside(f.GetRange(), v) }
	case f.GetGeoRadius() != nil:
		test = func(v *qdrant.Value) bool { return within(f.GetGeoRadius(), v) }
	case f.GetMatch() != nil:
		match, err := matcher(f.GetMatch())
		if err != nil {
			return false, err
		}
		test = match
	default:
		return false, status.Errorf(codes.Unimplemented, "this stand-in does not know the condition %v", f)
	}
	return slices.ContainsFunc(values(payload[f.GetKey()]), test), nil
}

func matcher(m *qdrant.Match) (func(v *qdrant.Value) bool, error) {
	text := func(v *qdrant.Value) (string, bool) {
		s, ok := v.GetKind().(*qdrant.Value_StringValue)
		if !ok {
			return "", false
		}
		return s.StringValue, true
	}
	switch want := m.GetMatchValue().(type) {
	case *qdrant.Match_Keyword:
		return func(v *qdrant.Value) bool { s, ok := text(v); return ok && s == want.Keyword }, nil
	case *qdrant.Match_Keywords:
		return func(v *qdrant.Value) bool {
			s, ok := text(v)
			return ok && slices.Contains(want.Keywords.GetStrings(), s)
		}, nil
	case *qdrant.Match_Boolean:
		return func(v *qdrant.Value) bool {
			b, ok := v.GetKind().(*qdrant.Value_BoolValue)
			return ok && b.BoolValue == want.Boolean
		}, nil
	case *qdrant.Match_Integer:
		return func(v *qdrant.Value) bool {
			n, ok := v.GetKind().(*qdrant.Value_IntegerValue)
			return ok && n.IntegerValue == want.Integer
		}, nil
	}
	return nil, status.Errorf(codes.Unimplemented, "this stand-in does not know the match %v", m)
}

func inside(r *qdrant.Range, v *qdrant.Value) bool {
	var x float64
	switch n := v.GetKind().(type) {
	case *qdrant.Value_IntegerValue:
		x = float64(n.IntegerValue)
	case *qdrant.Value_DoubleValue:
		x = n.DoubleValue
	default:
		return false
	}
	return (r.Gte == nil || x >= r.GetGte()) && (r.Lte == nil || x <= r.GetLte()) && (r.Gt == nil || x > r.GetGt()) &&
		(r.Lt == nil || x < r.GetLt())
}

// within measures as Qdrant does: haversine on a sphere of 6,371,000 m.
func within(g *qdrant.GeoRadius, v *qdrant.Value) bool {
	fields := v.GetStructValue().GetFields()
	if fields["lat"] == nil || fields["lon"] == nil {
		return false
	}
	rad := math.Pi / 180
	lat1, lat2 := g.GetCenter().GetLat()*rad, fields["lat"].GetDoubleValue()*rad
	dLon := (fields["lon"].GetDoubleValue() - g.GetCenter().GetLon()) * rad
	h := math.Pow(math.Sin((lat2-lat1)/2), 2) + math.Cos(lat1)*math.Cos(lat2)*math.Pow(math.Sin(dLon/2), 2)
	return 2*6371000*math.Asin(math.Min(1, math.Sqrt(h))) <= float64(g.GetRadius())
}
