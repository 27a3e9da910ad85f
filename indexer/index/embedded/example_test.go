package embedded_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"lineup/indexer/index"
	"lineup/indexer/index/embedded"
	"lineup/schemas"
)

// A generation is filled, serves, and answers with whose photo lies nearest. Entries carry the revision of the listing
// they were made of: what comes late changes nothing.
func Example() {
	dir, err := os.MkdirTemp("", "index")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	var engine index.Index
	if engine, err = embedded.Open(ctx, dir, slog.New(slog.DiscardHandler)); err != nil {
		panic(err)
	}
	defer engine.Close()
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	model := schemas.Model{ID: "invented", Dimensions: 2, Metric: schemas.Euclidean, MaxDistance: 0.6}
	must(engine.Create(ctx, index.Generation{Name: "g1", Model: model}))
	must(engine.Switch(ctx, "g1"))

	entry := func(key string, revision uint64, embedding ...float32) index.Entry {
		id, photo := schemas.RegistrantID("us-zz", key), schemas.DigestOf([]byte("photo of "+key))
		record := schemas.Record{Source: "us-zz", Key: key, Name: schemas.Name{First: "Odette", Last: "Madeup"}}
		face := schemas.Face{ID: schemas.FaceID(id, photo), Registrant: id, Photo: photo, Embedding: embedding}
		return index.Entry{ID: id, Source: "us-zz", Revision: revision, Faces: []schemas.Face{face},
			Document: &index.Document{ID: id, Revision: revision, FirstSeen: time.Unix(1e9, 0), Changed: time.Unix(1e9, 0), Record: record,
				Photos: []index.PhotoOutcome{{Photo: photo, Face: face.ID}}}}
	}
	must(engine.Replace(ctx, "g1", entry("1001", 2, 0, 0), entry("1002", 1, 3, 4)))
	must(engine.Replace(ctx, "g1", entry("1001", 1, 3, 4))) // late

	near, generation, err := engine.Nearest(ctx, []float32{0, 1}, 2, index.Filter{})
	must(err)
	for _, n := range near {
		fmt.Printf("%s: %.3f\n", generation.Name, n.Distance)
	}
	documents, err := engine.Lookup(ctx, near[0].Face.Registrant)
	must(err)
	fmt.Println(documents[0].Record.Key, "at revision", documents[0].Revision)
	// Output:
	// g1: 1.000
	// g1: 4.243
	// 1001 at revision 2
}
