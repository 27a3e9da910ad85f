package qdranttest_test

import (
	"context"
	"math"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"lineup/internal/testkit/qdranttest"
)

// id is the n-th of some ids in order.
func id(n int) *qdrant.PointId {
	return qdrant.NewIDUUID("00000000-0000-4000-8000-00000000000" + strconv.Itoa(n))
}

// dial is a client of a server.
func dial(t *testing.T, s *qdranttest.Server) *qdrant.Client {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.Address)
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	c, err := qdrant.NewClient(&qdrant.Config{Host: host, Port: number, SkipCompatibilityCheck: true,
		GrpcOptions: []grpc.DialOption{grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(64 << 20))}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestMeasured holds the stand-in, over the wire, to what was measured of a real Qdrant 1.18.3.
func TestMeasured(t *testing.T) {
	ctx := context.Background()
	c := dial(t, qdranttest.Start(t, nil))
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

// TestStrictMode holds the stand-in to strict mode as the source of Qdrant 1.18 has it (lib/collection, verification), and to the
// size of a request.
func TestStrictMode(t *testing.T) {
	ctx := context.Background()
	c := dial(t, qdranttest.Start(t, nil))
	no, yes := qdrant.PtrOf(false), qdrant.PtrOf(true)
	collect := func(name string, strict *qdrant.StrictModeConfig) {
		t.Helper()
		if err := c.CreateCollection(ctx, &qdrant.CreateCollection{CollectionName: name, StrictModeConfig: strict,
			VectorsConfig: qdrant.NewVectorsConfig(&qdrant.VectorParams{Size: 2, Distance: qdrant.Distance_Euclid})}); err != nil {
			t.Fatal(err)
		}
	}
	collect("strict", &qdrant.StrictModeConfig{Enabled: yes, UnindexedFilteringRetrieve: no, UnindexedFilteringUpdate: no,
		SearchAllowExact: no, MaxQueryLimit: qdrant.PtrOf(uint32(5)), UpsertMaxBatchsize: qdrant.PtrOf(uint64(1)),
		SearchMaxHnswEf:       qdrant.PtrOf(uint32(64)),
		SearchMaxOversampling: qdrant.PtrOf(float32(2)), FilterMaxConditions: qdrant.PtrOf(uint64(2))})
	collect("off", &qdrant.StrictModeConfig{Enabled: no, MaxQueryLimit: qdrant.PtrOf(uint32(1)), ReadRateLimit: qdrant.PtrOf(uint32(1))})
	collect("slow", &qdrant.StrictModeConfig{Enabled: yes, ReadRateLimit: qdrant.PtrOf(uint32(2)), WriteRateLimit: qdrant.PtrOf(uint32(1))})
	if _, err := c.CreateFieldIndex(ctx, &qdrant.CreateFieldIndexCollection{CollectionName: "strict", FieldName: "indexed", Wait: yes,
		FieldType: qdrant.FieldType_FieldTypeKeyword.Enum()}); err != nil {
		t.Fatal(err)
	}
	filter := func(fields ...string) *qdrant.Filter {
		f := &qdrant.Filter{}
		for _, field := range fields {
			f.Must = append(f.Must, qdrant.NewMatchKeyword(field, "n"))
		}
		return f
	}
	query := func(name string, f *qdrant.Filter, limit uint64, p *qdrant.SearchParams) error {
		_, err := c.Query(ctx, &qdrant.QueryPoints{CollectionName: name, Query: qdrant.NewQuery(1, 2), Filter: f, Limit: &limit, Params: p})
		return err
	}
	scroll := func(name string, f *qdrant.Filter, limit *uint32) error {
		_, err := c.Scroll(ctx, &qdrant.ScrollPoints{CollectionName: name, Filter: f, Limit: limit})
		return err
	}
	upsert := func(name string, points int, payload string) error {
		r := &qdrant.UpsertPoints{CollectionName: name, Wait: yes}
		for n := range points {
			r.Points = append(r.Points, &qdrant.PointStruct{Id: id(n), Vectors: qdrant.NewVectors(1, 2), Payload: qdrant.NewValueMap(map[string]any{
				"text": payload})})
		}
		_, err := c.Upsert(ctx, r)
		return err
	}
	remove := func(f *qdrant.Filter) error {
		_, err := c.Delete(ctx, &qdrant.DeletePoints{CollectionName: "strict", Wait: yes, Points: qdrant.NewPointsSelectorFilter(f)})
		return err
	}
	inner := &qdrant.Filter{Should: []*qdrant.Condition{qdrant.NewFilterAsCondition(filter("plain"))}}
	for _, one := range []struct {
		what string
		err  error
		code codes.Code
		says string
	}{
		{"an indexed field", query("strict", filter("indexed"), 5, nil), codes.OK, ""},
		{"a field without an index", query("strict", filter("indexed", "plain"), 5, nil), codes.InvalidArgument,
			`Index required but not found for "plain" of one of the following types: [keyword]`},
		{"a field inside another filter", query("strict", inner, 5, nil), codes.InvalidArgument, "Index required"},
		{"deleting by a field without an index", remove(filter("plain")), codes.InvalidArgument, "Index required"},
		{"deleting by an indexed field", remove(filter("indexed")), codes.OK, ""},
		{"too many conditions", query("strict", filter("indexed", "indexed", "indexed"), 5, nil), codes.InvalidArgument,
			"Filter condition limit reached (3 > 2)"},
		{"a limit", query("strict", nil, 6, nil), codes.InvalidArgument, `Limit exceeded 6 > 5 for "limit"`},
		{"a limit that is not said", scroll("strict", nil, nil), codes.InvalidArgument, `Limit exceeded 10 > 5 for "limit"`},
		{"a small limit", scroll("strict", nil, qdrant.PtrOf(uint32(5))), codes.OK, ""},
		{"an effort", query("strict", nil, 5, &qdrant.SearchParams{HnswEf: qdrant.PtrOf(uint64(65))}), codes.InvalidArgument, `"hnsw_ef"`},
		{"oversampling", query("strict", nil, 5, &qdrant.SearchParams{Quantization: &qdrant.QuantizationSearchParams{
			Oversampling: qdrant.PtrOf(2.5)}}), codes.InvalidArgument, `"oversampling"`},
		{"an exact search", query("strict", nil, 5, &qdrant.SearchParams{Exact: yes}), codes.InvalidArgument, "Exact search disabled!"},
		{"many points at once", upsert("strict", 2, ""), codes.InvalidArgument, `Limit exceeded 2 > 1 for "upsert limit"`},
		{"one point", upsert("strict", 1, ""), codes.OK, ""},
		{"strict mode that is off", query("off", filter("plain"), 50, nil), codes.OK, ""},
		{"and asked again", query("off", filter("plain"), 50, nil), codes.OK, ""},
		{"a first write", upsert("slow", 1, ""), codes.OK, ""},
		{"a second write in a minute", upsert("slow", 1, ""), codes.ResourceExhausted, "Write rate limit exceeded"},
		{"a first read", scroll("slow", nil, nil), codes.OK, ""},
		{"a second read", scroll("slow", nil, nil), codes.OK, ""},
		{"a third read in a minute", scroll("slow", nil, nil), codes.ResourceExhausted, "Read rate limit exceeded"},
		{"a request of 33 MB", upsert("off", 1, strings.Repeat("x", 33<<20)), codes.OutOfRange, "message length too large"},
	} {
		if got := status.Code(cause(one.err)); got != one.code || one.err != nil && !strings.Contains(one.err.Error(), one.says) {
			t.Errorf("%s: %v (%v), want %v with %q", one.what, got, one.err, one.code, one.says)
		}
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
