package qdrant

import (
	"context"
	"math"
	"slices"

	"github.com/qdrant/go-client/qdrant"

	"lineup/indexer/index"
	"lineup/schemas"
)

// Qdrant measures a little differently: within slack of what it says lies what is computed here, exactly.
const (
	slackShare = 0.01
	slackMiles = 10 / milesToMetres
)

const milesToMetres = 1609.344

func within(c index.Circle, miles float64) *qdrant.Condition {
	return qdrant.NewGeoRadius("geo", c.Lat, c.Lon, float32(miles*milesToMetres))
}

// wide holds for whoever is in a circle, and for a few just outside.
func wide(c index.Circle) *qdrant.Condition { return within(c, c.Miles*(1+slackShare)+slackMiles) }

// inner is so much smaller than a circle that whoever Qdrant finds in it is in the circle, 0 for a circle that small.
func inner(c index.Circle) float64 { return max(c.Miles*(1-slackShare)-slackMiles, 0) }

// findNear orders by distance who is in the circle.
func (x *Index) findNear(ctx context.Context, g generation, q index.Query, narrow *qdrant.Filter) (index.Found, error) {
	var page []index.Rank
	total, skip, want := 0, max(q.Skip, 0), q.Bound()+1
	for _, unstated := range q.Levels() {
		arm := armOf(narrow, q.Births, unstated)
		n, err := x.count(ctx, x.registrants(g.Name), arm)
		if err != nil {
			return index.Found{}, err
		}
		first, n, err := x.inCircle(ctx, g, q, arm, n, skip+want-len(page))
		if err != nil {
			return index.Found{}, err
		}
		total += n
		for i := range first {
			first[i].Unstated = unstated
		}
		if q.After != nil {
			first = slices.DeleteFunc(first, func(r index.Rank) bool { return r.Compare(*q.After) <= 0 })
		}
		passed := min(skip, len(first))
		first, skip = first[passed:], skip-passed
		page = append(page, first[:min(want-len(page), len(first))]...)
	}
	return x.found(ctx, g, q, page, total)
}

// inCircle gives at least the first most of an arm, where it has so many, by distance, and how many of it are in the circle; n are a
// little more. Who is near the edge is read and measured, as are those who may be among the first; all others are counted.
func (x *Index) inCircle(ctx context.Context, g generation, q index.Query, arm *qdrant.Filter, n, most int) ([]index.Rank, int, error) {
	if n <= 10*page || q.After != nil {
		all, err := x.measured(ctx, g, q.Near, arm, q.Near.Miles)
		return all, len(all), err
	}
	circle, miles := *q.Near, inner(*q.Near)
	sure, err := x.count(ctx, x.registrants(g.Name), and(arm, within(circle, miles)))
	if err != nil {
		return nil, 0, err
	}
	if most > sure/2 {
		all, err := x.measured(ctx, g, q.Near, arm, q.Near.Miles)
		return all, len(all), err
	}
	edge := and(arm)
	edge.MustNot = append(slices.Clone(arm.GetMustNot()), within(circle, miles))
	outer, err := x.measured(ctx, g, q.Near, edge, q.Near.Miles)
	if err != nil {
		return nil, 0, err
	}
	if most == 0 {
		return nil, sure + len(outer), nil
	}
	// A circle that holds enough, and not many times as many as that. People live close together, so a guess by the area
	// finds too many or too few: the next one is half way between.
	low, held := 0.0, sure
	for range seeks {
		if held <= 2*most+page {
			break
		}
		guess := low + (miles-low)*math.Sqrt(float64(most+page)/float64(held))
		m, err := x.count(ctx, x.registrants(g.Name), and(arm, within(circle, guess)))
		if err != nil {
			return nil, 0, err
		}
		if m >= most {
			miles, held = guess, m
		} else {
			low = guess
		}
	}
	reach := miles*(1+slackShare) + slackMiles
	first, err := x.measured(ctx, g, q.Near, and(arm, wide(index.Circle{Lat: circle.Lat, Lon: circle.Lon, Miles: reach})), reach)
	return first, sure + len(outer), err
}

// measured reads where those are whom a filter gives, and orders by distance who is so near to the middle of a circle.
func (x *Index) measured(ctx context.Context, g generation, c *index.Circle, f *qdrant.Filter, miles float64) (
	list []index.Rank, err error,
) {
	request := &qdrant.ScrollPoints{CollectionName: x.registrants(g.Name), Filter: f,
		WithPayload: qdrant.NewWithPayloadInclude("geo"), Limit: qdrant.PtrOf(uint32(10 * page))}
	err = x.scroll(ctx, "find near", request, func(p *qdrant.RetrievedPoint) (bool, error) {
		if away := c.Nearest(located(p)); away <= min(miles, c.Miles) {
			list = append(list, index.Rank{Miles: away, ID: schemas.UUID(p.GetId().GetUuid())})
		}
		return true, nil
	})
	slices.SortFunc(list, index.Rank.Compare)
	return list, err
}

// and is a filter with further conditions.
func and(f *qdrant.Filter, more ...*qdrant.Condition) *qdrant.Filter {
	return &qdrant.Filter{Must: append(slices.Clone(f.GetMust()), more...), MustNot: f.GetMustNot()}
}

func located(p *qdrant.RetrievedPoint) (places []index.Place) {
	for _, v := range p.GetPayload()["geo"].GetListValue().GetValues() {
		at := v.GetStructValue().GetFields()
		places = append(places, index.Place{Lat: at["lat"].GetDoubleValue(), Lon: at["lon"].GetDoubleValue(), Located: true})
	}
	return places
}
