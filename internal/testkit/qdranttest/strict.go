package qdranttest

import (
	"fmt"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// asked is what strict mode looks at in a request.
type asked struct {
	collection string
	writes     bool
	limit      int // 0 where the request has none
	batch      int // points that are written
	filter     *qdrant.Filter
	order      string // field that the answer is ordered by
	params     *qdrant.SearchParams
}

// defaultLimit is how many points a request asks for that does not say.
const defaultLimit = 10

func limitOf[N uint32 | uint64](limit *N) int {
	if limit == nil {
		return defaultLimit
	}
	return int(*limit)
}

// asks reads a request; ok is false for those that strict mode lets pass.
func asks(request any) (a asked, ok bool) {
	switch r := request.(type) {
	case *qdrant.QueryPoints:
		a = asked{collection: r.GetCollectionName(), limit: limitOf(r.Limit), filter: r.GetFilter(), params: r.GetParams()}
	case *qdrant.ScrollPoints:
		a = asked{collection: r.GetCollectionName(), limit: limitOf(r.Limit), filter: r.GetFilter(), order: r.GetOrderBy().GetKey()}
	case *qdrant.CountPoints:
		a = asked{collection: r.GetCollectionName(), filter: r.GetFilter()}
	case *qdrant.GetPoints:
		a = asked{collection: r.GetCollectionName()}
	case *qdrant.UpsertPoints:
		a = asked{collection: r.GetCollectionName(), writes: true, batch: len(r.GetPoints()), filter: r.GetUpdateFilter()}
	case *qdrant.DeletePoints:
		a = asked{collection: r.GetCollectionName(), writes: true, filter: r.GetPoints().GetFilter()}
	case *qdrant.SetPayloadPoints:
		a = asked{collection: r.GetCollectionName(), writes: true, filter: r.GetPointsSelector().GetFilter()}
	default:
		return a, false
	}
	return a, true
}

// strictly refuses what a collection's strict mode does, in the words of the server's source (lib/collection, verification). Rates
// are counted from the start of the collection, without a clock: a test sees the same each time.
func (s *Server) strictly(request any) error {
	a, ok := asks(request)
	if !ok {
		return nil
	}
	c, err := s.find(a.collection)
	if err != nil || !c.strict.GetEnabled() {
		return nil // the call itself says what is not there
	}
	rate, done, kind := c.strict.ReadRateLimit, &c.reads, "Read"
	may := c.strict.UnindexedFilteringRetrieve
	if a.writes {
		rate, done, kind, may = c.strict.WriteRateLimit, &c.writes, "Write", c.strict.UnindexedFilteringUpdate
	}
	if *done++; rate != nil && *done > *rate {
		return status.Errorf(codes.ResourceExhausted, "Rate limiting exceeded: %s rate limit exceeded, retry later", kind)
	}
	params := a.params
	for _, one := range []struct {
		name       string
		value, max float64
		bounded    bool
	}{
		{"limit", float64(a.limit), float64(c.strict.GetMaxQueryLimit()), c.strict.MaxQueryLimit != nil},
		{"upsert limit", float64(a.batch), float64(c.strict.GetUpsertMaxBatchsize()), c.strict.UpsertMaxBatchsize != nil},
		{"hnsw_ef", float64(params.GetHnswEf()), float64(c.strict.GetSearchMaxHnswEf()), c.strict.SearchMaxHnswEf != nil},
		{"oversampling", params.GetQuantization().GetOversampling(), float64(c.strict.GetSearchMaxOversampling()),
			c.strict.SearchMaxOversampling != nil},
	} {
		if one.bounded && one.value > one.max {
			return refused(fmt.Sprintf("Limit exceeded %v > %v for %q", one.value, one.max, one.name),
				fmt.Sprintf("Reduce the %q parameter to or below %v.", one.name, one.max))
		}
	}
	fields, conditions := fieldsOf(a.filter)
	if most := c.strict.FilterMaxConditions; most != nil && uint64(conditions) > *most {
		return refused(fmt.Sprintf("Filter condition limit reached (%d > %d)", conditions, *most),
			"Reduce the amount of conditions of your filter.")
	}
	if may != nil && !*may {
		if a.order != "" {
			fields[a.order] = "integer"
		}
		for field, kind := range fields {
			if _, ok := c.indexed[field]; !ok {
				return refused(fmt.Sprintf("Index required but not found for %q of one of the following types: [%s]", field, kind),
					"Create an index for this key or use a different filter.")
			}
		}
	}
	if params.GetExact() && c.strict.SearchAllowExact != nil && !c.strict.GetSearchAllowExact() {
		return refused("Exact search disabled!", "Set exact=false.")
	}
	return nil
}

func refused(what, help string) error {
	return status.Errorf(codes.InvalidArgument, "Bad request: %s. Help: %s", what, help)
}

// fieldsOf are the fields that a filter looks at, with the index each needs, and how many conditions it has.
func fieldsOf(f *qdrant.Filter) (fields map[string]string, conditions int) {
	fields = map[string]string{}
	for _, list := range [][]*qdrant.Condition{f.GetMust(), f.GetMustNot(), f.GetShould()} {
		for _, c := range list {
			if inner := c.GetFilter(); inner != nil {
				more, n := fieldsOf(inner)
				for field, kind := range more {
					fields[field] = kind
				}
				conditions += n
				continue
			}
			conditions++
			switch field := c.GetField(); {
			case field == nil:
			case field.GetRange() != nil:
				fields[field.GetKey()] = "integer, float"
			case field.GetGeoRadius() != nil:
				fields[field.GetKey()] = "geo"
			default:
				fields[field.GetKey()] = indexOf(field.GetMatch())
			}
		}
	}
	return fields, conditions
}

// indexOf is the index that a match needs.
func indexOf(m *qdrant.Match) string {
	switch m.GetMatchValue().(type) {
	case *qdrant.Match_Boolean:
		return "bool"
	case *qdrant.Match_Integer, *qdrant.Match_Integers:
		return "integer"
	}
	return "keyword"
}
