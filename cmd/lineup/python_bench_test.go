package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/schemas"
	"lineup/scraper/samplesite/faces"
)

// BenchmarkPython puts Lineup beside what somebody would otherwise pick, in one run on the same
// photos and embeddings: Python's face_recognition, and a brute-force search with NumPy, in a
// gallery of LINEUP_BENCH_FACES faces (1,000,000 unless set). Python runs with its own settings, threads
// and all. deploy/python/setup.sh makes it; `make bench` calls that.
func BenchmarkPython(b *testing.B) {
	python, err := filepath.Abs("../../build/python/bin/python")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(python); err != nil {
		b.Fatalf("no Python to compare with: %v; hint: run deploy/python/setup.sh, or `make bench`", err)
	}
	size, err := strconv.Atoi(os.Getenv("LINEUP_BENCH_FACES"))
	if err != nil {
		size = 1_000_000
	}
	const rounds = 30
	r := newRoad(b)
	r.crawl("")
	people := newCrowd(b, r.h.Index)
	gallery := filepath.Join(b.TempDir(), "gallery")
	if people.written, err = os.Create(gallery); err != nil {
		b.Fatal(err)
	}
	people.fill(b, size)
	if err := people.written.Close(); err != nil {
		b.Fatal(err)
	}
	embedder, err := r.h.OpenFaces(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer embedder.Close()

	photos, folder := plainPhotos(b)
	start := time.Now()
	for _, photo := range photos {
		if _, err := embedder.Embed(b.Context(), photo, face.Probe); err != nil {
			b.Fatal(err)
		}
	}
	photosPerSecond := float64(len(photos)) / time.Since(start).Seconds()
	var took []float64
	var nearest []schemas.UUID
	var probes bytes.Buffer
	for range rounds {
		probe := people.embedding()
		if err := binary.Write(&probes, binary.LittleEndian, probe); err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		// The sample's own people are not in the file: they are left out here too.
		found, _, err := r.h.Index.Nearest(b.Context(), probe, score.K, index.Filter{})
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start).Seconds()*1000)
		at := slices.IndexFunc(found, func(n index.Neighbour) bool { return slices.Contains(people.order, n.Face.Registrant) })
		nearest = append(nearest, found[at].Face.Registrant)
	}
	slices.Sort(took)
	asked := gallery + ".probes"
	if err := os.WriteFile(asked, probes.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}

	child := exec.CommandContext(b.Context(), python, filepath.Join("..", "..", "deploy", "python", "beside.py"), folder, gallery, asked,
		strconv.Itoa(rounds))
	child.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "OPENBLAS_NUM_THREADS=") })
	child.Stderr = os.Stderr
	said, err := child.Output()
	if err != nil {
		b.Fatalf("%s: %v", child, err)
	}
	var theirs struct {
		PhotosPerSecond, PhotosPerSecondUpsampled, FaceDistanceMs, ProductMs float64
		Missed                                                               int
		Nearest                                                              []int
	}
	if err := json.Unmarshal(said, &theirs); err != nil {
		b.Fatalf("%v in %s", err, said)
	}
	for i, at := range theirs.Nearest {
		if people.order[at] != nearest[i] {
			b.Errorf("probe %d: NumPy finds row %d nearest, Lineup %s", i, at, nearest[i])
		}
	}
	ours := took[len(took)/2]
	b.Run("ratio", func(b *testing.B) { // of its own, so that all the rest is done once
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(photosPerSecond/theirs.PhotosPerSecond, "photos")
		b.ReportMetric(theirs.ProductMs/ours, "search")
	})
	var table strings.Builder
	fmt.Fprintf(&table, "\n| one caller, %d photos, %d faces | | Lineup is |\n| --- | --- | --- |\n", len(photos), size)
	rate := func(name string, rate float64) {
		fmt.Fprintf(&table, "| photo to embedding, %s | %.1f photos/s | %.2f times as fast |\n", name, rate, photosPerSecond/rate)
	}
	search := func(name string, ms float64) {
		fmt.Fprintf(&table, "| nearest %d, %s | %.1f ms | %.1f times as fast |\n", score.K, name, ms, ms/ours)
	}
	rate("Lineup", photosPerSecond)
	rate(fmt.Sprintf("face_recognition without upsampling (%d missed)", theirs.Missed), theirs.PhotosPerSecond)
	rate("face_recognition as it comes", theirs.PhotosPerSecondUpsampled)
	search("Lineup", ours)
	search("NumPy, matrix product", theirs.ProductMs)
	search("NumPy, face_recognition.face_distance", theirs.FaceDistanceMs)
	fmt.Println(table.String())
}

// plainPhotos are the 120 plain photos of the sample's people, and a folder that holds them.
func plainPhotos(b *testing.B) (photos [][]byte, folder string) {
	folder = b.TempDir()
	for person := 1; person <= 40; person++ {
		for _, view := range []string{"a", "b", "c"} {
			name := fmt.Sprintf("p%03d%s.jpg", person, view)
			data, err := faces.Files.ReadFile(name)
			if err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
				b.Fatal(err)
			}
			photos = append(photos, data)
		}
	}
	return photos, folder
}
