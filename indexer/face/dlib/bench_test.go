package dlib

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/Kagami/go-face"

	faces "lineup/indexer/face"
	samples "lineup/scraper/samplesite/faces"
)

// plainPhotos are the 120 plain photos of the forty people.
func plainPhotos(b *testing.B) [][]byte {
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

// BenchmarkBeside embeds the same photos by turns with go-face alone and with the embedder, so
// that whatever else the machine does slows both alike. One operation is every photo once.
func BenchmarkBeside(b *testing.B) {
	photos := plainPhotos(b)
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprint(workers, " workers"), func(b *testing.B) {
			e := open(b, Options{Workers: workers})
			bare := func(rec *face.Recognizer, photo []byte) error {
				_, err := rec.Recognize(photo)
				return err
			}
			ours := func(_ *face.Recognizer, photo []byte) error {
				_, err := e.Embed(context.Background(), photo, faces.Enrol)
				return err
			}
			const round = 12                   // photos a turn
			var spent, worked [2]time.Duration // by the clock, by the processors
			n := 0
			for b.Loop() {
				for at := 0; at < len(photos); at += round {
					for i, embed := range []func(*face.Recognizer, []byte) error{bare, ours} {
						start, cpu := time.Now(), processorTime(b)
						spread(b, e.recs, photos[at:at+round], embed)
						spent[i] += time.Since(start)
						worked[i] += processorTime(b) - cpu
					}
					n += round
				}
			}
			rate := func(d time.Duration) float64 { return float64(n) / d.Seconds() }
			b.ReportMetric(rate(spent[0]), "bare/s")
			b.ReportMetric(rate(spent[1]), "photos/s")
			b.ReportMetric(100*spent[0].Seconds()/spent[1].Seconds(), "%of-bare")
			// The same by processor time, which other work on the machine falsifies less.
			b.ReportMetric(100*worked[0].Seconds()/worked[1].Seconds(), "%of-bare-cpu")
			b.ReportMetric(float64(worked[1].Milliseconds())/float64(n), "cpu-ms/photo")
		})
	}
}

func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// spread does every photo, each recognizer with one at a time.
func spread(b *testing.B, recs []*face.Recognizer, photos [][]byte, embed func(*face.Recognizer, []byte) error) {
	work := make(chan []byte)
	var wg sync.WaitGroup
	for _, rec := range recs {
		wg.Go(func() {
			for photo := range work {
				if err := embed(rec, photo); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for _, photo := range photos {
		work <- photo
	}
	close(work)
	wg.Wait()
}
