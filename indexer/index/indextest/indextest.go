// Package indextest is the suite every engine of the index must pass, and the invented
// registrants it is told with.
package indextest

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"lineup/indexer/index"
	"lineup/schemas"
)

// Model is the model of the suite's generations: short embeddings, as nothing may know their length.
var Model = schemas.Model{ID: "suite/v1", Dimensions: 24, Metric: "euclidean", MaxDistance: 0.6,
	FalseMatch: []schemas.CurvePoint{{Distance: 0.3, Rate: 1e-4}, {Distance: 0.6, Rate: 0.05}}}

// Start makes an empty store for one test and returns what opens a handle on it: each call
// another one, as another process would have. Handles are closed by the suite.
type Start func(t *testing.T) (open func(t *testing.T) index.Index)

// Run tells the whole story of the port, part by part.
func Run(t *testing.T, start Start) {
	for _, part := range []struct {
		name string
		tell func(t *testing.T, open func(t *testing.T) index.Index)
	}{
		{"nothing serves yet", nothingServes},
		{"generations", generations},
		{"generations tell their feature version", featureVersions},
		{"generations tell their calibration", calibrations},
		{"documents and faces come back whole", wholeDocuments},
		{"bad entries are refused and change nothing", badEntries},
		{"late writers are passed over", lateWriters},
		{"nearest is exact and ordered", nearest},
		{"filters let the unknown pass", filters},
		{"find", find},
		{"find near a place", findNear},
		{"find pages by its limit", findLimit},
		{"find orders, counts and goes on", findPages},
		{"find near a place while people move", findMoving},
		{"find in a generation without the order", findUnordered},
		{"walk, held and shared hashes", audit},
		{"sample", sample},
		{"the canary", veil},
		{"persons", persons},
		{"other handles see what is written", otherHandles},
		{"all at once", together},
		{"a caller that left", cancelled},
	} {
		t.Run(part.name, func(t *testing.T) {
			open := start(t)
			part.tell(t, func(t *testing.T) index.Index {
				t.Helper()
				ix := open(t)
				t.Cleanup(func() {
					if err := ix.Close(); err != nil {
						t.Errorf("close: %v", err)
					}
				})
				return ix
			})
		})
	}
}

// Serving makes a generation "one" and lets it serve.
func Serving(t testing.TB, ix index.Index, m schemas.Model) {
	t.Helper()
	if err := ix.Create(context.Background(), index.Generation{Name: "one", Model: m}); err != nil {
		t.Fatalf("create: %v", err)
	}
	if err := ix.Switch(context.Background(), "one"); err != nil {
		t.Fatalf("switch: %v", err)
	}
}

// Put replaces in generation "one".
func Put(t testing.TB, ix index.Index, entries ...index.Entry) {
	t.Helper()
	if err := ix.Replace(context.Background(), "one", entries...); err != nil {
		t.Fatalf("replace: %v", err)
	}
}

// Person is an invented registrant at a revision, with a face for each photo: number n of a
// source. change may alter it before faces are made.
func Person(n int, revision uint64, change func(r *schemas.Record)) index.Entry {
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n)
	r := schemas.Record{
		Schema: schemas.RecordSchema, Source: "us-aa", Key: fmt.Sprintf("K%d", n), Jurisdiction: "AA",
		Name:   schemas.Name{First: "Invented", Last: fmt.Sprintf("Person%d", n)},
		Birth:  schemas.Date{Year: 1950 + n%50, Month: 1 + n%12, Day: 1 + n%28},
		Sex:    schemas.Coded{Value: "male", Raw: "M"},
		Photos: []schemas.Photo{{URL: "http://site.invalid/p", Digest: schemas.DigestOf(fmt.Appendf(nil, "photo %d", n))}},
	}
	if change != nil {
		change(&r)
	}
	id := schemas.RegistrantID(r.Source, r.Key)
	d := &index.Document{ID: id, Revision: revision, Record: r, FirstSeen: day, Changed: day.Add(time.Hour),
		Keys: []string{"last:" + strings.ToLower(r.Name.Last), "first:" + strings.ToLower(r.Name.First)}}
	e := index.Entry{ID: id, Source: r.Source, Revision: revision, Document: d}
	for _, p := range r.Photos {
		f := schemas.Face{ID: schemas.FaceID(id, p.Digest), Registrant: id, Photo: p.Digest,
			Box: schemas.Box{Left: 10, Top: 20, Right: 110, Bottom: 130},
			Quality: schemas.Quality{FacePixels: 100, Sharpness: 61.25, Brightness: 48.5, Yaw: -3.125, Roll: 1.5, Score: 77.7, Step: "hog",
				Warnings: []string{"blurred"}},
			Embedding: Embedding(Model.Dimensions, p.Digest)}
		e.Faces = append(e.Faces, f)
		d.Photos = append(d.Photos, index.PhotoOutcome{Photo: p.Digest, Face: f.ID, Hash: hashOf(p.Digest)})
	}
	return e
}

// Gone is the entry of a registrant that is not listed any more.
func Gone(e index.Entry, revision uint64) index.Entry {
	return index.Entry{ID: e.ID, Source: e.Source, Revision: revision}
}

func hashOf(d schemas.Digest) uint64 { return seed(d, 2) | 1 }

func seed(d schemas.Digest, n byte) uint64 {
	sum := schemas.DigestOf(append([]byte(d), n))
	return binary.BigEndian.Uint64([]byte(sum[:8]))
}

// Embedding is a point of norm about 1.37, as dlib's are, that stands for a photo.
func Embedding(dim int, photo schemas.Digest) []float32 {
	rng := rand.New(rand.NewPCG(seed(photo, 0), seed(photo, 1)))
	e := make([]float32, dim)
	for i := range e {
		e[i] = float32(rng.NormFloat64() * 1.37 / math.Sqrt(float64(dim)))
	}
	return e
}

func distance(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}
