package evaluate_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/internal/evaluate"
	"lineup/schemas"
)

// reader embeds "photos" that are embeddings written as JSON, "poor" before one that may only be
// enrolled; anything else has no face.
type reader struct{}

func (reader) Model() schemas.Model {
	return schemas.Model{ID: "reader", Dimensions: 8, Metric: "euclidean", MaxDistance: 10,
		FalseMatch: []schemas.CurvePoint{{Distance: 0.5, Rate: 1e-3}, {Distance: 1, Rate: 1e-1}}}
}

func (reader) Embed(_ context.Context, photo []byte, purpose face.Purpose) (face.Result, error) {
	text, poor := strings.CutPrefix(string(photo), "poor")
	var v []float32
	if strings.HasPrefix(text, "broken") {
		return face.Result{}, errors.New("embedder at fault")
	}
	if json.Unmarshal([]byte(text), &v) != nil || poor && purpose == face.Probe {
		return face.Result{}, &face.Problem{Code: face.CodeNoFace, Text: "no face here"}
	}
	return face.Result{Embedding: v}, nil
}

func (reader) Close() error { return nil }

// album writes photos into one folder a person.
func album(t *testing.T, photos map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range photos {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func vector(v ...float32) string {
	data, _ := json.Marshal(v)
	return string(data)
}

// crowd are n people with two photos each, noise apart.
func crowd(n int, noise float64) map[string]string {
	r := rand.New(rand.NewPCG(1, 1))
	photos := map[string]string{}
	for i := range n {
		a, b := make([]float32, 8), make([]float32, 8)
		for j := range a {
			a[j] = float32(r.NormFloat64())
			b[j] = a[j] + float32(r.NormFloat64()*noise)
		}
		photos[fmt.Sprintf("p%03d/a.jpg", i)] = vector(a...)
		photos[fmt.Sprintf("p%03d/b.jpg", i)] = vector(b...)
	}
	return photos
}

func run(t *testing.T, dir string) evaluate.Report {
	t.Helper()
	photos, err := evaluate.Read(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	report, err := evaluate.Run(t.Context(), reader{}, photos, evaluate.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// Worked by hand: a and b have two photos each, d only one, and is enrolled only. c's second
// photo has no face. Fewer than twenty people: E is their number times the curve. All mates are 0.1 apart:
// E = 4 * 10^-4.6 (3 * while c's missing photo is the enrolled one), a similarity of 98.8 or more; all strangers at least 5, a rate of 1: E
// = 3 or more.
// Of c's searches one half is lost to the missing face as a probe, the other as the enrolled photo.
func TestSmallAlbumByHand(t *testing.T) {
	report := run(t, album(t, map[string]string{
		"a/1.jpg": vector(0, 0), "a/2.jpg": vector(0.1, 0),
		"b/1.jpg": vector(5, 0), "b/2.jpg": vector(5.1, 0), "b/copy.jpg": vector(5.1, 0),
		"c/1.jpg": vector(0, 5), "c/2.jpg": "no face",
		"d/1.jpg": vector(5, 5), "d/notes.txt": "not a photo", "stray.jpg": vector(1, 1),
	}))
	if report.People != 4 || report.Photos != 7 || report.Undetected != 1 {
		t.Errorf("people, photos, undetected = %d, %d, %d; want 4, 7, 1", report.People, report.Photos, report.Undetected)
	}
	third := 2.0 / 3 // two of the three who have probes
	for _, level := range []string{"80", "90", "95"} {
		if got := report.Mates[level]; got != third {
			t.Errorf("mates at %s = %g, want %g", level, got, third)
		}
		if got := report.Mateless[level]; got != 0 {
			t.Errorf("mateless at %s = %g, want 0", level, got)
		}
	}
	if report.Rank1 != third {
		t.Errorf("rank 1 = %g, want %g", report.Rank1, third)
	}
}

func TestReportIsTheSameTwice(t *testing.T) {
	dir := album(t, crowd(40, 0.2))
	one, err := json.Marshal(run(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	two, err := json.Marshal(run(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(one), string(two)); diff != "" {
		t.Error(diff)
	}
}

func TestHarderAlbumsScoreWorse(t *testing.T) {
	easy, hard := run(t, album(t, crowd(60, 0.05))), run(t, album(t, crowd(60, 0.8)))
	if !(easy.Rank1 == 1 && easy.Mates["90"] == 1 && hard.Rank1 < 0.9 && hard.Mates["90"] < 0.5) {
		t.Errorf("easy: rank 1 %g, mates %v; hard: rank 1 %g, mates %v", easy.Rank1, easy.Mates, hard.Rank1, hard.Mates)
	}
	// in both, strangers are the same people: the tables see them the same way
	if a, b := easy.FNMR[1].Rate, hard.FNMR[1].Rate; !(a == 0 && b > 0.1) {
		t.Errorf("misses at one false match in 100: easy %g, hard %g", a, b)
	}
	for _, f := range hard.FMR {
		if f.Rate > f.Target {
			t.Errorf("at distance %g the false-match rate is %g, above %g", f.Distance, f.Rate, f.Target)
		}
	}
}

func TestPoorPhotosAreEnrolledButDoNotSearch(t *testing.T) {
	photos := crowd(4, 0.1)
	for name, text := range photos {
		if strings.HasSuffix(name, "b.jpg") {
			photos[name] = "poor" + text
		}
	}
	report := run(t, album(t, photos))
	if report.Undetected != 4 || report.Rank1 == 0 || report.Rank1 == 1 {
		t.Errorf("undetected = %d, rank 1 = %g; want 4, and only the searches with an a", report.Undetected, report.Rank1)
	}
}

func TestJSONHasTheDocumentedKeys(t *testing.T) {
	dir := album(t, crowd(6, 0.1))
	list := "\ufeffperson,photo,group\n"
	for i := range 6 {
		list += fmt.Sprintf("p%03d,p%03d/a.jpg,%s\np%03d,p%03d/b.jpg,%s\n", i, i, []string{"old", "young"}[i%2], i, i,
			[]string{"old", "young"}[i%2])
	}
	if err := os.WriteFile(filepath.Join(dir, "list.csv"), []byte(list+",noface.jpg,\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	report := run(t, filepath.Join(dir, "list.csv"))
	data, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		t.Fatal(err)
	}
	keys := []string{"answered", "detected", "fmr", "fnmr", "mateless", "matelessCI", "matelessSearches", "mates", "matesCI", "matesDetected",
		"matesDetectedCI",
		"othersFirst", "othersFirstCI", "people", "photos", "rank1", "rank1CI", "searches", "undetected"}
	if diff := cmp.Diff(append([]string{"groups", "unusable"}, keys...), sortedKeys(whole),
		cmp.Transformer("sorted", sortedCopy)); diff != "" {
		t.Error(diff)
	}
	var groups map[string]map[string]json.RawMessage
	if err := json.Unmarshal(whole["groups"], &groups); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"old", "young"}, sortedKeys(groups)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(keys, sortedKeys(groups["old"])); diff != "" {
		t.Error(diff)
	}
	if report.Groups["old"].People != 3 {
		t.Errorf("old people = %d, want 3", report.Groups["old"].People)
	}
	var text strings.Builder
	if err := report.Write(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"6 people", "12 photos", "old", "young", "promised at most", "63.2 %", "9.5 %", "1.0 %", "0.1 %",
		"somebody else first"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, text.String())
		}
	}
}

func TestPlotsAreReadablePictures(t *testing.T) {
	report := run(t, album(t, crowd(30, 0.4)))
	for _, format := range []string{"svg", "png"} {
		paths, err := report.Plots(filepath.Join(t.TempDir(), "new"), format)
		if err != nil {
			t.Fatal(err)
		}
		if len(paths) != 3 {
			t.Errorf("%d plots, want det, scores and promise", len(paths))
		}
		for _, path := range paths {
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			if format == "png" {
				_, err = png.Decode(file)
			} else {
				for decoder := xml.NewDecoder(file); err == nil; {
					_, err = decoder.Token()
				}
				if err == io.EOF {
					err = nil
				}
			}
			if file.Close(); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	if _, err := report.Plots(t.TempDir(), "gif"); err == nil {
		t.Error("a plot as gif is no error")
	}
}

func TestErrors(t *testing.T) {
	if _, err := evaluate.Read(filepath.Join(t.TempDir(), "none"), ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
	if _, err := evaluate.Read(t.TempDir(), ""); !errors.Is(err, evaluate.ErrNoPhotos) {
		t.Errorf("empty folder: %v", err)
	}
	if _, err := evaluate.Read(t.TempDir(), "group"); err == nil {
		t.Error("groups of a folder: no error")
	}
	for name, c := range map[string]struct{ text, column string }{
		"no columns": {"a,b\n1,2\n", ""}, "no such group": {"person,photo\na,b.jpg\n", "origin"}, "ragged": {"person,photo\na\n", ""},
	} {
		dir := album(t, map[string]string{"list.csv": c.text})
		if _, err := evaluate.Read(filepath.Join(dir, "list.csv"), c.column); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for name, text := range map[string]string{"embedder": "broken", "missing": ""} {
		dir := album(t, map[string]string{"a/1.jpg": text})
		photos, err := evaluate.Read(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		if name == "missing" {
			os.Remove(photos[0].Path)
		}
		if _, err := evaluate.Run(t.Context(), reader{}, photos, evaluate.Options{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	photos, err := evaluate.Read(album(t, crowd(3, 0.1)), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := evaluate.Run(ctx, reader{}, photos, evaluate.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestProgressReachesTheEnd(t *testing.T) {
	photos, err := evaluate.Read(album(t, crowd(5, 0.1)), "")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][2]int{}
	_, err = evaluate.Run(t.Context(), reader{}, photos, evaluate.Options{Progress: func(stage string, done, all int) {
		if done < got[stage][0] {
			t.Errorf("%s went back from %d to %d", stage, got[stage][0], done)
		}
		got[stage] = [2]int{done, all}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][2]int{"embedding": {10, 10}, "searching": {25, 25}}, got); diff != "" {
		t.Error(diff)
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func sortedCopy(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

func TestEachPhotoThatCouldNotBeUsedIsNamedWithTheReason(t *testing.T) {
	dir := album(t, map[string]string{
		"a/1.jpg": vector(0, 0), "a/2.jpg": "nothing", "b/1.jpg": vector(5, 0), "b/2.jpg": "poor" + vector(5, 0.1),
	})
	report := run(t, dir)
	want := []evaluate.Unusable{
		{Person: "a", Photo: filepath.Join(dir, "a/2.jpg"), Code: string(face.CodeNoFace), Why: "no face here"},
		{Person: "b", Photo: filepath.Join(dir, "b/2.jpg"), Code: string(face.CodeNoFace), Why: "no face here", Enrolled: true},
	}
	if diff := cmp.Diff(want, report.Unusable); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var text strings.Builder
	if err := report.Write(&text); err != nil {
		t.Fatal(err)
	}
	for _, u := range want {
		if !strings.Contains(text.String(), u.Photo+": no_face: no face here") {
			t.Errorf("the text does not name %s:\n%s", u.Photo, text.String())
		}
	}
}

// By hand: with z = 1.96, 0 of 4 is [0, 3.84/7.84], 4 of 4 the mirror image, and 2 of 4 is
// 0.5 -+ 1.96/7.84 * 4 * sqrt(1/16 + 3.84/64).
func TestIntervalsAreWilsonsOfOneDraw(t *testing.T) {
	report := run(t, album(t, map[string]string{ // four searches a draw, all find their own
		"a/1.jpg": vector(0, 0), "a/2.jpg": vector(0.1, 0), "b/1.jpg": vector(5, 0), "b/2.jpg": vector(5.1, 0),
		"c/1.jpg": vector(0, 5), "c/2.jpg": vector(0.1, 5), "d/1.jpg": vector(5, 5), "d/2.jpg": vector(5.1, 5),
	}))
	if report.Searches != 20 || report.MatelessSearches != 20 {
		t.Fatalf("%d and %d searches, want 5 draws of 4", report.Searches, report.MatelessSearches)
	}
	for name, c := range map[string]struct{ got, want evaluate.Interval }{
		"all of four":  {report.MatesCI["90"], evaluate.Interval{0.5101, 1}},
		"none of four": {report.MatelessCI["90"], evaluate.Interval{0, 0.4899}},
	} {
		if diff := cmp.Diff(c.want, c.got, cmpopts.EquateApprox(0, 1e-4)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestSomebodyElseFirst: two people whose photos are swapped find each other first.
func TestSomebodyElseFirst(t *testing.T) {
	report := run(t, album(t, map[string]string{
		"a/1.jpg": vector(0, 0), "a/2.jpg": vector(5.01, 0), "b/1.jpg": vector(5, 0), "b/2.jpg": vector(0.01, 0), "c/1.jpg": vector(0, 5),
		"c/2.jpg": vector(0.01, 5),
	}))
	if report.Answered == 0 || report.OthersFirst <= 0.2 || report.OthersFirst >= 0.8 || report.OthersFirstCI[0] > report.OthersFirst ||
		report.OthersFirstCI[1] < report.OthersFirst {
		t.Errorf("somebody else first in %g %v of %d answers", report.OthersFirst, report.OthersFirstCI, report.Answered)
	}
}

// crowded is a gallery of strangers; its model is reader's, or another.
type crowded struct {
	model schemas.Model
	near  float32
}

func (c crowded) Enrolled(context.Context, index.Filter) (int, index.Generation, error) {
	return 1000, index.Generation{}, nil
}

func (c crowded) Nearest(_ context.Context, e []float32, _ int, _ index.Filter) ([]index.Neighbour, index.Generation, error) {
	n := index.Neighbour{Face: schemas.Face{Registrant: "r"}, Distance: 5}
	if e[0] == c.near { // one probe resembles somebody who is listed
		n.Distance = 0.01
	}
	return []index.Neighbour{n}, index.Generation{Name: "g7", Model: c.model}, nil
}

func TestAgainstARealGalleryEveryAnswerIsAStranger(t *testing.T) {
	photos, err := evaluate.Read(album(t, map[string]string{"a/1.jpg": vector(0, 0), "a/2.jpg": vector(1, 0), "b/1.jpg": vector(2, 0),
		"b/2.jpg": "no face"}), "")
	if err != nil {
		t.Fatal(err)
	}
	report, err := evaluate.Run(t.Context(), reader{}, photos, evaluate.Options{Seed: 1, Against: crowded{reader{}.Model(), 2}})
	if err != nil {
		t.Fatal(err)
	}
	a := report.Against
	if a.Generation != "g7" || a.Registrants != 1000 || a.Searches["all"] != 3 || a.Mateless["all"]["80"] != 0.333333 ||
		a.Mateless["all"]["97.5"] != 0 {
		t.Errorf("against: %+v", a)
	}
	var text strings.Builder
	if err := report.Write(&text); err != nil || !strings.Contains(text.String(), "against the serving generation g7, 1000 registrants") {
		t.Errorf("the text does not tell of the gallery: %v\n%s", err, text.String())
	}
	other := reader{}.Model()
	other.ID = "another"
	if _, err := evaluate.Run(t.Context(), reader{}, photos, evaluate.Options{Against: crowded{other, 2}}); err == nil ||
		!strings.Contains(err.Error(), "reindex") {
		t.Errorf("a gallery of another model: %v", err)
	}
}

// TestPlotsTellZerosAndKeepTheLegendAside: where nothing was seen the plot says of how many, and the
// legend is drawn beside the axes.
func TestPlotsTellZerosAndKeepTheLegendAside(t *testing.T) {
	paths, err := run(t, album(t, crowd(30, 0.01))).Plots(t.TempDir(), "svg")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if name := filepath.Base(path); name != "scores.svg" && !strings.Contains(string(text), "none of ") {
			t.Errorf("%s does not say where nothing was seen", name)
		}
	}
}
