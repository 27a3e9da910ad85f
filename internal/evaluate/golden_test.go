package evaluate_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lineup/indexer/face"
	"lineup/internal/evaluate"
	"lineup/schemas"
)

var update = flag.Bool("update", false, "write the golden files anew")

// recorded answers with the embeddings that dlib gave once for the synthetic faces, so that the
// golden file shows changes of the score and of the protocol alone.
type recorded struct {
	model      schemas.Model
	embeddings map[schemas.Digest][]float32
}

func (r recorded) Model() schemas.Model { return r.model }

func (r recorded) Embed(_ context.Context, photo []byte, _ face.Purpose) (face.Result, error) {
	v, ok := r.embeddings[schemas.DigestOf(photo)]
	if !ok {
		return face.Result{}, &face.Problem{Code: face.CodeNoFace}
	}
	return face.Result{Embedding: v}, nil
}

func (recorded) Close() error { return nil }

// synthetic reads testdata/synthetic.csv, and testdata/synthetic.f32 with its embeddings in the
// same order.
func synthetic(t *testing.T) (recorded, []evaluate.Photo) {
	t.Helper()
	photos, err := evaluate.Read(filepath.Join("testdata", "synthetic.csv"), "")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join("testdata", "synthetic.f32"))
	if err != nil {
		t.Fatal(err)
	}
	r := recorded{embeddings: map[schemas.Digest][]float32{}, model: schemas.Model{
		ID: "dlib, recorded", Dimensions: 128, Metric: "euclidean", MaxDistance: 0.6,
		FalseMatch: []schemas.CurvePoint{{Distance: 0.341, Rate: 1e-4}, {Distance: 0.392, Rate: 1e-3}, {Distance: 0.449, Rate: 1e-2}}}}
	from := bytes.NewReader(data)
	for _, p := range photos { // the csv is in the order of Read
		v := make([]float32, r.model.Dimensions)
		if err := binary.Read(from, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
		photo, err := os.ReadFile(p.Path)
		if err != nil {
			t.Fatal(err)
		}
		r.embeddings[schemas.DigestOf(photo)] = v
	}
	return r, photos
}

func TestSyntheticFaces(t *testing.T) {
	embedder, photos := synthetic(t)
	report, err := evaluate.Run(t.Context(), embedder, photos, evaluate.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := report.Write(&table); err != nil {
		t.Fatal(err)
	}
	figures, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][]byte{"synthetic.golden": table.Bytes(), "synthetic.golden.json": append(figures, '\n')} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s changed (-golden +now):\n%s", name, diff)
		}
	}
	// by issue: every other view finds its own above 95 among the forty
	if report.Rank1 != 1 || report.Mates["95"] != 1 {
		t.Errorf("rank 1 = %g, mates at 95 = %g; want all", report.Rank1, report.Mates["95"])
	}
}

// TestTheModelCardHoldsTheFigures keeps docs/model-card.md to what the golden file says; -update
// writes it.
func TestTheModelCardHoldsTheFigures(t *testing.T) {
	const begin, end = "<!-- figures -->\n", "<!-- /figures -->"
	path := filepath.Join("..", "..", "docs", "model-card.md")
	card, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile(filepath.Join("testdata", "synthetic.golden"))
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(card), begin)
	held, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("the model card has no place for figures between %q and %q", begin, end)
	}
	want := "```\n" + string(table) + "```\n"
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, held); diff != "" {
		t.Errorf("docs/model-card.md has other figures (-golden +card), run with -update:\n%s", diff)
	}
}
