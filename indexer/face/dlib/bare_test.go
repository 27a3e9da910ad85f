package dlib

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Kagami/go-face"

	"lineup/indexer/face/dlib/blas"
	"lineup/indexer/face/dlib/weights"
)

// bareDir names the directory of photos for which this process is bare go-face, see serveBare.
const bareDir = "LINEUP_TEST_BARE_GO_FACE"

// bare is go-face alone in a process of its own, as a rule with the matrix kernel that the library chooses
// by itself: what somebody has who calls go-face and does nothing more.
type bare struct {
	asks    io.Writer
	answers *bufio.Scanner
	kernel  string
}

// startBare starts bare go-face over these photos, with the matrix kernel of this process if so asked.
func startBare(b *testing.B, photos [][]byte, ourKernel bool) *bare {
	dir := b.TempDir()
	for i, p := range photos {
		if err := os.WriteFile(fmt.Sprintf("%s/%04d.jpg", dir, i), p, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return !ourKernel && (strings.HasPrefix(v, "OPENBLAS_CORETYPE=") || strings.HasPrefix(v, "LINEUP_BLAS_KERNEL="))
	})
	cmd.Env = append(cmd.Env, bareDir+"="+dir)
	cmd.Stderr = os.Stderr
	asks, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		asks.Close()
		if err := cmd.Wait(); err != nil {
			b.Errorf("bare go-face: %v", err)
		}
	})
	c := &bare{asks, bufio.NewScanner(answers), ""}
	if !c.answers.Scan() {
		b.Fatal("bare go-face does not start")
	}
	c.kernel = c.answers.Text()
	return c
}

// embed has the photos from..to embedded by so many recognizers and says how long it took by the clock and by
// the processors.
func (c *bare) embed(b *testing.B, from, to, workers int) (clock, processors time.Duration) {
	if _, err := fmt.Fprintln(c.asks, from, to, workers); err != nil {
		b.Fatal(err)
	}
	if !c.answers.Scan() {
		b.Fatal("bare go-face ended")
	}
	if _, err := fmt.Sscan(c.answers.Text(), &clock, &processors); err != nil {
		b.Fatalf("bare go-face said %q: %v", c.answers.Text(), err)
	}
	return clock, processors
}

// serveBare is the other process: it says its kernel, then answers each line FROM TO WORKERS with the time by
// the clock and by the processors, both in nanoseconds, until its input ends.
func serveBare(dir string) error {
	names, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var photos [][]byte
	for _, n := range names {
		data, err := os.ReadFile(dir + "/" + n.Name())
		if err != nil {
			return err
		}
		photos = append(photos, data)
	}
	models, err := weights.DefaultDir()
	if err != nil {
		return err
	}
	blas.OneThread() // as in Lineup: a photo is one core's work, and workers share the cores
	var recs []*face.Recognizer
	for range 2 {
		rec, err := face.NewRecognizer(models)
		if err != nil {
			return err
		}
		defer rec.Close()
		recs = append(recs, rec)
	}
	fmt.Println(blas.Current())
	asked := bufio.NewScanner(os.Stdin)
	for asked.Scan() {
		var from, to, workers int
		if _, err := fmt.Sscan(asked.Text(), &from, &to, &workers); err != nil {
			return err
		}
		start, cpu := time.Now(), processorTime()
		err := spread(recs[:workers], photos[from:to], func(rec *face.Recognizer, photo []byte) error {
			_, err := rec.Recognize(photo)
			return err
		})
		if err != nil {
			return err
		}
		fmt.Println(time.Since(start).Nanoseconds(), (processorTime() - cpu).Nanoseconds())
	}
	return asked.Err()
}

// spread does every photo, each recognizer with one at a time.
func spread(recs []*face.Recognizer, photos [][]byte, embed func(*face.Recognizer, []byte) error) error {
	work := make(chan []byte, len(photos))
	for _, p := range photos {
		work <- p
	}
	close(work)
	failed := make(chan error, len(photos))
	var wg sync.WaitGroup
	for _, rec := range recs {
		wg.Go(func() {
			for photo := range work {
				if err := embed(rec, photo); err != nil {
					failed <- err
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}
