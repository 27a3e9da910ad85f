package dlib

import (
	"context"
	"fmt"
	"image"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Kagami/go-face"
	"golang.org/x/image/draw"

	faces "lineup/indexer/face"
	"lineup/indexer/face/dlib/photo"
	samples "lineup/scraper/samplesite/faces"
)

// plainPhotos are the 120 plain photos of the forty people, about 300 x 375 pixels as a registry has them.
func plainPhotos(b testing.TB) [][]byte {
	entries, err := samples.Files.ReadDir(".")
	if err != nil {
		b.Fatal(err)
	}
	var photos [][]byte
	for _, e := range entries {
		if n := e.Name(); len(n) == len("p001a.jpg") && n[0] == 'p' && strings.HasSuffix(n, ".jpg") {
			photos = append(photos, sampled(b, n))
		}
	}
	return photos
}

// enlarged are so many of the plain photos, their longer side made so long, encoded as cameras do.
func enlarged(b testing.TB, n, longer int) (photos [][]byte) {
	for _, data := range plainPhotos(b)[:n] {
		p, err := photo.Decode(context.Background(), data, photo.DefaultLimits(), photo.Whole)
		if err != nil {
			b.Fatal(err)
		}
		large, err := photo.JPEG(photo.Fit(p.Image, longer), 92)
		if err != nil {
			b.Fatal(err)
		}
		photos = append(photos, large)
	}
	return photos
}

// BenchmarkBeside embeds the same photos by turns with go-face as it comes, in a process of its own with the
// matrix kernel that the library chooses there, and with the embedder, so that whatever else the machine does
// slows both alike. One operation is every photo once. The ratios are how often Lineup's rate is go-face's, by the
// clock and by the processors. The photos of 500 pixels are those of BenchmarkFaces; beside go-face with the same
// kernel they say what of a whole request is the library and the machine.
func BenchmarkBeside(b *testing.B) {
	for _, size := range []struct {
		name      string
		photos    func() [][]byte
		ourKernel bool
		workers   []int
	}{
		{"registry", func() [][]byte { return plainPhotos(b) }, false, []int{1, 2}},
		{"1000px", func() [][]byte { return enlarged(b, 24, 1000) }, false, []int{1, 2}},
		{"500px", func() [][]byte { return enlarged(b, 24, 500) }, false, []int{1}},
		{"500px_same_kernel", func() [][]byte { return enlarged(b, 24, 500) }, true, []int{1}},
	} {
		photos := size.photos()
		for _, workers := range size.workers {
			b.Run(fmt.Sprint(size.name, "/", workers, "_workers"), func(b *testing.B) {
				e, other := open(b, Options{Workers: workers}), startBare(b, photos, size.ourKernel)
				b.Logf("go-face: %s", other.kernel)
				const turn = 12                    // photos
				var spent, worked [2]time.Duration // by the clock, by the processors
				n := 0
				for b.Loop() {
					for at := 0; at < len(photos); at += turn {
						clock, processors := other.embed(b, at, at+turn, workers)
						spent[0] += clock
						worked[0] += processors
						start, cpu := time.Now(), processorTime()
						err := spread(e.recs, photos[at:at+turn], func(_ *face.Recognizer, photo []byte) error {
							_, err := e.Embed(context.Background(), photo, faces.Enrol)
							return err
						})
						if err != nil {
							b.Fatal(err)
						}
						spent[1] += time.Since(start)
						worked[1] += processorTime() - cpu
						n += turn
					}
				}
				rate := func(d time.Duration) float64 { return float64(n) / d.Seconds() }
				b.ReportMetric(rate(spent[0]), "go-face/s")
				b.ReportMetric(rate(spent[1]), "photos/s")
				b.ReportMetric(spent[0].Seconds()/spent[1].Seconds(), "x-go-face")
				b.ReportMetric(worked[0].Seconds()/worked[1].Seconds(), "x-go-face-cpu")
				b.ReportMetric(float64(worked[0].Milliseconds())/float64(n), "go-face-cpu-ms/photo")
				b.ReportMetric(float64(worked[1].Milliseconds())/float64(n), "cpu-ms/photo")
			})
		}
	}
}

// phonePhoto is 4000 x 3000 pixels as stored: an upright photo whose camera lay on its side and noted so.
func phonePhoto(b *testing.B) []byte {
	p, err := photo.Decode(context.Background(), sampled(b, "p001a.jpg"), photo.DefaultLimits(), photo.Whole)
	if err != nil {
		b.Fatal(err)
	}
	upright := image.NewRGBA(image.Rect(0, 0, 3000, 4000))
	draw.CatmullRom.Scale(upright, upright.Bounds(), p.Image, p.Image.Bounds(), draw.Src, nil)
	stored, err := photo.JPEG(photo.Turn(upright, 270), 92)
	if err != nil {
		b.Fatal(err)
	}
	const turnedRight = 6 // Exif 2.3, table 4.6: the 0th row is the visual right-hand side
	note := append([]byte("\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), turnedRight, 0,
		0, 0, 0, 0, 0)
	return slices.Concat(stored[:2], note, stored[2:])
}

// BenchmarkProbe is what a searcher's photo costs from its bytes to its embedding, and a photo without a face
// to its refusal.
func BenchmarkProbe(b *testing.B) {
	for _, probe := range []struct {
		name string
		data []byte
		face bool
	}{
		{"12MP_turned", phonePhoto(b), true},
		{"no_face", sampled(b, "noface.jpg"), false},
	} {
		b.Run(probe.name, func(b *testing.B) {
			e := open(b, Options{Workers: runtime.NumCPU(), CNN: true})
			var clock, processors []time.Duration
			for b.Loop() {
				start, cpu := time.Now(), processorTime()
				if _, err := e.Embed(context.Background(), probe.data, faces.Probe); (err == nil) != probe.face {
					b.Fatalf("face wanted: %v, error: %v", probe.face, err)
				}
				clock, processors = append(clock, time.Since(start)), append(processors, processorTime()-cpu)
			}
			slices.Sort(clock)
			slices.Sort(processors)
			b.ReportMetric(float64(clock[len(clock)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(processors[len(processors)/2].Microseconds())/1000, "cpu-p50-ms")
		})
	}
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
