package qdranttest

import (
	"maps"
	"slices"
	"strconv"

	"github.com/qdrant/go-client/qdrant"
)

// fields are the payload indexes of a collection: which points hold a value, by field. A real server has them where it was told to,
// and reads all points where not.
type fields map[string]map[string]map[string]bool

// keys are what the values of a field are found by; ranges and circles are not.
func keys(v *qdrant.Value) (out []string) {
	for _, one := range values(v) {
		switch is := one.GetKind().(type) {
		case *qdrant.Value_StringValue:
			out = append(out, "s"+is.StringValue)
		case *qdrant.Value_IntegerValue:
			out = append(out, "i"+strconv.FormatInt(is.IntegerValue, 10))
		case *qdrant.Value_BoolValue:
			out = append(out, "b"+strconv.FormatBool(is.BoolValue))
		}
	}
	return out
}

// put makes the collection hold a point, nil for none of that id.
func (c *collection) put(id string, p *qdrant.PointStruct) {
	old := c.points[id]
	for field, by := range c.fields {
		for _, key := range keys(old.GetPayload()[field]) {
			delete(by[key], id)
		}
		for _, key := range keys(p.GetPayload()[field]) {
			if by[key] == nil {
				by[key] = map[string]bool{}
			}
			by[key][id] = true
		}
	}
	if (old == nil) != (p == nil) {
		c.sorted = nil
	}
	if p == nil {
		delete(c.points, id)
		return
	}
	c.points[id] = p
}

// index makes the index of a field.
func (c *collection) index(field string) {
	c.fields[field] = map[string]map[string]bool{}
	for id, p := range c.points {
		for _, key := range keys(p.GetPayload()[field]) {
			if c.fields[field][key] == nil {
				c.fields[field][key] = map[string]bool{}
			}
			c.fields[field][key][id] = true
		}
	}
}

// among gives the ids, in order, that may meet a filter: those that an index finds, else all.
func (c *collection) among(f *qdrant.Filter) []string {
	if found, ok := c.narrow(f); ok {
		return slices.Sorted(maps.Keys(found))
	}
	if c.sorted == nil {
		c.sorted = slices.Sorted(maps.Keys(c.points))
	}
	return c.sorted
}

// narrow finds by the indexes whoever may meet a filter; ok is false where none helps.
func (c *collection) narrow(f *qdrant.Filter) (found map[string]bool, ok bool) {
	for _, condition := range f.GetMust() {
		if ids, helps := c.meeting(condition); helps && (!ok || len(ids) < len(found)) {
			found, ok = ids, true
		}
	}
	if ok || len(f.GetShould()) == 0 {
		return found, ok
	}
	found = map[string]bool{}
	for _, condition := range f.GetShould() {
		ids, helps := c.meeting(condition)
		if !helps {
			return nil, false
		}
		maps.Copy(found, ids)
	}
	return found, true
}

func (c *collection) meeting(condition *qdrant.Condition) (map[string]bool, bool) {
	switch {
	case condition.GetFilter() != nil:
		return c.narrow(condition.GetFilter())
	case condition.GetHasId() != nil:
		found := map[string]bool{}
		for _, p := range condition.GetHasId().GetHasId() {
			if id, err := idOf(p); err == nil && c.points[id] != nil {
				found[id] = true
			}
		}
		return found, true
	}
	by, indexed := c.fields[condition.GetField().GetKey()]
	match := condition.GetField().GetMatch()
	if !indexed || match == nil {
		return nil, false
	}
	switch want := match.GetMatchValue().(type) {
	case *qdrant.Match_Keyword:
		return by["s"+want.Keyword], true
	case *qdrant.Match_Integer:
		return by["i"+strconv.FormatInt(want.Integer, 10)], true
	case *qdrant.Match_Boolean:
		return by["b"+strconv.FormatBool(want.Boolean)], true
	case *qdrant.Match_Keywords:
		found := map[string]bool{}
		for _, text := range want.Keywords.GetStrings() {
			maps.Copy(found, by["s"+text])
		}
		return found, true
	}
	return nil, false
}
