package qdranttest_test

import (
	"context"
	"math"
	"net"
	"strconv"
	"testing"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"lineup/internal/testkit/qdranttest"
)

// id is the n-th of some ids in order.
func id(n int) *qdrant.PointId {
	return qdrant.NewIDUUID("00000000-0000-4000-8000-00000000000" + strconv.Itoa(n))
}

// TestMeasured holds the stand-in, over the wire, to what was measured of a real Qdrant 1.18.3.
func TestMeasured(t *testing.T) {
	ctx := context.Background()
	s := qdranttest.Start(t, nil)
	host, port, _ := net.SplitHostPort(s.Address)
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	c, err := qdrant.NewClient(&qdrant.Config{Host: host, Port: number, SkipCompatibilityCheck: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// want holds that a call ends with a code; OK is none.
	want := func(what string, code codes.Code, err error) {
		t.Helper()
		if got := status.Code(cause(err)); got != code {
			t.Errorf("%s: %v (%v), want %v", what, got, err, code)
		}
	}
	create := func(name string, vectors *qdrant.VectorsConfig) error {
		return c.CreateCollection(ctx, &qdrant.CreateCollection{CollectionName: name, VectorsConfig: vectors})
	}
	upsert := func(name string, vectors *qdrant.Vectors, payload map[string]any, n int) error {
		_, err := c.Upsert(ctx, &qdrant.UpsertPoints{CollectionName: name, Wait: qdrant.PtrOf(true),
			Points: []*qdrant.PointStruct{{Id: id(n), Vectors: vectors, Payload: qdrant.NewValueMap(payload)}}})
		return err
	}
	nobody := qdrant.NewVectorsMap(map[string]*qdrant.Vector{})
	two := qdrant.NewVectorsConfig(&qdrant.VectorParams{Size: 2, Distance: qdrant.Distance_Euclid})
	aliases := func() (out map[string]string) {
		all, err := c.ListAliases(ctx)
		want("list aliases", codes.OK, err)
		out = map[string]string{}
		for _, a := range all {
			out[a.GetAliasName()] = a.GetCollectionName()
		}
		return out
	}

	want("a collection without vectors", codes.OK, create("plain", nil))
	want("a collection with an empty map of vectors", codes.OK, create("empty", qdrant.NewVectorsConfigMap(map[string]*qdrant.VectorParams{})))
	want("a collection of vectors", codes.OK, create("faces", two))
	want("the same again", codes.AlreadyExists, create("faces", two))
	if err := c.DeleteCollection(ctx, "missing"); err == nil {
		t.Error("a missing collection was deleted")
	}
	for what, call := range map[string]func() error{
		"get": func() error {
			_, err := c.Get(ctx, &qdrant.GetPoints{CollectionName: "missing", Ids: []*qdrant.PointId{id(1)}})
			return err
		},
		"query": func() error {
			_, err := c.Query(ctx, &qdrant.QueryPoints{CollectionName: "missing", Query: qdrant.NewQuery(1, 2)})
			return err
		},
		"scroll": func() error { _, err := c.Scroll(ctx, &qdrant.ScrollPoints{CollectionName: "missing"}); return err },
	} {
		want(what+" in a missing collection", codes.NotFound, call())
	}

	want("no vectors", codes.InvalidArgument, upsert("plain", nil, nil, 1))
	for _, n := range []int{3, 1, 2} {
		want("an empty map of vectors", codes.OK, upsert("plain", nobody, map[string]any{"age": -n, "name": "n"}, n))
	}
	got, err := c.Get(ctx, &qdrant.GetPoints{CollectionName: "plain", Ids: []*qdrant.PointId{id(1), id(9)}})
	want("get", codes.OK, err)
	if len(got) != 1 {
		t.Errorf("get of a known and an unknown id: %v", got)
	}
	want("a vector too long", codes.InvalidArgument, upsert("faces", qdrant.NewVectors(1, 2, 3), nil, 1))
	want("NaN", codes.OK, upsert("faces", qdrant.NewVectors(1, float32(math.NaN())), nil, 9))
	_, err = c.Delete(ctx, &qdrant.DeletePoints{CollectionName: "faces", Points: qdrant.NewPointsSelector(id(9))})
	want("delete", codes.OK, err)

	scroll := func(o *qdrant.OrderBy, f *qdrant.Filter) (ids string, err error) {
		all, err := c.Scroll(ctx, &qdrant.ScrollPoints{CollectionName: "plain", OrderBy: o, Filter: f})
		for _, p := range all {
			ids += p.GetId().GetUuid()[35:]
		}
		return ids, err
	}
	if ids, err := scroll(nil, nil); err != nil || ids != "123" {
		t.Errorf("scroll: %s, %v, want by id", ids, err)
	}
	if ids, err := scroll(nil, &qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatchKeyword("name", "n")}}); err != nil || ids != "123" {
		t.Errorf("filter on a field without an index: %s, %v", ids, err)
	}
	by := func(field string) *qdrant.OrderBy { return &qdrant.OrderBy{Key: field} }
	_, err = scroll(by("age"), nil)
	want("order by a field without an index", codes.InvalidArgument, err)
	for range 2 {
		for field, kind := range map[string]qdrant.FieldType{"age": qdrant.FieldType_FieldTypeInteger,
			"name": qdrant.FieldType_FieldTypeKeyword} {
			_, err := c.CreateFieldIndex(ctx, &qdrant.CreateFieldIndexCollection{CollectionName: "plain", FieldName: field, FieldType: kind.Enum(),
				Wait: qdrant.PtrOf(true)})
			want("an index, also again", codes.OK, err)
		}
	}
	if ids, err := scroll(by("age"), nil); err != nil || ids != "321" {
		t.Errorf("order by an integer: %s, %v", ids, err)
	}
	_, err = scroll(by("name"), nil)
	want("order by a keyword", codes.InvalidArgument, err)

	want("an alias", codes.OK, c.CreateAlias(ctx, "now", "plain"))
	want("the alias moved", codes.OK, c.CreateAlias(ctx, "now", "faces"))
	if a := aliases(); a["now"] != "faces" {
		t.Errorf("aliases %v", a)
	}
	want("delete and create in one", codes.OK, c.UpdateAliases(ctx, []*qdrant.AliasOperations{qdrant.NewAliasDelete("now"),
		qdrant.NewAliasCreate("now", "empty")}))
	want("a missing alias deleted", codes.OK, c.DeleteAlias(ctx, "missing"))
	want("an alias named like a collection", codes.AlreadyExists, c.CreateAlias(ctx, "plain", "faces"))
	want("an alias to a missing collection", codes.NotFound, c.CreateAlias(ctx, "other", "missing"))
	want("the collection of an alias deleted", codes.OK, c.DeleteCollection(ctx, "empty"))
	if a := aliases(); len(a) != 0 {
		t.Errorf("its aliases stay: %v", a)
	}

	for n, x := range []float32{3, 0, 4} {
		want("upsert", codes.OK, upsert("faces", qdrant.NewVectors(x, 0), map[string]any{"name": "n"}, n+1))
	}
	near, err := c.Query(ctx, &qdrant.QueryPoints{CollectionName: "faces", Query: qdrant.NewQuery(0, 0),
		ScoreThreshold: qdrant.PtrOf(float32(3.5))})
	want("query", codes.OK, err)
	if len(near) != 2 || near[0].GetScore() != 0 || near[1].GetScore() != 3 {
		t.Errorf("query: %v, want plain distances up to 3.5, nearest first", near)
	}
	_, err = c.Delete(ctx, &qdrant.DeletePoints{CollectionName: "faces", Wait: qdrant.PtrOf(true),
		Points: qdrant.NewPointsSelectorFilter(&qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatchKeyword("name", "n")}})})
	want("delete by filter", codes.OK, err)
	if n, err := c.Count(ctx, &qdrant.CountPoints{CollectionName: "faces"}); err != nil || n != 0 {
		t.Errorf("%d points left, %v", n, err)
	}
}

// cause is the status under the client's own error.
func cause(err error) error {
	for e := err; e != nil; {
		if _, ok := e.(interface{ GRPCStatus() *status.Status }); ok {
			return e
		}
		u, ok := e.(interface{ Unwrap() error })
		if !ok {
			break
		}
		e = u.Unwrap()
	}
	return err
}
