package qdrant

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"

	"lineup/indexer/index"
	"lineup/schemas"
)

// generation is a generation as its point describes it.
type generation struct {
	index.Generation
	served bool
	ready  bool   // its collections are made
	token  string // of the call that made it
}

func (x *Index) meta() string                   { return x.o.Prefix + "-generations" }
func (x *Index) faces(name string) string       { return x.o.Prefix + "-" + name + "-faces" }
func (x *Index) registrants(name string) string { return x.o.Prefix + "-" + name + "-registrants" }

// aliasFaces and aliasRegistrants cannot be a collection's name: those have a name between.
func (x *Index) aliasFaces() string       { return x.o.Prefix + "-faces" }
func (x *Index) aliasRegistrants() string { return x.o.Prefix + "-registrants" }

// metaID is the id of a generation's point.
func metaID(name string) *qdrant.PointId {
	return qdrant.NewIDUUID(string(schemas.RegistrantID("index generation", name)))
}

func generationOf(payload map[string]*qdrant.Value) (generation, error) {
	g := generation{served: payload["served"].GetBoolValue(), ready: payload["ready"].GetBoolValue(), token: payload["token"].GetStringValue()}
	g.Name, g.Created, g.State = payload["name"].GetStringValue(), time.Unix(0, payload["created"].GetIntegerValue()).UTC(), index.Building
	if g.served {
		g.State = index.Retired
	}
	g.Features, g.Canaries = index.FirstFeatureVersion, int(payload["canaries"].GetIntegerValue())
	if n := payload["features"].GetIntegerValue(); n != 0 {
		g.Features = int(n)
	}
	if err := json.Unmarshal([]byte(payload["model"].GetStringValue()), &g.Model); err != nil {
		return g, fmt.Errorf("model of generation %s: %w", g.Name, err)
	}
	if text := payload["calibration"].GetStringValue(); text != "" {
		if err := json.Unmarshal([]byte(text), &g.Calibration); err != nil {
			return g, fmt.Errorf("calibration of generation %s: %w", g.Name, err)
		}
	}
	if text := payload["stragglers"].GetStringValue(); text != "" {
		if err := json.Unmarshal([]byte(text), &g.Stragglers); err != nil {
			return g, fmt.Errorf("stragglers of generation %s: %w", g.Name, err)
		}
	}
	return g, nil
}

// describe reads a generation's point. Errors: fs.ErrNotExist.
func (x *Index) describe(ctx context.Context, name string) (g generation, err error) {
	err = x.call(ctx, "generation "+name, func(ctx context.Context) error {
		points, err := x.client.Get(ctx, &qdrant.GetPoints{CollectionName: x.meta(), Ids: []*qdrant.PointId{metaID(name)},
			WithPayload: qdrant.NewWithPayload(true)})
		if err != nil {
			return err
		}
		if len(points) == 0 {
			return fs.ErrNotExist
		}
		g, err = generationOf(points[0].GetPayload())
		return err
	})
	return g, err
}

// ready gives a generation that can be written to.
func (x *Index) ready(ctx context.Context, name string) (generation, error) {
	g, err := x.describe(ctx, name)
	if err == nil && !g.ready {
		err = fmt.Errorf("generation %s: %w", name, fs.ErrNotExist)
	}
	return g, err
}

// servingName is the name of the serving generation, "" for none.
func (x *Index) servingName(ctx context.Context) (name string, err error) {
	err = x.call(ctx, "serving generation", func(ctx context.Context) error {
		aliases, err := x.client.ListAliases(ctx)
		for _, a := range aliases {
			if of, long := a.GetCollectionName(), len(x.o.Prefix)+1+len("-registrants"); a.GetAliasName() == x.aliasRegistrants() && len(of) > long {
				name = of[len(x.o.Prefix)+1 : len(of)-len("-registrants")]
			}
		}
		return err
	})
	return name, err
}

// serving gives the serving generation.
func (x *Index) serving(ctx context.Context) (generation, error) {
	name, err := x.servingName(ctx)
	if err != nil {
		return generation{}, err
	}
	if name == "" {
		return generation{}, index.ErrNoneServing
	}
	g, err := x.describe(ctx, name)
	g.State = index.Serving
	return g, err
}

// reading runs a read on the serving generation, once more when that was dropped meanwhile.
func (x *Index) reading(ctx context.Context, do func(g generation) error) error {
	var err error
	for range 3 {
		var g generation
		if g, err = x.serving(ctx); err != nil {
			return err
		}
		if err = do(g); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if now, e := x.servingName(ctx); e != nil || now == g.Name {
			return err
		}
	}
	return err
}

// Generations lists all, oldest first.
func (x *Index) Generations(ctx context.Context) ([]index.Generation, error) {
	serving, err := x.servingName(ctx)
	if err != nil {
		return nil, err
	}
	list := []index.Generation{}
	err = x.scroll(ctx, "list generations", &qdrant.ScrollPoints{CollectionName: x.meta(), WithPayload: qdrant.NewWithPayload(true)},
		func(p *qdrant.RetrievedPoint) (bool, error) {
			g, err := generationOf(p.GetPayload())
			if err != nil {
				return false, err
			}
			if g.Name == serving {
				g.State = index.Serving
			}
			if g.ready {
				list = append(list, g.Generation)
			}
			return true, nil
		})
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // no collection: a new index
		return nil, err
	}
	slices.SortFunc(list, func(a, b index.Generation) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name))
	})
	return list, nil
}

// Create makes an empty generation.
func (x *Index) Create(ctx context.Context, g index.Generation) error {
	if err := g.Validate(); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	if err := x.claim(ctx, g); err != nil {
		return fmt.Errorf("create generation %s: %w", g.Name, err)
	}
	if err := x.create(ctx, g); err != nil {
		return fmt.Errorf("create generation %s: %w", g.Name, err)
	}
	return x.mark(ctx, g.Name, "ready")
}

// abandoned is how old a claim without collections is when its maker must have died.
const abandoned = time.Minute

// claim writes the generation's point, which only one caller can.
func (x *Index) claim(ctx context.Context, g index.Generation) error {
	err := x.call(ctx, "make the list of generations", func(ctx context.Context) error {
		return ignore(codes.AlreadyExists, x.client.CreateCollection(ctx, &qdrant.CreateCollection{CollectionName: x.meta(),
			ReplicationFactor: x.replicas()}))
	})
	if err != nil {
		return err
	}
	if old, err := x.describe(ctx, g.Name); err == nil && !old.ready && time.Since(old.Created) > abandoned {
		if err := x.remove(ctx, g.Name); err != nil {
			return err
		}
	}
	model, err := json.Marshal(g.Model)
	if err != nil {
		return err
	}
	token := string(schemas.RandomID())
	err = x.call(ctx, "claim the name", func(ctx context.Context) error {
		_, err := x.client.Upsert(ctx, &qdrant.UpsertPoints{
			CollectionName: x.meta(), Wait: qdrant.PtrOf(true), Ordering: strong(), UpdateMode: qdrant.UpdateMode_InsertOnly.Enum(),
			Points: []*qdrant.PointStruct{{Id: metaID(g.Name), Vectors: qdrant.NewVectorsMap(map[string]*qdrant.Vector{}),
				Payload: map[string]*qdrant.Value{
					"name": qdrant.NewValueString(g.Name), "model": qdrant.NewValueString(string(model)), "token": qdrant.NewValueString(token),
					"created":  qdrant.NewValueInt(time.Now().UnixNano()),
					"features": qdrant.NewValueInt(int64(cmp.Or(g.Features, index.FeatureVersion))), "served": qdrant.NewValueBool(false),
					"ready": qdrant.NewValueBool(false),
				}}},
		})
		return err
	})
	if err != nil {
		return err
	}
	held, err := x.describe(ctx, g.Name)
	if err != nil {
		return err
	}
	if held.token != token {
		return index.ErrExists
	}
	return nil
}

func (x *Index) replicas() *uint32 {
	if x.o.Replicas == 0 {
		return nil
	}
	return qdrant.PtrOf(uint32(x.o.Replicas))
}

// ignore turns an error with this code into none.
func ignore(code codes.Code, err error) error {
	if err != nil && statusOf(err) == code {
		return nil
	}
	return err
}

// indexed are the fields that filters use, by collection.
var (
	factFields = map[string]qdrant.FieldType{
		"source": qdrant.FieldType_FieldTypeKeyword, "state": qdrant.FieldType_FieldTypeKeyword, "sex": qdrant.FieldType_FieldTypeKeyword,
		"born_min": qdrant.FieldType_FieldTypeInteger, "born_max": qdrant.FieldType_FieldTypeInteger,
		"revision": qdrant.FieldType_FieldTypeInteger,
	}
	faceFields = map[string]qdrant.FieldType{
		"registrant": qdrant.FieldType_FieldTypeKeyword, "photo": qdrant.FieldType_FieldTypeKeyword,
	}
	registrantFields = map[string]qdrant.FieldType{
		"listed": qdrant.FieldType_FieldTypeBool, "enrolled": qdrant.FieldType_FieldTypeBool, "person": qdrant.FieldType_FieldTypeKeyword,
		"keys": qdrant.FieldType_FieldTypeKeyword, "places": qdrant.FieldType_FieldTypeKeyword, "geo": qdrant.FieldType_FieldTypeGeo,
		"first_seen": qdrant.FieldType_FieldTypeInteger, "changed": qdrant.FieldType_FieldTypeInteger,
		"photo": qdrant.FieldType_FieldTypeKeyword, "bands": qdrant.FieldType_FieldTypeKeyword, "marked": qdrant.FieldType_FieldTypeKeyword,
		"order": qdrant.FieldType_FieldTypeInteger, "born": qdrant.FieldType_FieldTypeInteger, "printed": qdrant.FieldType_FieldTypeInteger,
		"born_whole": qdrant.FieldType_FieldTypeInteger, "born_part": qdrant.FieldType_FieldTypeInteger,
		"born_alias_whole": qdrant.FieldType_FieldTypeInteger, "born_alias_part": qdrant.FieldType_FieldTypeInteger,
		"unstated": qdrant.FieldType_FieldTypeBool,
	}
)

// create makes the pair of collections, with an index for every filter before there is any
// point: the graph is then linked for them too.
func (x *Index) create(ctx context.Context, g index.Generation) error {
	if err := x.dropCollections(ctx, g.Name); err != nil { // left over by a Drop that was cut off
		return err
	}
	for _, c := range []struct {
		name    string
		fields  map[string]qdrant.FieldType
		vectors bool
	}{{x.faces(g.Name), faceFields, true}, {x.registrants(g.Name), registrantFields, false}} {
		request := &qdrant.CreateCollection{CollectionName: c.name, ReplicationFactor: x.replicas()}
		if c.vectors {
			request.VectorsConfig = qdrant.NewVectorsConfig(&qdrant.VectorParams{Size: uint64(g.Model.Dimensions), Distance: qdrant.Distance_Euclid})
			request.QuantizationConfig = qdrant.NewQuantizationScalar(&qdrant.ScalarQuantization{Type: qdrant.QuantizationType_Int8,
				AlwaysRam: qdrant.PtrOf(true)})
		}
		if err := x.call(ctx, "make "+c.name, func(ctx context.Context) error { return x.client.CreateCollection(ctx, request) }); err != nil {
			return err
		}
		for _, fields := range []map[string]qdrant.FieldType{factFields, c.fields} {
			for field, kind := range fields {
				err := x.call(ctx, "index "+field, func(ctx context.Context) error {
					_, err := x.client.CreateFieldIndex(ctx, &qdrant.CreateFieldIndexCollection{CollectionName: c.name, FieldName: field,
						FieldType: kind.Enum(), Wait: qdrant.PtrOf(true)})
					return err
				})
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// mark sets a flag of a generation's point.
func (x *Index) mark(ctx context.Context, name, flag string) error {
	return x.set(ctx, name, flag, qdrant.NewValueBool(true))
}

// set sets one field of a generation's point.
func (x *Index) set(ctx context.Context, name, field string, value *qdrant.Value) error {
	return x.call(ctx, "set "+field+" of generation "+name, func(ctx context.Context) error {
		_, err := x.client.SetPayload(ctx, &qdrant.SetPayloadPoints{CollectionName: x.meta(), Wait: qdrant.PtrOf(true), Ordering: strong(),
			Payload: map[string]*qdrant.Value{field: value}, PointsSelector: qdrant.NewPointsSelector(metaID(name))})
		return err
	})
}

// Calibrate stores with a generation what was learnt from searching it.
func (x *Index) Calibrate(ctx context.Context, name string, c index.Calibration) error {
	if err := c.Validate(); err != nil {
		return fmt.Errorf("calibrate generation %s: %w", name, err)
	}
	return x.tell(ctx, name, "calibration", c)
}

// Note stores with a generation whom it lacks.
func (x *Index) Note(ctx context.Context, name string, s index.Stragglers) error {
	return x.tell(ctx, name, "stragglers", s)
}

// Hide stores with a generation that it may hold the canary.
func (x *Index) Hide(ctx context.Context, name string, n int) error {
	g, err := x.ready(ctx, name)
	if err == nil && g.Canaries < n {
		err = x.set(ctx, name, "canaries", qdrant.NewValueInt(int64(n)))
	}
	if err != nil {
		return fmt.Errorf("note the canary: %w", err)
	}
	return nil
}

// tell stores a value with a generation.
func (x *Index) tell(ctx context.Context, name, field string, value any) error {
	if _, err := x.ready(ctx, name); err != nil {
		return fmt.Errorf("set the %s: %w", field, err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("set the %s of generation %s: %w", field, name, err)
	}
	return x.set(ctx, name, field, qdrant.NewValueString(string(text)))
}

// Switch makes a generation serve: both aliases in one call.
func (x *Index) Switch(ctx context.Context, name string) error {
	if _, err := x.ready(ctx, name); err != nil {
		return fmt.Errorf("switch: %w", err)
	}
	err := x.call(ctx, "switch to generation "+name, func(ctx context.Context) error {
		return x.client.UpdateAliases(ctx, []*qdrant.AliasOperations{
			qdrant.NewAliasCreate(x.aliasFaces(), x.faces(name)), qdrant.NewAliasCreate(x.aliasRegistrants(), x.registrants(name)),
		})
	})
	if err != nil {
		return err
	}
	return x.mark(ctx, name, "served")
}

// Drop deletes a generation.
func (x *Index) Drop(ctx context.Context, name string) error {
	if !index.ValidName(name) {
		return nil // there cannot be one
	}
	serving, err := x.servingName(ctx)
	if err != nil {
		return fmt.Errorf("drop generation %s: %w", name, err)
	}
	if name == serving {
		return fmt.Errorf("drop generation %s: %w", name, index.ErrServing)
	}
	if err := x.remove(ctx, name); err != nil {
		return fmt.Errorf("drop generation %s: %w", name, err)
	}
	return x.dropCollections(ctx, name)
}

func (x *Index) remove(ctx context.Context, name string) error {
	err := x.call(ctx, "forget generation "+name, func(ctx context.Context) error {
		_, err := x.client.Delete(ctx, &qdrant.DeletePoints{CollectionName: x.meta(), Wait: qdrant.PtrOf(true), Ordering: strong(),
			Points: qdrant.NewPointsSelector(metaID(name))})
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (x *Index) dropCollections(ctx context.Context, name string) error {
	for _, c := range []string{x.faces(name), x.registrants(name)} {
		err := x.call(ctx, "delete "+c, func(ctx context.Context) error {
			exists, err := x.client.CollectionExists(ctx, c)
			if err != nil || !exists {
				return err
			}
			return x.client.DeleteCollection(ctx, c)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Leftover says what the server keeps of what was deleted.
func (x *Index) Leftover() string {
	return "deleted points stay in the server's segments until it rewrites them: by default once a fifth of a segment, and 1,000 " +
		"points, are deleted"
}
