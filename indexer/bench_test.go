package indexer_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"path"
	"sync"
	"syscall"
	"testing"
	"time"

	"lineup/indexer"
	"lineup/indexer/face"
	"lineup/indexer/face/dlib"
	"lineup/indexer/face/dlib/weights"
	"lineup/indexer/index"
	"lineup/schemas"
	samples "lineup/scraper/samplesite/faces"
)

// BenchmarkEnrolment takes photos all the way, from being accepted to being marked in the ledger
// (blobs, ledger and queue on disk with synchronous writes, the embedded index), by turns with
// the embedder alone over as many recognizers, so that whatever else the machine does slows both
// alike. One operation is every plain synthetic photo once, each under a registrant of its own.
func BenchmarkEnrolment(b *testing.B) {
	dir, err := weights.DefaultDir()
	check(b, err)
	var photos [][]byte
	entries, err := fs.ReadDir(samples.Files, ".")
	check(b, err)
	for _, e := range entries {
		if n := e.Name(); len(n) == len("p001a.jpg") && n[0] == 'p' && path.Ext(n) == ".jpg" {
			data, err := samples.Files.ReadFile(n)
			check(b, err)
			photos = append(photos, data)
		}
	}
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprint(workers, " workers"), func(b *testing.B) { enrolment(b, dir, photos, workers) })
	}
}

func enrolment(b *testing.B, dir string, photos [][]byte, workers int) {
	h := newNode(b)
	embedder, err := dlib.New(dlib.Options{Models: dir, Workers: workers})
	check(b, err)
	b.Cleanup(func() { check(b, embedder.Close()) })
	h.deps.Embedders = []face.Embedder{embedder}
	check(b, h.index.Create(b.Context(), index.Generation{Name: "g2", Model: embedder.Model()}))
	check(b, h.index.Switch(b.Context(), "g2"))
	check(b, h.index.Drop(b.Context(), "g1"))
	marks := make(chan struct{}, len(photos))
	h.deps.Ledger = marking{h.deps.Ledger, marks}
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- indexer.New(h.deps).Run(ctx, 2*workers) }()
	b.Cleanup(func() {
		stop()
		check(b, <-done)
	})

	next := 0
	alone := func(round [][]byte) {
		work := make(chan []byte)
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for photo := range work {
					if _, err := embedder.Embed(ctx, photo, face.Enrol); err != nil {
						b.Error(err)
					}
				}
			})
		}
		for _, photo := range round {
			work <- photo
		}
		close(work)
		wg.Wait()
	}
	allTheWay := func(round [][]byte) {
		for _, photo := range round {
			next++ // bytes after its end make the photo another one, and change no pixel
			h.accept(capture(next, "x", string(binary.BigEndian.AppendUint64(photo[:len(photo):len(photo)], uint64(next)))))
		}
		for range round {
			<-marks
		}
	}
	const round = 60 // photos a turn: its first and last photos, which nothing else goes on beside, count little
	var spent, worked [2]time.Duration
	n := 0
	for b.Loop() {
		for at := 0; at < len(photos); at += round {
			for i, do := range []func([][]byte){alone, allTheWay} {
				start, cpu := time.Now(), processorTime(b)
				do(photos[at : at+round])
				spent[i] += time.Since(start)
				worked[i] += processorTime(b) - cpu
			}
			n += round
		}
	}
	counts, err := h.index.Count(b.Context(), "g2")
	check(b, err)
	if counts.Faces != next {
		b.Errorf("%d faces of %d photos", counts.Faces, next)
	}
	b.ReportMetric(float64(n)/spent[0].Seconds(), "embedder/s")
	b.ReportMetric(float64(n)/spent[1].Seconds(), "photos/s")
	b.ReportMetric(100*spent[0].Seconds()/spent[1].Seconds(), "%of-embedder")
	b.ReportMetric(100*worked[0].Seconds()/worked[1].Seconds(), "%of-embedder-cpu")
}

// marking tells of every mark: asking the queue again and again would cost what is measured.
type marking struct {
	indexer.Ledger
	marks chan<- struct{}
}

func (m marking) Mark(ctx context.Context, source string, id schemas.UUID, generation string, mark schemas.Mark,
	keep func(string) bool) error {
	err := m.Ledger.Mark(ctx, source, id, generation, mark, keep)
	if err == nil {
		m.marks <- struct{}{}
	}
	return err
}

func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	check(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
